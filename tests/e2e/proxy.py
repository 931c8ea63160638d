"""A TCP proxy that spoils connections: it cuts them at once or at any byte, delays what it passes on, or goes silent."""

import socket
import struct
import threading
import time

import harness

TO_SERVER, FROM_SERVER = 0, 1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is closed is reset


class Link:
    """One connection of a client, and that to the server."""

    def __init__(self, proxy, client):
        self.proxy, self.client, self.server = proxy, client, None
        self.closed = False
        threading.Thread(target=self.begin, daemon=True).start()

    def begin(self):
        try:
            self.server = socket.create_connection(("127.0.0.1", self.proxy.target), timeout=5)
            self.server.settimeout(None)
        except OSError:
            self.cut()
            return
        for one in (self.client, self.server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self.pump, args=(self.server, self.client, FROM_SERVER), daemon=True).start()
        self.pump(self.client, self.server, TO_SERVER)

    def pump(self, source, sink, direction):
        try:
            while data := source.recv(65536):
                passed = self.proxy.admit(data, direction)
                sink.sendall(passed)
                if len(passed) < len(data):
                    self.proxy.cut()
                    return
        except OSError:
            pass
        self.cut()

    def cut(self):
        if self.closed:
            return
        self.closed = True
        self.proxy.links.discard(self)
        for one in (self.client, self.server):
            if one:
                try:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    one.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in it
                except OSError:
                    pass
                one.close()


class Proxy:
    """Stands on a port of its own before |target|, which may change."""

    def __init__(self, target):
        self.target, self.port = target, harness.free_port()
        self.links, self.left, self.delay = set(), [None, None], 0.0
        self.passes = threading.Event()  # not set: it is silent, as a cable that was pulled
        self.passes.set()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.links.add(Link(self, client))

    def admit(self, data, direction):
        """What of |data| is passed on, once it may be."""
        self.passes.wait()
        if self.delay:
            time.sleep(self.delay)
        left = self.left[direction]
        if left is None:
            return data
        self.left[direction] = left - len(data) if left > len(data) else None
        return data if left > len(data) else data[:left]

    def cut(self):
        for link in list(self.links):
            link.cut()

    def tear(self, direction, count):
        """Cuts all connections once |count| more bytes have gone in a direction, in the middle of whatever it is."""
        self.left[direction] = count

    def silence(self):
        self.passes.clear()

    def heal(self):
        self.delay, self.left = 0.0, [None, None]
        self.passes.set()

    def close(self):
        self.listener.close()
        self.heal()
        self.cut()
