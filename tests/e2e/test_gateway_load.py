"""Many readers of one room at the gateway: what they cost the broker, and the benchmark that measures them."""
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import unittest

from gateway_case import TEXT, GatewayCase
from harness import BUILD, DEADLINE, publish_frame, wait_for

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench/websockets")
GENERATOR = os.path.join(BUILD, "tests/bench/ws_generator")
MESSAGES = 20


class Fanout(GatewayCase):
    def counts(self, gateway):
        """Frames and bytes that the broker sent to the gateway."""
        text = self.get(gateway, "/metrics")[2]
        return [int(re.search(rb"(?m)^zrelay_gateway_broker_%s_received_total (\d+)$" % unit, text)[1]) for unit in (b"frames", b"bytes")]

    def publish(self, peer, sockets, number):
        peer.send(publish_frame("r", (number, b"message %d" % number)))
        for one in sockets:
            self.assertEqual(one.read(), (TEXT, b"message %d" % number))

    def cost(self, readers):
        """What the broker sends for so many messages to a room with so many readers at one gateway."""
        broker = self.broker(config="server\n    heartbeat = 10m\n")  # pongs would count
        gateway = self.gateway(broker)
        sockets = [self.raw(gateway) for _ in range(readers)]
        for one in sockets:
            self.assertEqual(one.upgrade("/v1/rooms/r/ws")[0], 101)
        peer = self.peer(broker, "bob")
        wait_for(lambda: peer.ask(op="who", room="r").get("count") == readers, "all readers to be in the room")
        # What the readers' arrival costs has come when this message and the answer to a request are here.
        self.publish(peer, sockets, 1)
        self.assertEqual(self.get(gateway, "/v1/rooms")[0], 200)
        # A look at the counts asks the broker for its own, so one look more tells what that costs.
        first, before = self.counts(gateway), self.counts(gateway)
        for number in range(2, MESSAGES + 2):
            self.publish(peer, sockets, number)
        return [now - then - (then - earlier) for now, then, earlier in zip(self.counts(gateway), before, first)]

    def test_the_broker_sends_a_message_once_however_many_read(self):
        few, many = self.cost(2), self.cost(200)
        self.assertEqual(few[0], MESSAGES)
        self.assertEqual(many[0], MESSAGES)
        self.assertLess(abs(many[1] - few[1]), MESSAGES * 4)  # the sender's name is as long


class Queues(GatewayCase):
    ROOMS, MESSAGES = 8, 60

    def queued(self, gateway):
        return int(re.search(rb"(?m)^zrelay_gateway_queued_bytes (\d+)$", self.get(gateway, "/metrics")[2])[1])

    def test_slow_clients_of_many_rooms_are_bounded_together(self):
        broker = self.broker(config="log\n    room-bytes = 64k\n")  # what is dropped is gone for good
        gateway = self.gateway(broker, config="limits\n    all-queues = 4M\n    answer-queue = 1M\n    reader-queue = 1M\n")
        rooms = [f"r{number}" for number in range(self.ROOMS)]
        quick = self.raw(gateway)
        self.assertEqual(quick.upgrade("/v1/rooms/quick/ws")[0], 101)
        for room in rooms:
            slow = self.browser(gateway, None, "zrelay.v1", receive=4096)
            slow.say(op="subscribe", id=1, rooms=[room])
            slow.hear("subscribed")
            slow.say(op="join", id=2, room=room)
            slow.hear("joined")
        peer, most = self.peer(broker, "bob"), 0
        for number in range(1, self.MESSAGES + 1):
            for index, room in enumerate([*rooms, "quick"]):
                peer.send(publish_frame(room, (number * 100 + index, b"%d " % number + b"x" * (100000 if room != "quick" else 1))))
            peer.ask(op="ping")
            heard = quick.read()[1]  # whatever the others do not read
            self.assertEqual(heard.split()[0], b"%d" % number)
            most = max(most, self.queued(gateway))
        self.assertGreater(most, 1 << 20)  # several of them wait
        self.assertLessEqual(most, 4 << 20)
        self.assertRegex(self.get(gateway, "/metrics")[2], rb"(?m)^zrelay_gateway_evicted_total [1-9]")

    def test_messages_and_bodies_that_never_end_are_bounded_together(self):
        gateway = self.gateway(self.broker(), config="limits\n    all-queues = 4M\n    answer-queue = 1M\n    reader-queue = 1M\n")
        quick = self.raw(gateway)
        self.assertEqual(quick.upgrade("/v1/rooms/quick/ws")[0], 101)
        for number in range(12):  # a MB each
            raw = self.raw(gateway)
            if number % 2:
                self.assertEqual(raw.upgrade("/v1/ws")[0], 101)
                raw.send(b"\x81\xff" + struct.pack(">QL", 1 << 20, 0) + b"x" * 1000000)
            else:
                raw.request("/v1/rooms/r", f"Content-Length: {1 << 20}", method="POST")
                raw.send(b"x" * 1000000)
            quick.frame(TEXT, b"%d" % number)
            self.assertEqual(quick.read_until(TEXT), b"%d" % number)
            self.assertLessEqual(self.queued(gateway), 4 << 20)
        wait_for(lambda: re.search(rb"(?m)^zrelay_gateway_evicted_total [5-9]", self.get(gateway, "/metrics")[2]), "those that waited longest to go")
        done = self.raw(gateway)
        done.request("/v1/rooms/r", "Content-Length: 5", method="POST")
        done.send(b"whole")
        self.assertEqual(done.head()[0], 201)


@unittest.skipUnless(os.path.exists(GENERATOR), "built without tests/bench")
class Bench(GatewayCase):
    def bench(self, *arguments):
        return subprocess.run([sys.executable, BENCH, "--build", BUILD, "--rounds", "1", *arguments], capture_output=True, text=True, timeout=DEADLINE)

    def test_a_round(self):
        done = self.bench("--only", "zrelay", "--readers", "100", "--messages", "20", "--rate", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^zrelay +[\d.]+ +[\d,]+ +[\d.]+ +[\d.]+$")

    def test_more_readers_than_descriptors(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        done = self.bench("--only", "zrelay", "--readers", str(most))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("raise ulimit -Hn", done.stderr)

    def test_a_server_that_does_not_answer_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            generator = subprocess.Popen([GENERATOR, "plain", str(server.getsockname()[1]), "/", "2", "1", "100", "1"], stderr=subprocess.PIPE, text=True)
            self.addCleanup(generator.kill)
            server.accept()[0].close()
            self.assertIn("no answer to handshake 0 of 2", generator.communicate(timeout=DEADLINE)[1])
        self.assertEqual(generator.returncode, 1)


if __name__ == "__main__":
    unittest.main()
