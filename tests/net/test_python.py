"""gRPC's C core, by way of Python."""

import concurrent.futures
import os
import tempfile
import threading
import time
import unittest

import grpc

from netlib import Server


class Python(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.path = os.path.join(tempfile.mkdtemp(), "grpc.socket")
        cls.server = Server(cls.path)
        options = [("grpc.max_receive_message_length", -1)]
        cls.channel = grpc.insecure_channel(f"localhost:{cls.server.port}", options=options)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.server.close()
        assert not os.path.exists(cls.path), "the socket file is left behind"

    def unary(self, method, data, **kw):
        return self.channel.unary_unary("/t/" + method)(data, **kw)

    def fails(self, method, data, **kw):
        with self.assertRaises(grpc.RpcError) as caught:
            self.unary(method, data, **kw)
        return caught.exception

    def test_unary(self):
        for data in (b"hello", b"", b"x" * 70000, b"x" * 3000000):
            self.assertEqual(self.unary("Echo", data), data)

    def test_stream(self):
        sizes = [len(m) for m in self.channel.unary_stream("/t/Stream")(b"20000 100")]
        self.assertEqual(sizes, [100] * 20000)
        sizes = [len(m) for m in self.channel.unary_stream("/t/Stream")(b"10 2000000")]
        self.assertEqual(sizes, [2000000] * 10)
        self.assertEqual(list(self.channel.unary_stream("/t/Stream")(b"0 0")), [])

    def test_status(self):
        error = self.fails("Fail", "5 hé 100%\n".encode())
        self.assertEqual((error.code(), error.details()), (grpc.StatusCode.NOT_FOUND, "hé 100%\n"))
        self.assertIn(("grpc-status-details-bin", b"\x08\x05\x12\x03abc"),
                      [tuple(m) for m in error.trailing_metadata()])
        self.assertEqual(self.fails("Nothing", b"").code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assertEqual(self.fails("Plain401", b"").code(), grpc.StatusCode.UNAUTHENTICATED)

    def test_status_after_messages(self):
        got = []
        with self.assertRaises(grpc.RpcError) as caught:
            for m in self.channel.unary_stream("/t/FailLate")(b""):
                got.append(m)
        self.assertEqual((got, caught.exception.code()), ([b"one", b"two"], grpc.StatusCode.ABORTED))

    def test_metadata(self):
        self.assertEqual(self.unary("Metadata", b"", metadata=[("dapr-api-token", "t"),
                                                               ("grpc-trace-bin", b"\0\1")]), b"t")

    def test_deadline(self):
        before = self.server.stats()
        start = time.monotonic()
        self.assertEqual(self.fails("Wait", b"", timeout=0.2).code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertGreaterEqual(time.monotonic() - start, 0.2)
        self.server.wait_for(waiting=before["waiting"])

    def test_cancel(self):
        before = self.server.stats()
        call = self.channel.unary_stream("/t/Start")(b"")
        call.initial_metadata()  # comes though there is no message
        self.server.wait_for(waiting=before["waiting"] + 1)
        call.cancel()
        self.server.wait_for(waiting=before["waiting"], canceled=before["canceled"] + 1)

    def test_too_large(self):
        error = self.fails("Echo", b"x" * 5000000)
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(self.unary("Echo", b"y"), b"y")

    def test_compressed(self):
        # The client sends gzip unasked; C core falls back to nothing, but says why.
        with grpc.insecure_channel(f"localhost:{self.server.port}",
                                   compression=grpc.Compression.Gzip) as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/t/Echo")(b"x" * 10000)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_many_threads(self):
        def work(i):
            return all(self.unary("Echo", b"%d %d" % (i, k)) == b"%d %d" % (i, k) for k in range(100))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertTrue(all(pool.map(work, range(32))))

    def test_many_calls_beside_a_stream(self):
        stream = self.channel.unary_stream("/t/Start")(b"")
        stream.initial_metadata()
        futures = [self.channel.unary_unary("/t/Echo").future(b"%d" % i) for i in range(3000)]
        self.assertEqual([f.result() for f in futures], [b"%d" % i for i in range(3000)])
        stream.cancel()

    def test_slow_reader(self):
        stream = self.channel.unary_stream("/t/Stream")(b"2000 50000")
        next(stream)
        time.sleep(0.5)
        self.assertLess(self.server.rss(), 150000)
        self.assertEqual(sum(1 for _ in stream), 1999)

    def test_unix_socket(self):
        with grpc.insecure_channel("unix:" + self.path) as channel:
            self.assertEqual(channel.unary_unary("/t/Echo")(b"x"), b"x")

    def test_keepalive_pings(self):
        options = [("grpc.keepalive_time_ms", 100), ("grpc.keepalive_permit_without_calls", 1),
                   ("grpc.http2.max_pings_without_data", 0),
                   ("grpc.http2.min_time_between_pings_ms", 100)]
        with grpc.insecure_channel(f"localhost:{self.server.port}", options=options) as channel:
            call = channel.unary_unary("/t/Echo")
            self.assertEqual(call(b"x"), b"x")
            time.sleep(1.5)
            self.assertEqual(call(b"y"), b"y")


class Restart(unittest.TestCase):
    def test_shutdown_ends_calls(self):
        server = Server()
        with grpc.insecure_channel(f"localhost:{server.port}") as channel:
            call = channel.unary_unary("/t/Wait").future(b"")
            server.wait_for(waiting=1)
            closer = threading.Thread(target=server.close)
            closer.start()
            self.assertEqual(call.exception(10).code(), grpc.StatusCode.UNAVAILABLE)
            closer.join()


if __name__ == "__main__":
    unittest.main()
