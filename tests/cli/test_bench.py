"""pawl bench measures something, cleans up, and says what is wrong with its flags."""

import json
import os
import signal
import time

import clilib


class Bench(clilib.Case):
    def results(self, *args):
        answer = self.pawl("bench", "-s", "1", "-o", "json", *args)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def check(self, result, *names):
        for name in names:
            self.assertGreater(result[name], 0, (name, result))

    def test_file(self):
        results = self.results("-w", "seq5,events,timers,children,par5,start", "-n", "5")
        self.assertEqual([r["workload"] for r in results],
                         ["seq5", "events", "timers", "children", "par5", "start"])
        for result in results:
            self.check(result, "unitsPerSecond", "workflows", "p50Ms", "cpuUs", "commits", "bytes",
                       "rssMiB", "syncsPerSecond", "rawPerSecond", "ofDisk", "ofCpu", "unitInSyncs")
            self.assertGreaterEqual(result["p99Ms"], result["p50Ms"], result)
            self.assertIsNone(result["daemonCpuUs"], result)
        self.assertEqual(os.listdir(self.home), [])

    def test_memory_and_payload(self):
        [small, large] = self.results("--memory", "-w", "seq5", "-n", "1", "-p", "0,100000")
        self.assertEqual([small["payload"], large["payload"]], [0, 100000])
        self.assertIsNone(small["commits"])
        self.assertIsNone(small["ofDisk"])
        self.assertGreater(small["unitsPerSecond"], large["unitsPerSecond"])

    def test_table(self):
        answer = self.pawl("bench", "-s", "1", "--memory", "-w", "seq5", "-n", "1,2")
        lines = answer.stdout.splitlines()
        self.assertEqual(len(lines), 3, answer.stdout)
        self.assertTrue(lines[1].startswith("seq5 "))
        self.assertEqual({len(line) for line in lines}, {len(lines[0])})

    def test_count(self):
        [result] = self.results("-w", "start", "-n", "3", "-c", "20")
        self.assertEqual(result["workflows"], 20)

    def test_bounds(self):
        [result] = self.results("-w", "bounds", "-n", "5", "-p", "8192", "--daemon")
        self.check(result, "syncsPerSecond", "syncMs", "rawPerSecond", "echoesPerSecond", "echoMs")
        self.assertIsNone(result["unitsPerSecond"])

    def test_own_daemon(self):
        [result] = self.results("-w", "seq5", "-n", "5", "--daemon")
        self.check(result, "unitsPerSecond", "cpuUs", "daemonCpuUs", "daemonRssMiB", "commits", "bytes",
                   "echoesPerSecond", "ofEcho", "ofDisk")
        self.assertEqual(os.listdir(self.home), [])
        self.assert_nothing_left()
        [result] = self.results("-w", "sleep", "-n", "5", "-c", "10", "--daemon", "--memory")
        self.assertEqual(result["workflows"], 10)
        self.assertIsNone(result["syncsPerSecond"])

    def test_store_of_a_component(self):
        """What is there stays, and the next run goes on at once, since the daemon has ended in good order."""
        file = f"{self.home}/component.yaml"
        with open(file, "w") as out:
            out.write(f"""apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: mine}}
spec:
  type: state.sqlite
  version: v1
  metadata:
    - {{name: connectionString, value: "{self.home}/mine.db"}}
    - {{name: actorStateStore, value: "true"}}
""")
        for _ in range(2):
            [result] = self.results("-w", "seq5", "-n", "5", "--daemon", "--store", file)
            self.check(result, "unitsPerSecond", "daemonCpuUs")
        self.assertIn("mine.db", os.listdir(self.home))

    def test_daemon(self):
        resources = self.home / "resources"
        self.file("resources/store.yaml", f"""apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: statestore}}
spec:
  type: state.sqlite
  version: v1
  metadata:
    - {{name: connectionString, value: "{self.home}/state.db"}}
    - {{name: actorStateStore, value: "true"}}
""")
        http, grpc = clilib.free_port(), clilib.free_port()
        self.start("daemon", "--app-id", "bench", "--dapr-http-port", http, "--dapr-grpc-port", grpc,
                   "--resources-path", resources)
        self.wait_output("Workflow engine started")
        [result] = self.results("-w", "seq5", "-n", "10", "-t", f"grpc://127.0.0.1:{grpc}")
        self.check(result, "unitsPerSecond", "daemonCpuUs", "commits", "bytes", "ofEcho")
        self.assertIsNone(result["syncsPerSecond"])  # whose disk its store is on was not said

    def test_interrupted(self):
        for more in ([], ["--daemon"]):
            process = self.start("bench", "-s", "60", "-w", "seq5", "-n", "5", *more)
            clilib.wait_for(lambda: [n for n in os.listdir(self.home) if n.startswith("pawl-bench-")])
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(10), 1)
            self.wait_output("interrupted")
            self.assertEqual(os.listdir(self.home), ["out"])
            self.assert_nothing_left()

    def test_mistakes(self):
        for args, part, code in ((["-w", "nope"], "no workload 'nope'", 2),
                                 (["-n", "0"], "have to be from 1 to 100000", 2),
                                 (["-s", "0"], "--seconds", 2),
                                 (["-o", "xml"], "--output is 'xml'", 2),
                                 (["--memory", "-t", "grpc://x:1"], "exclude each other", 2),
                                 (["--daemon", "-t", "grpc://x:1"], "exclude each other", 2),
                                 (["--store", "x"], "--store needs --daemon", 2),
                                 (["--daemon", "--store", "/no/file"], "cannot read '/no/file'", 1),
                                 (["-c", "-1"], "--count", 2),
                                 (["--daemon", "-w", "seq5", "-d", "/nonexistent"], "'/nonexistent': No such file", 1),
                                 (["-d", "/nonexistent"], "'/nonexistent': No such file", 1)):
            answer = self.pawl("bench", *args)
            self.assertEqual(answer.returncode, code, answer.stderr)
            self.assertIn(part, answer.stderr)
            self.assertNotIn("seq5", answer.stdout)


if __name__ == "__main__":
    clilib.main()
