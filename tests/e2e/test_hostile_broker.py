"""Brokers that attack their clients: raw ZMTP against the real command line and a program that uses the library. Such a broker must not end the
program, fill its memory, send it elsewhere, or make it repeat itself without pauses."""
import json
import os
import re
import select
import socket
import struct
import time
import unittest

from harness import BUILD, DEADLINE, Program, TestCase
from test_bad_input import GREETING

EPOCH = 0xaa
MEGABYTE = 1 << 20
QUEUE = 8 * MEGABYTE  # of the sleeping program


def command(body):
    return (struct.pack(">BB", 4, len(body)) if len(body) < 256 else struct.pack(">BQ", 6, len(body))) + body


def ready(kind):
    return command(b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind)


def message(body, flags=0):
    return (struct.pack(">BB", flags, len(body)) if len(body) < 256 else struct.pack(">BQ", flags | 2, len(body))) + body


def control(**members):
    return message(json.dumps(members).encode())


PING = command(b"\x04PING\0\0")


def deliver(room, prev, seq, body):
    return message(room + b"\0" + struct.pack(">BBQQ", 1, 0, EPOCH, prev) + struct.pack(">QQBB", seq, 1, 0, 1) + b"x\0" +
                   struct.pack(">I", len(body)) + body)


class Connection:
    """One client that connected. The handshake is done."""

    def __init__(self, sock, kind):
        self.socket, self.data = sock, b""
        sock.settimeout(DEADLINE)
        sock.sendall(GREETING)
        self.take(64)
        self.frame()
        sock.sendall(ready(kind))

    def take(self, count):
        while len(self.data) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.data += data
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def frame(self):
        """The next frame or command: its flags and its body."""
        flags, = self.take(1)
        size, = struct.unpack(">Q", self.take(8)) if flags & 2 else self.take(1)
        return flags, self.take(size)

    def request(self, op=None):
        """The next control frame, or the next of that op."""
        while True:
            flags, body = self.frame()
            if not flags & 4 and body[:1] == b"{":
                found = json.loads(body)
                if op in (None, found["op"]):
                    return found

    def send(self, *data):
        self.socket.sendall(b"".join(data))

    def answer(self, request, op, **members):
        self.send(control(op=op, re=request["id"], **members))

    def sync(self):
        """Reads subscriptions until the nonce, and answers that."""
        while True:
            flags, body = self.frame()
            topic = body[1:] if not flags & 4 else body[10:]
            if topic[:1] == b"\xff" and (flags & 4 or body[:1] == b"\x01"):
                self.send(message(topic + json.dumps({"op": "synced", "epoch": f"{EPOCH:016x}"}).encode()))
                return

    def flood(self, chunk, most):
        """Sends `chunk` again and again; returns the bytes sent until the client ended the connection, `most` at most."""
        sent = 0
        try:
            while sent < most:
                self.socket.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        return sent

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class RawBroker:
    def __init__(self, test, ipc=False):
        self.test, self.listeners = test, []
        for name in ("front", "front-back"):
            if ipc:
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(test.path(name))
            else:
                listener = socket.socket()
                listener.bind(("127.0.0.1", 0))
            listener.listen(50)
            listener.settimeout(DEADLINE)
            test.addCleanup(listener.close)
            self.listeners.append(listener)
        self.server, self.back = ("ipc://" + listener.getsockname() if ipc else "tcp://127.0.0.1:%d" % listener.getsockname()[1]
                                  for listener in self.listeners)

    def accept(self, back=False):
        while True:
            sock = self.listeners[back].accept()[0]
            self.test.addCleanup(sock.close)
            try:
                return Connection(sock, b"XPUB" if back else b"ROUTER")
            except (EOFError, ConnectionError):
                pass  # the client gave it up

    def welcome(self, connection, **members):
        hello = connection.request("hello")
        connection.answer(hello, "welcome", **{**dict(
            proto=1, epoch=f"{EPOCH:016x}", nick="me", resume="0" * 32, resumed=False, back=self.back, heartbeat=5000,
            level="memory", time=1, server="x", limits={}), **members})
        return hello

    def session(self):
        """Front and back of a client that has joined its room."""
        front = self.accept()
        self.welcome(front)
        back = self.accept(back=True)
        back.sync()
        front.answer(front.request("join"), "joined", room="room", seq=0, oldest=0, version=1, count=1)
        return front, back


