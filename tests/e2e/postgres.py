"""A PostgreSQL server of Debian's, in a temporary folder, as a user that is not root."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import harness

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
USER = "postgres"
LOGIN = f"user={USER} password=secret dbname=postgres"


def missing():
    """Why there can be no server here; "" when there can."""
    if not PROGRAMS:
        return "a PostgreSQL server (apt install postgresql)"
    if os.getuid() == 0 and USER not in (entry.pw_name for entry in pwd.getpwall()):
        return "a user postgres, as PostgreSQL does not run as root"
    return ""


class Server:
    """|settings|: more of them, "name=value"."""

    type, version = "state.postgresql", "v2"

    def __init__(self, *settings):
        self.settings = [word for setting in settings for word in ("-c", setting)]
        self.folder = tempfile.mkdtemp(prefix="pawl-postgres-")
        if os.getuid() == 0:
            shutil.chown(self.folder, USER)
        self.port = harness.free_port()
        password = os.path.join(self.folder, "password")
        with open(password, "w") as file:
            file.write("secret\n")
        os.chmod(password, 0o644)
        self.run("initdb", "-D", f"{self.folder}/data", "-U", USER, "-A", "scram-sha-256", "--pwfile", password, "-N",
                 "-E", "UTF8", "--locale", "C")
        self.start()

    @property
    def connection(self):
        return f"host=127.0.0.1 port={self.port} {LOGIN}"

    def metadata(self, *ports):
        """Of a component; with several ports the server that can be written to is taken."""
        hosts = ",".join("127.0.0.1" for _ in ports or [0])
        numbers = ",".join(str(port) for port in ports or [self.port])
        return f'    - {{name: connectionString, value: "host={hosts} port={numbers} {LOGIN}"}}\n'

    def command(self, name, *arguments):
        """As another user where this one is root; with a parent's death comes its own."""
        user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.getuid() == 0 else []
        return [*user, os.path.join(PROGRAMS[-1], name), *arguments]

    def run(self, name, *arguments):
        subprocess.run(self.command(name, *arguments), cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def start(self):
        self.process = subprocess.Popen(
            self.command("postgres", "-D", f"{self.folder}/data", "-p", str(self.port), "-k", self.folder, "-c",
                         "listen_addresses=127.0.0.1", "-c", "dynamic_shared_memory_type=mmap", *self.settings),
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while self.sql("SELECT 1") != "1":
            if time.monotonic() > end:
                raise RuntimeError("PostgreSQL does not answer")
            time.sleep(0.05)

    def sql(self, text):
        """The first value that the server answers with; None: it does not answer."""
        made = subprocess.run(self.command("psql", "-X", "-A", "-t", self.connection, "-c", text), capture_output=True,
                              text=True, cwd="/")
        return made.stdout.strip() if made.returncode == 0 else None

    def set(self, name, value):
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")

    def signal(self, number):
        """To the server and all its children."""
        family = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True,
                                text=True).stdout.split()
        for pid in [self.process.pid, *map(int, family)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # it has ended meanwhile

    def kill(self):
        """-9 to the server and all its children, of which one that lives on would keep the next server out."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        """At once, but so that it takes its shared memory along."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Standby(Server):
    """A copy of |primary| that follows it, and can take its place."""

    def __init__(self, primary):
        self.settings = []
        self.folder = tempfile.mkdtemp(prefix="pawl-postgres-")
        if os.getuid() == 0:
            shutil.chown(self.folder, USER)
        self.port = harness.free_port()
        primary.set("synchronous_standby_names", "*")
        self.run("pg_basebackup", "-D", f"{self.folder}/data", "-d", primary.connection, "-R", "-X", "stream", "-c", "fast")
        self.start()
        end = time.monotonic() + 60
        while primary.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1":
            if time.monotonic() > end:
                raise RuntimeError("the standby does not follow")
            time.sleep(0.05)

    def promote(self):
        """Returns once it can be written to."""
        self.sql("SELECT pg_promote()")
        end = time.monotonic() + 60
        while self.sql("SELECT pg_is_in_recovery()") != "f":
            if time.monotonic() > end:
                raise RuntimeError("the standby is not promoted")
            time.sleep(0.05)
        self.set("synchronous_standby_names", "")
