"""pawl run with one app: what it says, what the app gets, how it ends."""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import clilib


class Run(clilib.Case):
    def run_shell(self, script, *flags, **more):
        return self.pawl("run", "-a", "tiny", *flags, "--", "sh", "-c", script, **more)

    def test_output_has_the_known_shape(self):
        answer = self.run_shell("echo hello from the app")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        at = -1
        for text in ("Starting Dapr with id tiny. HTTP Port: ", ". gRPC Port: ",
                     "Checking if Dapr sidecar is listening on HTTP port ",
                     "Dapr sidecar is up and running.", "You're up and running! ",
                     "hello from the app\n"):
            found = answer.stdout.find(text, at + 1)
            self.assertGreater(found, at, f"{text!r} is not where it belongs in\n{answer.stdout}")
            at = found
        self.assertNotIn("== APP", answer.stdout)
        self.assert_nothing_left()

    def test_the_dashboard_is_where_it_says(self):
        self.start("run", "-a", "tiny", "--", "sleep", "300")
        self.wait_output("You're up and running!")
        said = self.output()
        link = re.search(r"Its workflows: (http://127.0.0.1:\d+/dashboard/)", said)
        self.assertTrue(link, said)
        with urllib.request.urlopen(link[1], timeout=10) as page:
            self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")

    def test_no_default_store(self):
        self.start("run", "-a", "tiny", "--no-default-store", "--", "sleep", "300")
        self.wait_output("You're up and running!")
        base = re.search(r"Its workflows: (http://127.0.0.1:\d+)/", self.output())[1]
        with urllib.request.urlopen(f"{base}/v1.0/metadata", timeout=10) as answer:
            said = json.load(answer)
        self.assertEqual(said["components"], [])
        self.assertEqual(said["actorRuntime"]["runtimeStatus"], "DISABLED")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{base}/v1.0/workflows/dapr/w/start", data=b"1", timeout=10)
        self.assertEqual(refused.exception.code, 500)
        self.assertEqual(json.load(refused.exception)["errorCode"], "ERR_ACTOR_RUNTIME_NOT_FOUND")
        self.assertFalse(list(self.home.rglob("statestore.db*")))

    def test_environment_of_the_app(self):
        seen = self.home / "seen"
        answer = self.run_shell(f"env > {seen}", "-p", "18081", "-P", "grpc")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        given = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
        self.assertEqual(given["APP_ID"], "tiny")
        self.assertEqual(given["APP_PORT"], "18081")
        self.assertEqual(given["APP_PROTOCOL"], "grpc")
        self.assertEqual(given["APP_CHANNEL_ADDRESS"], "127.0.0.1")
        ports = [int(given[f"DAPR_{kind}_PORT"]) for kind in ("HTTP", "GRPC", "METRICS")]
        self.assertEqual(len(set(ports)), 3)
        self.assertIn(f"HTTP Port: {ports[0]}. gRPC Port: {ports[1]}", answer.stdout)

    def test_no_port_of_the_app(self):
        self.assertEqual(self.run_shell('test -z "$APP_PORT"').returncode, 0)

    def test_metrics_port_in_use(self):
        """Nobody's app fails for want of it: it is measured at another port, which is told."""
        script = self.file("read.py", "import os, urllib.request\n"
                           "port = os.environ['DAPR_METRICS_PORT']\nprint('metrics:', port)\n"
                           "print(urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=20).read().decode())")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            answer = self.run_shell(f"python3 {script}", "--metrics-port", port)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        other = re.search(r"metrics: (\d+)", answer.stdout)[1]
        self.assertNotEqual(other, str(port))
        self.assertIn(f"Its metrics are at port {other}, as port {port} is in use", answer.stdout)
        self.assertIn('pawl_ready{app_id="tiny"} 1', answer.stdout)

    def test_config_of_the_user(self):
        """~/.dapr/config.yaml is taken where none is named."""
        self.file(".dapr/config.yaml", "kind: Configuration\nspec: {tracing: {samplingRate: '1', "
                                       "stdout: true}}\n")
        self.file("none.yaml", "kind: Configuration\n")
        answer = self.run_shell("true")
        self.assertIn("spans go to the log", answer.stdout)
        answer = self.run_shell("true", "--config", "none.yaml")
        self.assertNotIn("spans go to", answer.stdout)

    def test_exit_codes(self):
        for script, code, text in (("exit 0", 0, "exited with code 0"),
                                   ("exit 7", 7, "exited with code 7"),
                                   ("kill -9 $$", 137, "ended by signal 9"),
                                   ("kill -TERM $$", 143, "ended by signal 15")):
            with self.subTest(script=script):
                answer = self.run_shell(script)
                self.assertEqual(answer.returncode, code, answer.stdout + answer.stderr)
                self.assertIn(text, answer.stdout + answer.stderr)
        self.assert_nothing_left()

    def test_app_id_is_made_up(self):
        answer = self.pawl("run", "--", "sh", "-c", 'echo "id is <$APP_ID>"')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertRegex(answer.stdout, r"id is <[a-z0-9-]+>")

    def test_app_ids_that_cannot_be(self):
        for name, said in (("a\tb", "control character"), ("x" * 256, "too long"), ("a\udcff", "not valid UTF-8")):
            run = self.pawl("run", "--app-id", name, "--", "true")
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertRegex(run.stderr, f"^❌  --app-id .*{said}")

    def test_arguments_are_the_apps(self):
        answer = self.pawl("run", "-a", "tiny", "printf", "%s;", "--app-id", "x y", "-f", "$HOME")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("--app-id;x y;-f;$HOME;", answer.stdout)

    def test_metadata(self):
        process = self.start("run", "-a", "tiny", "--", "sleep", "300")
        self.wait_output("You're up and running!")

        def known():
            mine = self.list_json()
            return mine and mine[0]["appPid"] and mine[0]["command"] and mine[0]
        one = clilib.wait_for(known)
        extended = clilib.get_metadata(one["httpPort"])["extended"]
        self.assertEqual(extended["cliPID"], str(process.pid))
        self.assertEqual(extended["appCommand"], "sleep 300")
        self.assertEqual(clilib.command_line(int(extended["appPID"])), [b"sleep", b"300"])
        sidecar = clilib.command_line(one["daprdPid"])
        self.assertEqual(sidecar[0], b"daprd")
        self.assertIn(b"tiny", sidecar)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        self.assert_nothing_left()

    def test_sidecar_alone(self):
        process = self.start("run", "-a", "alone")
        self.wait_output("up and running")
        self.assertEqual(len(self.daemons()), 1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 0, self.output())
        self.assert_nothing_left()

    def test_default_store_is_told(self):
        answer = self.run_shell("true")
        place = self.home / ".local/share/pawl"
        self.assertIn(str(place), answer.stdout)
        self.assertTrue(any(place.iterdir()))
        other = self.home / "data"
        answer = self.run_shell("true", env={"XDG_DATA_HOME": str(other)})
        self.assertIn(str(other / "pawl"), answer.stdout)


    def test_flags_that_do_nothing_say_so(self):
        answer = self.run_shell("true", "--placement-host-address", "localhost:50005", "--enable-profiling", "--log-level", "warn")
        self.assertEqual((answer.returncode, answer.stderr), (0, "pawl run: --enable-profiling has no effect here\n"
                                                              "pawl run: --placement-host-address has no effect here\n"))
        self.assertEqual(self.run_shell("true").stderr, "")
        self.assert_mistake(self.pawl("run", "-k", "-f", "."), "--kubernetes is not served", code=2)

    def test_where_the_sidecar_listens(self):
        answer = self.run_shell("echo ready", "--dapr-listen-addresses", "127.0.0.3, 127.0.0.4")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        (self.home / "s").mkdir()
        for folder in "s", self.home / "s":
            answer = self.run_shell("echo $DAPR_GRPC_ENDPOINT; test -S ${DAPR_GRPC_ENDPOINT#unix://}", "-u", folder)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertIn(f"\nunix://{self.home}/s/dapr-tiny-grpc.socket\n", answer.stdout)
            self.assertIn(f"Sockets: {self.home}/s/dapr-tiny-http.socket", answer.stdout)
            self.assertNotIn("HTTP Port", answer.stdout)
        worker = self.pawl("run", "-a", "tiny", "-u", "s", "--", "timeout", "2", clilib.BIN / "cli_worker")
        self.assertIn("ready\n", worker.stdout)


