"""Attackers that send invalid frames, or too many, where connections are encrypted and users have rights. Beside each of them an honest session,
in an open or in a private room, publishes and reads all along, and must notice nothing. Attacks without keys and users are in test_bad_input.py,
wrong handshakes in test_hostile_handshakes.py, pretending and stealing in test_impostors.py and test_private.py, hostile brokers in
test_cli_hostile.py."""
import contextlib
import json
import re
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import zmq

import curve_client
import test_auth
import test_bad_input
from harness import DEADLINE, TestCase, deliver_entries, publish_frame, wait_for
from limit_case import KEPT
from test_bad_input import CONFIG, GREETING, HEARTBEAT, READY_DEALER, READY_SUB, ROOM

ALL = '    allow = "all : *"\n'
SEES_HONEST = f'    allow = "read presence : {ROOM}"\n'
MEGABYTE = 1 << 20


class Hidden(test_bad_input.Honest):
    """The honest one in a private room: all of it comes over the DEALER."""

    def __init__(self, peer):
        threading.Thread.__init__(self, daemon=True)
        self.peer, self.failure, self.rounds, self.ending = peer, None, 0, False
        joined = peer.ask(op="join", room=ROOM)
        assert joined["private"]
        self.last, self.mid = joined["seq"], 0
        self.presence = json.loads(peer.receive()[len(ROOM) + 1:])
        self.token, self.epoch = peer.welcome["resume"], peer.welcome["epoch"]
        peer.subscribe(ROOM.encode() + b"\0")

    def _wait(self, ack_is_right, live_is_right):
        end, got = time.monotonic() + 3 * HEARTBEAT / 1000, []
        for _ in range(2 if live_is_right else 1):
            if not self.peer.front.poll(max(0, end - time.monotonic()) * 1000):
                raise AssertionError(f"waited for longer than {3 * HEARTBEAT} ms")
            got.append(self.peer.front.recv())
        # In either order; the ack's check is for before the entry.
        got.sort(key=lambda frame: frame.startswith(ROOM.encode() + b"\0"))
        for frame, is_right in zip(got, (ack_is_right, live_is_right)):
            if not is_right(frame):
                raise AssertionError(f"got {frame!r}")


class HostileCase(test_bad_input.BadInput, test_auth.AuthCase):
    def setUp(self):
        super().setUp()
        self.honest, self.mallory = zmq.curve_keypair(), zmq.curve_keypair()

    def text(self, *sections):
        return test_auth.section("honest", self.honest, rules=f'    allow = "all : {ROOM}"\n') + "".join(sections)

    def besieged(self, *sections, more=""):
        """A broker that encrypts everything. All see the honest one's room, unless a section says otherwise."""
        broker = self.encrypted(self.text(*sections), head=CONFIG, more=more)
        peer = self.keyed(broker, self.honest)
        return self.beside(broker, self.honest_kind(sections)(peer))

    def honest_kind(self, sections):
        """The room is private if somebody there may not read it."""
        return test_bad_input.Honest if all(SEES_HONEST in section or ALL in section for section in sections) else Hidden

    def besieged_two(self, *sections, more=""):
        """A broker with a plain listener and an encrypted one; yields it, the honest one, and the plain and the encrypted (front, back)."""
        broker = self.broker("--users", self.users(self.text(*sections)), "--server-key", self.key, "--listen", "tcp://127.0.0.1:*",
                             "--listen", "tcp://0.0.0.0:*", config=CONFIG + more)
        ports = [tuple(one.replace("0.0.0.0", "127.0.0.1") for one in pair) for pair in zip(broker.listen, broker.backs)]
        # Anonymous clients can read the back, if the sections let them in.
        kind = self.honest_kind(sections) if any("name = anonymous\n" in section for section in sections) else Hidden
        return self.beside(broker, kind(self.keyed(broker, self.honest, ports[1][0]))), ports

    def curve(self, endpoint, keys, **options):
        """A connection by hand."""
        made = curve_client.Connection(endpoint, self.public, *keys, **options)
        self.addCleanup(made.close)
        return made

    def reload(self, broker, text):
        """Returns what is told of it."""
        self.users(text)
        return self.hang_up(broker)

    def hang_up(self, broker):
        before = broker.errors().count("reload by SIGHUP")
        broker.signal(signal.SIGHUP)
        return wait_for(lambda: re.findall(r"audit.*reload by SIGHUP.*\n", broker.errors())[before:], "the reload")[0]


