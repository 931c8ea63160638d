"""HTTP/2 frame by frame: what clients send, and what attackers do."""

import socket
import struct
import time
import unittest

from netlib import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, PING, PREFACE,
                    PRIORITY, RST_STREAM, SETTINGS, Server, WINDOW_UPDATE, connect, frame, grpc_headers,
                    literal, message, read_all)


def setting(number, value):
    return struct.pack(">HI", number, value)


def number(value):
    return struct.pack(">I", value)


class Http2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MAX_BODY=4 << 20, MAX_HEADER=8192, IDLE_MS=1500, KEEPALIVE_MS=3000,
                            KEEPALIVE_TIMEOUT_MS=1000)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def h2(self, *args, **kw):
        return H2(self.server.port, *args, **kw)

    def call(self, h2, stream, method, *bodies, headers=(), end=True, content_type=b"application/grpc"):
        h2.send(frame(HEADERS, END_HEADERS, stream,
                      grpc_headers(method, *headers, content_type=content_type)))
        for i, body in enumerate(bodies):
            last = END_STREAM if end and i == len(bodies) - 1 else 0
            h2.send(frame(DATA, last, stream, body))

    # --- framing

    def test_message_in_single_bytes(self):
        with self.h2() as h2:
            body = message(b"hello")
            self.call(h2, 1, b"Echo", *[body[i:i + 1] for i in range(len(body))])
            self.assertEqual(h2.answer(1)[1], body)

    def test_preface_in_single_bytes(self):
        with self.h2(start=False) as h2:
            for i in range(len(PREFACE)):
                h2.send(PREFACE[i:i + 1])
            h2.send(frame(SETTINGS, 0, 0))
            self.call(h2, 1, b"Echo", message(b"x"))
            self.assertEqual(h2.answer(1)[1], message(b"x"))

    def test_empty_message_and_empty_frames(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", b"", message(b""), b"")
            self.assertEqual(h2.answer(1)[1], message(b""))

    def test_cardinality(self):
        for bodies in ([message(b"a") + message(b"b")], [message(b"a"), message(b"b")], [b""]):
            with self.h2() as h2:
                self.call(h2, 1, b"Echo", *bodies)
                fields, data, _ = h2.answer(1)
                self.assertEqual((fields["grpc-status"], data), ("12", b""))

    def test_message_cut_short(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", message(b"hello")[:-1])
            self.assertEqual(h2.answer(1)[0]["grpc-status"], "13")
            self.call(h2, 3, b"Echo", message(b"hello")[:3])
            self.assertEqual(h2.answer(3)[0]["grpc-status"], "13")

    def test_malformed_flag(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", message(b"hello", 7))
            self.assertEqual(h2.answer(1)[0]["grpc-status"], "13")

    def test_declared_length_allocates_nothing(self):
        with self.h2() as h2:
            before = self.server.rss()
            for i in range(200):
                self.call(h2, 2 * i + 1, b"Echo", b"\0" + number(4 << 20) + b"xx", end=False)
            self.call(h2, 1001, b"Echo", b"\0" + number(1 << 30) + b"xx", end=False)
            fields, _, _ = h2.answer(1001)
            self.assertEqual((fields[":status"], fields["grpc-status"]), ("200", "8"))
            self.assertIn("larger", fields["grpc-message"])
            self.assertEqual(h2.until(RST_STREAM, 1001)[3], number(0))
            self.assertLess(self.server.rss() - before, 20000)

    def test_dribbled_bodies(self):
        with self.h2() as h2:
            body = message(b"x" * 40)
            for i in range(100):
                self.call(h2, 2 * i + 1, b"Echo", body[:1], end=False)
            for byte in body[1:-1]:
                h2.send(b"".join(frame(DATA, 0, 2 * i + 1, bytes([byte])) for i in range(100)))
            h2.send(b"".join(frame(DATA, END_STREAM, 2 * i + 1, body[-1:]) for i in range(100)))
            self.assertEqual(h2.answer(1)[1], body)

    def test_refused_bodies_do_not_leak_the_window(self):
        # 40 MB of unwanted bytes through windows of 1 and 4 MiB: they must be given back.
        with self.h2() as h2:
            stream, credit = 1, {0: 65535}
            for _ in range(40):
                credit[stream] = 1 << 20
                self.call(h2, stream, b"Echo", b"\0" + number(1 << 30), end=False)
                sent = 0
                while sent < 1000000:
                    if credit[0] < 16384:
                        got = h2.next()
                        self.assertIsNotNone(got)
                        if got[0] == WINDOW_UPDATE and got[2] == 0:
                            credit[0] += int.from_bytes(got[3], "big")
                        continue
                    h2.send(frame(DATA, 0, stream, b"x" * 16384))
                    credit[0] -= 16384
                    sent += 16384
                stream += 2
            self.call(h2, stream, b"Echo", message(b"x"))
            self.assertEqual(h2.answer(stream)[1], message(b"x"))

    def test_compressed_message(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", message(b"hello", 1), headers=[(b"grpc-encoding", b"gzip")])
            fields = h2.answer(1)[0]
            self.assertEqual((fields["grpc-status"], fields["grpc-accept-encoding"]), ("12", "identity"))
            # An encoding that is announced and not used is no error.
            self.call(h2, 3, b"Echo", message(b"hello"), headers=[(b"grpc-encoding", b"gzip")])
            self.assertEqual(h2.answer(3)[1], message(b"hello"))

    def test_status_text(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Fail", message("13 a%b\nü".encode() + b"\xff" + b"x" * 10000))
            fields = h2.answer(1)[0]
            self.assertTrue(fields["grpc-message"].startswith("a%25b%0A%C3%BC?xxx"))
            self.assertLess(len(fields["grpc-message"]), 3000)
            self.assertEqual(fields["grpc-status-details-bin"], "CAUSA2FiYw")

    def test_answer_headers_without_a_message(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Start", message(b""))
            self.assertEqual(h2.until(HEADERS)[3], {":status": "200", "content-type": "application/grpc"})

    def test_http(self):
        def ask(stream, path, *extra, method=b"GET", body=b""):
            fields = [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"x"),
                      *extra]
            h2.send(frame(HEADERS, END_HEADERS | (0 if body else END_STREAM), stream,
                          b"".join(literal(n, v) for n, v in fields)))
            if body:
                h2.send(frame(DATA, END_STREAM, stream, body))
            return h2.answer(stream)
        with self.h2() as h2:
            fields, data, _ = ask(1, b"/echo?q=1", (b"x-show", b"me"), method=b"POST", body=b"hi")
            self.assertEqual((fields[":status"], fields["x-shown"], fields["x-query"], data),
                             ("200", "me", "1", b"hi"))
            self.assertIn("date", fields)
            self.assertNotIn("x-forged", fields)
            self.assertEqual(ask(3, b"/status/204")[0][":status"], "204")
            fields, data, _ = ask(5, b"/echo", method=b"HEAD")
            self.assertEqual((fields[":status"], data), ("200", b""))
            self.assertEqual(ask(7, b"/echo", method=b"POST", body=b"x")[0][":status"], "200")
            h2.send(frame(HEADERS, END_HEADERS, 9, b"".join(literal(n, v) for n, v in [
                (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/echo"), (b":authority", b"x"),
                (b"content-length", b"1073741824")])))
            self.assertEqual(h2.answer(9)[0][":status"], "413")

    def get(self, h2, stream, path):
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, b"".join(literal(n, v) for n, v in [
            (b":method", b"GET"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x")])))

    def test_answers_of_http_that_stream(self):
        with self.h2() as h2:
            self.get(h2, 1, b"/stream/3%205")
            fields, data, end = h2.answer(1)
            self.assertEqual((fields[":status"], fields["content-type"], data, end),
                             ("200", "text/x-stream", bytes(15), None))
            self.assertNotIn("grpc-status", fields)
            self.get(h2, 3, b"/fail-late")
            self.assertEqual(h2.answer(3)[2], 2)  # INTERNAL_ERROR: it is not whole
            self.get(h2, 5, b"/stay")
            self.assertEqual(h2.until(DATA, 5)[3], b"here")
            self.server.wait_for(waiting=1)
            h2.send(frame(RST_STREAM, 0, 5, number(8)))
            self.server.wait_for(waiting=0)

    # --- headers

    def test_content_types(self):
        for content_type, served in [(b"application/grpc", True), (b"application/grpc+proto", True),
                                     (b"application/grpc;charset=utf-8", True),
                                     (b"Application/GRPC+Proto ; a=b", True),
                                     (b"application/grpc+json", False), (b"application/grpc-web", False)]:
            with self.h2() as h2:
                self.call(h2, 1, b"Echo", message(b"x"), content_type=content_type)
                fields, data, _ = h2.answer(1)
                self.assertEqual(data == message(b"x"), served, content_type)
                self.assertEqual(fields[":status"], "200" if served else "415", content_type)
                if served:
                    self.assertEqual((fields["content-type"], fields["grpc-status"]),
                                     ("application/grpc", "0"))

    def test_method_must_be_post(self):
        with self.h2() as h2:
            h2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"".join([
                literal(b":method", b"GET"), literal(b":scheme", b"http"), literal(b":path", b"/t/Echo"),
                literal(b":authority", b"x"), literal(b"content-type", b"application/grpc")])))
            self.assertEqual(h2.answer(1)[0][":status"], "405")

    def test_timeouts(self):
        for text, status in [(b"20m", "4"), (b"20000u", "4"), (b"20000000n", "4"), (b"0S", "4"),
                             (b"m", "13"), (b"-1m", "13"), (b"1x", "13"), (b"123456789n", "13")]:
            with self.h2() as h2:
                self.call(h2, 1, b"Wait", message(b""), headers=[(b"grpc-timeout", text)])
                self.assertEqual(h2.answer(1)[0]["grpc-status"], status, text)
        with self.h2() as h2:
            for i, text in enumerate([b"99999999H", b"99999999M", b"99999999S"]):
                self.call(h2, 2 * i + 1, b"Echo", message(text), headers=[(b"grpc-timeout", text)])
                self.assertEqual(h2.answer(2 * i + 1)[1], message(text))

    def test_large_headers(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", message(b"x"), headers=[(b"x", b"y" * 9000)])
            self.assertEqual(h2.answer(1)[0]["grpc-status"], "8")
            self.call(h2, 3, b"Echo", message(b"x"))
            self.assertEqual(h2.answer(3)[1], message(b"x"))

    def test_continuation(self):
        with self.h2() as h2:
            block = grpc_headers(b"Echo")
            h2.send(frame(HEADERS, 0, 1, block[:20]) + frame(CONTINUATION, 0, 1, block[20:40]) +
                    frame(CONTINUATION, END_HEADERS, 1, block[40:]) +
                    frame(DATA, END_STREAM, 1, message(b"x")))
            self.assertEqual(h2.answer(1)[1], message(b"x"))

    def test_request_trailers(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", message(b"x"), end=False)
            h2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b"x-t", b"1")))
            self.assertEqual(h2.answer(1)[1], message(b"x"))

    # --- connection

    def test_settings(self):
        # As gRPC's C core sends them, with an identifier nobody knows.
        settings = (setting(2, 0) + setting(3, 0) + setting(4, 4194303) + setting(5, 4194303) +
                    setting(6, 8192) + setting(0xfe03, 1))
        with self.h2(settings) as h2:
            ours = h2.until(SETTINGS)[3]
            known = {struct.unpack(">HI", ours[i:i + 6])[0] for i in range(0, len(ours), 6)}
            self.assertLessEqual(known, {1, 3, 4, 5, 6})
            h2.send(frame(WINDOW_UPDATE, 0, 0, number(1 << 24)))
            self.call(h2, 1, b"Stream", message(b"100 10000"))
            self.assertEqual(len(h2.answer(1)[1]), 100 * 10005)

    def test_flow_control_is_respected(self):
        with self.h2(setting(4, 1000)) as h2:
            self.call(h2, 1, b"Stream", message(b"10 1000"))
            got = 0
            while got < 1000:
                kind, _, _, payload = h2.next()
                got += len(payload) if kind == DATA else 0
            self.assertEqual(got, 1000)
            h2.sock.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                h2.until(DATA)
            h2.sock.settimeout(10)
            h2.send(frame(WINDOW_UPDATE, 0, 1, number(100000)))
            self.assertEqual(got + len(h2.answer(1)[1]), 10050)

    def test_pings_are_answered(self):
        with self.h2() as h2:
            for i in range(2000):
                h2.send(frame(PING, 0, 0, struct.pack(">Q", i)))
            for i in range(2000):
                self.assertEqual(h2.until(PING)[3], struct.pack(">Q", i))
            self.call(h2, 1, b"Echo", message(b"x"))
            self.assertEqual(h2.answer(1)[1], message(b"x"))

    def test_a_ping_is_answered_with_the_next_answer_or_soon(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", message(b"x"))
            h2.answer(1)
            began = time.monotonic()
            for i in range(20):  # nothing else is answered meanwhile
                h2.send(frame(PING, 0, 0, struct.pack(">Q", i)))
                self.assertEqual(h2.until(PING, flags=ACK)[3], struct.pack(">Q", i))
            self.assertLess(time.monotonic() - began, 20 * 0.25)
            h2.send(frame(PING, 0, 0, b"together") +
                    frame(HEADERS, END_HEADERS, 3, grpc_headers(b"Echo")) +
                    frame(DATA, END_STREAM, 3, message(b"y")))
            kinds = [h2.next()[0] for _ in range(4)]  # in the same piece as the answer
            self.assertIn(PING, kinds)
            self.assertIn(DATA, kinds)

    def test_priority_and_unknown_frames_are_ignored(self):
        with self.h2() as h2:
            h2.send(frame(PRIORITY, 0, 3, number(0) + b"\1") + frame(0xbe, 0, 0, b"what"))
            self.call(h2, 1, b"Echo", message(b"x"))
            self.assertEqual(h2.answer(1)[1], message(b"x"))

    def test_frames_for_streams_that_the_client_has_ended(self):
        for last in [frame(DATA, END_STREAM, 1, b"x"), frame(HEADERS, END_HEADERS | END_STREAM, 1, grpc_headers())]:
            for ends in [frame(DATA, END_STREAM, 1, message(b"x")), frame(RST_STREAM, 0, 1, number(8))]:
                with self.subTest(last=last[3], ends=ends[3]), self.h2() as h2:
                    h2.send(frame(HEADERS, END_HEADERS, 1, grpc_headers()) + ends)
                    if ends[3] == DATA:
                        h2.answer(1)
                    h2.send(last[:4])
                    time.sleep(0.02)
                    h2.send(last[4:])
                    self.assertEqual(h2.until(GOAWAY)[3][4:8], number(5))  # STREAM_CLOSED

    def test_frames_for_streams_that_only_the_server_has_ended(self):
        with self.h2() as h2:
            # The answer comes before the request has ended, so its client cannot know.
            self.call(h2, 1, b"Echo", message(b"", flag=1), end=False)
            h2.answer(1)
            h2.send(frame(DATA, END_STREAM, 1, b"late"))
            self.call(h2, 3, b"Echo", message(b"x"))
            self.assertEqual(h2.answer(3)[1], message(b"x"))

    def test_client_goaway(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Stream", message(b"10 1000"))
            h2.send(frame(GOAWAY, 0, 0, number(0) + number(0)) * 2)
            self.assertEqual(len(h2.answer(1)[1]), 10050)

    def test_reset_cancels(self):
        before = self.server.stats()
        with self.h2() as h2:
            self.call(h2, 1, b"Wait", message(b""))
            self.call(h2, 3, b"Stream", message(b"1000000 1000"))
            self.server.wait_for(waiting=before["waiting"] + 2)
            h2.send(frame(RST_STREAM, 0, 1, number(8)) + frame(RST_STREAM, 0, 3, number(8)))
            self.server.wait_for(waiting=before["waiting"], canceled=before["canceled"] + 2)

    def test_lost_connection_cancels(self):
        before = self.server.stats()
        with self.h2() as h2:
            self.call(h2, 1, b"Wait", message(b""))
            self.server.wait_for(waiting=before["waiting"] + 1)
        self.server.wait_for(waiting=before["waiting"], canceled=before["canceled"] + 1)

    def test_keepalive_closes_a_dead_connection(self):
        before = self.server.stats()
        with self.h2() as h2:
            h2.until(SETTINGS, flags=ACK)
            self.call(h2, 1, b"Wait", message(b""))
            start = time.monotonic()
            self.assertIsNotNone(h2.until(PING))
            self.assertIsNone(h2.next())
            self.assertLess(time.monotonic() - start, 8)
        self.server.wait_for(waiting=before["waiting"], canceled=before["canceled"])

    def test_keepalive_leaves_a_living_connection(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Wait", message(b""))
            for _ in range(2):
                ping = h2.until(PING)
                self.assertIsNotNone(ping)
                h2.send(frame(PING, ACK, 0, ping[3]))
            self.call(h2, 3, b"Echo", message(b"x"))
            self.assertEqual(h2.answer(3)[1], message(b"x"))

    def test_stalled_request(self):
        with self.h2() as h2:
            self.call(h2, 1, b"Echo", message(b"hello")[:6], end=False)
            self.assertEqual(h2.answer(1)[0]["grpc-status"], "4")

    def test_half_open_preface(self):
        with connect(self.server.port) as sock:
            sock.sendall(PREFACE[:10])
            self.assertEqual(read_all(sock), b"")

    # --- attacks

    def test_garbage(self):
        for data in [PREFACE[:16] + b"garbage" * 10, PREFACE + b"garbage" * 10,
                     PREFACE + frame(DATA, 0, 0, b"x"), PREFACE + frame(HEADERS, 4, 2, b"\xff" * 50),
                     PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, b"\xff" * 50),
                     PREFACE + frame(SETTINGS, 0, 0, b"12345"), PREFACE + frame(SETTINGS, 0, 0) +
                     frame(WINDOW_UPDATE, 0, 0, number(0)), PREFACE + frame(SETTINGS, 0, 0) +
                     frame(CONTINUATION, 0, 1, b"x"), PREFACE + frame(SETTINGS, 0, 0) +
                     frame(HEADERS, END_HEADERS, 1, literal(b":method", b"POST")) +
                     frame(DATA, 0, 5, b"x" * 100)]:
            with connect(self.server.port) as sock:
                sock.sendall(data)
                read_all(sock)  # ends: the server closes

    def test_rapid_reset(self):
        with self.h2() as h2:
            block = grpc_headers(b"Wait")
            try:
                for i in range(30000):
                    stream = 2 * i + 1
                    h2.send(frame(HEADERS, END_HEADERS, stream, block) +
                            frame(RST_STREAM, 0, stream, number(8)))
                self.assertIsNotNone(h2.until(GOAWAY))
            except OSError:
                pass
        self.server.wait_for(waiting=self.server.stats()["waiting"])

    def test_continuation_flood(self):
        with self.h2() as h2:
            try:
                h2.send(frame(HEADERS, 0, 1, grpc_headers(b"Echo")))
                for _ in range(20000):
                    h2.send(frame(CONTINUATION, 0, 1, literal(b"x", b"y" * 100)))
                self.fail("never stopped")
            except OSError:
                pass

    def test_settings_flood_of_a_peer_that_does_not_read(self):
        with self.h2() as h2:
            h2.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            h2.sock.settimeout(3)
            try:
                for _ in range(3000):
                    h2.send(frame(PING, 0, 0, b"12345678") * 1000)
                self.fail("never stopped")
            except OSError:
                pass
        self.assertLess(self.server.rss(), 300000)

    def test_a_peer_that_never_reads(self):
        # Each call answers 8 MiB. More than the limit's worth must be refused, not queued.
        with self.h2() as h2:
            before = self.server.rss()
            try:
                for i in range(400):
                    self.call(h2, 2 * i + 1, b"Flood", message(b""))
            except OSError:
                pass
            time.sleep(1)
            self.assertLess(self.server.rss() - before, 300000)


class Http2Shutdown(unittest.TestCase):
    def test_grace(self):
        server = Server()
        with H2(server.port) as h2:
            h2.send(frame(HEADERS, END_HEADERS, 1, grpc_headers(b"Wait")) +
                    frame(DATA, END_STREAM, 1, message(b"")))
            server.wait_for(waiting=1)
            server.process.stdin.write("g")
            server.process.stdin.flush()
            goaway = h2.until(GOAWAY)
            self.assertEqual(goaway[3], b"\x7f\xff\xff\xff" + number(0))
            h2.send(frame(PING, ACK, 0, h2.until(PING)[3]))
            self.assertEqual(h2.until(GOAWAY)[3], number(1) + number(0))
            self.assertEqual(h2.answer(1)[0]["grpc-status"], "14")
        self.assertIn("unavailable 1", server.close())

    def close_at(self, server):
        """Begins to close with two seconds of grace; the time."""
        server.process.stdin.write("g")
        server.process.stdin.flush()
        return time.monotonic()

    def test_client_that_ignores_goaway(self):
        server = Server()
        with H2(server.port) as h2:
            h2.until(SETTINGS, flags=ACK)
            start = self.close_at(server)
            while h2.next():  # answers no PING, and does not close
                pass
            server.process.wait(10)
            self.assertLess(time.monotonic() - start, 1)
        server.close()

    def test_open_call_is_ended_within_the_grace(self):
        server = Server()
        with H2(server.port) as h2:
            h2.send(frame(HEADERS, END_HEADERS, 1, grpc_headers(b"Wait")) +
                    frame(DATA, END_STREAM, 1, message(b"")))
            server.wait_for(waiting=1)
            start = self.close_at(server)
            self.assertEqual(h2.answer(1)[0]["grpc-status"], "14")
            self.assertGreater(time.monotonic() - start, 1)  # it could have ended by itself
            server.process.wait(10)
            self.assertLess(time.monotonic() - start, 2.2)
        self.assertIn("unavailable 1", server.close())

    def test_stream_of_http_ends_at_once(self):
        server = Server()
        with H2(server.port) as h2:
            Http2.get(self, h2, 1, b"/stay")
            self.assertEqual(h2.until(DATA, 1)[3], b"here")
            start = self.close_at(server)
            self.assertEqual(h2.answer(1)[2], None)
            self.assertLess(time.monotonic() - start, 1.5)
        self.assertIn("unavailable 1", server.close())

    def test_idle_client_goes_at_once(self):
        server = Server()
        with H2(server.port) as h2:
            h2.until(SETTINGS, flags=ACK)
            start = time.monotonic()
            server.process.stdin.write("g")
            server.process.stdin.flush()
            h2.send(frame(PING, ACK, 0, h2.until(PING)[3]))
            h2.until(GOAWAY)
            self.assertIsNone(h2.next())
        server.close()
        self.assertLess(time.monotonic() - start, 0.5)


if __name__ == "__main__":
    unittest.main()