def memory(program):
    """The most that a process ever used, in bytes."""
    with open(f"/proc/{program.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s*(\d+)", status.read())[1]) * 1024


class HostileBroker(TestCase):
    def busy(self, broker, queue=QUEUE):
        """A program that has joined `room` and does nothing now."""
        program = Program([os.path.join(BUILD, "tests/e2e/sleeper"), broker.server, "room", str(queue), "1"])
        self.addCleanup(program.end)
        sides = broker.session()
        program.wait_out("^live$")
        return program, sides

    def check_alive(self, program):
        self.assertIsNone(program.process.poll(), program.errors())

    def test_a_full_queue_a_reset_and_pings_do_not_end_the_program(self):
        for side in range(2):
            for _ in range(3):
                broker = RawBroker(self)
                program, sides = self.busy(broker)
                sides[side].send((message(b"\x1f") + PING) * 30000)
                sides[side].reset()
                program.write(b"wake up\n")
                if side:
                    broker.accept(back=True).sync()  # it comes again
                else:
                    broker.session()
                self.check_alive(program)
                program.end()

    def test_the_memory_of_a_busy_program_is_bounded(self):
        floods = {"large frames": message(b"x" * MEGABYTE), "empty frames": message(b"") * 100000,
                  "empty parts": message(b"", 1) * 100000}
        for name, chunk in floods.items():
            for side in range(2):
                with self.subTest(name, side=("front", "back")[side]):
                    broker = RawBroker(self)
                    program, sides = self.busy(broker)
                    before = memory(program)
                    # A fast line may bring some more until the guard looks.
                    sent = sides[side].flood(chunk, 2000 * MEGABYTE)
                    self.assertLess(sent, 1000 * MEGABYTE)
                    # Growth (four times 64 MiB, or 64 MiB), one large frame, and the bytes that come until the guard looks.
                    self.assertLess(memory(program) - before, (600, 400)[side] * MEGABYTE)
                    self.check_alive(program)
                    program.end()

    def test_parts_without_end_are_bounded_when_the_program_waits(self):
        for ipc in (False, True):
            for side in range(2):
                with self.subTest(ipc=ipc, side=("front", "back")[side]):
                    broker = RawBroker(self, ipc)
                    program, sides = self.busy(broker)
                    program.write(b"wake up\n")
                    sent = sides[side].flood(message(b"", 1) * 100000, 400 * MEGABYTE)
                    self.assertLess(sent, 400 * MEGABYTE)
                    # Of 400 MB, 12 GB of memory would be made.
                    self.assertLess(memory(program), 900 * MEGABYTE)
                    self.check_alive(program)
                    program.end()
                    for name in ("front", "front-back"):
                        if ipc:
                            os.unlink(self.path(name))

    def test_no_connection_is_made_while_the_program_is_busy_after_a_flood(self):
        broker = RawBroker(self)
        program, (_, back) = self.busy(broker)
        back.flood(message(b"x" * MEGABYTE), 2000 * MEGABYTE)
        self.assertEqual(select.select([broker.listeners[1]], [], [], 2)[0], [])
        program.write(b"wake up\n")
        broker.accept(back=True).sync()
        self.check_alive(program)

    def test_a_message_of_parts_ends_the_connection(self):
        broker = RawBroker(self)
        reader = self.zrelay(broker.server, "sub", "room")
        front, back = broker.session()
        back.send(message(b"room\0", 1), message(b"x"))
        broker.accept(back=True).sync()
        front.send(message(b"{", 1), message(b"}"))
        reader.wait_err("connection to the broker broke")
        broker.session()

    def test_a_large_frame_is_no_attack(self):
        broker = RawBroker(self)
        reader = self.zrelay(broker.server, "sub", "room", "--count", "1")
        _, back = broker.session()
        body = b"x" * (100 * MEGABYTE)
        back.send(deliver(b"room", 0, 1, body))
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(len(reader.out), len(body) + 1)

    def test_the_back_cannot_be_anywhere(self):
        elsewhere = socket.socket(socket.AF_UNIX)
        elsewhere.bind(self.path("elsewhere"))
        elsewhere.listen()
        self.addCleanup(elsewhere.close)
        for back in ("inproc://jobs", "ipc://" + self.path("elsewhere"), "tcp://" + "a" * 245 + ":1"):
            with self.subTest(back):
                broker = RawBroker(self)
                reader = self.zrelay(broker.server, "--connect-timeout", "1", "sub", "room")
                broker.welcome(broker.accept(), back=back)
                self.assertEqual(reader.finish(), 2)
                self.assertRegex(reader.errors(), "names a back")
        self.assertEqual(select.select([elsewhere], [], [], 0)[0], [])

    def count(self, broker, lose, seconds=4):
        """How many sessions begin in that time when each is lost at once."""
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            readable, _, _ = select.select([broker.listeners[0]], [], [], max(0, end - time.monotonic()))
            if not readable:
                break
            front = broker.accept()
            try:
                for _ in range(1000):
                    broker.welcome(front)
                    count += 1
                    if not lose(front):
                        break
            except (EOFError, OSError):
                pass
            front.socket.close()
        return count

    def test_sessions_that_end_at_once_come_again_with_pauses(self):
        loses = {"no-session": lambda front: front.send(control(op="error", code="no-session", text="")) is None,
                 "expired": lambda front: front.send(control(op="bye", reason="expired")) is None,
                 "closed": lambda front: False}
        for name, lose in loses.items():
            with self.subTest(name):
                broker = RawBroker(self)
                reader = self.zrelay(broker.server, "sub", "room")
                self.assertLess(self.count(broker, lose), 25)
                self.check_alive(reader)
                reader.end()

    def test_backs_that_end_at_once_come_again_with_pauses(self):
        broker = RawBroker(self)
        self.zrelay(broker.server, "sub", "room")
        front = broker.accept()
        broker.welcome(front, heartbeat=60000)
        end, count = time.monotonic() + 4, 0
        while select.select([broker.listeners[1]], [], [], max(0, end - time.monotonic()))[0]:
            broker.accept(back=True).socket.close()
            count += 1
        self.assertGreater(count, 2)
        self.assertLess(count, 12)

    def test_what_a_broker_says_does_not_reach_the_terminal_raw(self):
        broker = RawBroker(self)
        reader = self.zrelay(broker.server, "sub", "*", "--verbose")
        front = broker.accept()
        broker.welcome(front, greeting="\x1b[31mred")
        back = broker.accept(back=True)
        back.sync()
        names = ["a\x1b]0;title\x07", "b\x9b31m", "room"]
        front.answer(front.request("follow"), "ok", prefix="")
        front.answer(front.request("rooms"), "rooms", rooms=[{"room": name, "seq": 0, "count": 0} for name in names], more=False)
        front.send(control(op="direct", **{"from": "x\x1b[2J", "text": "y\x1b[2J", "time": 1}),
                   control(op="bye", reason="why\x1b[2J"))
        reader.wait_err("why")
        self.assertNotIn(b"\x1b", bytes(reader.err) + bytes(reader.out))
        self.assertNotIn(b"\x07", bytes(reader.err) + bytes(reader.out))


