"""pawl run with one app: what it says, what the app gets, how it ends."""

import os
import pathlib
import pty
import shutil
import signal
import socket
import time

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

    def test_exit_codes(self):
        for script, code, text in (("exit 0", 0, "exited with code 0"),
                                   ("exit 7", 7, "exited with code 7"),
                                   ("kill -9 $$", 137, "killed by signal 9"),
                                   ("kill -TERM $$", 143, "killed by signal 15")):
            with self.subTest(script=script):
                answer = self.run_shell(script)
                self.assertEqual(answer.returncode, code, answer.stdout + answer.stderr)
                self.assertIn(text, answer.stdout + answer.stderr)
        self.assert_nothing_left()

    def test_app_id_is_made_up(self):
        answer = self.pawl("run", "--", "sh", "-c", 'echo "id is <$APP_ID>"')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertRegex(answer.stdout, r"id is <[a-z0-9-]+>")

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


class Ending(clilib.Case):
    def start_app(self, script, ready="ready", flags=()):
        process = self.start("run", "-a", "tiny", *flags, "--", "sh", "-c", script)
        self.wait_output(ready)
        return process

    def test_ctrl_c_lets_the_app_finish(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start_app("trap 'echo tidied; exit 0' TERM; echo ready;"
                                     "while :; do sleep 0.05; done")
            process.send_signal(number)
            self.assertEqual(process.wait(20), 0, self.output())
            self.assertIn("tidied", self.output())
            self.assert_nothing_left()

    def test_the_sidecar_outlives_the_app(self):
        port = self.free_port()
        self.file("ask.py", "import urllib.request as u; print('answered', "
                  f"u.urlopen('http://127.0.0.1:{port}/v1.0/healthz/outbound').status)")
        process = self.start_app("trap 'python3 ask.py; exit 0' TERM; echo ready;"
                                 "while :; do sleep 0.05; done",
                                 flags=["--dapr-http-port", port])
        process.send_signal(signal.SIGINT)
        process.wait(20)
        self.assertIn("answered 204", self.output())

    def free_port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()[1]

    def test_an_app_that_will_not_end_is_killed(self):
        process = self.start_app("trap '' TERM INT; echo ready; while :; do sleep 0.05; done")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(30)
        self.assertGreater(time.monotonic() - began, 4)
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
        self.assertIn("killed by signal 9", self.output())
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

    def test_at_a_terminal(self):
        """Ctrl-C typed at a terminal reaches the terminal's foreground group alone."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execve(clilib.BIN / "pawl", ["pawl", "run", "-a", "tiny", "--", "sh", "-c",
                      "test -t 1 && echo on a terminal; trap 'echo tidied; exit 0' TERM;"
                      "echo ready; while :; do sleep 0.05; done"], self.env)
        seen = b""
        try:
            while b"ready" not in seen:
                seen += os.read(terminal, 4096)
            os.write(terminal, b"\x03")
            while True:
                try:
                    part = os.read(terminal, 4096)
                except OSError:
                    break
                if not part:
                    break
                seen += part
            _, status = os.waitpid(pid, 0)
        finally:
            os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, seen.decode())
        self.assertIn(b"on a terminal", seen)
        self.assertIn(b"tidied", seen)
        self.out = self.file("out", seen.decode())
        self.assert_nothing_left()


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
            self.skipTest("npm is not installed")
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
