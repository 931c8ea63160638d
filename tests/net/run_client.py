"""Runs our own clients against our server, over TCP and over a unix socket."""

import os
import subprocess
import sys
import tempfile

from netlib import Server

path = os.path.join(tempfile.mkdtemp(), "grpc.socket")
server = Server(path)
for target in (f"localhost:{server.port}", f"dns:///127.0.0.1:{server.port}", "unix:" + path):
    subprocess.run([sys.argv[1], target, str(server.port)], check=True, timeout=60)
server.close()
