"""Limits that only a peer with hand-made ZMTP reaches: on incomplete messages, on waiting ones, and on parts."""
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time

import zmq

import curve_client
import test_auth
from harness import ZRELAYD, deliver_entries, publish_frame, wait_for
from limit_case import KEPT, LimitCase, covers, limits


class Raw(LimitCase):
    HIGHEST = 128 << 20  # bytes that nobody gets to send

    def incomplete(self, one, announced, size, flags=b"\x02"):
        """Sends `size` bytes of a message of `announced` bytes, or as many as the broker lets come."""
        with contextlib.suppress(OSError):
            one.sendall(flags + announced.to_bytes(8, "big") + bytes(size))

    def parts(self, one, size, count):
        """Sends so many encrypted parts of a message, of which more are to come, or as many as the broker lets come."""
        with contextlib.suppress(curve_client.Closed):
            for _ in range(count):
                one.send("message", one.message(bytes(size), flags=1))

    def assert_stays(self, one, honest):
        for _ in range(100):
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertTrue(self.is_open(one))

    def assert_ends(self, broker, one, honest, why="an incomplete message which is larger than any may be"):
        wait_for(lambda: not self.is_open(one), "the end of the connection")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        broker.wait_err(why)

    def greeted(self, broker):
        """A DEALER of which a first message was taken."""
        one = self.connect(broker.server, b"DEALER")
        self.assertTrue(test_auth.talk(one, b"\x00\x0d" + b'{"op":"ping"}', b"no-session"))
        return one

    def encrypted(self, broker, endpoint, kind, key):
        one = curve_client.Connection(endpoint, *key, kind=kind)
        self.addCleanup(one.close)
        one.handshake()
        one.one.settimeout(None)  # is_open does not wait
        return one

    @covers("bytes of an incomplete message of a DEALER, encrypted, 64 more for each part")
    def test_a_message_without_end(self):
        with tempfile.TemporaryDirectory() as folder:
            broker, key = self.encrypting(folder)
            honest = self.peer(broker)
            one = self.encrypted(broker, broker.listen[1], b"DEALER", key)
            one.say(b'{"op":"ping"}')
            self.assertIn(b"no-session", one.hear())
            self.parts(one, 100_000, 20)
            self.assert_stays(one.one, honest)
            self.parts(one, 100_000, 4)
            self.assert_ends(broker, one.one, honest)

    @covers("bytes of an incomplete message of a SUB, encrypted, 64 more for each part")
    def test_a_subscription_without_end(self):
        with tempfile.TemporaryDirectory() as folder:
            broker, key = self.encrypting(folder)
            honest = self.peer(broker)
            one = self.encrypted(broker, broker.backs[1], b"SUB", key)
            self.parts(one, 900, 55)
            self.assert_stays(one.one, honest)
            self.parts(one, 900, 30)
            self.assert_ends(broker, one.one, honest)

    def test_heartbeats_of_libzmq(self):
        """A PING is no part of a message. Too many of them end the connection, as libzmq answers each."""
        broker = self.broker()
        honest = self.peer(broker)
        one = self.connect(broker.back, b"SUB")
        self.assertTrue(self.synced(one, 1))
        one.sendall(b"\x04\x07\x04PING\0\0" * 100)
        self.assert_stays(one, honest)
        with contextlib.suppress(OSError):
            one.sendall(b"\x04\x07\x04PING\0\0" * 20_000)
        self.assert_ends(broker, one, honest, "too many heartbeats")

    def test_commands_count_as_messages(self):
        """libzmq hands SUBSCRIBE on as a message, also when more parts are to follow, and keeps a command until its end."""
        broker = self.broker()
        honest = self.peer(broker)
        before = self.memory(broker)
        for endpoint, kind in ((broker.server, b"DEALER"), (broker.back, b"SUB")):
            for flags in (b"\x05", b"\x04"):
                one = self.connect(endpoint, kind)
                one.setblocking(False)
                for _ in range(50):
                    with contextlib.suppress(OSError):
                        one.send((flags + b"\x0b\x09SUBSCRIBEa" + flags + b"\x08\x06CANCELa") * 5_000)
                    self.assertEqual(honest.ask(op="ping")["op"], "pong")
        for _ in range(50):
            one = self.connect(broker.server, b"DEALER")
            self.incomplete(one, 2 << 20, 2_000_000, b"\x06")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertLess(self.memory(broker) - before, (32 << 20) + KEPT)

    @covers("bytes that a DEALER sends before its first message is complete")
    def test_a_first_message_without_end(self):
        broker = self.broker()
        honest = self.peer(broker)
        one = self.connect(broker.server, b"DEALER")
        self.incomplete(one, 1 << 20, 80_000)
        self.assert_stays(one, honest)
        with contextlib.suppress(OSError):
            one.sendall(bytes(100_000))
        self.assert_ends(broker, one, honest)

    def test_a_first_part(self):
        """Parts cost libzmq 64 bytes, and 2 on the wire. The first one ends the connection, also on a local socket."""
        with tempfile.TemporaryDirectory() as folder:
            broker = self.broker("--listen", "tcp://127.0.0.1:*", "--listen", f"ipc://{folder}/front")
            honest = self.peer(broker)
            before = self.memory(broker)
            for endpoint, kind in [(broker.listen[0], b"DEALER"), (broker.listen[1], b"DEALER"), (broker.backs[0], b"SUB"),
                                   (broker.backs[1], b"SUB")]:
                with self.subTest(endpoint=endpoint):
                    one = self.connect(endpoint, kind)
                    with contextlib.suppress(OSError):
                        one.sendall(b"\x01\x00" * (1 << 20))
                    self.assert_ends(broker, one, honest, "that sent a message of several parts")
            self.assertLess(self.memory(broker) - before, (16 << 20) + KEPT)

    @covers("max-waiting")
    def test_incomplete_messages_of_all(self):
        """Each has less than one may have. The two together have more than all may."""
        broker = self.broker(config=limits(max_waiting="3M"))
        honest = self.peer(broker)
        one, other = self.greeted(broker), self.greeted(broker)
        self.incomplete(one, 2 << 20, 2_050_000)
        self.assert_stays(one, honest)
        self.incomplete(other, 2 << 20, 900_000)
        self.assert_stays(one, honest)
        with contextlib.suppress(OSError):
            other.sendall(bytes(450_000))
        self.assert_ends(broker, one, honest, "limits/max-waiting")
        self.assertTrue(self.is_open(other))

    def assert_waits(self, broker, endpoint, kind, flood, allowed):
        """Many send as fast as they can, and wait: the broker's memory does not grow."""
        honest = self.peer(broker)
        before = self.memory(broker)
        many = [self.connect(endpoint, kind) for _ in range(20)]
        for one in many:
            one.setblocking(False)
        for _ in range(100):
            for one in many:
                with contextlib.suppress(OSError):
                    one.send(flood)
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
            self.assertLess(self.memory(broker) - before, allowed + KEPT)

    @covers("bytes from one DEALER, and from all, that the broker did not take yet, 64 more for each message")
    def test_whole_messages_wait(self):
        broker = self.broker(config=limits(max_waiting="1M"))
        self.assert_waits(broker, broker.server, b"DEALER", b"\x00\x01a" * 100_000, 32 << 20)

    @covers("bytes from one SUB, and from all, that the broker did not take yet, 64 more for each message")
    def test_subscriptions_wait(self):
        broker = self.broker(config=limits(rate_subscriptions=0))
        self.assert_waits(broker, broker.back, b"SUB", (self.SUBSCRIBED + self.GIVEN_BACK) * 50_000, 32 << 20)

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
            time.sleep(0.01)
        self.assertTrue(all(self.is_open(one) for one in silent))

    def test_old_protocols(self):
        """Peers of ZMTP 1 and 2 are refused at once, at each listener of a broker that encrypts some of them, or none."""
        keys = tempfile.TemporaryDirectory()
        self.addCleanup(keys.cleanup)
        greetings = {"1.0": b"\x01\x00", "2.0": b"\xff" + bytes(8) + b"\x7f\x01\x05\x00\x00"}
        for broker in (self.broker(), self.encrypting(keys.name)[0]):
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
        """A broker with a plain listener, and one that is encrypted; its key, and the two of a user."""
        public, secret = zmq.curve_keypair()
        subprocess.run([ZRELAYD, "--keygen", f"{folder}/server"], check=True, stdout=subprocess.DEVNULL)
        with open(f"{folder}/users", "w", encoding="utf-8") as file:
            file.write('user\n    name = anonymous\n    allow = "all : *"\nuser\n    name = ann\n'
                       f'    key = "{public.decode()}"\n    allow = "all : *"\n')
        os.chmod(f"{folder}/users", 0o600)
        broker = self.broker("--users", f"{folder}/users", "--server-key", f"{folder}/server_secret", "--listen", "tcp://127.0.0.1:*",
                             "--listen", "tcp://0.0.0.0:*")
        with open(f"{folder}/server", encoding="utf-8") as file:
            server = re.search(r'public-key = "(.{40})"', file.read())[1]
        return broker, (server.encode(), public, secret)

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
        self.assertIn("connections_incomplete 0", broker.errors())

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
        self.assertLess(self.memory(broker) - before, (32 << 20) + KEPT)
        self.publish(honest, "room", (1, b"x"))
        self.assertEqual(deliver_entries(honest.live())[3][0][-1], b"x")
