"""Limits on how much comes, how fast, and what waits for whom: each is tried on both sides."""
import contextlib
import json
import os
import re
import resource
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import zmq

import test_auth
from harness import ZRELAYD, deliver_entries, publish_frame, wait_for
from limit_case import LimitCase, covers, limits


with open(ZRELAYD, "rb") as program:
    # AddressSanitizer keeps what was freed for a while.
    KEPT = 512 << 20 if b"libasan" in program.read() else 0


class Raw(LimitCase):
    """What only a peer does that speaks ZMTP by hand."""
    HIGHEST = 128 << 20  # bytes that nobody gets to send

    def connect(self, endpoint, kind):
        one = socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))
        self.addCleanup(one.close)
        self.assertTrue(test_auth.talk(one, test_auth.GREETING, b"READY"))
        one.sendall(test_auth.ready(kind=kind))
        return one

    def is_open(self, one):
        try:
            return one.recv(1 << 20, socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def parts(self, one, size, total):
        """Sends a message of `total` bytes in parts, of which more are to come, or as much of it as the broker lets come."""
        part = b"\x03" + size.to_bytes(8, "big") + bytes(size)
        with contextlib.suppress(OSError):
            for _ in range(total // len(part)):
                one.sendall(part)

    def assert_cut_off(self, broker, one, size, fits, beyond, honest):
        """A message of `fits` bytes is waited for, one of `beyond` is not."""
        self.parts(one, size, fits)
        for _ in range(100):  # some looks at who is ahead fall into it
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertTrue(self.is_open(one))
        before = self.memory(broker)
        self.parts(one, size, beyond - fits)
        wait_for(lambda: not self.is_open(one), "the end of the connection")
        self.assertLess(self.memory(broker) - before, 4 * beyond + (64 << 20) + KEPT)
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        broker.wait_err("sent more than could be taken in")

    def greeted(self, broker):
        """A DEALER of which a first message was taken."""
        one = self.connect(broker.server, b"DEALER")
        self.assertTrue(test_auth.talk(one, b"\x00\x0d" + b'{"op":"ping"}', b"no-session"))
        return one

    @covers("bytes that a DEALER sent since its last whole message, on TCP")
    def test_a_message_without_end(self):
        broker = self.broker()
        honest = self.peer(broker)
        for size in (100, 1 << 20):
            self.assert_cut_off(broker, self.greeted(broker), size, 2 << 20, 4 << 20, honest)

    @covers("bytes that a DEALER sends until its first whole message was taken, on TCP")
    def test_a_first_message_without_end(self):
        broker = self.broker()
        self.assert_cut_off(broker, self.connect(broker.server, b"DEALER"), 100, 80_000, 200_000, self.peer(broker))

    @covers("bytes that a SUB sent since its last whole message, on TCP")
    def test_a_subscription_without_end(self):
        broker = self.broker()
        self.assert_cut_off(broker, self.connect(broker.back, b"SUB"), 1000, 60000, 200000, self.peer(broker))

    def test_tiny_parts(self):
        """Each costs libzmq 64 bytes, and 2 on the wire: the memory of many connections grows, and they are ended."""
        broker = self.broker()
        honest = self.peer(broker)
        before = self.memory(broker)
        for _ in range(20):
            one = self.greeted(broker)
            with contextlib.suppress(OSError):
                one.sendall(b"\x01\x00" * (1 << 20))
        for _ in range(100):
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertLess(self.memory(broker) - before, (400 << 20) + KEPT)  # all of them would take 1.3 GB

    def test_tiny_parts_on_a_local_socket(self):
        """Nobody counts what comes there; the memory that grows tells."""
        with tempfile.TemporaryDirectory() as folder:
            broker = self.broker("--listen", f"ipc://{folder}/front")
            honest = self.peer(broker)
            one = socket.socket(socket.AF_UNIX)
            self.addCleanup(one.close)
            one.connect(f"{folder}/front")
            self.assertTrue(test_auth.talk(one, test_auth.GREETING, b"READY"))
            one.sendall(test_auth.ready(kind=b"DEALER"))
            before = self.memory(broker)
            with self.assertRaises(OSError):
                for _ in range(self.HIGHEST >> 16):  # all of them would take 4 GB
                    one.sendall(b"\x01\x00" * (1 << 15))
            self.assertLess(self.memory(broker) - before, (1 << 30) + KEPT)
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
            broker.wait_err("when memory grew")

    def test_tiny_parts_on_the_local_back(self):
        with tempfile.TemporaryDirectory() as folder:
            broker = self.broker("--listen", f"ipc://{folder}/front")
            honest = self.peer(broker)
            one = socket.socket(socket.AF_UNIX)
            self.addCleanup(one.close)
            one.connect(f"{folder}/front-back")
            self.assertTrue(test_auth.talk(one, test_auth.GREETING, b"READY"))
            one.sendall(test_auth.ready(kind=b"SUB"))
            with self.assertRaises(OSError):
                for _ in range(self.HIGHEST >> 16):
                    one.sendall(self.SUBSCRIBED * (1 << 14))
            self.assertEqual(honest.ask(op="ping")["op"], "pong")

    @covers("max-waiting")
    def test_what_waits_of_all(self):
        """Each has less than one may have. The two together have more than all may."""
        broker = self.broker(config=limits(max_waiting="3M"))
        honest = self.peer(broker)
        one, other = self.greeted(broker), self.greeted(broker)
        self.parts(one, 100_000, 2_050_000)
        for _ in range(100):
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertTrue(self.is_open(one))
        self.parts(other, 100_000, 1_350_000)
        wait_for(lambda: not self.is_open(one), "the end of the one with the most")
        self.assertTrue(self.is_open(other))
        broker.wait_err("limits/max-waiting")

    @covers("login-timeout")
    def test_connections_that_say_nothing(self):
        broker = self.broker(config="server\n    login-timeout = 1s\n")
        silent = [self.connect(broker.server, b"DEALER"), self.connect(broker.back, b"SUB")]
        honest = self.peer(broker)
        honest.subscribe(b"room\0")
        wait_for(lambda: not any(self.is_open(one) for one in silent), "the end of the silent ones")
        broker.wait_err("said no hello within server/login-timeout")
        broker.wait_err("did not subscribe within server/login-timeout")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.publish(honest, "room", (1, b"x"))
        self.assertEqual(deliver_entries(honest.live())[3][0][-1], b"x")
        # With more time they stay.
        patient = self.broker(config="server\n    login-timeout = 1h\n")
        silent = [self.connect(patient.server, b"DEALER"), self.connect(patient.back, b"SUB")]
        honest = self.peer(patient)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertTrue(all(self.is_open(one) for one in silent))

    def test_old_protocols(self):
        """Peers of ZMTP 1 and 2 are refused at once, at each listener of a broker that encrypts some of them, or none."""
        keys = tempfile.TemporaryDirectory()
        self.addCleanup(keys.cleanup)
        greetings = {"1.0": b"\x01\x00", "2.0": b"\xff" + bytes(8) + b"\x7f\x01\x05\x00\x00"}
        for broker in (self.broker(), self.encrypting(keys.name)):
            for endpoint in (*broker.listen, *broker.backs):
                for name, greeting in greetings.items():
                    with self.subTest(endpoint=endpoint, protocol=name):
                        one = socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])), timeout=30)
                        self.addCleanup(one.close)
                        one.sendall(greeting + b"\x01\x01a" * 3)
                        with contextlib.suppress(ConnectionError):
                            while one.recv(4096):
                                pass
            broker.wait_err("must speak ZMTP 3")
            self.assertEqual(self.peer(broker).ask(op="ping")["op"], "pong")

    def encrypting(self, folder):
        """A broker with a plain listener, and one that is encrypted."""
        subprocess.run([ZRELAYD, "--keygen", f"{folder}/server"], check=True, stdout=subprocess.DEVNULL)
        with open(f"{folder}/users", "w", encoding="utf-8") as file:
            file.write('user\n    name = anonymous\n    allow = "all : *"\nuser\n    name = ann\n'
                       f'    key = "{zmq.curve_keypair()[0].decode()}"\n    allow = "all : *"\n')
        os.chmod(f"{folder}/users", 0o600)
        return self.broker("--users", f"{folder}/users", "--server-key", f"{folder}/server_secret", "--listen", "tcp://127.0.0.1:*",
                           "--listen", "tcp://0.0.0.0:*")

    def named(self, broker, name):
        """A DEALER that names a routing id for itself."""
        one = socket.create_connection(("127.0.0.1", int(broker.server.rsplit(":", 1)[1])))
        self.addCleanup(one.close)
        self.assertTrue(test_auth.talk(one, test_auth.GREETING, b"READY"))
        one.sendall(test_auth.ready((b"Identity", name)))
        return one

    def test_connections_that_name_the_same_routing_id(self):
        """libzmq read none of them but the first, and kept for ever what they had sent."""
        broker = self.broker()
        for _ in range(5):
            one = self.named(broker, b"\0abcd")
            self.assertTrue(test_auth.talk(one, b"\x00\x0d" + b'{"op":"ping"}', b"no-session"))

    def test_descriptors_of_local_sockets(self):
        """libzmq aborts when it finds none left for a local connection."""
        with tempfile.TemporaryDirectory() as folder:
            broker = self.broker("--listen", f"ipc://{folder}/front", "--listen", "tcp://127.0.0.1:*")
            honest = self.peer(broker)
            pid = broker.process.pid
            used = 1 + max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, used))
            many = []
            for _ in range(used):
                one = socket.socket(socket.AF_UNIX)
                self.addCleanup(one.close)
                one.connect(f"{folder}/front")
                many.append(one)
            for _ in range(100):
                self.assertEqual(honest.ask(op="ping")["op"], "pong")
            for one in many:
                one.close()
            self.assertIsNone(broker.process.poll(), broker.errors())

    def test_many_whole_messages_are_no_message_without_end(self):
        broker = self.broker()
        peer = self.peer(broker)
        for mid in range(1, 101):  # 10 MB, each answered
            self.assertEqual(self.publish(peer, "room", (mid, bytes(100000)))[:2], ("ack", mid))
        for mid in range(101, 201):  # and all at once
            peer.send(publish_frame("room", (mid, bytes(100000))))
        while self.answer(peer)[1] < 200:
            pass
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertIn("too far ahead 0", broker.errors())

    @covers("bytes of one DEALER that the broker, busy as it is, did not take in yet, on TCP")
    def test_a_broker_that_takes_nothing_in(self):
        config = limits(window="4k", max_frame="4k", max_control="4k")
        broker = self.broker(config=config)
        fits, beyond = self.greeted(broker), self.greeted(broker)
        honest = self.peer(broker)
        # Parts are what waits here; as many bytes of whole messages come to the same.
        self.parts(fits, 1000, 8000)
        self.parts(beyond, 1000, 1 << 20)
        wait_for(lambda: not self.is_open(beyond), "the end of the connection")
        self.assertTrue(self.is_open(fits))
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    SUBSCRIBED, GIVEN_BACK = b"\x00\x02\x01a", b"\x00\x02\x00a"

    def synced(self, one, number):
        """Whether the broker still listens: it answers a subscription to a nonce, once all before it is taken in."""
        nonce = b"\xff" + b"%032x" % number
        return test_auth.talk(one, bytes([0, 1 + len(nonce)]) + b"\x01" + nonce, b"synced")

    @covers("rate-subscriptions")
    def test_subscriptions_in_a_second(self):
        few = self.broker(config=limits(rate_subscriptions=10, max_joins=1))
        one = self.connect(few.back, b"SUB")
        one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 9)
        self.assertTrue(self.synced(one, 1))
        honest = self.peer(few)
        try:
            one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 100)
        except OSError:
            pass
        wait_for(lambda: not self.is_open(one), "the end of the connection")
        few.wait_err("too many, or is too fast")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        # The rooms that may be joined are more than the seconds give.
        rooms = self.broker(config=limits(rate_subscriptions=1, max_joins=1000))
        one = self.connect(rooms.back, b"SUB")
        one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 1999)
        self.assertTrue(self.synced(one, 2))
        # And none means none.
        free = self.broker(config=limits(rate_subscriptions=0, max_joins=1))
        one = self.connect(free.back, b"SUB")
        one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 1000)
        self.assertTrue(self.synced(one, 3))

    @covers("bytes of one SUB that the broker, busy as it is, did not take in yet, on TCP")
    def test_a_broker_that_takes_no_subscriptions_in(self):
        broker = self.broker(config=limits(rate_subscriptions=1, max_joins=100))  # 400 at once
        fits, beyond = self.connect(broker.back, b"SUB"), self.connect(broker.back, b"SUB")
        honest = self.peer(broker)
        # Parts are what waits here; as many bytes of whole messages come to the same.
        self.parts(fits, 1000, 60000)
        self.parts(beyond, 1000, 1 << 20)
        wait_for(lambda: not self.is_open(beyond), "the end of the connection")
        self.assertTrue(self.is_open(fits))
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    def test_a_flood_of_subscriptions(self):
        broker = self.broker()
        honest = self.peer(broker)
        honest.subscribe(b"room\0")
        one = self.connect(broker.back, b"SUB")
        before = self.memory(broker)
        flood = (self.SUBSCRIBED + self.GIVEN_BACK) * 10000
        with self.assertRaises(OSError):
            for _ in range(self.HIGHEST // len(flood)):
                one.sendall(flood)
        self.assertLess(self.memory(broker) - before, (256 << 20) + KEPT)
        self.publish(honest, "room", (1, b"x"))
        self.assertEqual(deliver_entries(honest.live())[3][0][-1], b"x")


class Rates(LimitCase):
    """What a session may do in a second; a broker that counts slowly enough that no machine is too slow for the test."""

    def sent_away(self, broker, peer, honest):
        """Waits until the flooder's session and connection are ended; `honest` notices nothing."""
        while (answer := self.answer(peer)) != {"op": "bye", "reason": "flooding"}:
            self.assertNotEqual(answer, None)
        peer.wait_gone(peer.front)
        broker.wait_err("audit the session of flooder ends: flooding")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    @covers("rate-ops")
    def test_rate_ops(self):
        broker = self.broker(config=limits(rate_ops=20))  # 80 at once
        peer, honest = self.peer(broker), self.peer(broker)
        for _ in range(3):  # hello was the fourth
            self.assertEqual(peer.ask(op="who", room="room")["op"], "who")
        error = wait_for(lambda: (lambda answer: answer["op"] == "error" and answer)(peer.ask(op="who", room="room")), "rate-limited")
        self.assertEqual(error["code"], "rate-limited")
        self.assertIn(error["wait"], range(1, 1551))
        self.assertEqual(peer.ask(op="ping")["op"], "pong")
        self.assertEqual(honest.ask(op="who", room="room")["op"], "who")
        time.sleep((error["wait"] + 50) / 1000)  # which the broker asks for, and the ping cost
        self.assertEqual(peer.ask(op="who", room="room")["op"], "who")
        # Another session on the same connection owes what the one before did.
        wait_for(lambda: peer.ask(op="who", room="room")["op"] == "error", "rate-limited")
        self.assertEqual(peer.ask(op="bye")["op"], "ok")
        self.assertEqual(self.code(peer.hello()), "rate-limited")

    @covers("rate-ops")
    def test_flood_of_requests(self):
        broker = self.broker(config=limits(rate_ops=20))
        flooder, honest = self.peer(broker, "flooder", watch=True), self.peer(broker)
        for _ in range(1000):
            flooder.send(b'{"op":"ping"}')
        self.sent_away(broker, flooder, honest)

    @covers("rate-ops")
    def test_flood_without_a_session(self):
        broker = self.broker(config=limits(rate_ops=20))
        flooder, honest = self.peer(broker, hello=False, watch=True), self.peer(broker)
        for _ in range(1000):
            flooder.send(b'{"op":"ping"}')
        flooder.wait_gone(flooder.front)
        broker.wait_err("audit a connection from .* without a session is ended: flooding")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    def publish_rate(self, config, frame, fits, flood):
        """`frame(first, size)` is a PUBLISH of which `fits` is the largest size that fits, and `flood` the smallest that is a flood."""
        broker = self.broker(config=config)
        honest = self.peer(broker)
        peer = self.peer(broker)
        peer.send(frame(1, fits))
        self.assertEqual(self.answer(peer)[0], "ack")
        peer = self.peer(broker)
        peer.send(frame(1, fits + 1))
        error = self.answer(peer)
        self.assertEqual((self.code(error), "re" in error, "mid" in error), ("rate-limited", False, False))
        self.assertGreaterEqual(error["wait"], 1)
        self.assertEqual(self.answer(peer)[0], "ack")  # and it was taken all the same
        peer = self.peer(broker)
        peer.send(frame(1, flood - 1))
        self.assertEqual(self.code(self.answer(peer)), "rate-limited")
        self.assertEqual(self.answer(peer)[0], "ack")
        flooder = self.peer(broker, "flooder", watch=True)
        flooder.send(frame(1, flood))
        self.sent_away(broker, flooder, honest)

    @covers("rate-entries")
    def test_rate_entries(self):
        self.publish_rate(limits(rate_entries=100, window="4k"),
                          lambda first, size: publish_frame("room", *((first + number, b"") for number in range(size))), 200, 200 + 10 * (4096 // 14) + 1)

    @covers("rate-entries")
    def test_window_is_no_flood(self):
        """What a client may have sent before it hears anything, in the smallest entries."""
        peer = self.peer(self.broker(config=limits(rate_entries=1, rate_bytes=1, window="4k", max_entries=10)))
        frames = [publish_frame("r", *((mid + number, b"") for number in range(10))) for mid in range(1, 4096 // 14 - 30, 10)]
        self.assertLessEqual(sum(map(len, frames)), 4096)
        for frame in frames:
            peer.send(frame)
        while [*self.answer(peer)][:2] != ["ack", 10 * len(frames)]:
            pass

    @covers("rate-bytes")
    def test_rate_bytes(self):
        head, message = len(publish_frame("room", (1, b""))), 64  # what each frame counts beside its own
        self.publish_rate(limits(rate_bytes="10k", window="4k"),
                          lambda first, size: publish_frame("room", (first, bytes(size - head))), (20 << 10) - message,
                          7 * (10 << 10) + 1 - message)

    @covers("rate-ops", "rate-entries", "rate-bytes")
    def test_no_limit(self):
        peer = self.peer(self.broker(config=limits(rate_ops=0, rate_entries=0, rate_bytes=0)))
        for _ in range(3):
            for number in range(400):  # and not more at a time than fit into the queue for the answers
                peer.send(json.dumps({"op": "rooms", "id": number}).encode())
            for _ in range(400):
                self.assertEqual(peer.control()["op"], "rooms")


class Queues(LimitCase):
    @covers("batch-bytes")
    def test_batch_bytes(self):
        broker = self.broker(config=limits(batch_bytes="1k"))
        peer = self.peer(broker)
        peer.subscribe(b"room\0")
        sizes = [300] * 10 + [4000] + [300] * 2
        self.publish(peer, "room", *((mid, bytes(size)) for mid, size in enumerate(sizes, 1)))
        last, frames = 0, []
        while last < len(sizes):
            frame = peer.live()
            _, _, prev, entries = deliver_entries(frame)
            self.assertEqual(prev, last)
            self.assertTrue(len(frame) <= 1024 or len(entries) == 1, "a frame is too large")
            last = entries[-1][0]
            frames.append(len(entries))
        self.assertLess(len(frames), len(sizes))  # and yet they are gathered

    @covers("route-queue")
    def test_route_queue(self):
        broker = self.broker(config=limits(route_queue=16, replay_frames=8, replay_bytes="4M") + "server\n    heartbeat = 60000\n")
        other = self.peer(broker, "other")
        self.publish_one_by_one(other, "room", 8, bytes(500_000))
        # Somebody who asks and does not read: what the operating system takes for it is some megabytes, then the queue fills.
        deaf = self.peer(broker, "deaf", hello=False, rcvhwm=1, rcvbuf=4096)
        deaf.hello("deaf")
        for _ in range(40):
            deaf.send(b'{"op":"replay","room":"room","after":0}')
        wait_for(lambda: other.ask(op="direct", to="deaf", text="").get("code") == "no-such-user", "the session to be detached")
        # It is still there, nobody else can have its name, and it comes back.
        deaf.wait_no_session()
        self.assertEqual(self.code(other.ask(op="hello", proto=1, client=other.client, nick="deaf")), "nick-in-use")
        while deaf.hello(resume=deaf.welcome["resume"])["op"] != "welcome":
            pass
        self.assertTrue(deaf.welcome["resumed"])
        self.assertEqual(other.ask(op="direct", to="deaf", text="")["op"], "ok")
        self.assertEqual(self.replay(deaf, room="room", after=0)[0]["count"], 8)

    def fill(self, broker, other, nick):
        """A peer asks for much and does not read, until its session is detached. Its answers are copies that nobody else holds."""
        deaf = self.peer(broker, nick, hello=False, rcvhwm=1, rcvbuf=4096)
        deaf.hello(nick)

        def is_detached():
            deaf.send(b'{"op":"replay","room":"room","after":0}')
            return other.ask(op="direct", to=nick, text="").get("code") == "no-such-user"
        wait_for(is_detached, "the session to be detached")

    @covers("route-bytes")
    def test_route_bytes(self):
        broker = self.broker(config=limits(route_bytes="6M", replay_bytes="1M") + "server\n    heartbeat = 60000\n")
        other = self.peer(broker, "other")
        self.publish_one_by_one(other, "room", 7, bytes(500_000))
        self.assertEqual(self.replay(other, room="room", after=0)[0]["count"], 2)
        before = self.memory(broker)
        self.fill(broker, other, "deaf")
        self.assertLess(self.memory(broker) - before, (40 << 20) + KEPT)  # a thousand frames would be 500 MB
        self.assertEqual(self.replay(other, room="room", after=0)[0]["count"], 2)

    @covers("all-route-bytes")
    def test_all_route_bytes(self):
        broker = self.broker(config=limits(route_bytes="6M", all_route_bytes="24M", replay_bytes="4M") + "server\n    heartbeat = 60000\n")
        other = self.peer(broker, "other")
        self.publish_one_by_one(other, "room", 7, bytes(500_000))
        self.publish_one_by_one(other, "small", 1, bytes(10_000), first=8)
        before = self.memory(broker)
        for number in range(40):  # of 6 MB each
            self.fill(broker, other, f"deaf-{number}")
        self.assertLess(self.memory(broker) - before, (80 << 20) + KEPT)
        self.assertEqual(self.replay(other, room="small", after=0)[0]["count"], 1)  # who reads is served

    @covers("reader-queue")
    def test_reader_queue(self):
        broker = self.broker(config=limits(reader_queue=16, batch_bytes="1k"))
        writer, reader = self.peer(broker), self.peer(broker)
        reader.sub = reader.context.socket(zmq.SUB)
        reader.sub.linger, reader.sub.rcvhwm, reader.sub.rcvbuf = 0, 1, 4096
        reader.sub.connect(reader.welcome["back"])
        reader.sub.subscribe(b"room\0")
        reader.sub.subscribe(b"\xffaaaaaaaa")
        self.assertTrue(reader.live().startswith(b"\xff"))
        self.publish_one_by_one(writer, "room", 60, bytes(500_000))
        self.publish_one_by_one(writer, "room", 1, b"tail", first=61)
        # All of it is in the log, and what the reader gets says where something is missing.
        self.assertEqual(reader.ask(op="join", room="room")["seq"], 61)
        last, gaps = 0, 0

        def read():
            nonlocal last, gaps
            _, _, prev, entries = deliver_entries(reader.live())
            gaps += prev != last
            self.assertGreaterEqual(prev, last)
            last = entries[-1][0]
            if entries[-1][5] == b"end":
                return True
        # What fits into its queue again comes; the next one shows the gap in its `prev`.
        mid = 61

        def drain():
            nonlocal mid
            while reader.sub.poll(20):
                if read():
                    return True
            mid += 1
            return self.publish(writer, "room", (mid, b"end")) and False
        wait_for(drain, "the reader to have read all that was kept for it")
        self.assertGreater(gaps, 0)


class Topics(LimitCase):
    def subscribe(self, sub, first, count, more=b""):
        for number in range(first, first + count):
            sub.subscribe(b"t%09d" % number + more)

    def synced(self, reader):
        """All that the reader subscribed to was taken."""
        nonce = b"\xff" + secrets.token_hex(8).encode()
        reader.sub.subscribe(nonce)
        while not reader.live().startswith(nonce):
            pass
        reader.sub.unsubscribe(nonce)

    def assert_cut_off(self, broker, reader, first, more=b""):
        """The reader has all that it may; ten topics more end it, and nobody else."""
        honest = self.peer(broker)
        honest.subscribe(b"room\0")
        self.synced(reader)
        while reader.monitors[reader.sub].poll(0):
            self.assertEqual(reader.event(reader.sub)[0], "handshake_succeeded")
        self.subscribe(reader.sub, first, 10, more)
        reader.wait_gone(reader.sub)
        reader.sub.close()
        self.publish(honest, "room", (1, b"x"))
        self.assertEqual(deliver_entries(honest.live())[3][0][-1], b"x")

    def reader(self, broker):
        reader = self.peer(broker, watch=True)
        reader.subscribe()
        return reader

    @covers("topics that one SUB is subscribed to")
    def test_topics_of_a_reader(self):
        broker = self.broker(config=limits(rate_subscriptions=0, max_joins=100))
        reader, fits = self.reader(broker), 210
        self.subscribe(reader.sub, 0, fits)
        self.synced(reader)
        for number in range(fits):  # what is given back does not count
            reader.sub.unsubscribe(b"t%09d" % number)
        self.subscribe(reader.sub, 1000, fits)
        self.synced(reader)
        self.assert_cut_off(broker, reader, 2000)
        broker.wait_err("more topics than limits/max-joins needs")

    @covers("bytes of a topic")
    def test_bytes_of_a_topic(self):
        broker = self.broker()
        reader = self.reader(broker)
        self.subscribe(reader.sub, 0, 10, b"x" * 119)
        self.assert_cut_off(broker, reader, 10, b"x" * 120)
        broker.wait_err("longer than any that can match")

    @covers("max-user-topics")
    def test_topics_of_an_address(self):
        broker = self.broker(config=limits(max_user_topics="8k"))
        one, other = self.reader(broker), self.reader(broker)
        for reader in (one, other):  # 26 bytes each, and they count once
            self.subscribe(reader.sub, 0, 305)
            self.synced(reader)
        self.assert_cut_off(broker, other, 1000)
        broker.wait_err("more topics than limits/max-user-topics")
        self.synced(one)
        one.sub.close()
        # What those who left had is forgotten. Until then the new reader is disconnected, and comes again.
        third = self.reader(broker)
        self.subscribe(third.sub, 5000, 305)
        self.synced(third)

    @covers("max-topics")
    def test_topics_of_all(self):
        broker = self.broker(config=limits(max_topics="8k"))
        reader = self.reader(broker)
        self.subscribe(reader.sub, 0, 305)
        self.assert_cut_off(broker, reader, 1000)
        broker.wait_err("more topics than limits/max-topics")


if __name__ == "__main__":
    unittest.main()
