"""Help, mistakes in flags, completion, versions: nothing here starts a daemon."""

import json
import os
import re
import shutil
import subprocess

import clilib

COMMANDS = ["run", "stop", "list", "workflow", "dashboard", "top", "daemon", "bench", "init", "uninstall", "version", "completion"]
GROUPED = [["workflow", word] for word in ("run", "list", "count", "get", "watch", "history", "raise-event", "suspend", "resume",
                                           "terminate", "purge")]


class Usage(clilib.Case):
    def test_help_names_every_command(self):
        for args in (["--help"], ["-h"], ["help"], []):
            answer = self.pawl(*args)
            self.assertEqual(answer.returncode, 0, args)
            for command in COMMANDS:
                self.assertIn(f"\n  {command} ", answer.stdout)

    def test_help_of_a_command(self):
        for command in [[command] for command in COMMANDS] + GROUPED:
            answer = self.pawl(*command, "--help")
            self.assertEqual(answer.returncode, 0, command)
            self.assertEqual(answer.stderr, "")
            self.assertIn(f"Usage: pawl {' '.join(command)}", answer.stdout)
            self.assertEqual(self.pawl("help", *command).stdout, answer.stdout)
            self.assertLess(max(map(len, answer.stdout.splitlines())), 140)

    def test_help_shows_flags_with_defaults(self):
        answer = self.pawl("daemon", "--help").stdout
        for flag, default in (("dapr-http-port", "3500"), ("dapr-grpc-port", "50001"),
                              ("max-body-size", "4Mi"), ("read-buffer-size", "4Ki"),
                              ("log-level", "info")):
            line = next(line for line in answer.splitlines() if f"--{flag} " in line)
            self.assertIn(f"(default {default})", line)
        self.assertIn("-a, --app-id", self.pawl("run", "--help").stdout)

    def test_unknown_command(self):
        self.assert_mistake(self.pawl("rnu"), "there is no command 'rnu'; did you mean 'run'?", code=2)
        self.assert_mistake(self.pawl("help", "rnu"), "there is no command 'rnu'", code=2)
        self.assert_mistake(self.pawl("workflow", "lits"), "did you mean 'list'?", "pawl workflow --help",
                            code=2)

    def test_commands_that_only_dapr_has(self):
        """Each says what to do instead."""
        for word in ("upgrade", "status", "logs", "build-info", "scheduler", "components",
                     "configurations", "invoke", "publish", "mtls", "annotate"):
            for name in "pawl", "dapr":
                answer = self.pawl(word, name=name)
                self.assert_mistake(answer, f"{name} {word}: ", code=2)
                self.assertNotIn("there is no command", answer.stderr)
        self.assert_mistake(self.pawl("status", "-k"), "not for Kubernetes", code=2)

    def test_groups(self):
        help = self.pawl("workflow", "--help").stdout
        for _, word in GROUPED:
            self.assertIn(f"\n  {word} ", help)
        self.assertEqual(self.pawl("workflow").stdout, help)
        self.assertEqual(self.pawl("wf", "ls", "--help").stdout, self.pawl("workflow", "list", "--help").stdout)

    def test_unknown_flag(self):
        for command, flag, near in (("run", "--app-idd", "--app-id"),
                                    ("daemon", "--dapr-htp-port=1", "--dapr-http-port"),
                                    ("list", "--outptu", "--output"),
                                    ("stop", "--runfile", "--run-file")):
            self.assert_mistake(self.pawl(command, flag), "unknown flag",
                                f"did you mean {near}?", code=2)
        answer = self.pawl("list", "--entirely-else")
        self.assert_mistake(answer, "unknown flag --entirely-else", "pawl list --help", code=2)
        self.assertNotIn("did you mean", answer.stderr)

    def test_wrong_values(self):
        for args, text in (
                (["daemon", "--dapr-http-port", "many"], "a port up to 65535"),
                (["daemon", "--app-max-concurrency", "many"], "a whole number"),
                (["daemon", "--max-body-size", "4Quarks"], "a size in whole bytes such as 4Mi"),
                (["daemon", "--read-buffer-size", "1500m"], "a size in whole bytes such as 4Mi"),
                (["daemon", "--log-as-json=perhaps"], "true or false"),
                (["daemon", "--log-level", "loud"], "loud"),
                (["daemon", "--log-level", "panic"], "'panic', but has to be debug, info, warn, error or fatal"),
                (["daemon", "--dapr-http-port", "70000"], "70000"),
                (["daemon", "--app-id"], "needs a value"),
                (["daemon"], "pawl daemon: --app-id is required"),
                (["list", "-o", "xml"], "table, json or yaml"),
                (["completion", "tcsh"], "bash, zsh or fish"),
                (["completion"], "bash, zsh or fish"),
                (["workflow", "-a"], "--app-id needs a value"),
                (["workflow", "--ap-id", "x", "list"], "did you mean --app-id?"),
                (["workflow", "-a", "x", "lits"], "did you mean 'list'?"),
                (["workflow", "list", "-o", "xml"], "short, table, wide, ids, json, ndjson or yaml"),
                (["workflow", "list", "-s", "RUNING"], "--filter-status has 'RUNING', but it may have RUNNING"),
                (["workflow", "list", "-m", "soon"], "a duration such as 90m"),
                (["workflow", "watch", "-i", "0s"], "--interval is '0s'"),
                (["workflow", "watch", "a", "b"], "name one instance, or give filters"),
                (["workflow", "watch", "a", "-s", "RUNNING"], "name one instance, or give filters"),
                (["workflow", "list", "-s", "FAILED,"], "--filter-status has ''"),
                (["workflow", "count", "--by", "age"], "--by has 'age'"),
                (["workflow", "count", "--filter-ended-since", "ever"], "--filter-ended-since is 'ever'"),
                (["workflow", "purge", "--all-older-than", "1h", "--all-filter-status", "X"], "--all-filter-status has 'X'"),
                (["workflow", "list", "order-7"], "takes flags only; 'order-7' may be a name, --filter-name"),
                (["workflow", "run"], "name the workflow to run"),
                (["workflow", "raise-event", "go", "-w", "x", "--rate", "0"], "pawl workflow raise-event: --rate is '0'"),
                (["wf", "get"], "pawl wf get: name one instance"),
                (["workflow", "run", "a", "b"], "and nothing else"),
                (["workflow", "run", "a", "-x", "{b}"], "pawl workflow run: --input is not JSON: a string was expected (at character 2)"),
                (["workflow", "run", "a", "-s", "never"], "--start-time is 'never'"),
                (["workflow", "run", "a", "-a", "x", "--address", "y"], "not both"),
                (["workflow", "raise-event", "order-7"], "has to be ID/EVENT"),
                (["workflow", "suspend"], "name the instance"),
                (["workflow", "terminate", "a", "-o", "text"], "--output is not JSON"),
                (["workflow", "history"], "name one instance"),
                (["workflow", "purge"], "name instances, or give --all"),
                (["workflow", "purge", "a", "--all"], "name instances, or give --all"),
                (["workflow", "purge", "--all", "--all-filter-status", "FAILED"], "goes with --all-older-than"),
                (["workflow", "purge", "--all-older-than", "1y"], "a duration such as 24h"),
                (["stop"], "--app-id")):
            with self.subTest(args=args):
                self.assert_mistake(self.pawl(*args), text, code=2)

    def test_names_that_cannot_be(self):
        for name, text in (("caf\udce9", "is not valid UTF-8"), ("a\nb", "has a control character"),
                           ("a" * 256, "is too long")):
            with self.subTest(name=name):
                self.assert_mistake(self.pawl("daemon", "--app-id", name),
                                    f"--app-id {text}", code=2)
                self.assert_mistake(self.pawl("daemon", "--app-id", "a", env={"NAMESPACE": name}),
                                    f"NAMESPACE in the environment {text}", code=2)

    def test_version(self):
        number = self.pawl("--version", name="daprd")
        self.assertEqual(number.returncode, 0)
        # Dapr's command line compares the first three numbers and passes old flags below 1.15.
        parts = re.fullmatch(r"1\.(\d+)\.\d+\+pawl\.(\d+\.\d+\.\d+)\n", number.stdout)
        self.assertGreaterEqual(int(parts[1]), 15)
        self.assertEqual(self.pawl("version").stdout,
                         f"Pawl version: {parts[2]}\nDapr version: {number.stdout}")
        version = number.stdout.strip()
        for name in "pawl", "dapr":  # as scripts read it that ask Dapr's
            self.assertEqual(json.loads(self.pawl("version", "-o", "json", name=name).stdout),
                             {"Cli version": version, "Runtime version": version})
        self.assertIn("--output is 'xml'", self.pawl("version", "-o", "xml").stderr)
        self.assertEqual(self.pawl("daemon", "--version").stdout, number.stdout)
        self.assertEqual(self.pawl("-version", name="daprd").stdout, number.stdout)

    def test_build_info(self):
        info = self.pawl("--build-info", name="daprd")
        self.assertEqual((info.returncode, info.stderr), (0, ""))
        lines = dict(line.split(": ", 1) for line in info.stdout.splitlines())
        self.assertEqual(lines["Version"], self.pawl("--version", name="daprd").stdout.strip())
        self.assertTrue({"Pawl", "Compiler", "libuv", "nghttp2", "SQLite", "jansson"} <= set(lines))

    def test_dapr_is_pawl(self):
        self.assertEqual(self.pawl("run", "--help", name="dapr").stdout,
                         self.pawl("run", "--help").stdout)

    def test_nothing_runs(self):
        answer = self.pawl("stop", "-a", "no-such-app-here")
        self.assert_mistake(answer, "pawl list", code=1)


