"""The frames of PROTOCOL.md, sections 2 to 4, as bytes. Nothing here keeps state."""
from __future__ import annotations

import datetime
import json
import struct
import unicodedata
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ..errors import ZrelayError

Body = Union[str, bytes, bytearray, memoryview, None]
Json = Dict[str, Any]

ROOM_MAX = 128  # bytes of a room's name
KEY_MAX = 255  # bytes of a key
SEQ_MAX = 2 ** 53 - 1
REPLAY = 0x01  # flags of a DELIVER frame
STATE = 0x02
DONE, RETRY, REJECT, EXTEND, RETURN = 1, 2, 3, 4, 5  # verbs of SETTLE
REASON_MAX = 256  # bytes of the reason of a reject
SETTLE_RANGES_MAX = 4096
MS_MAX = 86400000  # milliseconds in a SETTLE
LEFT = {1: "it was done or dead before", 2: "it waits to be handed out again", 3: "another worker has it", 4: "the group has not come to it"}

_PUBLISH = 0x01
_ACK = 0x02
_WORK = 0x04
_SETTLE = 0x05
_SETTLED = 0x06
_DELIVER = 0x00  # these two follow the room's name
_PRESENCE = 0x01
_DELETE = 0x01  # flags of an entry
_EXPECT = 0x02
_TTL = 0x08  # this is also the size of the field that it adds
_LEVELS = ("none", "memory", "disk", "replicated")
_ENTRY_HEAD = 8 + 1 + 1 + 4  # message id, flags, size of the key, size of the body


class Message(NamedTuple):
    """One entry of a room."""

    room: str
    #: Its position. It rises within a room, and need not be dense.
    seq: int
    #: The broker's time in microseconds since 1970. To be shown; the order is that of `seq`.
    time: int
    #: The nick of the client that published it.
    sender: str
    #: Set if the message is the value of a key.
    key: Optional[str]
    #: The message deletes its key.
    deleted: bool
    body: bytes
    #: The broker deletes the key so many milliseconds after `time`; None: never.
    ttl: Optional[int] = None

    @property
    def text(self) -> str:
        """The body as UTF-8. Bytes that are not UTF-8 become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @property
    def date(self) -> datetime.datetime:
        """`time` with its time zone, UTC."""
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=self.time)


class Ack(NamedTuple):
    """The broker stored a message."""

    room: str
    #: The message's position; None where one answer covers several messages, for one that was sent again, and in a room
    #: that this user may not read.
    seq: Optional[int]
    #: `memory`, `disk` or `replicated`; `none`: the message was relayed and not kept.
    level: str


class AckFrame(NamedTuple):
    """An ACK: all message ids up to `mid` are answered. `seq` is that of `mid`, 0 if it is not told."""

    level: str
    mid: int
    seq: int


class Deliver(NamedTuple):
    """A DELIVER frame. It has one entry or more."""

    room: str
    flags: int
    epoch: str
    prev: int
    messages: List[Message]


class WorkFrame(NamedTuple):
    """A WORK frame: these messages are handed to the worker, for the `deliveries`-th time."""

    worker: int
    deliveries: int
    deliver: Deliver


class SettledFrame(NamedTuple):
    """A SETTLED frame, the answer to the SETTLE `number`. `left`: seq → what became of an entry that was not settled, see LEFT."""

    worker: int
    number: int
    level: str
    left: Dict[int, int]


class PresenceFrame(NamedTuple):
    """A change of the users present in a room."""

    room: str
    change: Json


Frame = Union[AckFrame, Deliver, PresenceFrame, WorkFrame, SettledFrame, None]


class Outgoing(NamedTuple):
    """An entry of a PUBLISH frame."""

    mid: int
    key: bytes
    body: bytes
    expect: Optional[int]
    deleted: bool
    ttl: Optional[int] = None


def printable(text: str) -> str:
    """The text for a terminal: characters that control it, turn the direction of writing, or show nothing are escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def body_bytes(body: Body) -> bytes:
    """The bytes of a body; a text becomes UTF-8, None an empty body."""
    if isinstance(body, str):
        return body.encode("utf-8")
    if body is None:
        return b""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise TypeError(f"a body is a str or bytes, not {type(body).__name__}")


