"""pawl workflow starts, shows and steers the workflows of an app that runs."""

import contextlib
import http.client
import json
import os
import pathlib
import pty
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import clilib


def alike(text):
    """The words of an output, without what differs from run to run."""
    text = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    span = r"\b[0-9.]+(us|ms|s|m|h|d)([0-9]+[smh])?(?=\s)"
    return [line.split() for line in re.sub(span, "SPAN", text).splitlines()]


class Workflow(clilib.Steering):
    def test_page(self):
        """The session of docs/workflows.md goes as it stands there."""
        tests = pathlib.Path(__file__).parent
        page = (tests.parents[1] / "docs" / "workflows.md").read_text()
        self.assertIn(f"```c\n{(tests / 'shop.c').read_text()}```\n", page)
        shop = self.run_app("shop", "cli_shop", "the shop is open\n")
        session, *files = re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S)
        for part in re.split(r"^\$ pawl workflow ", session, flags=re.M)[1:]:
            line, _, expected = part.partition("\n")
            words = shlex.split(line)

            def goes():
                nonlocal said
                said = self.done(*words, app=shop)
                return alike(said) == alike(expected)
            said = None
            try:  # what shows something, until the worker has done its part
                clilib.wait_for(goes, seconds=5 if words[0] in ("list", "history") else 0)
            except AssertionError:
                self.fail(f"{line} says\n{said}instead of\n{expected}")
        for part in re.split(r"^\$ pawl workflow ", "".join(files), flags=re.M)[1:]:
            line, _, expected = part.partition("\n")
            words, _, file = line.replace("./shop", str(clilib.BIN / "cli_shop")).partition(" > ")
            command, *words = shlex.split(words)
            if file:  # the worker has to have done its part
                clilib.wait_for(lambda: "executionCompleted" in self.workflow(command, *words, app=shop).stdout)
            answer = self.pawl("workflow", command, *words) if command == "replay" else self.workflow(command, *words, app=shop)
            self.assertEqual((answer.returncode, answer.stderr), (0, ""), line)
            if file:
                self.file(file, answer.stdout)
            else:
                self.assertEqual(answer.stdout, expected, line)

    def test_run(self):
        self.assertEqual("ℹ️  Workflow instance started successfully: a-1\n",
                         self.done("run", "echo", "-i", "a-1", "-x", '{"b": [1]}'))
        self.assertEqual(self.done("run", "echo", "-x", '"text"', "--wait"), '"text"\n')
        self.assert_mistake(self.workflow("run", "decline", "-i", "d-1", "-w"), "'d-1' is FAILED: no more cars",
                            code=1)
        later = self.done("run", "echo", "-i", "later", "-s", "2h")
        self.assertIn("later", later)
        self.assertEqual([one["runtimeStatus"] for one in self.listed("-w", "echo", "-s", "PENDING")], ["PENDING"])
        self.assert_mistake(self.workflow("run", "wait_for_go", "-i", "later"), "cannot start 'wait_for_go'",
                            "later", code=1)

    def test_without_a_sidecar(self):
        """--connection-string looks into the store of an app that does not run, also after a crash."""
        store = self.home / ".local/share/pawl/statestore.db"
        self.done("run", "echo", "-i", "a", "-x", "1", "-w")
        self.done("run", "wait_for_go", "-i", "b")
        self.wait_status("b", "RUNNING")
        answer = self.workflow("list", "-o", "ids", "-c", store)
        self.assertEqual(answer.stdout, "a\nb\n")
        self.assertIn("its sidecar is asked, not the store", answer.stderr)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.assert_nothing_left()
        for name in (store, f"file:{store}", f"file://{store}?cache=shared"):
            self.assertEqual(self.done("list", "-o", "ids", "-c", name), "a\nb\n")
        rows = json.loads(self.done("list", "-o", "json", "-c", store))
        self.assertEqual([one["runtimeStatus"] for one in rows], ["COMPLETED", "RUNNING"])
        self.assertIn("ExecutionCompleted", self.done("history", "a", "-c", store))
        self.assertEqual(json.loads(self.done("get", "a", "-o", "json", "-c", store))["output"], "1")
        self.assertIn("1 purged", self.done("purge", "--all", "-c", store))
        self.assertEqual(self.done("list", "-o", "ids", "-c", store), "b\n")

        other = self.home / "other.db"
        with contextlib.closing(sqlite3.connect(other)) as db:
            db.execute("CREATE TABLE mine(a)")
        before = other.read_bytes()
        self.assert_mistake(self.workflow("list", "-c", other), "is no file with workflows in it", code=1)
        self.assertEqual(other.read_bytes(), before)
        self.assert_mistake(self.workflow("list", "-c", self.home / "none.db"), "No such file", code=1)
        self.assert_mistake(self.workflow("list", "-c", store, app="nobody"), "no workflows of app 'nobody'", code=1)
        self.assert_mistake(self.workflow("list", "-c", "mongodb://x/y"), "is no store", code=1)
        self.assert_mistake(self.workflow("list", "-c", "postgres://u@127.0.0.1:1/y"), "127.0.0.1", code=1)
        self.assert_mistake(self.workflow("list", "-c", "redis://127.0.0.1:1"), "127.0.0.1:1", code=1)
        self.assert_mistake(self.workflow("list", "-c", "redis://h:0"), "'0' is no port", code=1)
        self.assert_mistake(self.pawl("workflow", "list", "-c", store), "needs --app-id", code=2)
        self.assertIn("--table-name has no effect here", self.workflow("list", "-c", store, "-t", "x").stderr)

    def test_input(self):
        """It has to be JSON, and comes as it is given."""
        for text in '{"id": 12345678901234567890}', '"\\u0000"', "[1e5, -0, null]", '"\\ud83d"', "1e400", '{"a": 1, "a": 2}':
            self.assertEqual(self.done("run", "echo", "-x", text, "--wait"), text + "\n")
        for text in "cars", "", "{'a': 1}", "[1] 2":
            self.assert_mistake(self.workflow("run", "echo", "-x", text), "--input is not JSON", code=2)

    def test_list(self):
        self.assertEqual(self.listed(), [])
        self.done("run", "echo", "-i", "a", "-x", "1", "-w")
        self.done("run", "wait_for_go", "-i", "b")
        self.workflow("run", "decline", "-i", "c", "-w")
        self.wait_status("b", "RUNNING")
        rows = self.listed()
        self.assertEqual([one["instanceID"] for one in rows], ["a", "b", "c"])
        self.assertEqual([one["runtimeStatus"] for one in rows], ["COMPLETED", "RUNNING", "FAILED"])
        self.assertEqual(rows[1]["customStatus"], '"waiting\\nstill"')
        self.assertEqual((rows[2]["failureMessage"], rows[2]["failureType"]), ("no more cars", "Declined"))
        for row in rows:
            self.assertEqual(list(row), ["namespace", "appID", "name", "instanceID", "created", "lastUpdate",
                                         "runtimeStatus", "customStatus", "failureMessage", "age", "failureType", "input",
                                         "output", "version", "parentInstanceID", "tags"])
            self.assertEqual(row["tags"], {})
        self.assertEqual([rows[0][key] for key in ("namespace", "input", "output", "customStatus", "failureType",
                                                   "failureMessage", "version", "parentInstanceID")],
                         ["default", "1", "1", None, None, None, None, None])
        self.assertEqual(self.listed("-n", "shops")[0]["namespace"], "shops")
        self.assertEqual({one["appID"] for one in rows}, {self.id})
        self.assertRegex(rows[0]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.done("list", "-o", "ids", "-s", "FAILED"), "c\n")
        self.assertEqual(self.done("list", "-o", "ids", "-w", "echo"), "a\n")
        self.assertEqual(self.done("list", "-o", "ids", "-m", "1h"), "a\nb\nc\n")
        for limit, ids in ((1, "c\n"), (2, "b\nc\n"), (4, "a\nb\nc\n")):
            self.assertEqual(self.done("list", "-o", "ids", "-l", limit), ids)
        for limit in "0", "-1":
            self.assert_mistake(self.workflow("list", "-l", limit), f"--limit is '{limit}'", code=2)
        for at in ("2100-01-01T00:00:00", "2100-01-01T02:00:00+02:00", "2100-01-01"):
            self.assertEqual(self.done("list", "-o", "ids", "-m", at), "")
        for at in ("2020-01-01T00:00:00", "2020-01-01T02:00:00-02:00", "2020-01-01"):
            self.assertEqual(self.done("list", "-o", "ids", "-m", at), "a\nb\nc\n")
        for at in ("2020-13-01", "2020-01-01T", "soon", "1day", "-5s", ""):
            self.assert_mistake(self.workflow("list", "-m", at), f"--filter-max-age is '{at}'", code=2)
        table = self.done("list").splitlines()
        self.assertRegex(table[0], "^NAME +ID +STATUS +CUSTOM STATUS +AGE$")
        self.assertRegex(table[1], r"^echo +a +COMPLETED +- +\d")
        wide = self.done("list", "-o", "wide")
        self.assertIn("FAILURE MESSAGE", wide)
        self.assertIn("no more cars", wide)

    def test_filters(self):
        self.assertEqual((self.ids(), self.done("list", "-o", "ndjson"), self.done("count", "-o", "json")), ([], "", "[]\n"))
        for args, said in (([], "There is no workflow yet; 'pawl workflow run NAME' starts one"), (["-w", "order"], "No workflow is as the filters say")):
            self.assertIn(said, self.ask("", "list", *args)[1])
        self.assertNotIn("workflow", self.ask("", "list", "-o", "json")[1])  # programs are told nothing
        self.assert_mistake(self.workflow("list", "order"), "takes flags only; 'order' may be a name, --filter-name", code=2)
        self.done("run", "parent", "-i", "p")
        clilib.wait_for(lambda: self.ids("-s", "RUNNING") == ["p", "p:0000"])
        self.done("run", "echo", "-i", "order-1", "-x", "1", "-w")
        self.workflow("run", "decline", "-i", "order-2", "-w")
        for args, ids in ((["-w", "wait*"], ["p:0000"]), (["-w", "*o*"], ["p:0000", "order-1"]), (["-w", "wait"], []),
                          (["-s", "COMPLETED,FAILED"], ["order-1", "order-2"]), (["-s", "completed, Failed"], ["order-1", "order-2"]),
                          (["--filter-id", "order-*"], ["order-1", "order-2"]),
                          (["--filter-id", "order-[2-9]"], ["order-2"]), (["--filter-parent", "p"], ["p:0000"]),
                          (["--filter-custom-status", "still"], ["p:0000"]), (["--filter-custom-status", "Still"], []),
                          (["--filter-wait", "child"], ["p"]), (["--filter-wait", "child:wait_for_go"], ["p"]),
                          (["--filter-wait", "child:p:0000"], ["p"]), (["--filter-wait", "child:echo"], []),
                          (["--filter-wait", "timer"], []), (["--filter-wait", "worker"], []),
                          (["--filter-failure", "Declined"], ["order-2"]), (["--filter-failure", "Decl"], []),
                          (["--filter-ended-since", "1h"], ["order-1", "order-2"]), (["--filter-ended-until", "1h"], []),
                          (["--filter-ended-until", "0s", "-s", "RUNNING"], []), (["--filter-min-age", "1h"], []),
                          (["--filter-min-age", "0s", "--filter-max-age", "1h"], ["p", "p:0000", "order-1", "order-2"])):
            with self.subTest(args=args):
                self.assertEqual(self.ids(*args), ids)
        lines = [json.loads(line) for line in self.done("list", "-o", "ndjson").splitlines()]
        self.assertEqual([(one["instanceID"], list(one)) for one in lines],
                         [(one["instanceID"], list(one)) for one in self.listed()])
        self.assertEqual(self.done("list", "-o", "table").split()[0], "NAME")

        def counts(*args):
            return {(one["status"], one["name"]): one["count"] for one in json.loads(self.done("count", "-o", "json", *args))}
        self.assertEqual(counts(), {("RUNNING", None): 2, ("COMPLETED", None): 1, ("FAILED", None): 1})
        self.assertEqual(counts("--by", "name,status", "--filter-id", "p*"), {("RUNNING", "parent"): 1, ("RUNNING", "wait_for_go"): 1})
        self.assertEqual(counts("--filter-wait", "child"), {("RUNNING", None): 1})
        self.assert_mistake(self.workflow("list", "--filter-wait", "x"), "'x' is nothing to wait for", code=1)
        self.assertEqual(alike(self.done("count", "-b", "name", "-s", "FAILED")), [["NAME", "COUNT"], ["decline", "1"]])

    def test_tags(self):
        self.done("run", "spread", "-i", "s", "-w")
        clilib.wait_for(lambda: self.ids("-s", "COMPLETED", "--filter-id", "t-*") == ["t-1", "t-2"])
        for tag, ids in (("team=blue", ["t-1"]), ("team", ["t-1", "t-2"]), ("site=a b", ["t-1"]), ("te=blue", [])):
            with self.subTest(tag=tag):
                self.assertEqual(self.ids("--filter-tag", tag), ids)
        self.assertEqual(json.loads(self.done("count", "-o", "json", "--filter-tag", "team=red")),
                         [{"status": "COMPLETED", "name": None, "count": 1}])
        self.assert_mistake(self.workflow("list", "--filter-tag", "a b=c"), "--filter-tag is 'a b=c'", code=2)

    def test_watch(self):
        self.done("run", "wait_for_go", "-i", "a")
        watching = self.start("workflow", "watch", "-a", self.id, "a", "-i", "1h")  # shown again when something happens
        self.wait_output("status         RUNNING")
        self.done("raise-event", "a/go")
        self.assertEqual(watching.wait(10), 0)
        self.assertTrue(self.output().rstrip().splitlines()[-1].startswith("ended "), self.output())
        self.workflow("run", "decline", "-i", "d", "-w")
        self.assertEqual(self.workflow("watch", "d").returncode, 1)
        self.assert_mistake(self.workflow("watch", "none"), "'none'", code=1)
        watching = self.start("workflow", "watch", "-a", self.id, "-s", "FAILED", "-i", "50ms")
        self.wait_output("FAILED")
        self.workflow("run", "decline", "-i", "e", "-w")
        self.wait_output("decline  e ")
        self.assertNotIn("COMPLETED", self.output())
        watching.send_signal(signal.SIGINT)
        self.assertEqual(watching.wait(5), -signal.SIGINT)
        ours, theirs = pty.openpty()
        process = subprocess.Popen([clilib.BIN / "pawl", "workflow", "watch", "-a", self.id, "d"], env=self.env,
                                   stdout=theirs, stderr=theirs)
        self.started.append(process)
        self.assertEqual(process.wait(10), 1)
        os.close(theirs)
        self.assertTrue(os.read(ours, 4096).startswith(b"\x1b[H\x1b[J"))
        os.close(ours)

    def test_list_of_several_pages(self):
        [one] = self.list_json()
        connection = http.client.HTTPConnection("127.0.0.1", one["httpPort"])
        ids = [f"many-{i:04}" for i in range(1030)]
        for id in ids:
            connection.request("POST", f"/v1.0/workflows/dapr/wait_for_go/start?instanceID={id}")
            self.assertEqual(connection.getresponse().read(), f'{{"instanceID":"{id}"}}'.encode())
        connection.close()
        self.assertEqual(self.done("list", "-o", "ids").split(), ids)
        self.assertEqual(self.done("list", "-o", "ids", "-l", "7").split(), ids[-7:])

    def test_long_names(self):
        """One does not make the table wide for all."""
        for id in ("a", "x" * 60, "\u00fc" * 400):
            self.done("run", "echo", "-i", id, "-x", "1", "-w")
        head, first, second, third = self.done("list").splitlines()
        self.assertLess(head.index("STATUS"), 70)
        self.assertEqual(first.index("COMPLETED"), head.index("STATUS"))
        self.assertIn("x" * 60 + "  COMPLETED", second)
        self.assertIn(" " + "\u00fc" * 117 + "...  COMPLETED", third)
        self.assertIn("\u00fc" * 400 + "\n", self.done("list", "-o", "ids"))

    def test_history(self):
        self.done("run", "echo", "-i", "a", "-x", '"text"', "-w")
        table = self.done("history", "a").splitlines()
        self.assertRegex(table[0], "^TYPE +NAME +EVENTID +ELAPSED +STATUS +DETAILS$")
        self.assertRegex("\n".join(table), r"(?s)ExecutionStarted +echo .*TaskScheduled +same +0 .*"
                         r"TaskCompleted .* eventId=0\n.*ExecutionCompleted .* COMPLETED +execDuration=")
        rows = json.loads(self.done("history", "a", "-o", "json"))
        for row in rows:
            self.assertEqual(list(row), ["namespace", "appID", "play", "type", "name", "eventId", "timestamp", "elapsed",
                                         "status", "details", "router", "executionId", "attrs"])
        self.assertEqual((rows[0]["elapsed"], rows[0]["details"]), (None, None))
        self.assertRegex(rows[1]["elapsed"], r"^\d+(us|ms)$")
        self.assertEqual(json.loads(self.done("history", "a", "-o", "json", "-l", "2")), rows[-2:])
        self.assert_mistake(self.workflow("history", "a", "-o", "events", "-l", "2"), "takes no --limit", code=2)
        [scheduled] = [row for row in rows if row["type"] == "TaskScheduled"]
        self.assertEqual((scheduled["name"], scheduled["eventId"], scheduled["play"]), ("same", 0, 1))
        self.assertIn('input="text"', scheduled["attrs"])
        events = json.loads(self.done("history", "a", "-o", "events"))
        self.assertEqual(len(events), len(rows))
        self.assertIn("attrs: ", self.done("history", "a", "-o", "yaml"))
        self.workflow("run", "decline", "-i", "d", "-w")
        self.assertRegex(self.done("history", "d"), "ExecutionCompleted .* FAILED .* no more cars")

    def test_sort(self):
        for id in ("s2", "s3", "s1"):
            self.done("run", "echo", "-i", id, "-x", "1", "-w")
        self.workflow("run", "decline", "-i", "s0", "-w")
        self.done("run", "wait_for_go", "-i", "s4")
        self.wait_status("s4", "RUNNING")
        ids = lambda *sort: self.done("list", "-o", "ids", "--filter-id", "s*", *sort).split()
        self.assertEqual(ids(), ["s2", "s3", "s1", "s0", "s4"])
        self.assertEqual(ids("--sort", "-created"), ["s4", "s0", "s1", "s3", "s2"])
        self.assertEqual(ids("--sort", "id"), ["s0", "s1", "s2", "s3", "s4"])
        self.assertEqual(ids("--sort", "name"), ["s0", "s2", "s3", "s1", "s4"])
        self.assertEqual(ids("--sort", "-status", "-l", "2"), ["s4", "s0"])
        self.done("suspend", "s4")
        self.assertEqual(ids("--sort", "-updated")[0], "s4")
        self.assert_mistake(self.workflow("list", "--sort", "size"), "may be created, updated", code=2)

    def test_import(self):
        self.done("run", "echo", "-i", "im1", "-x", '"text"', "-w")
        exported = self.done("export", "im1")
        file = self.file("im1.json", exported)
        self.assert_mistake(self.workflow("import", file), "has already been created")
        self.assertIn("imported 'im2'", self.done("import", file, "--id", "im2"))
        self.wait_output("import 'im2', asked by [pawl workflow import]")
        self.assertEqual(json.loads(self.done("export", "im2").replace('"im2"', '"im1"')), json.loads(exported))
        self.done("purge", "im1")
        self.assertIn("imported 'im1'", self.done("import", file))
        self.assertEqual(self.done("export", "im1"), exported)
        self.assertEqual(self.done("list", "-o", "ids", "--filter-id", "im*").split(), ["im1", "im2"])
        self.assert_mistake(self.workflow("import", file, "--id", "im2"), "has already been created")
        cut = self.file("cut.json", json.dumps(json.loads(exported)[:-1]))
        self.assert_mistake(self.workflow("import", cut, "--id", "im3"), "only a workflow that has ended")
        self.assert_mistake(self.workflow("import", self.file("none.json", exported[:50])), "is not JSON")
        self.assert_mistake(self.workflow("import", self.file("object.json", "{}")), "is not a history")
        self.assert_mistake(self.workflow("import", "no-such-file"), "cannot read no-such-file")
        self.assert_mistake(self.workflow("import"), "name one file", code=2)

    def test_replay(self):
        def replay(events, *program, code=0):
            answer = self.pawl("workflow", "replay", self.file("history.json", json.dumps(events)), *program)
            self.assertEqual(answer.returncode, code, (answer.stdout, answer.stderr))
            return answer.stdout + answer.stderr
        worker = "--", clilib.BIN / "cli_worker"
        self.done("run", "echo", "-i", "a", "-x", '"text"', "-w")
        self.done("run", "busy", "-i", "b")
        self.workflow("run", "decline", "-i", "d", "-w")
        self.done("run", "wait_for_go", "-i", "t")
        clilib.wait_for(lambda: len(json.loads(self.done("export", "b"))) >= 9)
        self.done("terminate", "t")
        self.wait_status("t", "TERMINATED")
        events = {id: json.loads(self.done("export", id)) for id in "abdt"}
        self.assertEqual(events["a"], json.loads(self.done("history", "a", "-o", "events")))
        self.assertIn("echo does what its history says, in 2 turns\n", replay(events["a"], *worker))
        self.assertIn("busy does what its history says", replay(events["b"], *worker))
        self.assertIn("decline does what its history says, in 1 turn\n", replay(events["d"], *worker))
        self.assertIn("wait_for_go does what its history says, in 1 turn\n", replay(events["t"], *worker))

        python = "/usr/bin/python3"  # which has Debian's grpc
        if not subprocess.run([python, "-c", "import grpc"], capture_output=True).returncode:
            elder = "--", python, "-B", pathlib.Path(__file__).with_name("tokenless.py")
            self.assertIn("echo does what its history says, in 2 turns\n", replay(events["a"], *elder))

        renamed = json.loads(json.dumps(events["a"]).replace('"same"', '"other"'))
        self.assertIn("echo parts ways with its history at turn 1: the history has activity 'other' (0), and the "
                      "program asks for activity 'same'\n", replay(renamed, *worker, code=1))
        lacking = [event for event in events["a"] if "taskScheduled" not in event]
        self.assertIn("the program asks for activity 'same' (0), and the history has nothing there",
                      replay(lacking, *worker, code=1))
        more = events["d"][:-1]
        self.assertIn("the history has no end there, and the program fails: Declined: no more cars",
                      replay(more, *worker, code=1))
        strange = json.loads(json.dumps(events["a"]).replace('"echo"', '"unheard_of"'))
        self.assertIn("unheard_of parts ways with its history at turn 1", replay(strange, *worker, code=1))

        self.assertIn("the program exited with code 3 in turn 1", replay(events["a"], "--", "sh", "-c", "exit 3", code=1))
        self.assertIn("no worker has connected in time", replay(events["a"], "--timeout", "100ms", code=1))
        self.assertIn("is in no folder of PATH", replay(events["a"], "--", "no-such-program", code=1))
        self.assertIn("it is no history", replay({}, code=1))
        self.assertIn("has no event executionStarted", replay([], code=1))
        self.assertIn("event 0 of the history is not valid", replay([{"eventId": "x"}], code=1))

    def test_get(self):
        self.done("run", "echo", "-i", "a", "-x", '"text"', "-w")
        self.assertRegex(self.done("get", "a"), re.compile(r"""id +a
workflow +echo
status +COMPLETED
created +\S+Z \(\S+ ago\)
ended +\S+Z \(\S+ ago\)
input +"text"
output +"text"
$"""))
        [row] = self.listed()
        got = self.get("a")
        row["age"] = got["age"]
        self.assertEqual(got, {**row, "failure": None, "reason": None, "waitsFor": []})
        self.workflow("run", "decline", "-i", "d", "-w")
        self.assertRegex(self.done("get", "d"), r"failure +Declined: no more cars\n")
        self.assertEqual(self.get("d")["failure"], {"type": "Declined", "message": "no more cars", "stackTrace": None,
                                                    "isFinal": False, "cause": None})
        self.assertIn('\nfailureType: "Declined"\n', self.done("get", "d", "-o", "yaml"))
        self.assert_mistake(self.workflow("get", "none"), "'none'", code=1)
        self.assert_mistake(self.workflow("get", "none", "--wait"), "'none'", code=1)

    def test_what_it_waits_for(self):
        self.done("run", "busy", "-i", "b")

        def kinds():
            return [one["kind"] for one in self.get("b")["waitsFor"]]
        clilib.wait_for(lambda: kinds() == ["activity", "event", "event", "timer", "child"])
        waits = self.get("b")["waitsFor"]
        self.assertEqual([one["name"] for one in waits], ["slow", "paid", "here", None, "wait_for_go"])
        self.assertEqual([one["eventId"] for one in waits], [0, 2, 3, 4, 5])
        self.assertEqual([one["id"] for one in waits], [None] * 4 + ["b:0005"])
        self.assertEqual([bool(one["until"]) for one in waits], [False, True, True, True, False])
        self.done("raise-event", "b/HERE")
        clilib.wait_for(lambda: kinds() == ["activity", "event", "timer", "child"])
        self.done("raise-event", "b:0005/go")
        clilib.wait_for(lambda: kinds() == ["activity", "event", "timer"])
        self.done("suspend", "b", "-r", "night")
        self.assertEqual(self.get("b")["reason"], "night")
        self.assertRegex(self.done("get", "b"), re.compile(r"""status +SUSPENDED
(?s:.*)
reason +night
waits for +pawl workflow resume
 +activity slow, for \S+
 +event paid, times out in 1h59m
 +timer, due in 2h59m
$"""))

    def test_get_waits(self):
        self.done("run", "wait_for_go", "-i", "a")
        self.assertRegex(self.done("get", "a"), "waits for +event go\n")
        waiting = self.start("workflow", "get", "-a", self.id, "a", "--wait")
        time.sleep(0.3)
        self.assertIsNone(waiting.poll())
        self.done("raise-event", "a/go", "-x", "7")
        self.assertEqual(waiting.wait(10), 0)
        self.assertRegex(self.output(), r"status +COMPLETED\n(?s:.*)output +7\n")
        self.workflow("run", "decline", "-i", "d", "-w")
        failed = self.workflow("get", "d", "--wait")
        self.assertEqual((failed.returncode, failed.stderr), (1, ""))

    def test_a_full_device(self):
        self.done("run", "echo", "-i", "a", "-x", "1", "-w")
        for args in (["list"], ["list", "-o", "json"], ["history", "a", "-o", "events"], ["get", "a"], ["purge", "a"]):
            with self.subTest(args=args), open("/dev/full", "w") as full:
                answer = subprocess.run([clilib.BIN / "pawl", "workflow", args[0], "-a", self.id, *args[1:]],
                                        env=self.env, stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual((answer.returncode, answer.stderr),
                                 (1, "pawl: cannot write the output: No space left on device\n"))

    def test_a_server_that_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            for args in ["list"], ["run", "echo"]:
                with self.subTest(args=args):
                    answer = self.pawl("workflow", *args, "--address", address, timeout=20)
                    self.assert_mistake(answer, f"what listens at {address} does not answer", code=1)

    def test_long_payloads_are_cut_between_characters(self):
        for id in ("a", "ab"):
            self.done("run", "wait_for_go", "-i", id, "-x", '"%s"' % ("\u00fc" * 200))
            self.done("suspend", id, "-r", id + "\u00fc" * 200)
            rows = {row["type"]: row for row in json.loads(self.done("history", id, "-o", "json"))}
            self.assertIn("\u00fc...;", rows["ExecutionStarted"]["attrs"])
            self.assertRegex(rows["ExecutionSuspended"]["details"], "^input=a.*\u00fc$")
            self.assertIn("\u00fc" * 40, self.done("history", id))

    def test_events_and_rest(self):
        self.done("run", "wait_for_go", "-i", "a/b")
        self.assertEqual(self.done("suspend", "a/b", "-r", "a holiday"),
                         "ℹ️  Workflow 'a/b' suspended successfully\n")
        self.assertEqual(self.done("list", "-s", "SUSPENDED", "-o", "ids"), "a/b\n")
        self.assertIn("Workflow 'a/b' raised event 'go' successfully\n",
                      self.done("raise-event", "a/b/go", "-x", '{"n": 1}'))
        self.assertIn("Workflow 'a/b' resumed successfully\n", self.done("resume", "a/b"))
        self.wait_status("a/b", "COMPLETED")
        self.assertIn("a holiday", self.done("history", "a/b"))
        self.assertIn('"result": "{\\"n\\": 1}"', self.done("history", "a/b", "-o", "events"))

    def test_terminate_takes_the_children_along(self):
        self.done("run", "parent", "-i", "a")
        self.wait_status("a", "RUNNING")
        clilib.wait_for(lambda: len(self.listed("-s", "RUNNING")) == 2)
        self.assertIn("Workflow 'a' terminated successfully\n", self.done("terminate", "a", "-o", '"enough"'))
        clilib.wait_for(lambda: len(self.listed("-s", "TERMINATED")) == 2)

    def test_purge(self):
        for id in "abcd":
            self.done("run", "echo", "-i", id, "-x", "1", "-w")
        self.done("run", "wait_for_go", "-i", "runs")
        self.assertEqual(self.done("purge", "a"), '✅  Purged workflow instance "a"\n1 purged, children included\n')
        answer = self.workflow("purge", "a", "b", "runs")
        self.assert_mistake(answer, "cannot purge 'a'", "cannot purge 'runs'", code=1)
        self.assertIn("1 purged", answer.stdout)
        self.assertIn("0 purged", self.done("purge", "--all-older-than", "1h"))
        self.assertIn("0 purged", self.done("purge", "--all-older-than", "0s", "--all-filter-status", "FAILED"))
        self.assertIn("2 purged", self.done("purge", "--all"))
        given = self.workflow("list", "-o", "ids", "-c", "where Dapr's store is", "-t", "state")
        self.assertEqual((given.returncode, given.stdout), (0, "runs\n"), given.stderr)

    def test_purge_by_force(self):
        self.done("run", "parent", "-i", "a")
        clilib.wait_for(lambda: len(self.listed("-s", "RUNNING")) == 2)
        self.assert_mistake(self.workflow("purge", "a"), "pawl workflow terminate a", "--force", code=1)
        for many in (["--all"], ["--all-older-than", "0s"], ["--all-older-than", "0s", "--all-filter-status", "FAILED"]):
            self.assertIn("0 purged", self.done("purge", "--force", *many))
        self.assertIn("2 purged", self.done("purge", "a", "--force"))
        self.assertEqual(self.listed(), [])
        self.assert_mistake(self.workflow("purge", "a", "--force"), "'a'", code=1)
        self.done("run", "wait_for_go", "-i", "b")
        running = ["--all-older-than", "0s", "--all-filter-status", "RUNNING"]
        self.assertIn("0 purged", self.done("purge", *running))
        self.assertIn("1 purged", self.done("purge", *running, "--force"))

    def slowly(self, port):
        """A port behind which |port| is, its answers 0.2 s later."""
        def copy(source, target, delay):
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    time.sleep(delay)
                    target.sendall(data)
            source.close()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, server = listener.accept()[0], socket.create_connection(("127.0.0.1", port))
                    for pair in (client, server, 0), (server, client, 0.2):
                        threading.Thread(target=copy, args=pair, daemon=True).start()
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    def at_a_terminal(self, command, *args):
        """What a person sees of a command that takes a while, as its sidecar is slow."""
        [one] = self.list_json()
        ours, theirs = pty.openpty()
        command = [clilib.BIN / "pawl", "workflow", command, "--address", f"127.0.0.1:{self.slowly(one['grpcPort'])}", *args]
        process = subprocess.Popen(command, env=self.env, stdin=theirs, stdout=theirs, stderr=theirs)
        self.started.append(process)
        self.assertEqual(process.wait(20), 0)
        os.close(theirs)
        shown = b""
        with os.fdopen(ours, "rb", 0) as terminal, contextlib.suppress(OSError):
            while more := terminal.read(4096):
                shown += more
        return shown.decode().replace("\r\n", "\n")

    def test_how_far_it_is(self):
        for id in "abcdef":
            self.done("run", "echo", "-i", id, "-x", "1", "-w")
        told = r"\r\d instances looked at(?s:.*)\r\x1b\[K"
        self.assertEqual(self.at_a_terminal("list", "-o", "ids"), "\r\x1b[Ka\nb\nc\nd\ne\nf\n")  # one answer has all
        self.assertRegex(self.at_a_terminal("list", "-o", "json"), told + r"\[")
        self.assertRegex(self.at_a_terminal("purge", "--all"), told + '✅  Purged workflow instance "f"\n')

    def test_how_far_it_is_where_nothing_fits(self):
        self.done("run", "echo", "-i", "a", "-x", "1", "-w")
        store = self.home / ".local/share/pawl/statestore.db"
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.assert_nothing_left()
        self.done("list", "-c", store)  # and what the log has of it is stored
        with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as db:
            columns = ", ".join(name for _, name, *_ in db.execute("PRAGMA table_info(pawl_instance)")
                                if name not in ("row", "id", "created_at"))
            db.execute("WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 110000)"
                       f" INSERT INTO pawl_instance(id, created_at, {columns}) SELECT 'a' || i, created_at + i, {columns} FROM pawl_instance, n")
        self.start("run", "-a", self.id, "--", clilib.BIN / "cli_worker")
        self.wait_output("ready\n")
        self.assertRegex(self.at_a_terminal("list", "--filter-custom-status", "nothing"), r"^(\r[1-9]\d*000 instances looked at)+\r\x1b\[K")

    def test_mistakes(self):
        for args in (["history", "none"], ["suspend", "none"], ["resume", "none"], ["terminate", "none"],
                     ["raise-event", "none/go"], ["purge", "none"]):
            with self.subTest(args=args):
                self.assert_mistake(self.workflow(*args), "'none", code=1)
        answer = self.workflow("list", app="no-such-app-here")
        self.assert_mistake(answer, "no app 'no-such-app-here' runs here", self.id, code=1)

    def test_what_has_ended(self):
        self.done("run", "echo", "-i", "a", "-x", "1", "--wait")
        for args in ["raise-event", "a/go"], ["suspend", "a"], ["resume", "a"], ["terminate", "a"]:
            with self.subTest(args=args):
                self.assert_mistake(self.workflow(*args), "'a': it has ended, and is COMPLETED", code=1)

    def test_no_worker(self):
        """Whoever waits for a worker is told so."""
        id = self.id + "-idle"
        self.daemon(id, "--dapr-http-port", clilib.free_port(), "--dapr-grpc-port", clilib.free_port())
        self.done("run", "echo", "-i", "later", "-s", "1h", app=id)
        self.assertEqual(self.workflow("suspend", "later", app=id).returncode, 0)  # it has not begun, and needs none
        for args in ["run", "echo", "-i", "a"], ["suspend", "a"], ["terminate", "a"]:
            with self.subTest(args=args):
                waiting = self.start("workflow", *args, "-a", id)
                self.wait_output(f"no worker of app '{id}' is connected")
                self.assertIsNone(waiting.poll())
                if args[0] == "run":
                    clilib.wait_for(lambda: "a" in self.done("list", "-o", "ids", app=id).split())
                waiting.send_signal(signal.SIGINT)
                self.assertEqual(waiting.wait(5), -signal.SIGINT)

    def test_which_app(self):
        """Without --app-id it is the only one; an address does without the list of processes."""
        [one] = self.list_json()
        self.done("run", "echo", "-i", "a", "-x", "1", "-w")
        by_address = self.pawl("wf", "ls", "--address", f"127.0.0.1:{one['grpcPort']}", "-o", "ids")
        self.assertEqual((by_address.returncode, by_address.stdout), (0, "a\n"))
        for before in ["-a", self.id], [f"--app-id={self.id}", "-n", "default"]:
            first = self.pawl("workflow", *before, "list", "-o", "ids", name="dapr")
            self.assertEqual((first.returncode, first.stdout, first.stderr), (0, "a\n", ""))
        nobody = self.pawl("workflow", "list", "--address", "127.0.0.1:1")
        self.assert_mistake(nobody, "127.0.0.1:1", code=1)
        if len(json.loads(self.pawl("list", "-o", "json").stdout)) == 1:
            self.assertEqual(self.pawl("workflow", "list", "-o", "ids").stdout, "a\n")
        other = self.run_app("two")
        self.assert_mistake(self.pawl("workflow", "list"), "several apps run here", self.id, other, code=1)
        self.assertEqual(self.done("list", "-o", "ids", app=other), "")

    def test_where_a_sidecar_listens(self):
        elsewhere = self.id + "-127.0.0.2"
        self.daemon(elsewhere, "--dapr-http-port", clilib.free_port(), "--dapr-grpc-port", clilib.free_port(),
                    "--dapr-listen-addresses", "127.0.0.2,127.0.0.3")
        self.assertEqual(self.done("list", "-o", "ids", app=elsewhere), "")
        sockets = self.id + "-sockets"
        (self.home / "s").mkdir()
        self.daemon(sockets, "--unix-domain-socket", "s", cwd=self.home)
        self.assertEqual(self.done("list", "-o", "ids", app=sockets, cwd="/"), "")
        self.daemon(sockets + "2", "--unix-domain-socket", str(self.home / "s"))
        self.assertEqual(self.done("list", "-o", "ids", app=sockets + "2"), "")
        self.daemon(self.id + "-0", "--dapr-grpc-port", "0", "--dapr-http-port", "0")
        self.assert_mistake(self.workflow("list", app=self.id + "-0"), "--dapr-grpc-port 0", "--address", code=1)

    def test_of_several_sidecars_it_is_the_one_with_workers(self):
        for _ in range(2):
            self.daemon(self.id, "--dapr-http-port", clilib.free_port(), "--dapr-grpc-port", clilib.free_port())
        self.assertEqual(self.done("run", "echo", "-x", "1", "--wait"), "1\n")
        self.daemon(self.id + "-other", "--dapr-http-port", clilib.free_port(), "--dapr-grpc-port", clilib.free_port())
        answer = self.pawl("workflow", "list")
        self.assert_mistake(answer, "several apps run here", code=1)
        self.assertEqual(answer.stderr.replace(",", " ").split().count(self.id), 1)


if __name__ == "__main__":
    clilib.main()
