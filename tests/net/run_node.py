"""Runs test_node.mjs, if there is a node."""

import os
import shutil
import subprocess
import sys

from netlib import Server

if not shutil.which("node"):
    print("NOT TESTED: node is not there")
    sys.exit(77)
server = Server()
before = server.stats()
subprocess.run(["node", os.path.join(os.path.dirname(__file__), "test_node.mjs"), str(server.port)],
               check=True, timeout=100)
server.wait_for(waiting=0, canceled=before["canceled"] + 1)
server.close()
