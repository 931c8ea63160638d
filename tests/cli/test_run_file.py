"""pawl run -f: several apps from one file."""

import json
import os
import pathlib
import re
import signal
import socket
import urllib.request

import clilib


class RunFile(clilib.Case):
    def run_file(self, text, *flags, **more):
        self.file("apps/dapr.yaml", text)
        return self.pawl("run", "-f", "apps", *flags, **more)

    def setUp(self):
        super().setUp()
        for name in ("one", "two"):
            (self.home / "apps" / name).mkdir(parents=True)

    def logs(self, app):
        return sorted((self.home / "apps" / app / ".dapr/logs").glob("*.log"))

    TWO = """version: 1
name: pair
common:
  env: {SHARED: common, BOTH: common}
apps:
- appDirPath: one
  appID: first
  env: {BOTH: own}
  command: ["sh", "-c", "echo \\"$APP_ID $SHARED $BOTH\\"; pwd"]
- appDirPath: ./two/
  command: ["sh", "-c", "echo \\"$APP_ID $SHARED $BOTH\\""]
"""

    def test_two_apps(self):
        answer = self.run_file(self.TWO)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        for text in ('Validating config and starting app "first"',
                     'Started Dapr with app id "first". HTTP Port: ',
                     "== APP - first == first common own\n",
                     f"== APP - first == {self.home}/apps/one\n",
                     "== APP - two == two common common\n",
                     f"Writing log files to directory : {self.home}/apps/one/.dapr/logs"):
            self.assertIn(text, answer.stdout)
        self.assert_nothing_left()

    def test_lines_for_the_dashboard(self):
        """What an app and its daemon write can be read from the daemon, and from where one left off."""
        self.file("apps/dapr.yaml", """version: 1
apps:
- appDirPath: one
  appID: first
  command: [sh, -c, "echo one; printf 'b\\\\377d\\\\n' >&2; while ! test -e ../two/go; do sleep 0.05; done; echo later; exec sleep 60"]
""")
        self.start("run", "-f", "apps")
        self.wait_output("== APP - first == one")  # the daemon is ready by then

        def log(query=""):
            port = self.list_json()[0]["httpPort"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/pawl/v1/log{query}", timeout=20) as answer:
                return json.load(answer)

        def texts(answer, kind):
            return [line["text"] for line in answer["lines"] if line["from"] == kind]

        clilib.wait_for(lambda: len(texts(log(), "app")) == 2)
        first = log()
        self.assertEqual(sorted(texts(first, "app")), ["b?d", "one"])
        self.assertTrue(any("dapr initialized" in text for text in texts(first, "daemon")))
        self.file("apps/two/go", "")
        clilib.wait_for(lambda: "later" in texts(log(), "app"))
        rest = log(f"?after={first['next']}")
        self.assertEqual((texts(rest, "app"), rest["missed"]), (["later"], False))
        self.assertEqual([line["text"] for line in log("?n=1")["lines"]], ["later"])

    def test_log_files(self):
        self.run_file(self.TWO)
        names = [path.name for path in self.logs("one")]
        self.assertEqual(len(names), 2, names)
        self.assertRegex(names[0], r"^first_app_\d{14}\.log$")
        self.assertRegex(names[1], r"^first_daprd_\d{14}\.log$")
        app, daemon = (path.read_text() for path in self.logs("one"))
        self.assertEqual(app.splitlines()[0], "first common own")
        self.assertIn("dapr initialized. Status: Running.", daemon)

    def test_an_id_is_no_path(self):
        """Log files stay in their folder, whatever the app is called."""
        answer = self.run_file("""version: 1
apps:
- appDirPath: one
  appID: ../../first
  command: [sh, -c, "echo here"]
""")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        names = [path.name for path in self.logs("one")]
        self.assertEqual([name[:-18] for name in names], [".._.._first_app_", ".._.._first_daprd_"])

    def test_logs_do_not_grow_for_ever(self):
        """Those of ten starts are kept, of each app and kind; one start's are of bounded size."""
        folder = self.home / "apps/one/.dapr/logs"
        others = {"first_app_2020.log", "second_app_20200101000000.log", "first_app_20200101000000.txt"}
        for name in others:
            self.file(folder / name, "")
        for day in range(10, 25):
            for kind in "app", "daprd":
                self.file(folder / f"first_{kind}_202001{day}000000.log", "old")
            self.file(folder / f"first_app_202001{day}000000.log.1", "older")
        many = 18 << 20
        answer = self.run_file(f"""version: 1
apps:
- appDirPath: one
  appID: first
  appLogDestination: file
  command: [sh, -c, "yes 0123456789012345678901234567890123456789 | head -c {many}; echo last"]
""")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        names = {path.name for path in folder.iterdir()}
        self.assertEqual(names & others, others)
        for kind in "app", "daprd":
            left = sorted(name for name in names - others if name.startswith(f"first_{kind}_") and name.endswith(".log"))
            self.assertEqual([name[-18:-4] for name in left[:-1]], [f"202001{day}000000" for day in range(16, 25)])
        now = folder / sorted(name for name in names - others if name.startswith("first_app_") and name.endswith(".log"))[-1]
        self.assertTrue(now.read_text().endswith("last\n"))
        self.assertEqual(now.stat().st_size + pathlib.Path(f"{now}.1").stat().st_size, many + 5)
        self.assertLess(pathlib.Path(f"{now}.1").stat().st_size, 17 << 20)

    def test_settings_that_do_nothing_say_so(self):
        answer = self.run_file("""version: 1
common:
  enableProfiling: true
  appSSL: false
apps:
- appDirPath: one
  profilePort: 3
  command: [sh, -c, "echo ran"]
""")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        said = [line for line in answer.stderr.splitlines() if "has no effect" in line]
        self.assertEqual([line.rpartition("/")[2].partition(":")[2] for line in said],
                         ["3: enableProfiling has no effect here", "7: profilePort has no effect here"])

    def test_settings_of_the_sidecar(self):
        """Those that are flags of the daemon reach it."""
        answer = self.run_file("""version: 1
common:
  daprdLogDestination: console
  enableApiLogging: true
apps:
- appDirPath: one
  appPort: 1
  enableAppHealthCheck: true
  appHealthCheckPath: /well
  appHealthProbeInterval: 7
  appHealthProbeTimeout: 70
  appHealthThreshold: 9
  command: [python3, -c, "import os, urllib.request as u; u.urlretrieve('http://localhost:' + os.environ['DAPR_HTTP_PORT'] + '/v1.0/metadata', 'told')"]
""")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertTrue((self.home / "apps" / "one" / "told").exists(), answer.stdout + answer.stderr)
        told = json.loads((self.home / "apps" / "one" / "told").read_text())["appConnectionProperties"]["health"]
        self.assertEqual(told, {"healthCheckPath": "/well", "healthProbeInterval": "7s", "healthProbeTimeout": "70ms",
                                "healthThreshold": 9})
        self.assertIn('method="GET /v1.0/metadata"', answer.stdout)

    def test_log_destinations(self):
        answer = self.run_file("""version: 1
common:
  daprdLogDestination: console
apps:
- appDirPath: one
  appLogDestination: console
  command: [sh, -c, "echo from one"]
- appDirPath: two
  appLogDestination: file
  daprdLogDestination: fileAndConsole
  command: [sh, -c, "printf 'from \\\\033[31mtwo\\\\033[0m\\\\n'"]
""")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("== APP - one == from one\n", answer.stdout)
        self.assertNotIn("from \x1b", answer.stdout)
        self.assertEqual(self.logs("one"), [])
        app, daemon = self.logs("two")
        self.assertEqual(app.read_text(), "from two\n")
        self.assertIn("dapr initialized", daemon.read_text())
        lines = [line for line in answer.stdout.splitlines() if "dapr initialized" in line]
        self.assertEqual(len(lines), 2)
        self.assertFalse(any("== APP" in line for line in lines))

    def test_lines_stay_whole(self):
        many = 3000
        answer = self.run_file(f"""version: 1
apps:
- appDirPath: one
  command: [sh, -c, "i=0; while [ $i -lt {many} ]; do echo line $i; i=$((i+1)); done; printf end"]
- appDirPath: two
  command: [sh, -c, "i=0; while [ $i -lt {many} ]; do echo line $i >&2; i=$((i+1)); done"]
""")
        for app in ("one", "two"):
            lines = re.findall(rf"^== APP - {app} == line (\d+)$", answer.stdout, re.M)
            self.assertEqual(lines, [str(i) for i in range(many)])
        self.assertIn("== APP - one == end\n", answer.stdout)

    def test_sockets(self):
        (self.home / "apps/one/s").mkdir()
        answer = self.run_file("""version: 1
apps:
- {appDirPath: one, unixDomainSocket: s, command: [sh, -c, "test -S s/dapr-one-http.socket && echo there"]}
""")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("== APP - one == there", answer.stdout)

    def test_from_standard_input(self):
        answer = self.pawl("run", "-f", "-", input=self.TWO, cwd=self.home / "apps")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("== APP - first == first common own\n", answer.stdout)

    def test_named_file(self):
        self.file("apps/other.yaml", self.TWO)
        answer = self.pawl("run", "--run-file=apps/other.yaml")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_exit_codes(self):
        answer = self.run_file("""version: 1
apps:
- {appDirPath: one, command: [sh, -c, "exit 5"]}
- {appDirPath: two, command: [sh, -c, "sleep 0.5; echo still here"]}
""")
        self.assertEqual(answer.returncode, 5, answer.stdout + answer.stderr)
        text = answer.stdout + answer.stderr
        self.assertRegex(text, r'"one".* exited with code 5')
        self.assertRegex(text, r'"two".* exited with code 0')
        self.assertIn("still here", text)
        self.assert_nothing_left()

    def test_last_lines_of_an_app_that_fails(self):
        """They are shown when the terminal has not seen them."""
        answer = self.run_file("""version: 1
apps:
- appDirPath: one
  appLogDestination: file
  command: [sh, -c, "for i in $(seq 30); do echo line $i; done; exit 3"]
""")
        self.assertEqual(answer.returncode, 3)
        self.assertIn('app "one" exited with code 3', answer.stdout)
        self.assertIn("   line 30\n   (all of it is in ", answer.stderr)
        self.assertNotIn("line 20\n", answer.stderr)

    def test_ctrl_c(self):
        self.file("apps/dapr.yaml", """version: 1
apps:
- appDirPath: one
  command: [sh, -c, "trap 'echo tidied; exit 0' INT; echo ready; while :; do sleep 0.05; done"]
- appDirPath: two
  command: [sh, -c, "echo ready; sleep 300; true"]
""")
        process = self.start("run", "-f", "apps")
        self.wait_output("== APP - one == ready")
        self.wait_output("== APP - two == ready")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 0, self.output())
        self.assertIn("== APP - one == tidied", self.output())
        self.assert_nothing_left()

    def test_kill_of_the_command(self):
        self.file("apps/dapr.yaml", """version: 1
apps:
- {appDirPath: one, command: [sh, -c, "echo ready; sh -c 'sleep 300; true'; true"]}
- {appDirPath: two, command: [sh, -c, "trap '' TERM; echo ready; while :; do sleep 0.1; done"]}
""")
        process = self.start("run", "-f", "apps")
        self.wait_output("== APP - one == ready")
        self.wait_output("== APP - two == ready")
        self.assertEqual(len(self.daemons()), 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.assert_nothing_left(5)

    def test_two_sidecars_share_a_file(self):
        self.file("apps/resources/store.yaml", f"""apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: shared}}
spec:
  type: state.sqlite
  version: v1
  metadata:
  - {{name: connectionString, value: "{self.home}/shared.db"}}
  - {{name: actorStateStore, value: "true"}}
""")
        answer = self.run_file("""version: 1
common: {resourcesPaths: [./resources]}
apps:
- {appDirPath: one, command: ["true"]}
- {appDirPath: two, command: ["true"]}
""")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertTrue((self.home / "shared.db").exists())


class Mistakes(clilib.Case):
    """Each names file, line and remedy, and is told before anything starts."""

    def setUp(self):
        super().setUp()
        (self.home / "app").mkdir()

    def mistake(self, text, *expected):
        self.file("dapr.yaml", text)
        answer = self.pawl("run", "-f", ".")
        self.assert_mistake(answer, *expected)
        self.assertFalse((self.home / "app/started").exists())
        self.assert_nothing_left()

    START = "- {appDirPath: app, appID: fine, command: [touch, started]}\n"

    def test_in_the_file(self):
        head = "version: 1\napps:\n" + self.START
        for text, *expected in (
                (head + "- appDirPaht: app\n", "dapr.yaml:4:", 'unknown key "appDirPaht"',
                 'did you mean "appDirPath"?'),
                (head + "- appID: x\n", "dapr.yaml:4:", "appDirPath"),
                (head + "- appDirPath: nowhere\n", "dapr.yaml:4:", "nowhere"),
                (head + "- appDirPath: app\n  appPort: web\n", "dapr.yaml:5:", "appPort"),
                (head + "- appDirPath: app\n  daprHTTPPort: 70000\n", "dapr.yaml:5:",
                 "daprHTTPPort"),
                (head + "- appDirPath: app\n  command: python3 app.py\n", "dapr.yaml:5:",
                 "command"),
                (head + "- appDirPath: app\n  resourcesPaths: [gone]\n", "dapr.yaml:5:", "gone"),
                (head + "- appDirPath: app\n  configFilePath: gone.yaml\n", "dapr.yaml:5:",
                 "gone.yaml"),
                (head + "- appDirPath: app\n  appLogDestination: printer\n", "dapr.yaml:5:",
                 "console, file or fileAndConsole"),
                (head + "- appDirPath: app\n\tcommand: x\n", "dapr.yaml:5:"),
                (head + "common: {appPort: 3}\n", "dapr.yaml:4:", 'unknown key "appPort"'),
                (head + "version: 1\n", "dapr.yaml:4:", "version"),
                ("version: 2\napps:\n" + self.START, "dapr.yaml:1:", "version", "1"),
                ("apps:\n" + self.START, "version"),
                ("version: 1\n", "apps"),
                ("version: 1\napps: []\n", "dapr.yaml:2:", "apps"),
                ("", "dapr.yaml"),
                ("just text\n", "dapr.yaml:1:"),
        ):
            with self.subTest(text=text):
                self.mistake(text, *expected)

    def test_no_file(self):
        self.assert_mistake(self.pawl("run", "-f", "."), "dapr.yaml")
        self.assert_mistake(self.pawl("run", "-f", "gone.yaml"), "gone.yaml")

    def test_no_such_command(self):
        self.mistake("version: 1\napps:\n" + self.START +
                     "- {appDirPath: app, appID: bad, command: [no-such-program]}\n",
                     '"bad"', "no-such-program")

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.mistake("version: 1\napps:\n" + self.START +
                         f"- {{appDirPath: app, appID: bad, daprHTTPPort: {port},"
                         " command: [touch, started]}\n", '"bad"', f"port {port} is in use")

    def test_two_apps_want_one_port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.mistake("version: 1\napps:\n"
                     f"- {{appDirPath: app, appID: a, daprHTTPPort: {port}, command: [touch, started]}}\n"
                     f"- {{appDirPath: app, appID: b, daprGRPCPort: {port}, command: [touch, started]}}\n",
                     str(port))

    def test_replicas(self):
        """The same app three times: its daemons share the file, and each of them answers for all."""
        self.file("store/store.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: s}\nspec:\n"
                  "  type: state.sqlite\n  version: v1\n  metadata:\n"
                  f"  - {{name: connectionString, value: '{self.home}/s.db'}}\n"
                  "  - {name: actorStateStore, value: 'true'}\n")
        app = "- {appID: orders, appDirPath: ., command: [sh, -c, 'echo ready; sleep 300']}\n"
        self.file("dapr.yaml", "version: 1\ncommon: {resourcesPath: store}\napps:\n" + 3 * app)
        process = self.start("run", "-f", ".")
        clilib.wait_for(lambda: self.output().count("== ready") == 3)
        for which in ("", " (2)", " (3)"):
            self.assertIn(f"== APP - orders{which} == ready\n", self.output())
        self.assertEqual([one["appId"] for one in self.list_json()], 3 * ["orders"])
        names = sorted(path.name.split("_")[0] for path in (self.home / ".dapr/logs").glob("*_daprd_*"))
        self.assertEqual(names, ["orders", "orders-2", "orders-3"])
        # The others stand in for one whose sidecar dies, until there is none.
        for left in (2, 1, 0):
            self.assertIsNone(process.poll())
            os.kill(self.list_json()[0]["daprdPid"], signal.SIGKILL)
            clilib.wait_for(lambda: len(self.list_json()) == left)
        self.assertEqual(process.wait(30), 1)
        for which in ("", " (2)", " (3)"):
            self.assertIn(f'the sidecar of app "orders"{which} was ended by signal 9', self.output())

    def test_replicas_that_cannot_share(self):
        self.file("store/store.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: s}\nspec:\n"
                  "  type: state.in-memory\n  version: v1\n  metadata: [{name: actorStateStore, value: 'true'}]\n")
        app = "- {appID: orders, appDirPath: ., command: [touch, started]}\n"
        self.file("dapr.yaml", "version: 1\ncommon: {resourcesPath: store}\napps:\n" + 2 * app)
        answer = self.pawl("run", "-f", ".")
        self.assertEqual(answer.returncode, 1, answer.stdout)
        for told in ('app "orders"', "more than once", "store.yaml:1", "state.sqlite"):
            self.assertIn(told, answer.stderr)
        self.assertFalse((self.home / "started").exists())


if __name__ == "__main__":
    clilib.main()
