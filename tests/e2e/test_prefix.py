"""Readers of all rooms with a prefix, however many those are."""
import json
import re
import signal
import unittest

from harness import TestCase, publish_frame, wait_for

ROOMS = 20_000
# Of each room the reader remembers a position, of about 400 bytes with all that belongs to it. The program itself has the rest.
MEMORY_KIB = 40_000


def peak_kib(program):
    with open(f"/proc/{program.process.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", file.read(), re.M).group(1))


class Prefix(TestCase):
    def publish(self, peer, first, count):
        """An entry in each of so many rooms."""
        for number in range(first, first + count):
            peer.send(publish_frame(f"r/{number:05}", (number + 1, b"in %d" % number)))
        peer.ask(op="publish", room="done", text="")  # all before it are answered, too

    def assert_each_once(self, reader, count):
        entries = [json.loads(line) for line in reader.lines()]
        self.assertEqual(sorted((entry["room"], entry["body"]) for entry in entries),
                         [(f"r/{number:05}", f"in {number}") for number in range(count)])

    def test_twenty_thousand_rooms_that_appear(self):
        broker = self.broker(config="server\n    heartbeat = 500\nlimits\n    rate-ops = 100000\n")
        reader = self.zrelay(broker, "-v", "--json", "sub", "r/*", "--count", str(ROOMS))
        reader.wait_err(r"r/\*: live")
        peer = self.peer(broker)
        self.publish(peer, 0, ROOMS // 4)
        wait_for(lambda: len(reader.lines()) == ROOMS // 4, "a quarter of the rooms")
        reader.signal(signal.SIGSTOP)  # the rest is more than its queues hold, and longer than a session lives
        self.publish(peer, ROOMS // 4, ROOMS - ROOMS // 4)
        wait_for(lambda: peer.ask(op="who", room="r/00000")["count"] == 0, "an answer")
        reader.signal(signal.SIGCONT)
        self.assertEqual(reader.finish(), 0, reader.errors()[-2000:])
        self.assert_each_once(reader, ROOMS)

    def test_what_it_costs(self):
        broker = self.broker()
        reader = self.zrelay(broker, "-v", "--json", "sub", "r/*")
        reader.wait_err(r"r/\*: live")
        self.publish(self.peer(broker), 0, ROOMS)
        wait_for(lambda: len(reader.lines()) == ROOMS, "all rooms")
        self.assertLess(peak_kib(reader), MEMORY_KIB)
        self.assert_each_once(reader, ROOMS)

    def test_what_was_said_before(self):
        """A replay for each room, as fast as the rates allow."""
        broker = self.broker(config="limits\n    rate-ops = 100000\n")
        self.publish(self.peer(broker), 0, ROOMS)
        late = self.zrelay(broker, "--json", "sub", "r/*", "--all", "--count", str(ROOMS))
        self.assertEqual(late.finish(), 0, late.errors()[-2000:])
        self.assert_each_once(late, ROOMS)


if __name__ == "__main__":
    unittest.main()
