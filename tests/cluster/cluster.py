"""What a run of the cluster's test consists of: brokers under supervision, clients with their logs, and what the clients must go on to do."""
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time

from check import faults
from databases import Single, Trio, patiently
from harness import BUILD, ZRELAY, ZRELAYD
from test_cluster import free_ports

HERE = os.path.dirname(os.path.abspath(__file__))
BROKERS = 3
CLIENTS = (("publisher", "one"), ("publisher", "two"), ("publisher", "loyal"), ("counter", "three"), ("counter", "four"), ("reader", "reader"),
           ("worker", "red"), ("worker", "green"), ("worker", "blue"))
CONFIG = "server\n    heartbeat = 1000\n    tick = 20\n"
# On other machines a broker is no leaf without that right.
USERS = 'user\n    name = anonymous\n    allow = "all : *"\n    allow = "leaf : *"\n    allow = "stats : *"\n'
SHIM = os.path.join(BUILD, "tests/e2e/libwrong_clock.so")


class Member:
    """A broker under supervision: when it ends, it is started again. Its clock is wrong by as many seconds as `set_clock` says."""

    def __init__(self, folder, node, uri, network):
        self.node = node
        self.front = f"tcp://{network.address(node)}:5570" if network else f"tcp://127.0.0.1:{free_ports()}"
        self.log, self.clock = os.path.join(folder, f"broker-{node}.log"), os.path.join(folder, f"clock-{node}")
        config = os.path.join(folder, f"broker-{node}.conf")
        users = os.path.join(folder, "users")
        with open(users, "w", encoding="utf-8") as file:
            file.write(USERS)
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"{CONFIG}cluster\n    advertise = {self.front}\n")
            if network:
                file.write(f"auth\n    users = {users}\n")
        self.set_clock(0)
        self.environment = dict(os.environ, TEST_CLOCK=self.clock, LD_PRELOAD=SHIM if os.path.exists(SHIM) else "", ASAN_OPTIONS="verify_asan_link_order=0")
        self.command = [ZRELAYD, "--listen", self.front, "--store", uri, "--config", config, *(["--insecure"] if network else [])]
        if network:
            self.command = network.command(node, self.command)
        self.process, self.ends = None, False
        self.thread = threading.Thread(target=self._supervise, daemon=True)
        self.thread.start()

    def _supervise(self):
        with open(self.log, "ab") as file:
            while not self.ends:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=self.environment)
                self.process.wait()
                time.sleep(0.2)  # as a supervisor does: not a wait for a condition

    def set_clock(self, wrong):
        descriptor = os.open(self.clock, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(descriptor, struct.pack("@q", int(wrong)), 0)
        os.close(descriptor)

    def signal(self, number):
        self.process.send_signal(number)

    def text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def end(self):
        self.ends = True
        while self.thread.is_alive():  # it may be starting one just now
            if self.process:
                self.process.kill()
            self.thread.join(0.1)


class Client:
    def __init__(self, folder, name, command, kind=None):
        self.kind, self.name, self.path = kind, name, os.path.join(folder, f"{name}.log")
        self.errors = os.path.join(folder, f"{name}.err")
        with open(self.path, "wb") as out, open(self.errors, "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def lines(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def count(self, event):
        return sum(line.get("event") == event for line in self.lines())

    def finish(self, patience):
        """None: it is done. Else why not."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return f"client: {self.name} got no answer within {patience} s"
        with open(self.errors, encoding="utf-8") as file:
            return f"client: {self.name} failed: {file.read()[-500:]}" if code else None


class Cluster:
    """Three brokers, on one server or each on a node with a server of its own, and clients of them."""

    def __init__(self, chance, folder, network):
        self.random, self.folder, self.network = chance, folder, network
        self.database = Trio(network, folder) if network else Single()
        self.members, self.clients, self.did = [], {}, []
        self.reader = None

    def _member(self, node):
        self.members.append(Member(self.folder, node, self.database.uri_of(node), self.network))

    def start(self):
        self._member(1)
        patiently(lambda: self.leader() is self.members[0], "a leader")
        for node in range(2, BROKERS + 1):
            self._member(node)
        patiently(lambda: all("a leaf of the broker at" in member.text() for member in self.members[1:]), "followers")
        fronts = [member.front for member in self.members]
        self.everywhere = ",".join(fronts)
        for number, (kind, name) in enumerate(CLIENTS):
            first = number % BROKERS
            self.client(kind, name, fronts[0] if name == "loyal" else ",".join(fronts[first:] + fronts[:first]))
        self.reader = Client(self.folder, "c-reader", [ZRELAY, "-s", self.everywhere, "--connect-timeout", "60", "sub", "room", "--all", "--json"])
        self.goes_on("the beginning")

    def client(self, kind, name, servers):
        self.clients[name] = Client(self.folder, name, [sys.executable, os.path.join(HERE, "client.py"), kind, name, servers], kind)

    def leader(self):
        try:
            front = self.database.sql("SELECT endpoint FROM zrelay.lease WHERE until > clock_timestamp()")
        except subprocess.SubprocessError:
            return None
        return next((member for member in self.members if member.front == front), None)

    def followers(self):
        leader = self.leader()
        return [member for member in self.members if member is not leader]

    def goes_on(self, after):
        """Publishers get acks again, and workers finish entries."""
        busy = [self.clients[name] for name in ("one", "two")]
        before = [client.count("acked") for client in busy]
        patiently(lambda: all(client.count("acked") > count for client, count in zip(busy, before)), f"acks after {after}")

    def other_than(self, old):
        patiently(lambda: self.leader() not in (None, old), "another leader")

    # The end

    def _lines(self, *arguments):
        done = subprocess.run([ZRELAY, "-s", self.everywhere, "--connect-timeout", "60", *arguments, "--json"], capture_output=True, check=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _finish_work(self, patience):
        try:
            patiently(lambda: all(row["backlog"] == 0 for row in self._lines("groups", "room")), "the workers", patience, every=0.5)
        except AssertionError:
            return "client: the workers do not come to an end"
        return None

    def finish(self, patience):
        """Ends the clients once all is answered and done. Returns what did not end as it should."""
        failed = [client.finish(patience) for client in self.clients.values() if client.kind in ("publisher", "counter")]
        if not any(failed):
            failed.append(self._finish_work(patience))
        failed += [client.finish(patience) for client in self.clients.values() if client.kind == "worker"]
        return [why for why in failed if why]

    def judge(self, patience, lost=False, planted=False):
        """What does not hold, and the number of entries. After a planted fault the logs are judged even if the clients do not come to an end."""
        failed = self.finish(patience)
        if failed and not planted:
            return failed, 0
        try:
            history = [{"seq": entry["seq"], "id": entry["body"], "key": entry.get("key")} for entry in self._lines("history", "room")]
            dead = [entry["body"].split("\n", 1)[1] for entry in self._lines("history", "dead")]
        except subprocess.SubprocessError as fault:
            return [f"history: it cannot be read: {fault}"], 0
        read = lambda: [{"event": "read", "seq": entry["seq"], "id": entry["body"]} for entry in self.reader.lines()]  # noqa: E731
        try:
            patiently(lambda: lost or (len(read()) >= len(history) and self.clients["reader"].count("read") >= len(history)), "the readers", 10)
        except AssertionError:
            pass  # the checker says what is missing
        logs = {client.name: client.lines() for client in self.clients.values()}
        logs["c-reader"] = read()
        with open(self.reader.errors, encoding="utf-8") as file:
            told = file.read()
            if "are lost" in told or "another log" in told:
                logs["c-reader"].append({"event": "lost"})
            elif lost:
                return ["silence: c-reader was not told of a loss"], len(history)
        return faults(logs, history, dead, lost), len(history)

    def end(self):
        for client in [*self.clients.values(), *([self.reader] if self.reader else [])]:
            client.process.kill()
            client.process.wait()
        for member in self.members:
            member.end()
        self.database.remove()
