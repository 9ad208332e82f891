"""Publishing exactly once, as PROTOCOL.md, section 8, has it: messages get rising ids, are kept until they are answered, and are sent again in
order in each new session."""
from __future__ import annotations

from collections import deque
from typing import Callable, Deque, List, Optional

from ..errors import ZrelayError
from .wire import SEQ_MAX, Ack, AckFrame, Body, Json, Outgoing, body_bytes, encode_publish, entry_size, key_name, publish_head, room_name

QUEUE_BYTES = 64 * 1024 * 1024  # of unanswered messages, by default
_COMPARED_MAX = 64  # compare-and-set entries unanswered: the broker remembers as many refusals
_EAGER_FRAMES = 8  # frames under way, beyond which messages wait for company
_COMPANY_WAIT = 0.005  # seconds, at most
_COMPANY_BYTES = 64 * 1024  # of messages that wait no longer
_WHOLE_FRAME_CODES = ("bad-frame", "bad-id")  # nothing of the frame was stored, though the error names its first id only

Done = Callable[[Optional[ZrelayError], Optional[Ack]], None]


class _Entry:
    """A message that is not answered yet."""

    def __init__(self, room: str, key: Optional[str], out: Outgoing, done: Done) -> None:
        self.room, self.key, self.out, self.done = room, key, out, done
        self.room_bytes = room.encode("utf-8")
        self.size = entry_size(out) + publish_head(self.room_bytes)
        self.last = 0  # the last id of its frame