class Completion(clilib.Case):
    def shell(self, name, *words):
        if not shutil.which(name):
            self.skipTest(f"{name} is not installed")
        return subprocess.run([name, *words], env=self.env, capture_output=True, text=True)

    def test_bash(self):
        script = self.file("pawl.bash", self.pawl("completion", "bash").stdout)

        def complete(*words):
            line = " ".join(words)
            answer = self.shell("bash", "--norc", "-c", f"""
                cd {self.home} && . {script} && COMP_WORDS=({line!s} {"''" if line.endswith(' ') else ''})
                COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); _pawl; printf '%s\\n' "${{COMPREPLY[@]}}" """)
            self.assertEqual(answer.stderr, "")
            return answer.stdout.split()

        self.assertIn("run", complete("pawl", "r"))
        self.assertIn("--app-id", complete("pawl", "run", "--app-i"))
        self.assertNotIn("--app-id", complete("pawl", "version", "--"))
        self.assertIn("raise-event", complete("pawl", "workflow", "ra"))
        self.assertIn("--filter-status", complete("pawl", "wf", "ls", "--filter-s"))

    def test_the_programs_that_are_named(self):
        for shell in ("bash", "zsh", "fish"):
            for names in (["pawl"], ["dapr"], ["daprd"], ["pawl", "daprd"], []):
                text = self.pawl("completion", shell, *names).stdout
                for name in ("pawl", "dapr", "daprd"):
                    completed = re.search(rf"^(#compdef.*|complete -c|complete -F \w+) {name}\b", text, re.M)
                    self.assertEqual(bool(completed), not names or name in names, (shell, names, name))
        self.assert_mistake(self.pawl("completion", "bash", "darp"), "'darp' has to be pawl, dapr or daprd", code=2)

    def test_fish(self):
        script = self.file("all.fish", self.pawl("completion", "fish").stdout)

        def complete(line):
            answer = self.shell("fish", "-c", f"source {script}; complete -C '{line}'")
            self.assertEqual(answer.stderr, "")
            return [one.split("\t")[0] for one in answer.stdout.splitlines()]

        self.assertEqual(complete("dapr workflow ra"), ["raise-event"])
        self.assertEqual(complete("pawl workflow list --filter-s"), ["--filter-status"])
        self.assertEqual(complete("daprd --app-c"), ["--app-channel-address"])

    def test_zsh_and_fish_parse(self):
        for name, check in (("zsh", "-n"), ("fish", "--no-execute")):
            text = self.pawl("completion", name).stdout
            self.assertIn("run", text)
            if shutil.which(name):
                script = self.file(f"pawl.{name}", text)
                checked = self.shell(name, check, str(script))
                self.assertEqual((checked.returncode, checked.stderr), (0, ""))


class Manual(clilib.Case):
    def test_every_flag_is_in_the_page(self):
        page = self.pawl("help", "--man")
        self.assertEqual(page.returncode, 0)
        plain = page.stdout.replace("\\-", "-")
        for command in [[command] for command in COMMANDS] + GROUPED:
            for word in self.pawl(*command, "--help").stdout.split():
                if word.startswith("--") and word[2:].replace("-", "").isalpha():
                    self.assertIn(word, plain)
        committed = clilib.pathlib.Path(__file__).parents[2] / "docs/man/pawl.1"
        self.assertEqual(page.stdout, committed.read_text(),
                         "docs/man/pawl.1 is old: build/bin/pawl help --man > docs/man/pawl.1")
        if shutil.which("man"):
            checked = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", "-"],
                                     input=page.stdout, capture_output=True, text=True,
                                     env={**os.environ, "MANROFFSEQ": ""})
            self.assertEqual(checked.stderr, "")


if __name__ == "__main__":
    clilib.main()
