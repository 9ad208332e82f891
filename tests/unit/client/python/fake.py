"""What the unit tests share: an outside world with a clock that the test moves, frames, and golden vectors."""
import json
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "client/python"))
from zrelay.core.servers import Server, Servers
from zrelay.core.client import Client  # noqa: E402
from zrelay.core.reader import Options  # noqa: E402
from zrelay.core.owner import Identity  # noqa: E402
from zrelay.core.wire import Message  # noqa: E402

EPOCH = "8f3a6c01d2e4b597"
OTHER_EPOCH = "0000000000000001"
SERVER = "tcp://127.0.0.1:5570"
CLIENT = "00112233445566778899aabbccddeeff"


class FakeLink:
    """`sent`: control frames as objects, others as bytes. `topics`: what the SUB is subscribed to; `subs`: endpoints that it was connected to."""

    def __init__(self, handlers):
        self.handlers, self.sent, self.topics, self.subs, self.closed = handlers, [], [], [], False

    def send(self, frame):
        self.sent.append(json.loads(frame) if frame[:1] == b"{" else frame)

    def listen(self, endpoint):
        self.subs.append(endpoint)
        self.topics = []

    def subscribe(self, topic):
        self.topics.append(topic)

    def unsubscribe(self, topic):
        self.topics.remove(topic)

    def close(self, linger):
        self.closed = True

    @property
    def nonce(self):
        """The nonce that waits for its answer."""
        return next(topic for topic in self.topics if topic[:1] == b"\xff")


class FakeEdge:
    """The outside world of a client. `links` are those that it opened."""

    def __init__(self):
        self.links, self.time, self._timers, self._hex = [], 0.0, [], 0

    def open(self, handlers, server):
        self.links.append(FakeLink(handlers))
        self.links[-1].server = server
        return self.links[-1]

    def now(self):
        return self.time

    def random(self):
        return 0.5

    def hex(self, size):
        self._hex += 1
        return f"{self._hex:0{2 * size}x}"

    def after(self, seconds, run):
        timer = [self.time + seconds, run]
        self._timers.append(timer)
        return lambda: timer in self._timers and self._timers.remove(timer)

    def run(self, seconds=0.0):
        """Lets time pass: timers fire in order."""
        end = self.time + seconds
        while True:
            due = [timer for timer in self._timers if timer[0] <= end + 1e-9]
            if not due:
                break
            timer = min(due, key=lambda each: each[0])
            self._timers.remove(timer)
            self.time = max(self.time, timer[0])
            timer[1]()
        self.time = end

    @property
    def armed(self):
        return len(self._timers)

    @property
    def link(self):
        return self.links[-1]

    def sent(self, op):
        """The control frames with this op that the newest link sent."""
        return [each for each in self.link.sent if isinstance(each, dict) and each["op"] == op]

    def data(self):
        """The data frames that it sent."""
        return [each for each in self.link.sent if isinstance(each, bytes)]

    def tell(self, op, **members):
        """A control frame of the broker."""
        self.link.handlers.front_frame(json.dumps({"op": op, **members}).encode())

    def front(self, frame):
        self.link.handlers.front_frame(frame)

    def back(self, frame):
        self.link.handlers.back_frame(frame)

    def lose(self, why="gone"):
        self.link.handlers.lost(why)

    def answer(self, op, answer, **members):
        """Answers the newest request with this op."""
        self.tell(answer, re=self.sent(op)[-1]["id"], **members)

    def refuse(self, op, code, **members):
        self.answer(op, "error", code=code, text="no", **members)

    def synced(self, epoch=EPOCH):
        """Answers the nonce."""
        self.back(self.link.nonce + json.dumps({"op": "synced", "epoch": epoch}).encode())

    def welcome(self, **members):
        limits = {"frame": 1000, "control": 65536, "entries": 10, "body": 1000, "rooms": 1000, "replays": 2, "window": 1000}
        self.tell("welcome", **{"re": "hello", "proto": 1, "epoch": EPOCH, "nick": "ann", "resume": "token-1", "resumed": False,
                                "back": "tcp://127.0.0.1:5571", "heartbeat": 1000, "level": "memory", "limits": limits, **members})

    def go_live(self, **members):
        """Answers `hello` and the first nonce."""
        self.welcome(**members)
        self.synced(members.get("epoch", EPOCH))


def message(seq, room="lobby", sender="bob", key=None, text=None, deleted=False):
    return Message(room, seq, seq * 1000, sender, key, deleted, (f"entry {seq}" if text is None else text).encode())


def deliver(room, prev, *entries, flags=0, epoch=EPOCH):
    """A DELIVER frame; entries are (seq, text) or (seq, text, key), with the text None for a deleted key."""
    frame = room.encode() + b"\0" + struct.pack(">BBQQ", 1, flags, int(epoch, 16), prev)
    for seq, text, *key in entries:
        key, body = (key[0] if key else "").encode(), (text or "").encode()
        frame += struct.pack(">QQBB", seq, seq * 1000, text is None, 3) + b"bob" + bytes([len(key)]) + key + struct.pack(">I", len(body)) + body
    return frame


def ack(mid, seq, level=1):
    return struct.pack(">BBQQ", 2, level, mid, seq)


class World:
    """A client that is live, and what it told. `told` holds (event, value)."""

    EVENTS = ("status", "recovered", "lost", "left", "epoch", "direct", "problem", "closed")

    def __init__(self, live=True, servers=(SERVER,), **identity):
        self.edge, self.told = FakeEdge(), []
        self.client = Client(self.edge, Servers([Server(each) for each in servers]), Identity(CLIENT, "test", **{"nick": "ann", **identity}), 1000000)
        for name in self.EVENTS:
            self.client.on(name, lambda value, name=name: self.told.append((name, value)))
        self.client.open(0)
        if live:
            self.edge.go_live()

    def names(self):
        return [name for name, _ in self.told]

    def last(self, name):
        return [value for each, value in self.told if each == name][-1]

    def room(self, name="lobby", head=0, oldest=0, enter=True, recovered=None, **options):
        """Joins a room whose head is `head`. Gives its reader and a list of what it tells."""
        reader, seen = self.client.join(name, Options(**options)), []
        reader.on("message", lambda each: seen.append(each.text))
        for event in ("lost", "left", "gap", "presence"):
            reader.on(event, lambda value, event=event: seen.append(event))
        if enter:
            self.edge.synced()
            self.joined(name, head, oldest, recovered)
        return reader, seen

    def joined(self, name, head, oldest=0, recovered=None):
        asked = [each for each in self.edge.sent("join") if each["room"] == name][-1]
        self.edge.tell("joined", re=asked["id"], room=name, seq=head, oldest=oldest, version=1, count=1, private=False,
                       **({} if recovered is None else {"recovered": recovered}))

    def replayed(self, *frames, **answer):
        """Answers the newest replay with these frames."""
        for frame in frames:
            self.edge.front(frame)
        self.edge.answer("replay", "replayed", **{"room": "lobby", "complete": True, "more": False, "count": 1, **answer})


def vectors():
    """All golden vectors: name, frame, and the members kind, from, expect, value."""
    for path in sorted((ROOT / "tests/vectors").glob("*.hex")):
        frame, members = b"", {"name": path.name}
        for line in path.read_text(encoding="utf-8").splitlines():
            found = re.match(r"# (kind|from|expect|value): (.*)$", line)
            if found:
                members[found[1]] = json.loads(found[2]) if found[1] == "value" else found[2]
            frame += bytes.fromhex(line.partition("#")[0])
        yield frame, members
