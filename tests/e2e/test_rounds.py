"""Rounds of kill -9 under load, with full disks and clocks that jump: nothing acked is lost, doubled or out of order, nothing refused is
stored, and the broker starts each time. A longer run: python3 test_rounds.py ROUNDS [SEED]"""
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest

from harness import Broker, Peer, publish_frame
from test_clock import ClockCase
from test_durable import acks

ROUNDS = int(os.environ.get("ZRELAY_TEST_ROUNDS", "12"))
SEED = int(os.environ.get("ZRELAY_TEST_SEED", "0")) or random.SystemRandom().getrandbits(32)
SPACE = 24 << 20
YEAR = 365 * 24 * 3600
CONFIG = "server\n    heartbeat = 1000\n    tick = 20\nroom\n    pattern = *\n    max-age = 36500d\n"


class Publisher:
    """One client id. It sends frames without waiting, and sends again what was not answered."""

    def __init__(self, name, chance):
        self.name, self.chance, self.client, self.peer = name, chance, f"{chance.getrandbits(128):032x}", None
        self.mid, self.waiting, self.acked = 0, {}, set()

    def connect(self, server):
        self.close()
        self.peer = Peer(server, client=self.client)
        for mid, body in self.waiting.items():
            self.peer.send(publish_frame("r", (mid, body)))

    def close(self):
        if self.peer:
            self.peer.close()
        self.peer = None

    def burst(self):
        for _ in range(self.chance.randrange(1, 20)):
            entries = []
            for _ in range(self.chance.randrange(1, 15)):
                self.mid += 1
                body = b"%s %d %s" % (self.name, self.mid, b"x" * self.chance.choice((0, 10, 100, 3000)))
                entries.append((self.mid, body))
                self.waiting[self.mid] = body
            self.peer.send(publish_frame("r", *entries))

    def answer(self, frame):
        ack = acks(frame)
        if ack:
            for mid in [mid for mid in self.waiting if mid <= ack[1]]:
                self.acked.add(mid)
                del self.waiting[mid]
        elif frame[:1] == b"{":
            answer = json.loads(frame)
            if answer.get("op") == "error":
                assert answer["code"] == "store-failed", answer
                for mid in [mid for mid in self.waiting if answer["mid"] <= mid <= answer.get("upto", answer["mid"])]:
                    del self.waiting[mid]  # what is refused must not be stored

    def take(self):
        """The answers that are there."""
        while self.peer.front.poll(0):
            self.answer(self.peer.receive())

    def settle(self):
        while self.waiting:
            self.answer(self.peer.receive())


class Rounds(ClockCase):
    def setUp(self):
        super().setUp()
        self.chance, self.space = random.Random(SEED), self.path("space")
        os.mkdir(self.space, 0o700)
        self.mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SPACE},mode=700", "tmpfs", self.space], stderr=subprocess.DEVNULL, check=False).returncode == 0
        if self.mounted:
            self.addCleanup(subprocess.run, ["umount", self.space], check=True)
        self.running = None
        self.addCleanup(lambda: self.running and self.running.end())
        self.config = self.file("zrelayd.conf", CONFIG)
        self.server = self.back = "tcp://127.0.0.1:*"
        self.seen, self.counts = [], {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def go(self):
        where = ["--listen", self.server] + (["--back", self.back] if self.running else [])
        if self.running:
            self.running.end()
        self.running = Broker(*where, "--data", os.path.join(self.space, "data"), "--config", self.config)
        self.server, self.back = self.running.server, self.running.back

    def fill(self):
        if not self.mounted:
            return
        self.count("full")
        with open(os.path.join(self.space, "ballast"), "ab", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def clear(self):
        if os.path.exists(os.path.join(self.space, "ballast")):
            os.unlink(os.path.join(self.space, "ballast"))

    def jump(self):
        self.count("clock")
        self.set_clock(self.chance.choice((0, 0, 30, -30, 3600, -3600, YEAR, -YEAR, 10 * YEAR, -time.time() + 100)))

    def read(self, after):
        lines = self.run_zrelay(self.running, "--json", "history", "r", "--after", str(after)).lines()
        return [(entry["seq"], (entry.get("body") or entry.get("text")).encode()) for entry in map(json.loads, lines)]

    def check(self, publishers, whole):
        seen = self.read(0 if whole else self.seen[-1][0] if self.seen else 0)
        if whole:
            self.assertTrue(seen[:len(self.seen)] == self.seen, f"seed {SEED}: what was read before has changed")
            self.seen = seen
        else:
            self.seen += seen
        self.assertEqual([seq for seq, _ in self.seen], sorted({seq for seq, _ in self.seen}), f"seed {SEED}")
        for publisher in publishers:
            mids = [int(body.split(b" ")[1]) for _, body in self.seen if body.startswith(publisher.name + b" ")]
            self.assertTrue(mids == sorted(publisher.acked), f"seed {SEED}: {publisher.name}: lost {sorted(publisher.acked - set(mids))[:9]}, "
                            f"not acked {sorted(set(mids) - publisher.acked)[:9]}, doubled or out of order {len(mids) - len(set(mids))}")

    def round(self, publishers):
        chance = self.chance
        if chance.random() < 0.4:
            self.jump()
        if chance.random() < 0.2:
            self.fill()
        for publisher in publishers:
            publisher.burst()
            if chance.random() < 0.5:
                publisher.take()
        time.sleep(chance.random() * chance.choice((0, 0.005, 0.05)))  # at any moment of the work
        what = chance.choice(("kill", "kill", "kill", "term", "client"))
        self.count(what)
        if what == "client":
            publishers[0].connect(self.server)
        else:
            self.running.signal(signal.SIGKILL if what == "kill" else signal.SIGTERM)
            self.running.finish()
            if chance.random() < 0.2:
                self.fill()
            if chance.random() < 0.2:
                self.jump()
            self.go()
            if chance.random() < 0.5:
                self.read(0)  # readers are served, on a full disk too
            for publisher in publishers:
                publisher.connect(self.server)
        if chance.random() < 0.5:
            self.clear()
        for publisher in publishers:
            publisher.settle()
        self.clear()

    def test_rounds(self):
        publishers = [Publisher(b"p%d" % number, self.chance) for number in range(2)]
        self.go()
        for publisher in publishers:
            self.addCleanup(publisher.close)
            publisher.connect(self.server)
        for number in range(1, ROUNDS + 1):
            try:
                self.round(publishers)
                self.check(publishers, number % 10 == 0 or number == ROUNDS)
            except Exception as failure:
                raise AssertionError(f"seed {SEED}, round {number}: {failure}\n{self.running.errors()[-2000:]}") from failure
            if len(self.seen) > 3000:  # before the disk is full of them: a new log
                self.count("new log")
                self.running.signal(signal.SIGTERM)
                self.running.finish()
                subprocess.run(["rm", "-r", os.path.join(self.space, "data")], check=True)
                self.seen = []
                publishers = [Publisher(b"p%d" % (number * 2 + index), self.chance) for index in range(2)]
                self.go()
                for publisher in publishers:
                    self.addCleanup(publisher.close)
                    publisher.connect(self.server)
        print(f"seed {SEED}: {ROUNDS} rounds, {self.counts}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        ROUNDS = int(sys.argv[1])
    if len(sys.argv) > 2:
        SEED = int(sys.argv[2])
    print(f"seed {SEED}", file=sys.stderr)
    unittest.main(argv=sys.argv[:1] + ["Rounds.test_rounds"])