class Publisher:
    """`send(frame)` sends a PUBLISH frame; `after(seconds, run)` runs once later; `limits` are those of `welcome`."""

    def __init__(self, send: Callable[[bytes], None], limits: Json, after: Callable[[float, Callable[[], None]], object], queue_bytes: int) -> None:
        self._send, self._limits, self._after, self._queue_bytes = send, limits, after, queue_bytes
        self._next_mid = 1
        self._unsent: Deque[_Entry] = deque()  # in the order of their ids
        self._flight: Deque[_Entry] = deque()  # sent in this session, likewise
        self._bytes = self._unsent_bytes = self._flight_bytes = self._flight_frames = 0
        self._compared = 0  # of those in flight
        self._open = False  # there is a session, and no pause
        self._soon = False  # a flush is due
        self._gathering = False  # messages wait for company
        self._waiters: List[Callable[[], bool]] = []

    @property
    def unanswered(self) -> int:
        """Messages that wait for their ack."""
        return len(self._flight) + len(self._unsent)

    def publish(self, room: str, body: Body, key: Optional[str], expect: Optional[int], deleted: bool, done: Done,
                ttl: Optional[int] = None) -> None:
        """Queues a message; `done(error, ack)` is called once. Raises ZrelayError for a message that cannot be."""
        entry = self._entry(room, body, key, expect, deleted, done, ttl)
        self._next_mid += 1
        self._bytes += entry.size
        self._unsent_bytes += entry.size
        self._unsent.append(entry)
        if len(self._unsent) == 1 and not self._soon:
            self._soon = True
            self._after(0, self._flush_soon)
        elif self._unsent_bytes > _COMPANY_BYTES:
            self._flush()

    def _flush_soon(self) -> None:
        self._soon = False
        self._flush()

    def _entry(self, room: str, body: Body, key: Optional[str], expect: Optional[int], deleted: bool, done: Done, ttl: Optional[int]) -> _Entry:
        name, data = room_name(room), body_bytes(body)
        if key is None and (deleted or expect is not None):
            raise ZrelayError("bad-key", "deleting and comparing need a key", room=name)
        if deleted and data:
            raise ZrelayError("bad-argument", "a message that deletes its key has no body", room=name, key=key)
        if ttl is not None and (key is None or deleted or not isinstance(ttl, int) or not 1 <= ttl <= SEQ_MAX):
            raise ZrelayError("bad-argument", "`ttl` is the time, in milliseconds, that the value of a key lasts", room=name, key=key)
        if expect is not None and not (isinstance(expect, int) and 0 <= expect <= SEQ_MAX):
            raise ZrelayError("bad-argument", "`expect` is the seq of the value, or 0 for no value", room=name, key=key)
        key_bytes = b"" if key is None else key_name(key).encode("utf-8")
        entry = _Entry(name, key, Outgoing(self._next_mid, key_bytes, data, expect, deleted, ttl), done)
        if entry.size > self._limits["frame"]:
            raise ZrelayError("too-large", f"the message takes {entry.size} bytes, and this broker takes {self._limits['frame']}", room=name, key=key)
        if self._bytes + entry.size > self._queue_bytes:
            raise ZrelayError("queue-full", f"{self._bytes} bytes wait for their acks already; await some, or `drain`", room=name, key=key)
        return entry

    # The session

    def start(self) -> None:
        """A session begins: everything unanswered is sent again, before anything new."""
        self._flight.extend(self._unsent)
        self._unsent, self._flight = self._flight, deque()
        self._unsent_bytes = self._bytes
        self._flight_bytes = self._flight_frames = self._compared = 0
        self.resume()

    def stop(self) -> None:
        """The session ended, or the broker wants a pause."""
        self._open = False

    def resume(self) -> None:
        """The pause is over."""
        self._open = True
        self._flush()

    def _flush(self, waited: bool = False) -> None:
        """Sends as much as the window has room for. While many frames are under way, messages wait a moment and share one."""
        while self._open and self._unsent:
            if not waited and self._flight_frames >= _EAGER_FRAMES and self._unsent_bytes < _COMPANY_BYTES:
                return self._gather()
            entries = self._next_frame()
            if not entries:
                break
            self._flight_frames += 1
            for entry in entries:
                entry.last = entries[-1].out.mid
            self._flight.extend(entries)
            self._send(encode_publish(entries[0].room_bytes, [entry.out for entry in entries]))

    def _gather(self) -> None:
        if self._gathering:
            return
        self._gathering = True

        def gathered() -> None:
            self._gathering = False
            self._flush(True)
        self._after(_COMPANY_WAIT, gathered)

    def _next_frame(self) -> List[_Entry]:
        """The entries of the next frame: of one room, and within the limits."""
        entries: List[_Entry] = []
        size = 0
        while self._unsent and self._fits(self._unsent[0], entries, size):
            entry = self._unsent.popleft()
            entries.append(entry)
            size += entry.size
            self._unsent_bytes -= entry.size
            self._flight_bytes += entry.size
            self._compared += entry.out.expect is not None
        return entries

    def _fits(self, entry: _Entry, entries: List[_Entry], size: int) -> bool:
        """One entry may always be under way, also one that is larger than the window."""
        if len(entries) == self._limits["entries"] or (entry.out.expect is not None and self._compared == _COMPARED_MAX):
            return False
        if self._flight_bytes > 0 and self._flight_bytes + entry.size > self._limits["window"]:
            return False
        return not entries or (entry.room == entries[0].room and size + entry.size <= self._limits["frame"])

    # The broker's answers

    def ack(self, frame: AckFrame) -> None:
        """`seq` belongs to the entry `mid` alone; the position of the others is not told."""
        while self._flight and self._flight[0].out.mid <= frame.mid:
            entry = self._flight.popleft()
            self._gone(entry)
            entry.done(None, Ack(entry.room, frame.seq if entry.out.mid == frame.mid and frame.seq > 0 else None, frame.level))
        self._answered()

    def refuse(self, m: Json, error: ZrelayError) -> None:
        """The broker refused the entries from `mid` to `upto`."""
        first, last = m["mid"], m.get("upto", m["mid"])
        if error.code in _WHOLE_FRAME_CODES:
            last = next((entry.last for entry in self._flight if entry.out.mid == first), last)
        refused = [entry for entry in self._flight if first <= entry.out.mid <= last]
        self._flight = deque(entry for entry in self._flight if not first <= entry.out.mid <= last)
        for entry in refused:
            self._gone(entry)
            entry.done(ZrelayError(error.code, str(m.get("text", "")), room=entry.room, key=entry.key, seq=error.seq), None)
        self._answered()

    def _gone(self, entry: _Entry) -> None:
        self._bytes -= entry.size
        self._flight_bytes -= entry.size
        self._flight_frames -= entry.out.mid == entry.last
        self._compared -= entry.out.expect is not None

    def _answered(self) -> None:
        self._flush()
        self._tell_waiters()

    def _tell_waiters(self) -> None:
        self._waiters = [waiter for waiter in self._waiters if not waiter()]

    def when_below(self, most: int, done: Callable[[], None]) -> None:
        """Calls `done` once at most `most` bytes are unanswered, or all is given up."""
        def look() -> bool:
            if self._bytes > most:
                return False
            done()
            return True
        self._waiters.append(look)
        self._tell_waiters()

    @property
    def half(self) -> int:
        """Half of what may wait."""
        return self._queue_bytes // 2

    def close(self, error: ZrelayError) -> None:
        """Gives everything up."""
        self._open = False
        entries = [*self._flight, *self._unsent]
        self._flight.clear()
        self._unsent.clear()
        self._bytes = self._unsent_bytes = self._flight_bytes = self._flight_frames = self._compared = 0
        for entry in entries:
            entry.done(error, None)
        self._tell_waiters()
