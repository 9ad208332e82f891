"""What a case works with: a broker, the proxy before it, clients, and the judgement."""
import asyncio
import collections
import contextlib
import re
import tempfile
import time

import rules
from frames import parse_deliver
from programs import Broker, Client, KitError, Peer
from proxy import Proxy

HEARTBEAT_MS = 500
ROOM = "kit/žluť"


class Broken(Exception):
    """The client broke a rule."""

    def __init__(self, rule, seen):
        super().__init__(f"{rule.text}: {seen}")
        self.rule, self.seen = rule, seen


def body(number):
    return f"m-{number:04}".encode()


def number_of(text):
    """The number of such a body, which may be padded; None if it is another one."""
    found = re.fullmatch(rb"m-(\d{4})(?: x+)?", text)
    return int(found[1]) if found else None


def spans(numbers):
    """[1, 2, 3, 7] as "1-3, 7"."""
    parts = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


class Stage:
    def __init__(self, options, disk=False, users=None, heartbeat_ms=HEARTBEAT_MS, **sections):
        self.options, self.folder = options, tempfile.TemporaryDirectory(prefix="zrelay-kit-")
        self.broker = Broker(options.zrelayd, self.folder.name, heartbeat_ms, sections, disk, users)
        self.proxy, self.clients = Proxy(), []
        self.beat = heartbeat_ms / 1000
        self.count = 0      # entries that the kit published
        self.warm = 0
        self.waits_for = ("the start of the broker", rules.ORDER)
        self.deadline = time.monotonic() + options.timeout

    async def __aenter__(self):
        await self.broker.run()
        self.proxy.broker = self.broker.addresses
        await self.proxy.listen()
        return self

    async def __aexit__(self, *_):
        for client in self.clients:
            await client.end()
        await self.proxy.close()
        if self.broker.process:
            await self.broker.end()
        self.folder.cleanup()

    @property
    def seen(self):
        return self.proxy.seen

    async def until(self, condition, what, rule, seconds=None):
        """Waits for a condition; beyond the case's time, or so many seconds, the rule is broken: `what` did not happen."""
        end = min(self.deadline, time.monotonic() + (seconds or self.options.timeout))
        while not (found := condition()):
            if self.proxy.failure:
                raise KitError(f"the proxy failed: {self.proxy.failure!r}")
            if time.monotonic() > end:
                raise Broken(rule, (what() if callable(what) else f"{what} did not happen") + self.ends())
            await asyncio.sleep(0.01)
        return found

    def ends(self):
        """What is to be said of clients that ended."""
        return "".join(f"; the {client.role} ended with status {client.status}, and said: {(client.errors or client.lines or ['nothing'])[-1][:200]}"
                       for client in self.clients if client.ended)

    # The broker

    async def start_broker(self):
        await self.broker.run()
        self.proxy.broker = self.broker.addresses
        await self.proxy.listen()

    async def stop_broker(self, number):
        self.proxy.refuse()
        self.broker.signal(number)
        await self.broker.process.wait()
        while self.proxy.alive():
            if time.monotonic() > self.deadline:
                raise KitError("connections outlive their broker")
            await asyncio.sleep(0.01)

    def peer(self, client_id=None):
        return Peer(self.broker, ROOM, client_id)

    async def publish(self, count, frames=None):
        """Entries of the kit, each in a frame of its own unless `frames` says in how many."""
        async with self.peer() as peer:
            size = -(-count // (frames or count))
            for first in range(self.count + 1, self.count + count + 1, size):
                await peer.publish(*[body(number) for number in range(first, min(first + size, self.count + count + 1))])
        self.count += count

    async def publish_mixed(self):
        """In one frame, three of the kit's entries, one with a key and a time to live, and between them entries without text."""
        first = self.count + 1
        async with self.peer() as peer:
            await peer.publish(body(first), b"", (body(first + 1), "klíč".encode()), (b"", "klíč".encode()), b"\xff\xfe\0\x1b[31m", body(first + 2))
        self.count += 3

    async def stored(self):
        async with self.peer() as peer:
            return await peer.stored()

    # The client

    async def _client(self, role, command):
        client = Client(command, {"front": self.proxy.endpoint("front"), "back": self.proxy.endpoint("back"), "room": ROOM, "nick": role})
        client.role = role
        self.clients.append(client)
        return await client.open()

    async def start_reader(self):
        return await self._client("reader", self.options.read)

    async def reader(self):
        """A reader that is live: entries from here on are for it."""
        reader = await self.start_reader()
        await self.live(reader, rules.ORDER)
        reader.mark()
        return reader

    async def live(self, reader, rule):
        """Publishes until the reader prints some of it."""
        first, known = self.warm + 1, len(reader.lines)

        def printed():
            return any(int(number) >= first for line in reader.lines[known:] for number in re.findall(r"warm-(\d+)", line))
        while not printed():
            self.warm += 1
            async with self.peer() as peer:
                await peer.publish(f"warm-{self.warm}".encode())
            with contextlib.suppress(Broken):
                await self.until(printed, "", rule, 0.2)
            if time.monotonic() > self.deadline or reader.ended:
                raise Broken(rule, f"the reader printed none of {self.warm} entries" + self.ends())

    @staticmethod
    def printed(reader):
        return [int(number) for line in reader.lines for number in re.findall(r"\bm-(\d{4})\b", line)]

    def judge_order(self, reader):
        got = self.printed(reader)
        twice = [number for number, times in collections.Counter(got).items() if times > 1]
        if twice:
            raise Broken(rules.DROP, f"the reader printed {spans(twice)} of the entries more than once")
        if got != sorted(got):
            at = next(i for i in range(1, len(got)) if got[i] < got[i - 1])
            raise Broken(rules.ORDER, f"the reader printed entry {got[at]} after entry {got[at - 1]}")
        return got

    async def expect_read(self, reader, missing=rules.PREV, gone=()):
        """It prints every entry once and in order; those that are gone may be missing."""
        wanted = set(range(1, self.count + 1)) - set(gone)

        def lacks():
            return wanted - set(self.judge_order(reader))
        await self.until(lambda: not lacks(), lambda: f"of the entries 1-{self.count} the reader did not print {spans(lacks())}", missing)
        await self.quiet(reader)
        self.judge_order(reader)

    async def quiet(self, reader):
        """All that was sent to the reader so far has reached it: two pings were answered since."""
        before = self.seen.pongs
        await self.until(lambda: self.seen.pongs >= before + 2 or reader.ended, "a ping for three heartbeats", rules.PING)
        if reader.ended:
            raise Broken(rules.PREV, "the reader stopped reading" + self.ends())

    async def expect_told(self, client, rule):
        """It says so: in a line, since it was live."""
        await self.until(lambda: client.said(self.options.tells), f"a line of the {client.role} that matches {self.options.tells}", rule)

    async def publisher(self):
        return await self._client("publisher", self.options.publish)

    async def give(self, client, count, rule=rules.IDS, wait="acked", padding=""):
        """Lines for the publisher; waits until it was answered, or only sent them."""
        first = self.count + 1
        for number in range(first, first + count):
            client.write(body(number).decode() + padding)
        self.count += count
        await client.process.stdin.drain()
        wanted = set(range(first, self.count + 1))

        def sent():
            return wanted <= {number for _, _, number in self.numbers_sent()}

        def answered():
            return wanted <= {number for who, mid, number in self.numbers_sent() if mid is not None and mid <= self.seen.acked.get(who, 0)}
        if wait:
            await self.until(sent if wait == "sent" else answered, f"publishing lines {first}-{self.count}", rule)

    async def until_stored(self):
        """All lines given so far are stored."""
        while len({entry.body for entry in await self.stored()}) < self.count:
            if time.monotonic() > self.deadline:
                raise Broken(rules.IDS, "the broker did not get lines that were sent")
            await asyncio.sleep(0.01)

    def numbers_sent(self):
        return [(who, mid, number_of(sent)) for who, mid, sent in self.seen.sent if number_of(sent)]

    async def expect_published(self, client, lost=rules.RESEND, gone=()):
        """It ends with status 0, and all its lines are stored once, in order."""
        client.close_input()
        await self.until(lambda: client.ended, "the end of the publisher", lost)
        await self.judge_published(lost, gone)
        if client.status != 0:
            raise Broken(lost, "all lines are stored" + self.ends())

    async def judge_published(self, lost, gone=()):
        self.judge_ids()
        stored = [number_of(entry.body) for entry in await self.stored() if number_of(entry.body)]
        twice = [number for number, times in collections.Counter(stored).items() if times > 1]
        if twice:
            raise Broken(rules.RESEND, f"the broker stored lines {spans(twice)} more than once")
        lacks = set(range(1, self.count + 1)) - set(stored) - set(gone)
        if lacks:
            raise Broken(lost, f"of the lines 1-{self.count} the broker did not store {spans(lacks)}" + self.ends())
        if stored != sorted(stored):
            raise Broken(rules.IDS, f"the broker stored the lines in another order: {stored}")

    def judge_ids(self):
        """Message ids rise, and each belongs to one entry for ever."""
        bodies, highest = {}, {}
        for who, mid, sent in self.seen.sent:
            if mid is None:
                continue
            if (who, mid) not in bodies and mid < highest.get(who, 0):
                raise Broken(rules.LOWER, f"message id {mid} was new after {highest[who]}")
            known = bodies.setdefault((who, mid), sent)
            if known != sent:
                raise Broken(rules.RESEND, f"message id {mid} was sent with {known!r} and with {sent!r}")
            highest[who] = max(mid, highest.get(who, 0))


class Dropping:
    """A rule that drops live deliveries of the room, on both ways. `frames`: those dropped."""

    def __init__(self):
        self.frames = []

    def __call__(self, link, frame):
        deliver = parse_deliver(frame)
        if not deliver or not deliver.live:
            return None
        self.frames.append(deliver)
        return []

    def has(self, number):
        return any(entry.body == body(number) for deliver in self.frames for entry in deliver.entries)