class Mistakes(clilib.Case):
    """Each is told before anything starts."""

    def mistake(self, *args, texts, code=None):
        answer = self.pawl("run", *args)
        self.assert_mistake(answer, *texts, code=code)
        self.assert_nothing_left()
        return answer

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            for flag in ("--dapr-http-port", "--dapr-grpc-port"):
                self.mistake("-a", "tiny", flag, port, "--", "touch", "started",
                             texts=[f"port {port} is in use", flag])
        self.assertFalse((self.home / "started").exists())

    def test_no_such_command(self):
        answer = self.mistake("-a", "tiny", "--", "no-such-program", texts=["no-such-program"])
        self.assertNotIn("Starting Dapr", answer.stdout)

    def test_command_is_no_program(self):
        self.file("notes.txt", "text")
        self.mistake("-a", "tiny", "--", "./notes.txt", texts=["./notes.txt"])

    def test_resources_path_missing(self):
        self.mistake("-a", "tiny", "--resources-path", "nowhere", "--", "touch", "started",
                     texts=["nowhere", "--resources-path"])
        self.assertFalse((self.home / "started").exists())

    def test_config_missing(self):
        self.mistake("-a", "tiny", "--config", "nowhere.yaml", "--", "touch", "started",
                     texts=["nowhere.yaml"])
        self.assertFalse((self.home / "started").exists())

    def test_no_place_for_the_default_store(self):
        self.file("file", "")
        answer = self.pawl("run", "-a", "tiny", "--", "touch", "started", env={"XDG_DATA_HOME": str(self.home / "file")})
        self.assert_mistake(answer, f"{self.home}/file/pawl: Not a directory")
        self.assertNotIn("Starting Dapr", answer.stdout)
        self.assertFalse((self.home / "started").exists())

    def test_the_same_app_runs_twice(self):
        """Its daemons share the file."""
        self.start("run", "-a", "tiny", "--", "sh", "-c", "echo ready; sleep 300")
        self.wait_output("ready\n")
        answer = self.pawl("run", "-a", "tiny", "--", "touch", "started")
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_flawed_component(self):
        self.file("resources/store.yaml", """apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.nowhere
  version: v1
""")
        self.mistake("-a", "tiny", "--resources-path", "resources", "--", "touch", "started",
                     texts=["resources/store.yaml", "state.nowhere", "state.sqlite"])
        self.assertFalse((self.home / "started").exists())


    def test_components_that_would_be_missed(self):
        for text, *texts in (("", "the file is empty"), ("kind: Component\nkind: Component\n", ":2:", "given twice"),
                             ("kind: Component\nspec:\n\ttype: x\n", ":3:", "indent with blanks"),
                             ("metadata: {name: a}\n", ":1:", "kind: Component")):
            self.file("resources/store.yaml", text)
            for command in "run", "daemon":
                with self.subTest(text=text, command=command):
                    rest = ["--", "touch", "started"] if command == "run" else []
                    answer = self.pawl(command, "--app-id", "tiny", "--resources-path", "resources", *rest)
                    self.assertEqual(answer.returncode, 1)
                    for one in ["resources/store.yaml", *texts]:
                        self.assertIn(one, answer.stdout + answer.stderr)
            self.assertFalse((self.home / "started").exists())


