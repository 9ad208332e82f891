"""The processes that a case starts: the broker, and the client under test. And the kit's own client, which asks what the broker stored."""
import asyncio
import os
import re
import secrets
import shlex
import signal

from frames import GREETING, GREETING_SIZE, COMMAND, control, parse_ack, parse_control, parse_deliver, publish_frame, read_zmtp, ready, zmtp

START = re.compile(r"zrelayd \S+ listening on tcp://([^:]+):(\d+).*?, back tcp://([^:]+):(\d+).*?, epoch ([0-9a-f]{16}), store (\w+)")


class KitError(Exception):
    """The kit cannot do its work; this says nothing about the client."""


class Process:
    """A program whose lines are read as they come."""

    def __init__(self, command):
        self.command, self.lines, self.errors = command, [], []
        self.process, self.readers = None, []

    async def start(self, *command, shell=False, stdin=asyncio.subprocess.PIPE):
        options = dict(stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True, limit=1 << 24)
        if shell:
            self.process = await asyncio.create_subprocess_shell(command[0], **options)
        else:
            self.process = await asyncio.create_subprocess_exec(*command, **options)
        self.readers = [asyncio.ensure_future(self._read(self.process.stdout, self.lines)),
                        asyncio.ensure_future(self._read(self.process.stderr, self.errors))]

    @staticmethod
    async def _read(stream, lines):
        while True:
            line = await stream.readline()
            if not line:
                return
            lines.append(line.decode(errors="replace").rstrip("\n"))

    @property
    def status(self):
        return self.process.returncode

    @property
    def ended(self):
        """It ended, and its last line is here."""
        return self.status is not None and all(reader.done() for reader in self.readers)

    def signal(self, number):
        if self.status is None:
            os.killpg(self.process.pid, number)

    async def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # also what it started, and what is stopped
        except ProcessLookupError:
            pass
        await self.process.wait()
        for reader in self.readers:
            reader.cancel()
        await asyncio.gather(*self.readers, return_exceptions=True)


class Client(Process):
    """The client under test: `command` is a line for the shell."""

    def __init__(self, command, values):
        for name, value in values.items():
            command = command.replace("{" + name + "}", shlex.quote(value))
        super().__init__(command)
        self.marks = 0, 0

    async def open(self):
        await self.start(self.command, shell=True)
        return self

    def write(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except (OSError, RuntimeError):
            pass  # it ended: the judge sees that

    def close_input(self):
        self.process.stdin.close()

    def mark(self):
        self.marks = len(self.lines), len(self.errors)

    def said(self, pattern):
        """A line since `mark`, on either output, has the pattern."""
        return any(re.search(pattern, line, re.I) for line in self.lines[self.marks[0]:] + self.errors[self.marks[1]:])


class Broker(Process):
    def __init__(self, program, folder, heartbeat_ms, sections, disk, users):
        super().__init__([program, "--listen", "tcp://127.0.0.1:*", "--back", "tcp://127.0.0.1:*", "--config", os.path.join(folder, "kit.conf")])
        sections = {**sections, "server": {"heartbeat": heartbeat_ms, **sections.get("server", {})}}
        with open(self.command[-1], "w", encoding="utf-8") as file:
            for section, settings in sections.items():
                file.write(section + "\n" + "".join(f"    {name} = {value}\n" for name, value in settings.items()))
        os.chmod(self.command[-1], 0o600)
        if disk:
            self.command += ["--data", os.path.join(folder, "data")]
        self.users_file = os.path.join(folder, "users")
        if users:
            self.write_users(users)
            self.command += ["--users", self.users_file]
        self.epoch = self.addresses = None

    def write_users(self, text):
        with open(self.users_file + ".new", "w", opener=lambda path, flags: os.open(path, flags, 0o600), encoding="utf-8") as file:
            file.write(text)
        os.rename(self.users_file + ".new", self.users_file)

    async def run(self):
        """Starts it, also after its end; each time on other ports, since clients see those of the proxy."""
        self.lines, self.errors = [], []
        await self.start(*self.command, stdin=asyncio.subprocess.DEVNULL)
        while not self.lines and not self.ended:
            await asyncio.sleep(0.01)
        said = START.match(self.lines[0]) if self.lines else None
        if not said:
            raise KitError(f"{' '.join(self.command)}: {' '.join(self.lines + self.errors)}")
        self.addresses = {"front": (said[1], int(said[2])), "back": (said[3], int(said[4]))}
        self.epoch = said[5]


class Peer:
    """A DEALER of the kit's own, straight to the broker."""

    def __init__(self, broker, room, client_id=None):
        self.broker, self.room, self.mid, self.client_id = broker, room, 0, client_id or secrets.token_hex(16)
        self.reader = self.writer = None

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection(*self.broker.addresses["front"])
        self.writer.write(GREETING)
        await self.reader.readexactly(GREETING_SIZE)
        self.writer.write(ready(b"DEALER"))
        while not (await read_zmtp(self.reader))[0] & COMMAND:
            pass
        answer, _ = await self.ask(op="hello", proto=1, client=self.client_id)
        if answer["op"] != "welcome":
            raise KitError(f"hello: {answer}")
        return self

    async def __aexit__(self, *_):
        self.writer.transport.abort()

    async def receive(self):
        while True:
            flags, body = await read_zmtp(self.reader)
            if not flags:
                return body

    async def ask(self, **request):
        """The answer, and the frames before it."""
        self.writer.write(zmtp(control(id="kit", **request)))
        frames = []
        while True:
            frame = await self.receive()
            message = parse_control(frame)
            if message and message.get("re") == "kit":
                return message, frames
            frames.append(frame)

    async def publish(self, *entries):
        """In one frame (see publish_frame); returns when they are acked."""
        self.writer.write(zmtp(publish_frame(self.room.encode(), self.mid + 1, entries)))
        self.mid += len(entries)
        while True:
            frame = await self.receive()
            if parse_ack(frame) == self.mid:
                return
            if (parse_control(frame) or {}).get("op") == "error":
                raise KitError(f"the kit cannot publish: {frame.decode()}")

    async def stored(self):
        """All entries of the room that the broker has."""
        after, entries = 0, []
        while True:
            answer, frames = await self.ask(op="replay", room=self.room, after=after)
            if answer["op"] != "replayed":
                raise KitError(f"replay: {answer}")
            for deliver in filter(None, map(parse_deliver, frames)):
                entries += deliver.entries
            after = answer["seq"]
            if not answer["more"]:
                return entries

