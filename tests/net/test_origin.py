"""What browsers send on behalf of web pages, and what programs send."""

import json
import unittest

from netlib import END_HEADERS, END_STREAM, DATA, H2, HEADERS, Server, frame, grpc_headers, http, message

EVIL = b"https://evil.example"


class Origin(unittest.TestCase):
    ALLOWED = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**({"ALLOWED_ORIGINS": cls.ALLOWED} if cls.ALLOWED else {}))

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def ask(self, *headers, method=b"POST", host=None):
        host = host or b"127.0.0.1:%d" % self.server.port
        lines = b"".join(h + b"\r\n" for h in headers)
        return http(self.server.port, method + b" /echo HTTP/1.1\r\nhost: " + host + b"\r\n" + lines +
                    b"content-length: 0\r\n\r\n")

    def refused(self, *says):
        def check(answer):
            self.assertEqual(answer[0], 403)
            told = json.loads(answer[2])
            self.assertEqual(told["errorCode"], "ERR_FORBIDDEN")
            for part in ("--allowed-origins", *says):
                self.assertIn(part, told["message"])
            self.assertNotIn("access-control-allow-origin", answer[1])
        return check


class Closed(Origin):
    """Without --allowed-origins."""

    def test_programs(self):
        for headers in [(), (b"sec-fetch-mode: cors",), (b"user-agent: node", b"sec-fetch-mode: cors")]:  # as node's fetch
            self.assertEqual(self.ask(*headers)[0], 200)
        for host in [b"localhost", b"[::1]:3500", b"x", b"daprd:3500", b"app.localhost", b"host.docker.internal:1", b"10.1.2.3"]:
            with self.subTest(host=host):
                self.assertEqual(self.ask(host=host)[0], 200)
        self.assertNotIn("vary", self.ask()[1])

    def test_pages_of_other_sites(self):
        self.refused("https://evil.example")(self.ask(b"origin: " + EVIL, b"sec-fetch-site: cross-site"))
        self.refused("null")(self.ask(b"origin: null"))
        self.refused()(self.ask(b"sec-fetch-site: cross-site", method=b"GET"))
        self.refused()(self.ask(b"sec-fetch-site: same-site", b"sec-fetch-mode: no-cors", method=b"GET"))
        self.refused("127.0.0.1:1")(self.ask(b"origin: http://127.0.0.1:1"))
        self.refused("?")(self.ask(b"origin: http://\"\\\xff"))  # the answer is JSON all the same
        self.refused()(self.ask(b"origin: " + EVIL, b"access-control-request-method: PUT", method=b"OPTIONS"))

    def test_own_pages_and_links(self):
        own = b"127.0.0.1:%d" % self.server.port
        self.assertEqual(self.ask(b"origin: http://" + own, b"sec-fetch-site: same-origin")[0], 200)
        self.assertEqual(self.ask(b"origin: HTTPS://" + own)[0], 200)  # behind something that speaks TLS
        self.assertEqual(self.ask(b"sec-fetch-site: none", method=b"GET")[0], 200)  # typed by the user
        link = (b"sec-fetch-site: cross-site", b"sec-fetch-mode: navigate", b"sec-fetch-dest: document")
        self.assertEqual(self.ask(*link, method=b"GET")[0], 200)
        self.refused()(self.ask(*link, method=b"POST"))  # a form
        self.refused()(self.ask(*link[:2], b"sec-fetch-dest: iframe", method=b"GET"))

    def test_rebound_names(self):
        for host in [b"evil.example:%d" % self.server.port, b"1.2.3.4.evil.example", b"localhost.evil.example"]:
            with self.subTest(host=host):
                self.refused(host.decode().split(":")[0])(self.ask(b"origin: http://" + host, host=host))

    def test_grpc(self):
        with H2(self.server.port) as h2:
            h2.send(frame(HEADERS, END_HEADERS, 1, grpc_headers(b"Echo", (b"origin", EVIL))) +
                    frame(DATA, END_STREAM, 1, message(b"x")))
            fields = h2.answer(1)[0]
            self.assertEqual(fields["grpc-status"], "7")
            self.assertIn("--allowed-origins", fields["grpc-message"])


class Open(Origin):
    """With a list of origins."""
    ALLOWED = "https://shop.example, http://*.trusted.example:8080"

    def test_those_that_are_named(self):
        for origin in [b"https://shop.example", b"http://a.b.trusted.example:8080"]:
            status, headers, _ = self.ask(b"origin: " + origin, b"sec-fetch-site: cross-site")
            self.assertEqual((status, headers["access-control-allow-origin"], headers["vary"]),
                             (200, origin.decode(), "Origin"))
            self.assertNotIn("access-control-allow-credentials", headers)
        self.assertEqual(self.ask(host=b"shop.example:3500")[0], 200)

    def test_others(self):
        for origin in [EVIL, b"http://shop.example", b"https://shop.example.evil.example", b"http://.trusted.example:80"]:
            self.refused()(self.ask(b"origin: " + origin))
        self.refused()(self.ask(host=b"evil.example"))

    def preflight(self, origin, method=b"PUT"):
        status, headers, _ = self.ask(b"origin: " + origin, b"access-control-request-method: " + method,
                                      b"access-control-request-headers: content-type, dapr-api-token", method=b"OPTIONS")
        self.assertEqual(status, 200)
        self.assertEqual(headers["vary"], "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        return headers

    def test_preflight(self):
        headers = self.preflight(b"https://shop.example")
        self.assertEqual(headers["access-control-allow-origin"], "https://shop.example")
        self.assertEqual(headers["access-control-allow-methods"], "PUT")
        self.assertEqual(headers["access-control-allow-headers"], "content-type, dapr-api-token")
        self.assertNotIn("access-control-allow-origin", self.preflight(EVIL))
        self.assertNotIn("access-control-allow-origin", self.preflight(b"https://shop.example", b"TRACE"))


class All(Origin):
    ALLOWED = "*"

    def test_anybody(self):
        status, headers, _ = self.ask(b"origin: " + EVIL, b"sec-fetch-site: cross-site", host=b"evil.example")
        self.assertEqual((status, headers["access-control-allow-origin"], headers["access-control-allow-credentials"]),
                         (200, "*", "true"))
        self.assertEqual(self.ask(b"sec-fetch-site: cross-site")[0], 200)


del Origin  # is no test by itself

if __name__ == "__main__":
    unittest.main()
