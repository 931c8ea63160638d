"""HTTP/1.1 as clients send it, and as they should not."""

import http.client
import socket
import time
import unittest

from netlib import Server, connect, http as ask, read_all, read_response

GET = b"GET %s HTTP/1.1\r\nhost: x\r\n%s\r\n"


class Http1(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MAX_BODY=100000, MAX_HEADER=4096, IDLE_MS=1000)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def ask(self, data, **kind):
        return ask(self.server.port, data, **kind)

    def test_get(self):
        status, headers, body = self.ask(GET % (b"/echo?a=1&q=x%20y+z%26", b"x-show: yes \r\n"))
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(headers["x-shown"], "yes")
        self.assertEqual(headers["x-query"], "x y z&")
        self.assertRegex(headers["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertNotIn("x-bad", headers)

    def test_post_in_single_bytes(self):
        data = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        with connect(self.server.port) as sock, sock.makefile("rb") as stream:
            for i in range(len(data)):
                sock.sendall(data[i:i + 1])
            self.assertEqual(read_response(stream)[2], b"hello")

    def test_chunked(self):
        data = (b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nx-trailer: 1\r\n\r\n")
        self.assertEqual(self.ask(data)[2], b"abcdefg")

    def test_chunks_in_single_bytes(self):
        for behind, status in ((b"\r\n", 200), (b"XX", 400), (b"\rX", 400), (b"\n0", 400)):
            with self.subTest(behind=behind), connect(self.server.port) as sock, sock.makefile("rb") as stream:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                data = b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc" + behind + b"0\r\n\r\n"
                try:
                    for i in range(len(data)):
                        sock.sendall(data[i:i + 1])
                except ConnectionError:
                    pass  # it does not wait for the rest
                self.assertEqual(read_response(stream)[0], status)

    def test_keep_alive_and_pipelining(self):
        one = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s"
        bodies = [b"%d" % i for i in range(500)]
        with connect(self.server.port) as sock, sock.makefile("rb") as stream:
            sock.sendall(b"".join(one % (len(b), b) for b in bodies))
            for body in bodies:
                self.assertEqual(read_response(stream)[2], body)

    def test_pipelined_behind_a_late_answer(self):
        with connect(self.server.port) as sock, sock.makefile("rb") as stream:
            sock.sendall(GET % (b"/later", b"") + GET % (b"/size/3", b"") + GET % (b"/later", b""))
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(read_response(stream)[2], b"later")
            self.assertEqual(read_response(stream)[2], b"\0\0\0")
            self.assertEqual(read_response(stream)[2], b"later")
            self.assertEqual(stream.read(), b"")

    def test_pipelined_large_answers_to_a_slow_reader(self):
        with connect(self.server.port) as sock, sock.makefile("rb") as stream:
            sock.sendall((GET % (b"/size/2000000", b"")) * 20)
            time.sleep(0.5)
            self.assertLess(self.server.rss(), 200000)
            for _ in range(20):
                self.assertEqual(len(read_response(stream)[2]), 2000000)

    def test_close(self):
        with connect(self.server.port) as sock:
            sock.sendall(GET % (b"/echo", b"connection: close\r\n"))
            self.assertIn(b"connection: close", read_all(sock))

    def test_http_1_0(self):
        with connect(self.server.port) as sock:
            sock.sendall(b"GET /size/1 HTTP/1.0\r\n\r\n")
            answer = read_all(sock)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\n\0"))

    def test_head(self):
        data = b"HEAD /echo HTTP/1.1\r\nhost: x\r\n\r\n" + GET % (b"/size/2", b"")
        with connect(self.server.port) as sock, sock.makefile("rb") as stream:
            sock.sendall(data)
            self.assertEqual(read_response(stream, head=True)[0], 200)
            self.assertEqual(read_response(stream)[2], b"\0\0")

    def test_no_content(self):
        status, headers, _ = self.ask(GET % (b"/status/204", b""))
        self.assertEqual(status, 204)
        self.assertNotIn("content-length", headers)

    def test_expect_continue(self):
        with connect(self.server.port) as sock, sock.makefile("rb") as stream:
            sock.sendall(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
                         b"expect: 100-continue\r\n\r\n")
            self.assertEqual(stream.readline(), b"HTTP/1.1 100 Continue\r\n")
            stream.readline()
            sock.sendall(b"ok")
            self.assertEqual(read_response(stream)[2], b"ok")
        self.assertEqual(self.ask(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
                                  b"expect: wonders\r\n\r\nok")[0], 417)

    def test_absolute_form(self):
        status, headers, _ = self.ask(b"GET http://other:1/echo?q=1 HTTP/1.1\r\nhost: x\r\n\r\n")
        self.assertEqual((status, headers["x-authority"], headers["x-query"]), (200, "other:1", "1"))

    def test_upgrade_is_ignored(self):
        self.assertEqual(self.ask(GET % (b"/echo", b"connection: upgrade, http2-settings\r\n"
                                         b"upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"))[0], 200)

    def test_foreign_protocols_are_not_answered(self):
        for data in [b"hello\r\n\r\n", b"\0\1\2\3\r\n", b"INVALID CONNECTION PREFACE\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"]:
            with self.subTest(data=data), connect(self.server.port) as sock:
                sock.sendall(data)
                self.assertEqual(read_all(sock), b"")
        with connect(self.server.port) as sock:
            sock.sendall(b"GET /echo HTTP/1.1\r\n")
            time.sleep(0.2)
            sock.sendall(b"a b\r\n\r\n")  # the rest of a request is no foreign protocol
            self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 400 "))

    def test_errors(self):
        host = b"host: x\r\n"
        for data, status in [
            (b"HELLO /echo HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /echo\r\n\r\n", 505),
            (b"GET /echo HTTP/2.0\r\n" + host + b"\r\n", 505),
            (b"GET /echo HTTP/1.1\r\n\r\n", 400),                               # no host
            (b"GET /echo HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
            (b"GET echo HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /echo HTTP/1.1\r\n" + host + b"a b\r\n\r\n", 400),
            (b"GET /echo HTTP/1.1\r\n" + host + b"x: a\0b\r\n\r\n", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"content-length: -1\r\n\r\n", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"content-length: 3\r\ntransfer-encoding: chunked\r\n"
             b"\r\n0\r\n\r\n", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"transfer-encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\rX0\r\n\r\n", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"content-length: 1073741824\r\n\r\n", 413),
            (b"POST /echo HTTP/1.1\r\n" + host + b"content-length: 99999999999999999999\r\n\r\n", 400),
            (b"POST /echo HTTP/1.1\r\n" + host + b"transfer-encoding: chunked\r\n\r\n"
             b"20000\r\n" + b"x" * 131072 + b"\r\n", 413),
            (b"GET /" + b"x" * 10000 + b" HTTP/1.1\r\n" + host + b"\r\n", 431),
            (b"GET /echo HTTP/1.1\r\n" + host + b"x: " + b"y" * 5000 + b"\r\n\r\n", 431),
            (b"GET /echo HTTP/1.1\r\n" + host + b"a: b\r\n" * 3000 + b"\r\n", 431),
            (b"POST /echo HTTP/1.1\r\n" + host + b"transfer-encoding: chunked\r\n\r\n"
             b"1;" + b"x" * 10000, 431),
            (b"POST /echo HTTP/1.1\r\n" + host + b"transfer-encoding: chunked\r\n\r\n"
             b"0\r\n" + b"a: b\r\n" * 3000, 431),
            (b"CONNECT x:1 HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /nothing HTTP/1.1\r\n" + host + b"\r\n", 404),
            (b"DELETE /echo HTTP/1.1\r\n" + host + b"\r\n", 405),
            (b"GET /size/%zz HTTP/1.1\r\n" + host + b"\r\n", 404),
        ]:
            with self.subTest(data=data[:70]):
                answer = self.ask(data)
                self.assertIsNotNone(answer)
                self.assertEqual(answer[0], status)

    def test_error_arrives_though_the_body_is_not_read(self):
        with connect(self.server.port) as sock:
            sock.sendall(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
            for _ in range(20):
                try:
                    sock.sendall(b"x" * 50000)
                except OSError:
                    break
            self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 413"))

    def test_timeouts(self):
        for data in (b"GET /echo HT", b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc"):
            with connect(self.server.port) as sock:
                sock.sendall(data)
                self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 408"))

    def test_slow_headers(self):
        with connect(self.server.port) as sock:
            sock.sendall(b"GET /echo HTTP/1.1\r\n")
            end = time.monotonic() + 10
            try:
                while time.monotonic() < end:
                    sock.sendall(b"a: b\r\n")
                    time.sleep(0.2)
                self.fail("a byte now and then kept the request alive")
            except OSError:
                pass

    def test_silent_connection(self):
        with connect(self.server.port) as sock:
            self.assertEqual(read_all(sock), b"")

    def test_client_goes(self):
        before = self.server.stats()
        sock = connect(self.server.port)
        sock.sendall(GET % (b"/wait", b""))
        self.server.wait_for(waiting=before["waiting"] + 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()  # by a reset
        self.server.wait_for(waiting=before["waiting"], canceled=before["canceled"] + 1)

    def test_many_connections(self):
        socks = [connect(self.server.port) for _ in range(300)]
        for sock in socks:
            sock.sendall(GET % (b"/size/1", b""))
        for sock in socks:
            with sock, sock.makefile("rb") as stream:
                self.assertEqual(read_response(stream)[0], 200)


class Http1Streams(unittest.TestCase):
    def setUp(self):
        self.server = Server()

    def tearDown(self):
        if not self.server.process.stdin.closed:
            self.server.close()

    def test_chunks(self):
        client = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        for count, size in (0, 0), (3, 0), (3, 5), (200, 3000), (9, 300000):
            client.request("GET", f"/stream/{count}%20{size}")
            answer = client.getresponse()
            self.assertEqual(answer.headers["content-type"], "text/x-stream")
            self.assertEqual(answer.headers["transfer-encoding"], "chunked")
            self.assertNotIn("content-length", answer.headers)
            self.assertEqual(answer.read(), bytes(count * size))
        client.request("GET", "/size/2")  # on the same connection
        self.assertEqual(client.getresponse().read(), bytes(2))
        client.close()

    def test_http_1_0(self):
        with connect(self.server.port) as sock:
            sock.sendall(b"GET /stream/3%205 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            head, _, body = read_all(sock).partition(b"\r\n\r\n")
            self.assertIn(b"connection: close", head)
            self.assertNotIn(b"chunked", head)
            self.assertEqual(body, bytes(15))

    def test_what_is_pipelined_behind_waits(self):
        with connect(self.server.port) as sock:
            sock.sendall(GET % (b"/stream/2%2070000", b"") + GET % (b"/size/1", b"connection: close\r\n"))
            first, _, second = read_all(sock).partition(b"\r\n0\r\n\r\n")
            self.assertGreater(len(first), 140000)
            self.assertTrue(second.startswith(b"HTTP/1.1 200") and second.endswith(b"\r\n\r\n\0"))

    def test_a_slow_reader_costs_little(self):
        with connect(self.server.port) as sock:
            before = self.server.rss()
            sock.sendall(GET % (b"/stream/10000%2030000", b""))
            self.server.wait_for(waiting=1)
            self.assertLess(self.server.rss() - before, 20000)
        self.server.wait_for(canceled=1, waiting=0)

    def test_one_that_fails_lacks_its_end(self):
        with connect(self.server.port) as sock:
            sock.sendall(GET % (b"/fail-late", b""))
            answer = read_all(sock)
            self.assertTrue(answer.endswith(b"onetwo\r\n"), answer)

    def test_a_client_that_goes_away(self):
        with connect(self.server.port) as sock:
            sock.sendall(GET % (b"/stay", b""))
            while b"here" not in sock.recv(1000):
                pass
            self.server.wait_for(waiting=1)
        self.server.wait_for(waiting=0, canceled=1)

    def test_a_server_that_closes_ends_them_at_once(self):
        with connect(self.server.port) as sock:
            sock.sendall(GET % (b"/stay", b""))
            self.server.wait_for(waiting=1)
            start = time.monotonic()
            self.assertIn("unavailable 1", self.server.close(grace=True))
            self.assertLess(time.monotonic() - start, 1.5)  # of two seconds
            self.assertTrue(read_all(sock).endswith(b"here\r\n0\r\n\r\n"))


class Http1Shutdown(unittest.TestCase):
    def test_idle_connections_are_closed_at_once(self):
        server = Server()
        with connect(server.port) as used, connect(server.port) as fresh:
            with used.makefile("rb") as stream:
                used.sendall(GET % (b"/size/3", b""))
                self.assertEqual(read_response(stream)[0], 200)
                start = time.monotonic()
                server.process.stdin.write("g")
                server.process.stdin.flush()
                self.assertEqual(stream.read(), b"")
            self.assertEqual(read_all(fresh), b"")
            server.process.wait(10)
            self.assertLess(time.monotonic() - start, 0.5)
        server.close()

    def test_grace(self):
        server = Server()
        with connect(server.port) as idle, connect(server.port) as busy:
            idle.sendall(GET % (b"/size/1", b""))
            idle.recv(1000)
            busy.sendall(GET % (b"/later", b""))
            time.sleep(0.05)
            self.assertIn("unavailable 0", server.close(grace=True))
            self.assertIn(b"later", read_all(busy))
            self.assertEqual(read_all(idle), b"")

    def test_no_grace(self):
        server = Server()
        with connect(server.port) as busy:
            busy.sendall(GET % (b"/wait", b""))
            server.wait_for(waiting=1)
            self.assertIn("unavailable 1", server.close())
            self.assertTrue(read_all(busy).startswith(b"HTTP/1.1 503"))


if __name__ == "__main__":
    unittest.main()