class Ending(clilib.Case):
    def start_app(self, script, ready="ready", flags=()):
        process = self.start("run", "-a", "tiny", *flags, "--", "sh", "-c", script)
        self.wait_output(ready)
        return process

    def test_the_signal_that_came_reaches_the_app(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number):
                name = number.name[3:]
                process = self.start_app(f"trap 'echo tidied; exit 0' {name}; echo ready;"
                                         "while :; do sleep 0.05; done")
                process.send_signal(number)
                self.assertEqual(process.wait(20), 0, self.output())
                self.assertIn("tidied", self.output())
                self.assertIn('✅  app "tiny" exited with code 0', self.output())
                self.assert_nothing_left()

    def test_python_is_interrupted(self):
        self.file("app.py", "import time\nprint('ready', flush=True)\n"
                  "try:\n  time.sleep(300)\nexcept KeyboardInterrupt:\n  print('tidied')\n")
        process = self.start_app("exec python3 app.py")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 0, self.output())
        self.assertIn("tidied", self.output())

    def test_a_tick_is_for_code_0(self):
        for script, number, said in (
                ("echo ready; exec sleep 300", signal.SIGTERM, 'ℹ️  app "tiny" was ended by signal 15'),
                ("trap 'exit 3' INT; echo ready; while :; do sleep 0.05; done", signal.SIGINT,
                 'ℹ️  app "tiny" exited with code 3')):
            with self.subTest(script=script):
                process = self.start_app(script)
                process.send_signal(number)
                self.assertEqual(process.wait(20), 0, self.output())
                self.assertIn(said, self.output())

    def test_what_is_ignored_at_the_start(self):
        """By a shell's '&', which is about Ctrl-C, and by nohup."""
        def ignore():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process = self.start("run", "-a", "tiny", "--", "sh", "-c", "echo ready; exec sleep 300", preexec_fn=ignore)
        self.wait_output("ready\n")
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 0, self.output())
        self.assert_nothing_left()

    def test_an_app_that_is_stopped_ends(self):
        process = self.start_app("trap 'echo tidied; exit 0' TERM; echo ready; kill -STOP $$; sleep 300")
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0, self.output())
        self.assertIn("tidied", self.output())  # which it does not say when it is killed after its time

    def test_the_sidecar_outlives_the_app(self):
        port = clilib.free_port()
        self.file("ask.py", "import urllib.request as u; print('answered', "
                  f"u.urlopen('http://127.0.0.1:{port}/v1.0/healthz/outbound').status)")
        process = self.start_app("trap 'python3 ask.py; exit 0' INT; echo ready;"
                                 "while :; do sleep 0.05; done",
                                 flags=["--dapr-http-port", port])
        process.send_signal(signal.SIGINT)
        process.wait(20)
        self.assertIn("answered 204", self.output())

    def test_an_app_that_will_not_end_is_killed(self):
        process = self.start_app("trap '' TERM INT; echo ready; while :; do sleep 0.05; done")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(30)
        self.assertGreater(time.monotonic() - began, 4)
        self.assertIn('❌  app "tiny" has not ended after 5 s and is killed', self.output())
        self.assertIn('❌  app "tiny" was ended by signal 9', self.output())
        self.assert_nothing_left()

    def test_a_second_ctrl_c_does_not_wait(self):
        process = self.start_app("trap '' TERM INT; echo ready; while :; do sleep 0.05; done")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        self.assertLess(time.monotonic() - began, 4)
        self.assert_nothing_left()

    def test_the_sidecar_is_killed(self):
        process = self.start_app("echo ready; sleep 300")
        os.kill(self.daemons()[0], signal.SIGKILL)
        self.assertNotEqual(process.wait(20), 0)
        self.assertIn("ended by signal 9", self.output())
        self.assert_nothing_left()

    def test_what_the_app_has_started_is_asked_once(self):
        """As npm does, the app starts a program and ends before it; a handler of that may not stand a second SIGTERM."""
        program = ("import signal, time; asked = []; signal.signal(15, lambda *_: asked.append(1)); print('ready', flush=True)\n"
                   "while not asked: time.sleep(0.01)\n"
                   "time.sleep(1); print('asked', len(asked), 'times')")
        process = self.start_app(f'/usr/bin/python3 -c "{program}" & wait')
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0, self.output())
        self.assertIn("asked 1 times", self.output())
        self.assert_nothing_left()

    def test_what_the_app_leaves_behind_is_ended(self):
        """A background job, one that ignores SIGTERM, and one that keeps the output open."""
        for script in ("sleep 300 & echo ready",
                       "(trap '' TERM; while :; do sleep 0.1; done) >/dev/null 2>&1 & echo ready",
                       "(trap '' TERM; while :; do sleep 0.1; done) & echo ready"):
            with self.subTest(script=script):
                process = self.start_app(script)
                self.assertEqual(process.wait(20), 0, self.output())
                self.assert_nothing_left()


