"""SIGHUP: the configuration file is read again. What is live holds at once; the log and --check-config name what takes a restart."""
import os
import signal
import subprocess
import unittest

from harness import ZRELAYD, TestCase, wait_for


class ReloadCase(TestCase):
    def start(self, text, *arguments):
        self.config = self.path("z.conf")
        self.write(text)
        return self.broker("--config", self.config, *arguments)

    def write(self, text):
        self.file("z.conf.new", text)
        os.chmod(self.path("z.conf.new"), 0o600)
        os.rename(self.path("z.conf.new"), self.config)

    def reload(self, broker, text):
        """Puts the file in place; returns the new lines of the log, once the last change is told."""
        self.write(text)
        before = len(broker.errors())
        broker.signal(signal.SIGHUP)
        broker.signal(signal.SIGUSR1)  # its line comes after those of the reload
        return wait_for(lambda: (found := broker.errors()[before:]) and "counters" in found and found, "the reload")

    def check(self, broker, code=0):
        done = subprocess.run([ZRELAYD, "--config", self.config, "--listen", "tcp://127.0.0.1:*", "--check-config"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr


class Reload(ReloadCase):
    def test_limits_greeting_and_log_level(self):
        broker = self.start("server\n    greeting = before\nlimits\n    max-rooms = 1\n")
        peer = self.peer(broker, "ann")
        self.assertEqual(peer.welcome["greeting"], "before")
        self.assertEqual(peer.ask(op="publish", room="one", text="x")["op"], "ack")
        self.assertEqual(peer.ask(op="publish", room="two", text="x")["code"], "too-many-rooms")
        text = "server\n    greeting = after\n    log-level = debug\n    heartbeat = 9s\nlimits\n    max-rooms = 2\n"
        lines = self.reload(broker, text)
        for line in ("audit reload by SIGHUP: server/greeting: after, was before", "audit reload by SIGHUP: limits/max-rooms: 2, was 1",
                     "audit reload by SIGHUP: server/log-level: debug, was info",
                     "warn  reload by SIGHUP: server/heartbeat stays 5s: 9s takes a restart"):
            self.assertIn(line, lines)
        self.assertEqual(peer.ask(op="publish", room="two", text="x")["op"], "ack")
        self.assertEqual(peer.ask(op="publish", room="three", text="x")["code"], "too-many-rooms")
        welcome = self.peer(broker, "bob").welcome
        self.assertEqual((welcome["greeting"], welcome["heartbeat"]), ("after", 5000))
        peer.ask(op="bye")
        broker.wait_err("debug the session of ann")
        self.assertNotIn("greeting", self.reload(broker, text))

    def test_a_fault_changes_nothing(self):
        broker = self.start("limits\n    max-rooms = 1\n")
        lines = self.reload(broker, "limits\n    max-rooms = 2\n    oops = 1\n")
        self.assertRegex(lines, r"audit reload by SIGHUP failed, the settings stay: .*z\.conf:3: limits/oops: no such setting")
        peer = self.peer(broker, "ann")
        self.assertEqual(peer.ask(op="publish", room="one", text="x")["op"], "ack")
        self.assertEqual(peer.ask(op="publish", room="two", text="x")["code"], "too-many-rooms")

    def test_retention(self):
        for data in (True, False):
            with self.subTest(data=data):
                log = f"log\n    data = {self.path('data')}\n" if data else ""
                broker = self.start(log)
                peer = self.peer(broker, "ann")
                for number in range(5):
                    peer.ask(op="publish", room="r", text=str(number))
                self.assertEqual(self.count(peer), 5)
                self.reload(broker, log + "room\n    pattern = r*\n    max-entries = 2\n" if data else "log\n    room-entries = 2\n")
                wait_for(lambda: self.count(peer) == 2, "retention")

    @staticmethod
    def count(peer):
        """The entries of the room that can be read."""
        answer = peer.ask(op="replay", room="r", after=0)
        while answer["op"] != "replayed":
            answer = peer.control()
        return answer["count"]


class Check(ReloadCase):
    def test_it_compares_with_the_running_broker(self):
        log = f"log\n    data = {self.path('data')}\n"
        broker = self.start(log)
        self.write(log + "limits\n    max-rooms = 2\n    max-frame = 2M\n")
        text = self.check(broker)
        self.assertRegex(text, r"data/zrelayd\.settings is of a broker that runs\nSIGHUP changes:\n"
                               r"  limits/max-rooms: 2, was 100000\na restart changes:\n  limits/max-frame: 2M, was 1M\n\Z")
        broker.signal(signal.SIGHUP)
        broker.wait_err("limits/max-frame stays")
        self.assertIn("SIGHUP changes:\n  nothing\n", self.check(broker))
        broker.signal(signal.SIGKILL)
        broker.finish()
        self.assertIn("other than the defaults:\n", self.check(broker))
        self.assertNotRegex(self.check(broker), "runs")

    def test_a_file_of_its_own(self):
        broker = self.start("server\n    settings-file = in-force\n")
        self.assertIn("a restart changes:\n  nothing\n", self.check(broker))
        second = self.broker("--config", self.config)
        second.wait_err("cannot show the settings in force: .*in-force: .*another process uses it")
        with open(self.path("in-force"), encoding="utf-8") as file:
            self.assertIn("\n    max-rooms = 100000\n", file.read())


if __name__ == "__main__":
    unittest.main()