class QueuedLogin(TestCase):
    """A broker that comes to a login late."""

    def asks(self, broker, *arguments):
        return self.zrelay(broker.server, "--user", "me", *arguments, "rooms", env={**self.environment, "ZRELAY_TOKEN": "t"})

    def queue(self, connection, seconds):
        """Says for so long that the login waits; returns the hello."""
        hello, end = connection.request("hello"), time.monotonic() + seconds
        while time.monotonic() < end:
            connection.send(control(op="queued", ahead=1))
            time.sleep(0.5)
        return hello

    def test_it_is_waited_for(self):
        """Longer than for a broker that says nothing: at the start, and for a question that was lost with the session."""
        broker = RawBroker(self)
        program = self.asks(broker)
        for again in (False, True):
            front = broker.accept()
            hello = self.queue(front, 6.5)
            front.answer(hello, "welcome", proto=1, epoch=f"{EPOCH:016x}", nick="me", user="me", resume="0" * 32, resumed=False,
                         back=broker.back, heartbeat=5000, level="memory", time=1, server="x", limits={})
            request = front.request("rooms")
            if not again:
                front.reset()
        front.answer(request, "rooms", rooms=[{"room": "general", "seq": 1, "count": 0}], more=False)
        self.assertEqual(program.finish(), 0, program.errors())
        self.assertIn("general", program.text())

    def test_a_time_that_the_user_set_holds(self):
        broker = RawBroker(self)
        program = self.asks(broker, "--connect-timeout", "1")
        self.queue(broker.accept(), 0.1)
        self.assertEqual(program.finish(), 2)
        self.assertIn("login queued", program.errors())


if __name__ == "__main__":
    unittest.main()