def peak(broker):
    """The most memory it ever had, in bytes."""
    with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) << 10


def pour(one, data, most):
    """Sends it again and again, reads nothing, until so many bytes are sent, or nothing is taken any more, or the connection ends."""
    one.setblocking(False)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < most and select.select([], [one], [], 1)[1]:
            sent += one.send(data[sent % len(data):])
    return sent


class Memory(HostileCase):
    BOUND = 150 * MEGABYTE + KEPT  # generous; without limits each of these takes several times as much

    def bounded(self, broker, before):
        self.assertLess(peak(broker) - before, self.BOUND)

    def test_frames_of_strangers(self):
        """Clients that may not come in send all that they can, and do not read the answers."""
        attacked, ((front, back), _) = self.besieged_two(test_auth.section("alice", self.alice))
        frame = lambda body: b"\x02" + struct.pack(">Q", len(body)) + body
        hello = frame(json.dumps({"op": "hello", "proto": 1, "client": "c" * 32, "nick": "n" * 32, "agent": "a" * 64}).encode())
        with attacked as (broker, honest):
            before = peak(broker)
            for data in (hello * 500, frame(b'{"op":"hello"') * 1000, frame(publish_frame("room", (1, bytes(MEGABYTE - 30)))),
                         frame(bytes(2 * MEGABYTE - 10)), b"\x00\x00" * 10000, frame(b"{" * 60_000)):
                for _ in range(4):
                    pour(self.shaken(front, READY_DEALER), data, 20 * MEGABYTE)
                honest.check()
            for data in (frame(b"\x01" + b"t" * 1000) * 50, frame(b"x" * MEGABYTE)):
                # All connect before the first is cut off: its bytes may count for the next one with its descriptor.
                for one in [self.shaken(back, READY_SUB) for _ in range(4)]:
                    pour(one, data, 20 * MEGABYTE)
                honest.check()
            self.bounded(broker, before)

    def poured(self, at_back, data):
        attacked, (plain, _) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (broker, honest):
            before = peak(broker)
            pour(self.shaken(plain[at_back], READY_SUB if at_back else READY_DEALER), data * 10_000, 100 * MEGABYTE)
            honest.check()
            self.bounded(broker, before)

    def test_a_message_without_end_at_the_front(self):
        """Of parts, each of which costs libzmq thirty times its size; none of it can be seen before the last."""
        self.poured(False, b"\x01\x00")

    def test_a_message_without_end_at_the_back(self):
        self.poured(True, b"\x01\x00")

    def test_the_same_topic_again_and_again(self):
        """Faster than it can be read."""
        self.poured(True, b"\x00\x02\x01t")

    def test_sizes_that_are_only_claimed(self):
        """Hundreds of connections, each of which announces the largest frame there may be. Memory is used only for bytes that come."""
        attacked, (plain, encrypted) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (broker, honest):
            before = peak(broker)
            for endpoint, hands in ((plain[0], READY_DEALER), (plain[1], READY_SUB), (encrypted[0], b""), (encrypted[1], b"")):
                for flags in (2, 6):
                    for _ in range(100):
                        one = self.raw(endpoint)
                        start = GREETING + hands if hands else curve_client.GREETING
                        with contextlib.suppress(ConnectionError):
                            one.sendall(start + bytes([flags]) + struct.pack(">Q", 2 * MEGABYTE) + b"x")
                honest.check()
            self.bounded(broker, before)

    def synced(self, endpoint, topics):
        """A reader of these topics, once the broker knows them."""
        one = self.shaken(endpoint, READY_SUB)
        one.sendall(b"".join(bytes([0, 1 + len(topic)]) + b"\x01" + topic for topic in topics) + b"\x00\x0a\x01\xff" + b"0" * 8)
        got = b""
        while b"synced" not in got:
            more = one.recv(65536)
            self.assertTrue(more, "the connection ended")
            got += more
        return one

    def test_topics(self):
        """As many as are taken of a connection, in the dearest shape."""
        attacked, (plain, _) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (broker, honest):
            before = peak(broker)
            self.synced(plain[1], [secrets.token_bytes(8) for _ in range(2000)])
            honest.check()
            self.bounded(broker, before)

    def test_readers_with_too_many_topics_come_again_at_once(self):
        """The broker takes the topics of a descriptor's next reader no faster than it can judge them."""
        topics = b"".join(b"\x00\x83\x01" + secrets.token_bytes(130) for _ in range(30_000))

        def come(endpoint):
            for _ in range(6):
                with contextlib.suppress(ConnectionError), self.shaken(endpoint, READY_SUB) as one:
                    one.sendall(topics)
                    one.recv(1)

        attacked, (plain, _) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (broker, honest):
            before = peak(broker)
            readers = [threading.Thread(target=come, args=(plain[1],)) for _ in range(8)]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            honest.check()
            self.assertLess(peak(broker) - before, 40 * MEGABYTE + KEPT)

    def test_readers_that_leave_together(self):
        """Each costs a walk over all topics. Readers that come after them are served."""
        attacked, (plain, _) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (broker, honest):
            self.synced(plain[1], [bytes([first, second, third]) for first in range(3) for second in range(256) for third in (0, 255)])
            for _ in range(3):
                for reader in [self.synced(plain[1], [b"room\0"]) for _ in range(50)]:
                    reader.close()
                self.synced(plain[1], [b"room\0"])
                honest.check()

    def test_fill_and_leave(self):
        """Again and again. The frames of a connection are still there to be taken when it is gone."""
        attacked, (plain, _) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (broker, honest):
            before = peak(broker)
            topics = b"".join(b"\x00\x03\x01" + bytes([number % 256, number // 256]) for number in range(12_000))
            for endpoint, ready, data in ((plain[0], READY_DEALER, b"\x00\x01a" * 20_000), (plain[1], READY_SUB, topics)):
                for _ in range(200):
                    one = self.raw(endpoint)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.setblocking(False)
                    with contextlib.suppress(OSError):
                        one.sendall(GREETING + ready + data)
                    one.close()
                honest.check()
            self.bounded(broker, before)


class Resets(HostileCase):
    def test_pings_after_a_full_queue_and_a_reset(self):
        """By a user without any right, where everything is encrypted."""
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            for endpoint, kind, body in ((broker.server, b"DEALER", b"x"), (broker.back, b"SUB", b"\x01a")):
                for _ in range(20):
                    one = self.curve(endpoint, self.alice, kind=kind)
                    one.handshake()
                    burst = [one.message(body) for _ in range(1100 if kind == b"DEALER" else 20)]
                    burst += [one.message(b"\x04PING\0\0", flags=2) for _ in range(300)]
                    one.one.sendall(b"".join(burst))
                    one.one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.close()
                honest.check()

    def test_readers_that_are_killed_with_much_unsent(self):
        """Ordinary ones, whose libzmq sends heartbeats."""
        script = ("import sys, zmq\nc = zmq.Context()\ns = c.socket(zmq.SUB)\ns.sndhwm, s.heartbeat_ivl = 0, 1\n"
                  "s.curve_serverkey, s.curve_publickey, s.curve_secretkey = (a.encode() for a in sys.argv[2:])\n"
                  "s.connect(sys.argv[1])\nprint(flush=True)\nfor i in range(10**7):\n s.subscribe(b't%d' % i)\n s.unsubscribe(b't%d' % i)\n")
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            for _ in range(5):
                reader = subprocess.Popen([sys.executable, "-c", script, broker.back, *(key.decode() for key in (self.public, *self.alice))],
                                          stdout=subprocess.PIPE)
                reader.stdout.readline()
                honest.check()
                reader.kill()
                reader.wait()
                reader.stdout.close()
                honest.check()


class Leaving(HostileCase):
    """Readers that make libzmq end them. It walks the topics of all for each, and the broker does nothing else meanwhile."""
    TOPICS = [b"\x01" + b"x" * 100 + b"%d" % i for i in range(400)]

    def readers(self, broker, count):
        keys = self.alice
        made = []
        for _ in range(count):
            one = self.curve(broker.back, keys, kind=b"SUB")
            one.handshake()
            one.one.sendall(b"".join(map(one.message, self.TOPICS)))
            made.append(one)
        return made

    @staticmethod
    def is_open(one):
        one.one.setblocking(False)
        try:
            while one.one.recv(65536):
                pass
            return False
        except BlockingIOError:
            return True
        except ConnectionError:
            return False

    def test_a_time_to_live_ends_nobody(self):
        """The honest one and a reader whose heartbeat says 100 ms. When a silent connection is ended after 1 s, the reader is still there."""
        with self.besieged(test_auth.section("alice", self.alice), more="server\n    login-timeout = 1s\n") as (broker, honest):
            one, = self.readers(broker, 1)
            one.one.sendall(one.message(b"\x04PING\0\x01", flags=2))
            self.assertTrue(one.read_frame())  # the PONG: now the time runs
            self.curve(broker.back, self.alice, kind=b"SUB").handshake()
            broker.wait_err("did not subscribe within server/login-timeout")
            self.assertTrue(self.is_open(one))
            honest.check()

    def test_many_that_break_the_rules_together(self):
        with self.besieged(test_auth.section("alice", self.alice)) as (broker, honest):
            made = self.readers(broker, 60)
            for one in made:
                message = one.message(b"\x01")
                one.one.sendall(message[:-1] + bytes([message[-1] ^ 1]))  # which does not open
            wait_for(lambda: not any(map(self.is_open, made)), "the end of all")
            honest.check()
            late, = self.readers(broker, 1)
            late.one.sendall(late.message(b"\x04PING\0\0", flags=2))
            self.assertTrue(late.read_frame())
            broker.wait_err("broke the rules of ZMTP")


class OutOfDescriptors(TestCase):
    """When there are no more of them."""

    def test_more_connections_than_descriptors(self):
        broker = self.broker(descriptors=200)
        broker.wait_err(r"info +200 file descriptors are allowed: at most 100 clients$")
        reader, writer = self.peer(broker), self.peer(broker)
        reader.subscribe(b"room\0")
        many = []
        self.addCleanup(lambda: [one.close() for one in many])
        for number in range(600):
            address = (broker.server, broker.back)[number % 2].rpartition(":")
            with contextlib.suppress(ConnectionError):  # it may be closed before connect() returns
                many.append(socket.create_connection(("127.0.0.1", int(address[2])), timeout=DEADLINE))
        broker.wait_err(r"closed a connection: nearly all of the 200 file descriptors that are allowed are in use")

        def turned_away():
            closed = 0
            for one in many:
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    try:
                        while data := one.recv(4096):
                            pass
                        closed += data == b""
                    except ConnectionError:
                        closed += 1
            return closed
        wait_for(lambda: turned_away() > 400, "most are turned away, and none waits at the listener")
        for mid in range(1, 21):  # clients that are in are served
            writer.send(publish_frame("room", (mid, b"x")))
            self.assertEqual(writer.receive()[:1], b"\x02")
        seen = 0
        while seen < 20:
            seen += len(deliver_entries(reader.live())[3])
        for one in many:
            one.close()
        latecomer = self.peer(broker, hello=False)  # what it says is lost as long as it is turned away

        def greeted():
            latecomer.send(json.dumps({"op": "hello", "proto": 1, "client": latecomer.client}).encode())
            return latecomer.front.poll(500)
        wait_for(greeted, "there is room again")
        self.assertLessEqual(broker.errors().count("closed a connection: nearly all"), 11, "ten lines a minute")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)


class Descriptors(HostileCase):
    def test_who_gets_the_descriptor_of_a_flooder(self):
        """Frames of the flooder that are not read yet do not count for the next connection."""
        topic = b"\x01" + b"t" * 1000
        subscriptions = (b"\x02" + struct.pack(">Q", len(topic)) + topic) * 50
        attacked, ((_, back), _) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (_, honest):
            for _ in range(10):
                flooder = self.shaken(back, READY_SUB)
                pour(flooder, subscriptions, 20 * MEGABYTE)
                flooder.close()
                reader = self.shaken(back, READY_SUB)
                reader.sendall(b"\x00\x02\x01x\x00\x0a\x01\xff" + b"0" * 8)
                got = b""
                while b"synced" not in got:
                    more = reader.recv(65536)
                    self.assertTrue(more, "cut off for what another did")
                    got += more
                reader.close()
            honest.check()

    def test_a_hello_by_the_descriptor_of_a_flooder(self):
        """It is answered, though messages of the flooder wait."""
        hello = json.dumps({"op": "hello", "id": 1, "proto": 1, "client": "c" * 32}).encode()
        attacked, (plain, _) = self.besieged_two(test_auth.section("alice", self.alice))
        with attacked as (_, honest):
            for _ in range(20):
                flooders = [self.shaken(plain[0], READY_DEALER) for _ in range(5)]
                for flooder in flooders:
                    flooder.setblocking(False)
                    with contextlib.suppress(OSError):
                        flooder.send(b"\x00\x01a" * 3_000)
                    flooder.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    flooder.close()
                one = self.shaken(plain[0], READY_DEALER)
                one.sendall(bytes([0, len(hello)]) + hello)
                got = b""
                while b'"re"' not in got:
                    more = one.recv(65536)
                    self.assertTrue(more, "cut off for what another did")
                    got += more
                one.close()
            honest.check()


class Escapes(HostileCase):
    EVIL = "x\x1b]0;t\x07\x9b31m\u202e\u2066\u061c\u2028\r\n\x7fy"
    HARM = re.compile(rb"\x1b|\x07|\x7f|\r(?!\n)|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c")

    def test_in_the_log(self):
        """Whatever peers name, a line of the log is one line, and harmless. Sessions are told of at the level debug."""
        broker = self.broker("--users", self.users(self.text(test_auth.section("operator", self.alice, rules=test_auth.ADMIN),
                                                             test_auth.section("mallory", self.mallory, rules=SEES_HONEST),
                                                             test_auth.section("anonymous", rules=SEES_HONEST))),
                             "--server-key", self.key, "--listen", "tcp://127.0.0.1:*", "--listen", "tcp://0.0.0.0:*",
                             "--log-level", "debug", config=CONFIG + "auth\n    tokens = 1\n")
        encrypted = broker.listen[1].replace("0.0.0.0", "127.0.0.1")
        marker = "m" + secrets.token_hex(4)
        with self.beside(broker, test_bad_input.Honest(self.keyed(broker, self.honest, encrypted))) as (_, honest):
            operator = self.keyed(broker, self.alice, encrypted)
            peer = self.peer(broker, hello=False)
            for members in ({"agent": marker + self.EVIL}, {"nick": "a\u061cb"}, {"nick": marker + self.EVIL[:8]},
                            {"user": self.EVIL, "token": "x"},
                            {"user": "a\u061c" + marker, "token": self.EVIL}, {"resume": self.EVIL}):
                peer.hello(**members)
            for room in (self.EVIL, marker + "\u061c"):
                for op in ("join", "who", "publish", "replay"):
                    peer.ask(op=op, room=room, **({"after": 0} if op == "replay" else {}))
            for op in (self.EVIL, "\u202e"):
                peer.ask(op=op)
            for reason in (marker, marker + "\u202e\u061c\u2028", marker + "\x1b[2J", marker + "\n2026 audit forged"):
                operator.ask(op="admin", do="ban", user="mallory", reason=reason)
                operator.ask(op="admin", do="unban", user="mallory")
                operator.ask(op="admin", do="kick", user=self.EVIL, reason=reason)
            honest.check()
        printed = bytes(broker.err)
        self.assertIn(marker.encode(), printed)
        self.assertIsNone(self.HARM.search(printed), self.HARM.search(printed))
        for line in printed.decode().splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT|^zrelayd|^[A-Za-z]", line)
            self.assertFalse(line.startswith("2026 audit forged"))

    def test_in_names_that_a_real_broker_lets_pass(self):
        """U+061C is an Arabic letter's mark, hence allowed in rooms and keys, and turns text all the same."""
        odd = "a\u061cb"
        attacked, ((front, _), _) = self.besieged_two(test_auth.section("alice", self.alice, rules=ALL),
                                                      test_auth.section("anonymous", rules='    allow = "all : *"\n'))
        with attacked as (_broker, honest):
            peer = self.peer(front, "odd")
            self.assertEqual(peer.ask(op="join", room=odd)["op"], "joined")
            self.assertEqual(peer.ask(op="publish", room=odd, text=self.EVIL, key=odd)["op"], "ack")
            for arguments in (["who", odd], ["rooms"], ["state", odd], ["--json", "state", odd], ["-v", "history", "--json", odd],
                              ["sub", odd, "--all", "--count", "1", "--json"], ["-v", "pub", "a b", "x"], ["pub", "x" + self.EVIL, "x"],
                              ["history", self.EVIL], ["--nick", self.EVIL, "who", odd], ["state", odd, "get", self.EVIL], [self.EVIL],
                              ["admin", "kick", odd], ["who", odd, "--" + self.EVIL]):
                with self.subTest(arguments):
                    program = self.zrelay(front, *arguments, env={**self.environment, "LC_ALL": "C.UTF-8"})
                    program.close_stdin()
                    program.finish()
                    shown = bytes(program.err) + (b"" if arguments[0] == "state" else bytes(program.out))
                    self.assertTrue(bytes(program.out) + bytes(program.err))
                    self.assertIsNone(self.HARM.search(shown), shown)
            honest.check()


if __name__ == "__main__":
    unittest.main()
