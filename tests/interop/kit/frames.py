"""The frames of common/PROTOCOL.md, taken apart and put together; and ZMTP 3, which carries them. Only what the kit needs."""
import json
import struct
from typing import List, NamedTuple

REPLAY, STATE = 1, 2  # flags of a DELIVER
TTL = 8  # flag of an entry, and the bytes that it adds

# ZMTP's flags of a frame
MORE, LONG, COMMAND = 1, 2, 4
GREETING_SIZE = 64
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\3\0" + b"NULL".ljust(20, b"\0") + bytes(32)


def zmtp(body, flags=0):
    """A ZMTP frame."""
    if len(body) > 255:
        return struct.pack(">BQ", flags | LONG, len(body)) + body
    return struct.pack(">BB", flags, len(body)) + body


async def read_zmtp(reader):
    """The next ZMTP frame of a stream: its flags without LONG, its body. Raises EOFError at the end."""
    flags = (await reader.readexactly(1))[0]
    size = struct.unpack(">Q", await reader.readexactly(8))[0] if flags & LONG else (await reader.readexactly(1))[0]
    return flags & ~LONG, await reader.readexactly(size)


def ready(kind):
    """The command that ends a handshake without encryption."""
    def item(name, value):
        return struct.pack(">B", len(name)) + name + struct.pack(">I", len(value)) + value
    return zmtp(b"\5READY" + item(b"Socket-Type", kind) + item(b"Identity", b""), COMMAND)


def control(**members):
    return json.dumps(members).encode()


def parse_control(frame):
    """The object of a control frame; None if it is another frame."""
    return json.loads(frame) if frame[:1] == b"{" else None


class Item(NamedTuple):
    """An entry that a client sends. `mid` is None when a `publish` has no `mid`."""
    mid: int
    body: bytes
    raw: bytes


class Publish(NamedTuple):
    room: bytes
    items: List[Item]

    def pack(self):
        return struct.pack(">BB", 1, len(self.room)) + self.room + b"".join(item.raw for item in self.items)


def parse_publish(frame):
    """A binary PUBLISH, or the op `publish`, which has one item and cannot be packed again; None if it is another frame."""
    message = parse_control(frame)
    if message:
        if message.get("op") != "publish":
            return None
        return Publish(message["room"].encode(), [Item(message.get("mid"), message.get("text", "").encode(), b"")])
    if frame[:1] != b"\1":
        return None
    at, items = 2 + frame[1], []
    while at < len(frame):
        start = at
        mid, flags, size = struct.unpack_from(">QBB", frame, at)
        at += 10 + size + (8 if flags & 2 else 0) + (flags & TTL)
        size, = struct.unpack_from(">I", frame, at)
        at += 4 + size
        items.append(Item(mid, frame[at - size:at], frame[start:at]))
    return Publish(frame[2:2 + frame[1]], items)


def publish_frame(room, first, entries):
    """Entries are bodies, or (body, key); one with a key and without a body deletes it, and one with a body lasts for an hour."""
    frame = struct.pack(">BB", 1, len(room)) + room
    for mid, one in enumerate(entries, first):
        text, key = one if isinstance(one, tuple) else (one, b"")
        flags = (TTL if text else 1) if key else 0
        lasts = struct.pack(">Q", 3600000) if flags & TTL else b""
        frame += struct.pack(">QBB", mid, flags, len(key)) + key + lasts + struct.pack(">I", len(text)) + text
    return frame


def parse_ack(frame):
    """The message id up to which a binary ACK answers; None if it is another frame."""
    return struct.unpack(">BBQQ", frame)[2] if frame[:1] == b"\2" and len(frame) == 18 else None


class Entry(NamedTuple):
    seq: int
    body: bytes
    raw: bytes


class Deliver(NamedTuple):
    room: bytes
    flags: int
    epoch: int
    prev: int
    entries: List[Entry]

    def pack(self):
        return self.room + struct.pack(">BBBQQ", 0, 1, self.flags, self.epoch, self.prev) + b"".join(e.raw for e in self.entries)

    @property
    def live(self):
        return not self.flags & (REPLAY | STATE)


def entry(seq, body, flags=0):
    return Entry(seq, body, struct.pack(">QQBB", seq, 0, flags, 3) + b"kit" + struct.pack(">BI", 0, len(body)) + body)


def parse_deliver(frame):
    """None if it is another frame."""
    room, zero, rest = frame.partition(b"\0")
    if not zero or not room or min(room) < 0x20 or frame[:1] in (b"{", b"\xff"):
        return None
    _version, flags, epoch, prev = struct.unpack_from(">BBQQ", rest)
    at, entries = 18, []
    while at < len(rest):
        start = at
        seq, _time, entry_flags, size = struct.unpack_from(">QQBB", rest, at)
        at += 18 + size
        at += 1 + rest[at] + (entry_flags & TTL)
        size, = struct.unpack_from(">I", rest, at)
        at += 4 + size
        entries.append(Entry(seq, rest[at - size:at], rest[start:at]))
    return Deliver(room, flags, epoch, prev, entries)
