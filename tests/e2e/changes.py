"""A client of /pawl/v1/changes."""

import json
import socket
import time


class Watcher:
    """Reads /pawl/v1/changes; |small|: with as little room for what it has not read as there may be."""

    def __init__(self, port, query="", last=None, small=False):
        self.socket = socket.socket()
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        again = f"last-event-id: {last}\r\n" if last else ""
        self.socket.sendall(f"GET /pawl/v1/changes{query} HTTP/1.0\r\nhost: x\r\n{again}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.head = b"".join(iter(self.file.readline, b"\r\n"))
        self.last = last

    def next(self):
        """(event, data); None at the end."""
        event, data, end = None, None, time.monotonic() + 30
        while (line := self.file.readline()):
            assert time.monotonic() < end, "waited in vain"
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                data = json.loads(value)
            elif name == "id":
                self.last = value
            elif not line.strip() and event:
                return event, data
        return None

    def until(self, status, id):
        """All that comes up to the change that makes |id| |status|."""
        told = []
        while not told or (told[-1][1].get("id"), told[-1][1].get("status")) != (id, status):
            told.append(self.next())
        return told

    def until_heard(self, event=None):
        """Until the stream covers all; as a |event| says, if one is given."""
        while True:
            got, data = self.next()
            if event in (None, got) and data.get("covers") == "all":
                return

    def told_of(self, names):
        """What it is told until all |names| have ended, by name; None: it has missed something."""
        told, open_names = {}, set(names)
        while open_names:
            event, data = self.next()
            if event != "change":
                return None
            told.setdefault(data["id"], []).append(data)
            if data.get("status") == "COMPLETED":
                open_names.discard(data["id"])
        return told

    def close(self):
        self.file.close()
        self.socket.close()
