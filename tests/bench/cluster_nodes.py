"""The programs that `cluster.py` measures: brokers and leaves, three PostgreSQL, three nats-servers, and clients that tell each ack.

The build folder is $ZRELAY_BUILD when this module is imported."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../e2e"))
from harness import BUILD, ZRELAY, ZRELAYD, wait_for  # noqa: E402
from postgres_case import Cluster, installed  # noqa: E402,F401

LIMITS = "limits\n    max-sessions = 50000\n    max-user-topics = 16M\n"
LEADS, JOINED = "no broker leads: this one does from now on", r"a leaf of the broker at (\S+) now"
PATIENCE = 60  # seconds for anything that has to happen
GENERATOR = os.path.join(BUILD, "tests/bench/groups_generator")


def free_ports(count):
    """So many ports that are free now."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def processor_s(pid):
    """Seconds of processor time until now; 0 of a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024


def run_json(command, allowed=(0,)):
    """The object that a command prints; it must end with an allowed code."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode not in allowed or not done.stdout:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)


class Broker:
    """A zrelayd that listens at `front`. With `again` it is started anew whenever it ends, as a service manager does."""

    def __init__(self, folder, name, *options, config="", again=False):
        front, back = free_ports(2)
        self.front = f"tcp://127.0.0.1:{front}"
        self.log = os.path.join(folder, f"{name}.log")
        path = os.path.join(folder, f"{name}.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(LIMITS + config.format(front=self.front))
        self.command = [ZRELAYD, "--listen", self.front, "--back", f"tcp://127.0.0.1:{back}", "--config", path, *options]
        self.ends, self.process, self.thread = False, None, None
        self.lock = threading.Lock()  # it is not started anew while it is ended
        self._start()
        if again:
            self.thread = threading.Thread(target=self._supervise, daemon=True)
            self.thread.start()

    def _start(self):
        with self.lock, open(self.log, "ab") as file:
            if not self.ends:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def _supervise(self):
        while not self.ends:
            self.process.wait()
            time.sleep(0.2)  # as a service manager does: not a wait for a condition
            self._start()

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def await_text(self, pattern):
        try:
            wait_for(lambda: re.search(pattern, self.text()), f"'{pattern}' from {self.log}", PATIENCE)
        except AssertionError as fault:
            raise SystemExit(f"{fault}\n{self.text()[-2000:]}") from None
        return self

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        with self.lock:
            self.ends = True
            self.process.kill()
        self.process.wait()
        if self.thread:
            self.thread.join()


def leaf(folder, name, upstream):
    return Broker(folder, name, "--upstream", upstream.front).await_text(JOINED)


class Database:
    """A PostgreSQL and two standbys. A commit waits until it is on the disks of the first and of either of the standbys."""
    SETTINGS = ("synchronous_standby_names = 'ANY 1 (one, two)'", "synchronous_commit = on", "fsync = on", "shared_buffers = 128MB",
                "wal_retrieve_retry_interval = 200ms")  # how soon a standby looks for a server that was away

    def __init__(self):
        self.nodes = [Cluster(*self.SETTINGS)]
        try:
            for name in ("one", "two"):
                self.nodes.append(Cluster(self.nodes[0].folder, name, command="standby"))
            count = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'"
            wait_for(lambda: self.nodes[0].sql(count) == "2", "two standbys", PATIENCE)
        except BaseException:
            self.end()
            raise
        self.uri = self.nodes[0].uri

    def sql(self, text):
        return self.nodes[0].sql(text)

    def restart(self):
        """kill -9 of the first server, and its start."""
        self.nodes[0].script("kill")
        self.nodes[0].script("again")

    def end(self):
        for node in reversed(self.nodes):
            node.remove()


class Brokers:
    """Three brokers on one database, each started anew when it ends."""
    CONFIG = "server\n    tick = 20\n    heartbeat = %d\ncluster\n    advertise = {front}\n"

    def __init__(self, folder, database, heartbeat=5000):
        self.database, self.members = database, []
        try:
            for number in range(3):
                member = Broker(folder, f"broker-{number}", "--store", database.uri, config=self.CONFIG % heartbeat, again=True)
                self.members.append(member.await_text("listening" if number == 0 else JOINED))
        except BaseException:
            self.end()
            raise

    def leader(self):
        """The member that leads; None: none does, or the database does not answer."""
        try:
            front = self.database.sql("SELECT endpoint FROM zrelay.lease WHERE until > clock_timestamp()")
        except subprocess.SubprocessError:
            return None
        return next((member for member in self.members if member.front == front), None)

    def takeovers(self):
        return sum(member.text().count(LEADS) for member in self.members)

    def settled(self):
        """(the leader, the others), once all others follow it."""
        def look():
            leader = self.leader()
            others = [member for member in self.members if member is not leader]
            joined = [re.findall(JOINED, member.text())[-1:] for member in others]
            running = all(member.process.poll() is None for member in self.members)
            return (leader, others) if leader and running and all(found == [leader.front] for found in joined) else None
        return wait_for(look, "a leader and two followers", PATIENCE)

    def level(self):
        """Of an ack."""
        run = run_json([ZRELAY, "-s", self.members[0].front, "--json", "bench", "throughput", "--acked", "-n", "10"])
        return run["level"]

    def end(self):
        for member in self.members:
            member.end()


class Streams:
    """Three nats-servers with JetStream in a cluster, and a stream on all three of them; `at` is the port of the server that leads it."""
    STREAM = {"name": "bench", "subjects": ["bench"], "storage": "file", "retention": "limits", "num_replicas": 3}

    def __init__(self, folder):
        ports, routes = free_ports(3), free_ports(3)
        self.processes = []
        for number in range(3):
            self.processes.append(subprocess.Popen(
                ["nats-server", "-js", "-sd", os.path.join(folder, f"nats-{number}"), "-a", "127.0.0.1", "-p", str(ports[number]), "-n", f"n{number}",
                 "--cluster_name", "bench", "--cluster", f"nats://127.0.0.1:{routes[number]}",
                 "--routes", ",".join(f"nats://127.0.0.1:{port}" for port in routes)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            leader = wait_for(lambda: self._stream(ports[0]), "a stream of JetStream", PATIENCE)
            self.at = ports[int(leader[1:])]
        except BaseException:
            self.end()
            raise

    def _stream(self, port):
        """Asks for the stream; returns the name of the server that leads it, or None as long as there is none."""
        body = json.dumps(self.STREAM).encode()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b'CONNECT {"verbose":false}\r\nSUB made 1\r\nPUB $JS.API.STREAM.CREATE.bench made %d\r\n%s\r\n' % (len(body), body))
            answer = b""
            while not answer.endswith(b"}\r\n") or b"MSG made" not in answer:
                more = connection.recv(65536)
                if not more:
                    return None
                answer += more
            found = json.loads(answer[answer.index(b"{", answer.index(b"MSG made")):])
            replicas = found.get("cluster", {}).get("replicas", [])
            return found["cluster"].get("leader") if len(replicas) == 2 else None
        return None

    def end(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()


class Watcher:
    """A client that publishes a message once the one before is acknowledged; `times` has the moment of each ack."""
    COMMANDS = {"C": [GENERATOR, "zrelay", "{servers}", "--window", "1", "--messages", "1000000000", "--tell", "1"],
                "Python": [sys.executable, os.path.join(HERE, "cluster_publisher.py"), "{servers}"]}

    def __init__(self, kind, servers):
        command = [word.format(servers=",".join(servers)) for word in self.COMMANDS[kind]]
        self.times, self.kind = [], kind
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.times.append(int(line) / 1e9)

    def since(self, moment):
        """Acks after it."""
        count = 0
        for time_ in reversed(self.times):
            if time_ <= moment:
                break
            count += 1
        return count

    def await_acks(self, count, moment, what):
        def look():
            if self.process.poll() is not None:
                raise SystemExit(f"the client in {self.kind} ended ({what})")
            return self.since(moment) >= count
        wait_for(look, f"acks at the client in {self.kind} ({what})", PATIENCE)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


@contextlib.contextmanager
def a_folder():
    folder = tempfile.mkdtemp(prefix="zrelay-bench-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def ended(*things):
    """Ends them in the end, whatever happens."""
    try:
        yield
    finally:
        for thing in things:
            thing.end()


@contextlib.contextmanager
def stands_still(broker):
    """Until the end of the `with`."""
    broker.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.signal(signal.SIGCONT)
