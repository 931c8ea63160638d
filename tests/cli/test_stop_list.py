"""pawl list and pawl stop find what runs, and nothing else."""

import json
import os
import pathlib
import signal
import subprocess

import clilib


class StopList(clilib.Case):
    def setUp(self):
        super().setUp()
        self.id = f"app-{os.getpid()}-{self.home.name[-6:].lower().replace('_', 'x')}"

    def start_app(self, script="echo ready; sleep 300; true", *flags):
        process = self.start("run", "-a", self.id, *flags, "--", "sh", "-c", script)
        self.wait_output("ready\n")

        def known():
            mine = self.list_json()
            return mine and mine[0]["appPid"] and mine[0]["command"]
        clilib.wait_for(known)
        return process

    def test_list(self):
        process = self.start_app()
        [one] = self.list_json()
        self.assertEqual(one["appId"], self.id)
        self.assertEqual(one["cliPid"], process.pid)
        self.assertEqual(clilib.command_line(one["appPid"])[0], b"sh")
        self.assertEqual(one["command"], "sh -c echo ready; sleep 300; true")
        self.assertIn(f"HTTP Port: {one['httpPort']}. gRPC Port: {one['grpcPort']}", self.output())
        self.assertRegex(one["age"], r"^\d+s$")

        table = self.pawl("list").stdout.splitlines()
        for column in ("APP ID", "HTTP PORT", "GRPC PORT", "APP PORT", "COMMAND", "AGE", "CREATED",
                       "DAPRD PID", "CLI PID", "APP PID"):
            self.assertIn(column, table[0])
        [row] = [line for line in table if line.startswith(self.id + " ")]
        self.assertIn(str(one["httpPort"]), row)
        yaml = self.pawl("list", "-o", "yaml").stdout
        self.assertRegex(yaml, rf'(?m)^(- |  )appId: "?{self.id}"?$')

    def test_columns_stand_under_their_heads(self):
        self.start_app()
        table = self.pawl("list").stdout.splitlines()
        [one] = self.list_json()
        [row] = [line for line in table if line.startswith(self.id + " ")]
        for head, value in (("HTTP PORT", one["httpPort"]), ("DAPRD PID", one["daprdPid"]),
                            ("CLI PID", one["cliPid"])):
            at = table[0].index(head)
            self.assertTrue(row[at:].startswith(str(value)), f"{head}\n{table[0]}\n{row}")

    def test_nothing_runs(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            words = clilib.command_line(pid)
            name = os.path.basename(words[0]) if words else b""
            if name == b"daprd" or (name == b"pawl" and words[1:2] == [b"daemon"]):
                self.skipTest("somebody else's sidecar runs on this machine")
        self.assertEqual(self.pawl("list").stdout, "No Dapr instances found.\n")
        self.assertEqual(json.loads(self.pawl("list", "-o", "json").stdout), [])

    def test_stop(self):
        process = self.start_app("trap 'echo tidied; exit 0' TERM; echo ready;"
                                 "while :; do sleep 0.05; done")
        answer = self.pawl("stop", "-a", self.id)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(f"app stopped successfully: {self.id}", answer.stdout)
        self.assertEqual(process.wait(5), 0)
        self.assertIn("tidied", self.output())
        self.assert_nothing_left()
        self.assert_mistake(self.pawl("stop", "-a", self.id), "pawl list", code=1)

    def test_stop_does_not_wait_for_an_unreaped_command(self):
        """This test is the parent of the command, and has not asked how it ended."""
        self.start_app()
        answer = self.pawl("stop", "-a", self.id, timeout=10)
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_stop_of_a_daemon_without_a_command(self):
        self.start("--app-id", self.id, "--dapr-http-port", "0", "--dapr-grpc-port", "0",
                   name="daprd")
        self.wait_output("dapr initialized")
        answer = self.pawl("stop", "-a", self.id, timeout=15)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assert_nothing_left()

    def test_other_programs_are_left_alone(self):
        """Metadata that names a process which is not the daemon's parent does not get it killed."""
        bystander = subprocess.Popen(["sleep", "300"], env=self.env)
        self.started.append(bystander)
        self.start("--app-id", self.id, "--dapr-http-port", str(clilib.free_port()),
                   "--dapr-grpc-port", str(clilib.free_port()), name="daprd")
        self.wait_output("dapr initialized")
        port = self.list_json()[0]["httpPort"]
        subprocess.run(["python3", "-c", f"""
import urllib.request as u
u.urlopen(u.Request('http://127.0.0.1:{port}/v1.0/metadata/cliPID', b'{bystander.pid}',
                    method='PUT'))"""], check=True)
        answer = self.pawl("stop", "-a", self.id, timeout=15)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIsNone(bystander.poll())
        self.assertEqual(self.daemons(), [])

    def test_stop_of_a_run_file(self):
        (self.home / "app").mkdir()
        self.file("dapr.yaml", f"""version: 1
apps:
- {{appDirPath: app, appID: {self.id}-1, command: [sh, -c, "echo ready; sleep 300; true"]}}
- {{appDirPath: app, appID: {self.id}-2, command: [sh, -c, "echo ready; sleep 300; true"]}}
""")
        process = self.start("run", "-f", "dapr.yaml")
        for i in (1, 2):
            self.wait_output(f"== APP - {self.id}-{i} == ready")

        def known():
            return len([one for one in self.list_json() if one["runTemplatePath"]]) == 2
        clilib.wait_for(known)
        for one in self.list_json():
            self.assertEqual(one["runTemplatePath"], str(self.home / "dapr.yaml"))
            for key in ("appLogPath", "daprdLogPath"):
                self.assertTrue(pathlib.Path(one[key]).is_file(), one)
        elsewhere = self.pawl("stop", "-f", ".", cwd=self.home / "app")
        self.assert_mistake(elsewhere, "dapr.yaml", code=1)
        answer = self.pawl("stop", "-f", ".", timeout=15)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        for i in (1, 2):
            self.assertIn(f"app stopped successfully: {self.id}-{i}", answer.stdout)
        process.wait(10)
        self.assert_nothing_left()

    def test_stop_of_one_app_of_several(self):
        """The others go on, though one command runs them all."""
        (self.home / "app").mkdir()
        self.file("dapr.yaml", f"""version: 1
apps:
- appDirPath: app
  appID: {self.id}-1
  command: [sh, -c, "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.05; done"]
- {{appDirPath: app, appID: {self.id}-2, command: [sh, -c, "echo ready; sleep 300; true"]}}
""")
        process = self.start("run", "-f", ".")
        for i in (1, 2):
            self.wait_output(f"== APP - {self.id}-{i} == ready")

        def known():
            return len([one for one in self.list_json() if one["appPid"]]) == 2
        clilib.wait_for(known)
        answer = self.pawl("stop", "-a", f"{self.id}-1", timeout=15)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.wait_output(f"== APP - {self.id}-1 == tidied")
        self.assertEqual([one["appId"] for one in self.list_json()], [f"{self.id}-2"])
        self.assertIsNone(process.poll())
        answer = self.pawl("stop", "-a", f"{self.id}-2", timeout=15)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(process.wait(10), 0, self.output())
        self.assert_nothing_left()

    def test_a_dead_daemon_is_not_listed(self):
        process = self.start_app()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.assert_nothing_left()
        self.assertEqual(self.list_json(), [])


if __name__ == "__main__":
    clilib.main()