class Terminal(clilib.Case):
    """What is typed at a terminal, and who gets it."""

    def at_terminal(self, command, cwd=None):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(cwd or self.home)
            os.execve(command[0], command, self.env)
        self.pid, self.seen = pid, b""

    def run_app(self, script, *flags):
        self.at_terminal([str(clilib.BIN / "pawl"), "run", "-a", "tiny", *flags, "--", "sh", "-c", script])

    def read(self, until=None, seconds=20):
        """Reads what is shown, up to |until| or the end."""
        end = time.monotonic() + seconds
        while until is None or until not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                self.fail(f"no {until} in {self.seen.decode()}")
            try:
                part = os.read(self.terminal, 4096)
            except OSError:
                part = b""
            if not part:
                break
            self.seen += part
        if until:
            self.assertIn(until, self.seen)
            self.seen = self.seen[self.seen.index(until) + len(until):]

    def read_twice(self, word):
        """As the terminal echoes it, and as the app tells it; a line of the daemon's may come between."""
        self.read(word)
        self.read(word)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def end(self):
        """The exit code."""
        self.read()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        self.out = self.file("out", self.seen.decode())
        self.assert_nothing_left()
        return os.waitstatus_to_exitcode(status)

    def test_ctrl_c(self):
        """It reaches the terminal's foreground group alone, which is that of the command."""
        self.run_app("test -t 1 && echo on a terminal; trap 'echo tidied; exit 0' INT;"
                     "echo ready; while :; do sleep 0.05; done")
        self.read(b"on a terminal")
        self.read(b"ready")
        self.type("\x03")
        self.assertEqual(self.end(), 0)
        self.assertIn(b"tidied", self.seen)

    def test_an_app_that_reads(self):
        for script in ("read line; echo got $line", "exec </dev/tty; read line; echo got $line",
                       "stty -echo; read line; stty echo; echo got $line"):
            with self.subTest(script=script):
                self.run_app("echo ready; " + script)
                self.read(b"ready")
                time.sleep(0.3)
                self.type("hello\n")
                self.read(b"got hello")
                self.assertEqual(self.end(), 0)

    def test_an_app_that_reads_gets_ctrl_c(self):
        self.file("app.py", "print('ready')\ntry:\n  input()\nexcept KeyboardInterrupt:\n  print('no', 'thanks')\n"
                  "print('got', input())\n")
        self.run_app("exec python3 app.py")
        self.read(b"ready")
        time.sleep(0.5)
        self.type("\x03")
        self.read(b"no thanks")
        self.type("hello\n")
        self.read(b"got hello")
        self.assertEqual(self.end(), 0)

    def test_ctrl_c_ends_an_app_that_reads(self):
        self.run_app("echo ready; exec cat")
        self.read(b"ready")
        self.type("hello\n")
        self.read_twice(b"hello")
        self.type("\x03")
        self.assertEqual(self.end(), 130)
        self.assertIn('ℹ️  app "tiny" was ended by signal 2'.encode(), self.seen)

    def test_ctrl_z(self):
        """A shell sees the command stop, and lets it go on; in the background it stops again."""
        self.at_terminal([shutil.which("bash"), "--norc", "-i"])
        self.type(f"PS1='$ '; set +m; set -m; {clilib.BIN}/pawl run -a tiny -- sh -c 'echo rea''dy; exec cat'\n")
        self.read(b"ready")
        self.type("hello\n")
        self.read_twice(b"hello")
        self.type("\x1a")
        self.read(b"Stopped")
        self.type("bg; sleep 0.5; jobs\n")
        self.read(b"Stopped")
        self.type("fg\n")
        time.sleep(0.5)
        self.type("again\n")
        self.read_twice(b"again")
        self.type("\x04")
        self.read(b"exited with code 0")
        self.type("exit\n")
        self.assertEqual(self.end(), 0)

    def test_started_in_the_background(self):
        self.at_terminal([shutil.which("bash"), "--norc", "-i"])
        self.type(f"{clilib.BIN}/pawl run -a tiny -- sh -c 'echo rea''dy; read line; echo got $line' &\n")
        self.read(b"ready")
        self.type("sleep 0.5; jobs\n")
        self.read(b"Stopped")
        self.type("fg\n")
        time.sleep(0.5)
        self.type("hello\n")
        self.read(b"got hello")
        self.read(b"exited with code 0")
        self.type("exit\n")
        self.assertEqual(self.end(), 0)

    def test_apps_of_a_run_file_get_none(self):
        (self.home / "app").mkdir()
        self.file("dapr.yaml", """version: 1
apps:
- {appDirPath: app, appID: one, command: [sh, -c, "read line || echo nothing to read"]}
- {appDirPath: app, appID: two, command: [sh, -c, "read line </dev/tty"]}
""")
        self.at_terminal([str(clilib.BIN / "pawl"), "run", "-f", "."])
        self.read(b"their input is /dev/null")
        self.read(b'app "two" waits for the terminal, which apps of a run file do not have')
        self.type("\x03")
        self.assertEqual(self.end(), 0)


