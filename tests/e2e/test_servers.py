"""Several servers: what goes on at the next one when a broker is gone (-s A,B,C), and what brokers tell of each other."""
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

from gateway_case import Gateway
from harness import TestCase, wait_for
from test_leaf import FAST, LeafCase

DEAD = "tcp://127.0.0.1:1"


class Servers(LeafCase):
    """Without PostgreSQL: two leaves of one broker are two ways to the same log."""

    def test_a_reader_and_a_publisher_go_on_at_the_other_leaf_and_nothing_is_lost_or_doubled(self):
        upstream = self.broker(config=FAST)
        one, two = self.leaf(upstream), self.leaf(upstream)
        both = f"{DEAD},{one.server},{two.server}"
        reader = self.zrelay(both, "sub", "room", "--count", "300")
        self.wait_members(upstream, "room", 1)
        publisher = self.zrelay(both, "pub", "room")
        publisher.write(b"".join(b"%d\n" % number for number in range(1, 101)))
        wait_for(lambda: len(reader.lines()) >= 100, "the first entries")
        one.signal(signal.SIGKILL)
        publisher.write(b"".join(b"%d\n" % number for number in range(101, 301)))
        publisher.close_stdin()
        self.assertEqual((publisher.finish(), reader.finish()), (0, 0), publisher.errors() + reader.errors())
        self.assertEqual(bytes(reader.out), b"".join(b"%d\n" % number for number in range(1, 301)))

    def test_a_leaf_goes_on_at_another_upstream(self):
        first, second = self.broker(config=FAST), self.broker(config=FAST)
        leaf = self.broker("--upstream", f"{DEAD},{first.server},{second.server}", config=FAST)
        leaf.wait_err(f"a leaf of the broker at {first.server}")
        first.signal(signal.SIGTERM)
        leaf.wait_err(f"a leaf of the broker at {second.server}")
        self.assertEqual(self.peer(leaf, "ann").welcome["epoch"], second.epoch)

    def test_a_leaf_learns_the_way_to_another_upstream(self):
        upstream = self.broker(config=FAST)
        other = self.leaf(upstream)
        one = self.leaf(upstream, config=f"{FAST}cluster\n    peers = {other.server}\n")
        last = self.leaf(one)
        one.signal(signal.SIGTERM)
        last.wait_err(f"a leaf of the broker at {other.server}")
        self.assertEqual(self.peer(last, "ann").welcome["epoch"], upstream.epoch)

    def test_a_gateway_goes_on_at_the_other_leaf(self):
        upstream = self.broker(config=FAST)
        one, two = self.leaf(upstream), self.leaf(upstream)
        gateway = Gateway("--http", "127.0.0.1:*", "--server", f"{DEAD},{one.server},{two.server}", stdin=subprocess.DEVNULL)
        self.addCleanup(gateway.end)

        def posts(text):
            try:
                with urllib.request.urlopen(f"{gateway.http}/v1/rooms/room", text, 5) as answer:
                    return answer.status < 300
            except urllib.error.HTTPError as fault:
                self.assertEqual(fault.code, 503)
                return False
        wait_for(lambda: posts(b"a"), "the first leaf")
        one.signal(signal.SIGKILL)
        one.finish()
        gateway.wait_err(f"connected to the broker at {two.server}")
        wait_for(lambda: posts(b"b"), "the second leaf")
        self.assertEqual(bytes(self.run_zrelay(upstream, "history", "room").out), b"a\nb\n")

    def test_a_client_learns_the_way_to_another_broker(self):
        upstream = self.broker(config=FAST)
        other = self.leaf(upstream)
        one = self.leaf(upstream, config=f"{FAST}cluster\n    peers = {other.server}\n")
        reader = self.zrelay(one, "sub", "room", "--count", "2")
        self.wait_members(upstream, "room", 1)
        self.assertEqual(self.peer(one).welcome["peers"], [other.server])
        self.assertNotIn("peers", self.peer(other).welcome)
        self.run_zrelay(upstream, "pub", "room", "a")
        one.signal(signal.SIGKILL)
        one.finish()
        self.run_zrelay(upstream, "pub", "room", "b")
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(bytes(reader.out), b"a\nb\n")


class Refused(TestCase):
    def test_lists_that_are_wrong(self):
        self.assertIn("stands twice", self.run_zrelay(f"{DEAD},{DEAD}", "ping", code=1).errors())
        self.assertIn("endpoint", self.run_zrelay(f"{DEAD},nonsense://", "ping", code=1).errors())
        self.assertIn(f"{DEAD},tcp://127.0.0.1:2", self.run_zrelay(f"{DEAD},127.0.0.1:2", "--connect-timeout", "1", "ping", code=2).errors())


if __name__ == "__main__":
    unittest.main()
