"""Starts the real programs on free ports, for the end-to-end tests. Waits are for conditions, with a deadline that only a hang meets."""
import json
import os
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import zmq
from zmq.utils.monitor import recv_monitor_message

BUILD = os.environ.get("ZRELAY_BUILD", os.path.join(os.path.dirname(__file__), "../../build"))
ZRELAYD = os.environ.get("ZRELAYD", os.path.join(BUILD, "broker/zrelayd"))
ZRELAY = os.environ.get("ZRELAY", os.path.join(BUILD, "client/zrelay"))
os.umask(0o022)  # configurations that others than their owner may write are refused
DEADLINE = float(os.environ.get("ZRELAY_TEST_DEADLINE", "60"))  # seconds; generous: slow sanitizers, busy machines


def wait_for(condition, what, deadline=DEADLINE):
    """Calls `condition` until it is true and returns what it gave."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("timed out: " + what)
        time.sleep(0.025)  # between two looks, which stay within a session's rates


def own_address():
    """An address of this machine that is not loopback, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith(("127.", "0.")) else address


class Program:
    """A process whose output is collected line by line while it runs."""

    def __init__(self, command, stdin=subprocess.PIPE, **options):
        self.command = command
        self.process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.out, self.err = bytearray(), bytearray()
        self.threads = [threading.Thread(target=self._collect, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _collect(pipe, into):
        while True:
            data = os.read(pipe.fileno(), 65536)
            if not data:
                return
            into += data

    def text(self):
        return bytes(self.out).decode(errors="replace")

    def errors(self):
        return bytes(self.err).decode(errors="replace")

    def lines(self):
        return bytes(self.out).split(b"\n")[:-1]

    def wait_out(self, pattern):
        """Waits until stdout matches; returns the match."""
        return self._wait(self.out, pattern, "stdout")

    def wait_err(self, pattern):
        return self._wait(self.err, pattern, "stderr")

    def _wait(self, where, pattern, name):
        compiled = re.compile(pattern.encode() if isinstance(pattern, str) else pattern, re.M)

        def look():
            found = compiled.search(bytes(where))
            if not found and self.process.poll() is not None:
                for thread in self.threads:
                    thread.join()
                found = compiled.search(bytes(where))
                if not found:
                    raise AssertionError(f"{self.command}: ended with {self.process.returncode} before {name} had "
                                         f"{pattern!r}\nstdout: {self.text()[-2000:]}\nstderr: {self.errors()[-2000:]}")
            return found
        try:
            return wait_for(look, f"{name} of {self.command} to match {pattern!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\nstdout: {self.text()[-2000:]}\nstderr: {self.errors()[-2000:]}") from None

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close_stdin(self):
        self.process.stdin.close()

    def finish(self, deadline=DEADLINE):
        """Waits for the end; returns the exit code."""
        code = self.process.wait(deadline)
        for thread in self.threads:
            thread.join(deadline)
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """For the tear-down: whatever it does, it is gone afterwards."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        # A thread that reads a descriptor that is closed meanwhile would read from the next file with its number.
        for thread in self.threads:
            thread.join(DEADLINE)
            if thread.is_alive():  # a child of the program still writes
                return
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass


class Broker(Program):
    """zrelayd; `server`, `back` and `epoch` are what its start line names."""

    START = (r"^zrelayd (?P<version>\S+) listening on (?P<listen>.+), back (?P<back>.+), "
             r"epoch (?P<epoch>[0-9a-f]{16}), store (?P<store>\S+)$")

    def __init__(self, *arguments, descriptors=None):
        limited = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
        super().__init__([*limited, ZRELAYD, *arguments], stdin=subprocess.DEVNULL)
        try:
            start = self.wait_out(self.START)
        except AssertionError:
            self.end()
            raise
        named = {key: value.decode() for key, value in start.groupdict().items()}
        self.listen, self.backs = ([one.removesuffix(" (encrypted)") for one in named[which].split(" and ")]
                                   for which in ("listen", "back"))
        self.server, self.back, self.epoch, self.store = self.listen[0], self.backs[0], named["epoch"], named["store"]


class Peer:
    """A client made of sockets and PROTOCOL.md only, for tests that look at single frames. `curve` is the server's public key, and the
    peer's own public and secret one. With `watch`, the events of its connections can be asked for."""

    def __init__(self, server, nick=None, hello=True, client=None, resume=None, curve=None, watch=False, kind=zmq.DEALER,
                 **options):
        self.context = zmq.Context()
        self.curve, self.watch, self.monitors = curve, watch, {}
        self.thread = None  # that uses its sockets, where it is not the test's own
        self.front = self._socket(kind)
        for name, value in options.items():
            setattr(self.front, name, value)
        self.front.connect(server)
        self.sub = None
        self.client = client or secrets.token_hex(16)
        self.welcome = None
        if hello:
            self.hello(nick, resume)

    def _socket(self, kind):
        one = self.context.socket(kind)
        one.linger = 0
        if self.curve:
            one.curve_serverkey, one.curve_publickey, one.curve_secretkey = self.curve
        if self.watch:
            self.monitors[one] = one.get_monitor_socket(
                zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL |
                zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)
        return one

    def event(self, one, deadline=DEADLINE):
        """The next event of the socket's connection: its name in lower case, and its value."""
        if not self.monitors[one].poll(deadline * 1000):
            raise AssertionError("timed out: an event of the connection")
        happened = recv_monitor_message(self.monitors[one])
        return happened["event"].name.removeprefix("EVENT_").lower(), happened["value"]

    def wait_gone(self, one):
        """Waits until the broker ended the connection."""
        while self.event(one)[0] != "disconnected":
            pass

    def hello(self, nick=None, resume=None, **members):
        request = {"op": "hello", "proto": 1, "client": self.client, **members}
        if nick is not None:
            request["nick"] = nick
        if resume is not None:
            request["resume"] = resume
        self.welcome = self.ask(**request)
        return self.welcome

    def send(self, frame):
        self.front.send(frame)

    def receive(self, deadline=DEADLINE):
        """The next frame on the DEALER."""
        if not self.front.poll(deadline * 1000):
            raise AssertionError("timed out: a frame from the broker")
        return self.front.recv()

    def control(self):
        """The next control frame; other frames before it are dropped."""
        while True:
            frame = self.receive()
            if frame[:1] == b"{":
                return json.loads(frame)

    def ask(self, **request):
        """Sends a request and returns its answer."""
        request.setdefault("id", secrets.token_hex(4))
        self.front.send(json.dumps(request).encode())
        while True:
            answer = self.control()
            if answer.get("re") == request["id"]:
                return answer

    def subscribe(self, *topics):
        """Subscribes and waits until it is live."""
        self.sub = self._socket(zmq.SUB)
        self.sub.sndhwm = 0
        self.sub.connect(self.welcome["back"])
        for topic in topics:
            self.sub.subscribe(topic)
        nonce = b"\xff" + secrets.token_hex(8).encode()
        self.sub.subscribe(nonce)
        while not self.live().startswith(nonce):
            pass

    def live(self, deadline=DEADLINE):
        """The next frame on the SUB."""
        if not self.sub.poll(deadline * 1000):
            raise AssertionError("timed out: a live frame")
        return self.sub.recv()

    def wait_no_session(self):
        """Reads what was kept for it, until the broker says that it has no session."""

        def told():
            while self.front.poll(0):
                frame = self.front.recv()
                if frame[:1] == b"{" and json.loads(frame).get("code") == "no-session":
                    return True
            self.send(b'{"op":"ping"}')
            return self.front.poll(50) and False
        wait_for(told, "no-session")

    def close(self):
        # libzmq ends the process when a socket is closed while another thread uses it. A thread that did not end keeps its sockets.
        if not (self.thread and self.thread.is_alive()):
            self.context.destroy(linger=0)


def publish_frame(room, *entries):
    """A PUBLISH; entries are (mid, body) or (mid, body, key, flags, expect)."""
    name = room.encode()
    frame = struct.pack(">BB", 1, len(name)) + name
    for mid, body, *rest in entries:
        key, flags, expect = (list(rest) + [b"", 0, 0][len(rest):])
        frame += struct.pack(">QBB", mid, flags, len(key)) + key
        if flags & 2:
            frame += struct.pack(">Q", expect)
        frame += struct.pack(">I", len(body)) + body
    return frame


def deliver_entries(frame):
    """A DELIVER frame as (room, flags, prev, [(seq, time, flags, sender, key, body)])."""
    room, _, rest = frame.partition(b"\0")
    version, flags, _epoch, prev = struct.unpack_from(">BBQQ", rest)
    assert version == 1
    at, entries = 18, []
    while at < len(rest):
        seq, when, entry_flags, size = struct.unpack_from(">QQBB", rest, at)
        sender = rest[at + 18:at + 18 + size]
        at += 18 + size
        key = rest[at + 1:at + 1 + rest[at]]
        at += 1 + rest[at] + (entry_flags & 8)  # TTL
        size, = struct.unpack_from(">I", rest, at)
        entries.append((seq, when, entry_flags, sender.decode(), key, rest[at + 4:at + 4 + size]))
        at += 4 + size
    return room.decode(), flags, prev, entries


class TestCase(unittest.TestCase):
    """Gives each test a folder of its own and ends everything it started."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="zrelay-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ZRELAY_")}
        self.environment.update(HOME=self.folder, XDG_CONFIG_HOME=self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def broker(self, *arguments, config=None, descriptors=None):
        """A broker on free ports (unless told otherwise), with the text of a configuration file; it may have so many file descriptors."""
        arguments = list(arguments)
        if config is not None:
            arguments += ["--config", self.file(f"zrelayd-{secrets.token_hex(4)}.conf", config)]
        if "--listen" not in arguments and "listen" not in (config or ""):
            arguments += ["--listen", "tcp://127.0.0.1:*"]
        broker = Broker(*arguments, descriptors=descriptors)
        self.addCleanup(broker.end)
        return broker

    def server_key(self):
        """Makes the server's keys; returns the secret file and the public key."""
        name = self.path(f"server-{secrets.token_hex(4)}")
        made = subprocess.run([ZRELAYD, "--keygen", name], capture_output=True, check=True)
        return name + "_secret", re.search(rb"public key, (.{40})\n", made.stdout)[1]

    def users(self, text, name="users", mode=0o600):
        """A users file, put in place whole."""
        path = self.file(name + ".new", text)
        os.chmod(path, mode)
        os.rename(path, self.path(name))
        return self.path(name)

    def restart(self, broker, *arguments, config=None):
        """kill -9, and another one on the same ports."""
        broker.signal(signal.SIGKILL)
        broker.finish()
        return self.broker("--listen", broker.server, "--back", broker.back, *arguments, config=config)

    def zrelay(self, broker, *arguments, **options):
        """The command line, running."""
        server = broker if isinstance(broker, str) else broker.server
        options.setdefault("env", self.environment)
        program = Program([ZRELAY, "--server", server, *arguments], **options)
        self.addCleanup(program.end)
        return program

    def run_zrelay(self, broker, *arguments, stdin=b"", code=0):
        """The command line, to its end; returns the finished program."""
        program = self.zrelay(broker, *arguments)
        try:
            program.process.stdin.write(stdin)
            program.close_stdin()
        except BrokenPipeError:
            pass
        found = program.finish()
        self.assertEqual(found, code, f"{arguments}: {program.errors()}")
        return program

    def peer(self, broker, nick=None, **options):
        peer = Peer(broker if isinstance(broker, str) else broker.server, nick, **options)
        self.addCleanup(peer.close)
        return peer

    def crowd(self, broker, count, *requests):
        """So many sessions in one context, n0000 and so on, each having sent hello and `requests`; returns their sockets."""
        context = zmq.Context()
        context.set(zmq.MAX_SOCKETS, 4 * count)
        sockets = []
        self.addCleanup(lambda: ([one.close(0) for one in sockets], context.term()))
        for number in range(count):
            front = context.socket(zmq.DEALER)
            front.connect(broker.server)
            front.send(json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16), "nick": f"n{number:04}"}).encode())
            for request in requests:
                front.send(json.dumps(request).encode())
            sockets.append(front)
        return sockets

    def wait_members(self, broker, room, count):
        """Waits until `count` members, named or not, are in `room`: readers are live then."""
        asker = self.peer(broker)
        wait_for(lambda: (lambda who: who["count"] + who["silent"] >= count)(asker.ask(op="who", room=room)),
                 f"{count} members in {room}")
