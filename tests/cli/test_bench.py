"""pawl bench measures something, cleans up, and says what is wrong with its flags."""

import json
import os
import socket

import clilib


class Bench(clilib.Case):
    def results(self, *args):
        answer = self.pawl("bench", "-s", "1", "-o", "json", *args)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def test_file(self):
        answer = self.results("-w", "seq5,events,timers,children,par5,start", "-n", "5")
        self.assertGreater(answer["fdatasyncsPerSecond"], 0)
        self.assertEqual([r["workload"] for r in answer["results"]],
                         ["seq5", "events", "timers", "children", "par5", "start"])
        for result in answer["results"]:
            self.assertGreater(result["unitsPerSecond"], 0, result)
            self.assertGreater(result["workflows"], 0, result)
            self.assertGreater(result["p50Ms"], 0, result)
            self.assertGreaterEqual(result["p99Ms"], result["p50Ms"], result)
            self.assertGreater(result["cpuUsPerUnit"], 0, result)
            self.assertGreater(result["syncsPerUnit"], 0, result)
            self.assertGreater(result["bytesPerUnit"], 0, result)
            self.assertGreater(result["shareOfDisk"], 0, result)
        self.assertEqual(os.listdir(self.home), [])

    def test_memory_and_payload(self):
        [small, large] = self.results("--memory", "-w", "seq5", "-n", "1", "-p", "0,100000")["results"]
        self.assertEqual([small["payload"], large["payload"]], [0, 100000])
        self.assertEqual(small["syncsPerUnit"], -1)
        self.assertGreater(small["unitsPerSecond"], large["unitsPerSecond"])

    def test_table(self):
        answer = self.pawl("bench", "-s", "1", "--memory", "-w", "seq5", "-n", "1,2")
        lines = answer.stdout.splitlines()
        self.assertEqual(len(lines), 3, answer.stdout)
        self.assertTrue(lines[1].startswith("seq5 "))

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
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            http, grpc = one.getsockname()[1], two.getsockname()[1]
        self.start("daemon", "--app-id", "bench", "--dapr-http-port", http, "--dapr-grpc-port", grpc,
                   "--resources-path", resources)
        self.wait_output("Workflow engine started")
        [result] = self.results("-w", "seq5", "-n", "10", "-t", f"grpc://127.0.0.1:{grpc}")["results"]
        self.assertGreater(result["unitsPerSecond"], 0)

    def test_mistakes(self):
        for args, part, code in ((["-w", "nope"], "no workload 'nope'", 2),
                                 (["-n", "0"], "in flight are 1 to", 2),
                                 (["-s", "0"], "--seconds", 2),
                                 (["-o", "xml"], "--output is 'xml'", 2),
                                 (["--memory", "-t", "grpc://x:1"], "exclude each other", 2),
                                 (["-d", "/nonexistent"], "'/nonexistent': No such file", 1)):
            answer = self.pawl("bench", *args)
            self.assertEqual(answer.returncode, code, answer.stderr)
            self.assertIn(part, answer.stderr)
            self.assertEqual(answer.stdout, "")


if __name__ == "__main__":
    clilib.main()