class Orphans(clilib.Case):
    """kill -9 of the command leaves no process."""

    def check(self, *command, ready=b"ready"):
        process = self.start("run", "-a", "tiny", "--", *command)
        self.wait_output(ready.decode())
        self.assertGreater(len(self.processes()), 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.assert_nothing_left(5)

    def test_an_app(self):
        self.check("sh", "-c", "echo ready; exec sleep 300")

    def test_children_of_the_app(self):
        self.check("sh", "-c", "sleep 300 & sh -c 'sleep 300; true' & echo ready; wait")

    def test_an_app_that_ignores_signals(self):
        self.check("sh", "-c", "trap '' TERM INT HUP; echo ready; while :; do sleep 0.1; done")

    def test_a_launcher_like_npm(self):
        launcher = self.file("launcher", "#!/bin/sh\nsh -c 'echo ready; sleep 300; true'\n", 0o755)
        self.check(launcher)

    def test_npm(self):
        if not shutil.which("npm"):
            self.skipTest("NOT TESTED: npm is not there")
        self.file("package.json", '{"scripts": {"start": "node server.js"}}')
        self.file("server.js", "console.log('re' + 'ady'); setInterval(() => {}, 1000);")
        self.check("npm", "start", "--silent")

    def test_while_it_starts(self):
        """At any moment between the first process and the last."""
        for pause in (0.0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3):
            process = self.start("run", "-a", "tiny", "--", "sleep", "300")
            time.sleep(pause)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            self.assert_nothing_left(5)

    def test_the_guard_is_killed(self):
        """It protects against one death; the app goes on without it and still ends in order."""
        process = self.start("run", "-a", "tiny", "--", "sh", "-c", "echo ready; sleep 300")
        self.wait_output("ready")
        guards = [pid for pid in self.processes()
                  if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "pawl-guard"]
        self.assertEqual(len(guards), 1)
        os.kill(guards[0], signal.SIGKILL)
        time.sleep(0.1)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.wait(20)
        self.assert_nothing_left()


if __name__ == "__main__":
    clilib.main()