def _name(name: str, most: int, code: str, what: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{what} is a str, not {type(name).__name__}")
    form = unicodedata.normalize("NFC", name)
    size = len(form.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= most:
        raise ZrelayError(code, f"{what} has 1 to {most} bytes, and this one has {size}")
    return form


def room_name(name: str) -> str:
    """The name in Unicode's form C, as the broker wants it; `bad-room` for a wrong size."""
    return _name(name, ROOM_MAX, "bad-room", "a room's name")


def key_name(name: str) -> str:
    """A key in Unicode's form C; `bad-key` for a wrong size."""
    return _name(name, KEY_MAX, "bad-key", "a key")


def control(op: str, **members: Any) -> bytes:
    """A control frame; members that are None are left out."""
    return json.dumps({"op": op, **{name: value for name, value in members.items() if value is not None}}, ensure_ascii=False,
                      separators=(",", ":")).encode("utf-8")


def parse_object(data: bytes) -> Json:
    """A JSON object; ValueError for anything else, whatever a hostile broker sends."""
    try:
        value = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def entry_size(entry: Outgoing) -> int:
    """The bytes that an entry takes in a PUBLISH frame."""
    return _ENTRY_HEAD + len(entry.key) + (0 if entry.expect is None else 8) + (0 if entry.ttl is None else 8) + len(entry.body)


def publish_head(room: bytes) -> int:
    """The bytes of a PUBLISH frame before its entries."""
    return 2 + len(room)


def encode_publish(room: bytes, entries: Sequence[Outgoing]) -> bytes:
    """A PUBLISH frame."""
    parts = [bytes((_PUBLISH, len(room))), room]
    for mid, key, body, expect, deleted, ttl in entries:
        flags = (_DELETE if deleted else 0) | (0 if expect is None else _EXPECT) | (0 if ttl is None else _TTL)
        parts += (struct.pack(">QBB", mid, flags, len(key)), key, b"" if expect is None else struct.pack(">Q", expect),
                  b"" if ttl is None else struct.pack(">Q", ttl), struct.pack(">I", len(body)), body)
    return b"".join(parts)


def encode_settle(worker: int, number: int, verb: int, milliseconds: int, ranges: Sequence[Tuple[int, int]], reason: bytes = b"") -> bytes:
    """A SETTLE frame. `reason`: of a reject, at most REASON_MAX bytes."""
    value = len(reason) if verb == REJECT else milliseconds
    return struct.pack(">BIQBI", _SETTLE, worker, number, verb, value) + b"".join(struct.pack(">QQ", *each) for each in ranges) + reason


def decode(frame: bytes) -> Frame:
    """Takes a binary frame from the broker apart; None for what a later version may send.

    Raises ValueError for a frame that is cut off or malformed."""
    try:
        if frame[:1] == bytes((_ACK,)):
            level, mid, seq = struct.unpack_from(">BQQ", frame, 1)
            return AckFrame(_level(level), mid, seq)
        if frame[:1] == bytes((_WORK,)):
            return _decode_work(frame)
        if frame[:1] == bytes((_SETTLED,)):
            return _decode_settled(frame)
        end = next((at for at, byte in enumerate(frame[:ROOM_MAX + 1]) if byte < 0x20), 0)
        if end < 1:
            return None
        room = frame[:end].decode("utf-8")
        if frame[end] == _DELIVER:
            return _decode_deliver(room, frame, end + 1)
        if frame[end] == _PRESENCE:
            return PresenceFrame(room, parse_object(frame[end + 1:]))
        return None
    except struct.error:
        raise ValueError("the frame is cut off") from None


def _level(level: int) -> str:
    return _LEVELS[level] if level < len(_LEVELS) else f"level-{level}"


def _decode_work(frame: bytes) -> Optional[WorkFrame]:
    worker, deliveries = struct.unpack_from(">IH", frame, 1)
    inner = decode(frame[7:])
    if worker == 0 or not isinstance(inner, Deliver):
        raise ValueError("no frame for a worker")
    return WorkFrame(worker, deliveries, inner)


def _decode_settled(frame: bytes) -> SettledFrame:
    worker, number, level, _count = struct.unpack_from(">IQBI", frame, 1)
    left: Dict[int, int] = {}
    for at in range(18, len(frame), 17):
        became, first, _last = struct.unpack_from(">BQQ", frame, at)
        left[first] = became
    return SettledFrame(worker, number, _level(level), left)


def _decode_deliver(room: str, frame: bytes, at: int) -> Optional[Deliver]:
    version, flags, epoch, prev = struct.unpack_from(">BBQQ", frame, at)
    if version != 1:
        return None
    at += 18
    messages: List[Message] = []
    while at < len(frame) or not messages:
        seq, time, entry_flags, size = struct.unpack_from(">QQBB", frame, at)
        at += 18 + size
        sender = frame[at - size:at].decode("utf-8", "replace")
        size, = struct.unpack_from(">B", frame, at)
        at += 1 + size
        key = frame[at - size:at].decode("utf-8", "replace") if size else None
        ttl = struct.unpack_from(">Q", frame, at)[0] if entry_flags & _TTL else None
        at += entry_flags & _TTL
        size, = struct.unpack_from(">I", frame, at)
        at += 4 + size
        if at > len(frame):
            raise ValueError("the frame is cut off")
        messages.append(Message(room, seq, time, sender, key, bool(entry_flags & _DELETE), frame[at - size:at], ttl))
    return Deliver(room, flags, f"{epoch:016x}", prev, messages)
