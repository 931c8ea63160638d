"""What the tests of this folder share: the server under test, raw HTTP/1.1 and raw HTTP/2."""

import os
import socket
import struct
import subprocess
import sys
import time

import hpack

SERVER = os.environ.get("NET_ECHO_SERVER", "net_echo_server")

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Server:
    """The echo server as a process; |settings| become its environment."""

    def __init__(self, *args, **settings):
        env = dict(os.environ, **{k: str(v) for k, v in settings.items()})
        self.process = subprocess.Popen([SERVER, "0", *args], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().split()[1])

    def stats(self):
        _, _, body = http(self.port, b"GET /stats HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        words = body.decode().split()
        return {words[i]: int(words[i + 1]) for i in range(0, len(words), 2)}

    def wait_for(self, **wanted):
        """Waits until the statistics are as |wanted|."""
        end = time.monotonic() + 10
        while True:
            stats = self.stats()
            if all(stats[k] == v for k, v in wanted.items()):
                return
            assert time.monotonic() < end, f"{stats}, want {wanted}"
            time.sleep(0.05)

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def close(self, grace=False):
        """Ends the server, checks that it freed all, and returns its last line."""
        if self.process.poll() is None:
            try:
                self.process.stdin.write("g" if grace else "x")
                self.process.stdin.flush()
            except BrokenPipeError:
                pass
        out = self.process.stdout.read()
        self.process.stdin.close()
        self.process.stdout.close()
        code = self.process.wait(20)
        assert code == 0, f"the server ended with {code}"
        return out


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read_all(sock):
    parts = []
    try:
        while part := sock.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        parts.append(b"<reset>")
    return b"".join(parts)


def read_response(stream, head=False):
    """Reads one HTTP/1.1 response from a file object: status, headers, body."""
    line = stream.readline()
    if not line:
        return None
    status = int(line.split()[1])
    headers = {}
    while (line := stream.readline().strip()):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    length = 0 if head else int(headers.get("content-length", 0))
    return status, headers, stream.read(length)


def http(port, data, head=False):
    """Sends bytes on a new connection and reads one response."""
    with connect(port) as sock:
        sock.sendall(data)
        with sock.makefile("rb") as stream:
            return read_response(stream, head)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field as a literal without indexing (RFC 7541 6.2.2), without Huffman codes."""
    def text(s):
        if len(s) < 127:
            return bytes([len(s)]) + s
        rest, out = len(s) - 127, b"\x7f"
        while rest >= 128:
            out += bytes([rest & 127 | 128])
            rest >>= 7
        return out + bytes([rest]) + s
    return b"\x00" + text(name) + text(value)


def grpc_headers(method=b"Echo", *extra, content_type=b"application/grpc"):
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/t/" + method),
              (b":authority", b"x"), (b"te", b"trailers"), (b"content-type", content_type), *extra]
    return b"".join(literal(n, v) for n, v in fields)


def message(data, flag=0):
    return bytes([flag]) + struct.pack(">I", len(data)) + data


class H2:
    """A raw HTTP/2 client: frames in, frames out."""

    def __init__(self, port, settings=b"", start=True):
        self.sock = connect(port)
        self.data = b""
        self.decoder = hpack.Decoder()
        if start:
            self.send(PREFACE + frame(SETTINGS, 0, 0, settings) + frame(SETTINGS, ACK, 0))

    def send(self, data):
        self.sock.sendall(data)

    def next(self):
        """The next frame: kind, flags, stream, payload; None at the end of the connection."""
        while len(self.data) < 9 or len(self.data) < 9 + int.from_bytes(self.data[:3], "big"):
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return None
            self.data += part
        length = int.from_bytes(self.data[:3], "big")
        head, payload, self.data = self.data[:9], self.data[9:9 + length], self.data[9 + length:]
        if head[3] == HEADERS:
            payload = dict(self.decoder.decode(payload))
        return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload

    def until(self, kind, stream=None, flags=0):
        """Reads up to a frame of |kind|, and returns it; None when the connection ends before."""
        while (got := self.next()):
            if got[0] == kind and (stream is None or got[2] == stream) and got[1] & flags == flags:
                return got
        return None

    def answer(self, stream):
        """All header fields and data of a stream, up to its end, and what ended it: None, the code
        of RST_STREAM, or "closed"."""
        fields, data = {}, b""
        while (got := self.next()):
            kind, flags, number, payload = got
            if number != stream:
                continue
            if kind == HEADERS:
                fields.update(payload)
            elif kind == DATA:
                data += payload
            elif kind == RST_STREAM:
                return fields, data, int.from_bytes(payload, "big")
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                return fields, data, None
        return fields, data, "closed"

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
