"""The database of a test's cluster: one server of PostgreSQL, or three with a quorum commit, each on a node of its own."""
import glob
import os
import shutil
import signal
import subprocess
import time

from postgres_case import Cluster

BIN = next((os.path.dirname(path) for path in sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)), "")
NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
SETTINGS = """fsync = off
shared_buffers = 16MB
max_wal_senders = 6
max_wal_size = 32MB
min_wal_size = 4MB
wal_keep_size = 64MB
autovacuum_naptime = 10s
wal_sender_timeout = 3s
wal_receiver_timeout = 3s
wal_retrieve_retry_interval = 200ms
unix_socket_permissions = 0777
synchronous_standby_names = 'ANY 1 (db1, db2, db3)'
"""
DISK_MB = 200


def patiently(condition, what, deadline=90, every=0.1):
    """Calls `condition` until it is true; returns what it gave. What it asks may take a program of its own, so it does not ask often."""
    end = time.monotonic() + deadline
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError("timed out: " + what)
        time.sleep(every)
    return result


class Single(Cluster):
    """One server, which all brokers reach."""

    def uri_of(self, _node):
        return self.uri

    def kill(self):
        self.script("kill")
        self.script("again")


class Server:
    """A server of PostgreSQL on a node, with a small disk of its own."""

    def __init__(self, network, node, folder):
        self.network, self.node = network, node
        self.folder, self.data = os.path.join(folder, f"db{node}"), os.path.join(folder, f"db{node}", "data")
        self.log = os.path.join(folder, f"db{node}.log")
        self.process = None
        os.makedirs(self.folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0755", "tmpfs", self.folder], check=True)
        shutil.chown(self.folder, "nobody")

    def make(self):
        """The first server, with an empty database."""
        self._run("initdb", "-D", self.data, "-U", "zrelay", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--wal-segsize=1")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(SETTINGS)
        with open(os.path.join(self.data, "pg_hba.conf"), "a", encoding="utf-8") as file:
            file.write("host all all 10.77.0.0/24 trust\nhost replication all 10.77.0.0/24 trust\n")

    def copy(self, primary):
        """Becomes a standby of that server; what it had before is gone."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        self._run("pg_basebackup", "-h", primary.folder, "-U", "zrelay", "-D", self.data, "-c", "fast", "--no-sync")
        with open(os.path.join(self.data, "postgresql.auto.conf"), "a", encoding="utf-8") as file:
            file.write(f"primary_conninfo = '{self._primary(primary)}'\n")
        with open(os.path.join(self.data, "standby.signal"), "w", encoding="utf-8"):
            pass

    @staticmethod
    def _primary(primary):
        return f"host={primary.network.address(primary.node)} user=zrelay" if primary else ""

    def _run(self, program, *arguments):
        done = subprocess.run([*NOBODY, os.path.join(BIN, program), *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            raise AssertionError(f"{program}: {done.stderr}")

    def start(self):
        command = [*NOBODY, os.path.join(BIN, "postgres"), "-D", self.data, "-c", f"listen_addresses={self.network.address(self.node)}",
                   "-c", f"unix_socket_directories={self.folder}", "-c", f"cluster_name=db{self.node}"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.network.command(self.node, command), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _ready(self):
        if self.process.poll() is not None:
            self.start()
        return self.answers()

    def again(self):
        """Starts it if it does not run, and waits until it answers."""
        if not self.runs():
            self.start()
        patiently(self._ready, f"the server on node {self.node}")

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def children(self):
        """The server's processes, by their pids: what each is for."""
        found = {}
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
                if parent == self.process.pid:
                    with open(os.path.join(os.path.dirname(path), "cmdline"), encoding="utf-8", errors="replace") as file:
                        found[int(path.split("/")[2])] = file.read()
            except OSError:
                continue  # it has ended
        return found

    def kill(self):
        """kill -9 of all its processes, as if its machine had lost its power."""
        if not self.process:
            return
        self.process.send_signal(signal.SIGSTOP)  # it starts no other ones
        children = self.children()
        self.process.kill()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        patiently(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), "the end of a server", every=0.02)

    def sql(self, text):
        """Runs it over the Unix socket, which no cut of the network closes; its rows as psql prints them, joined by spaces."""
        done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "zrelay", "-d", "postgres", "-c", text],
                              stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)
        return done.stdout.decode().replace("\n", " ").strip()

    def answers(self):
        try:
            return bool(self.sql("SELECT 1"))
        except subprocess.SubprocessError:
            return False

    def follow(self, primary):
        """A standby gets its log from that server from now on; None: from none."""
        self.sql(f"ALTER SYSTEM SET primary_conninfo = '{self._primary(primary)}'")
        self.sql("SELECT pg_reload_conf()")
        if not primary:
            patiently(lambda: self.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0", "the end of a WAL receiver")

    def position(self):
        """How far a standby that follows none has replayed; all that it has, once this does not move any more."""
        before = None
        while (now := int(self.sql("SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')"))) != before:
            before = now
            time.sleep(0.3)  # the replay's pace: a standby that stands at the end of its log looks for more each 0.2 s
        return now

    def promote(self):
        self.sql("SELECT pg_promote()")

    def stop_receiver(self, number=signal.SIGSTOP):
        """The standby receives nothing (SIGSTOP), or goes on (SIGCONT)."""
        for pid, what in self.children().items():
            if "walreceiver" in what:
                os.kill(pid, number)

    def fill(self):
        """Nothing more fits on its disk."""
        path = os.path.join(self.folder, "filler")
        free = shutil.disk_usage(self.folder).free
        subprocess.run(["fallocate", "-l", str(free), path], stderr=subprocess.DEVNULL, check=False)  # some of it was taken meanwhile

    def empty(self):
        os.unlink(os.path.join(self.folder, "filler"))


class Trio:
    """A primary and two standbys, of which one must confirm each commit. `fail_over` is the work of a manager such as Patroni."""

    def __init__(self, network, folder):
        self.servers = [Server(network, node, folder) for node in range(1, network.count + 1)]
        self.network, self.primary = network, self.servers[0]
        self.primary.make()
        self.primary.again()
        for standby in self.standbys():
            standby.copy(self.primary)
            standby.again()
        self.await_standbys()

    def standbys(self):
        return [server for server in self.servers if server is not self.primary]

    def await_standbys(self):
        patiently(lambda: self.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == str(len(self.standbys())), "the standbys")

    def uri_of(self, node):
        """A broker tries the server of its own node first."""
        nodes = [(node - 1 + step) % self.network.count + 1 for step in range(self.network.count)]
        return f"postgresql://zrelay@{','.join(map(self.network.address, nodes))}/postgres?connect_timeout=2"

    def sql(self, text):
        return self.primary.sql(text)

    def kill(self):
        self.primary.kill()
        self.primary.again()

    def fail_over(self):
        """The standby that has more leads. First both stop to follow: from then on nothing is confirmed at the old primary, which may run still. Returns
        the old one; `repair` makes it a standby."""
        old, standbys = self.primary, self.standbys()
        for standby in standbys:
            standby.follow(None)
        ahead = max(standbys, key=Server.position)
        self.lead(ahead)
        for standby in standbys:
            if standby is not ahead:
                standby.follow(ahead)
        return old

    def lead(self, server):
        server.promote()
        self.primary = server

    def repair(self, server):
        server.copy(self.primary)
        server.again()
        self.await_standbys()

    def remove(self):
        for server in self.servers:
            server.kill()
            subprocess.run(["umount", server.folder], check=True)
