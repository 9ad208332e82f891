"""A room, for programs."""
from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Awaitable, Callable, Dict, Generator, Iterator, Mapping, Optional, Type

from .core.client import Part
from .core.feed import Item, Left
from .core.log import Slice
from .core.prefix import Prefix
from .core.presence import PresenceChange, User
from .core.reader import Reader, Where
from .core.state import StateChange
from .core.wire import Ack, Body, Json, Message
from .errors import ZrelayError
from .stream import Stream

if TYPE_CHECKING:
    from .relay import Relay

_ATTEMPTS_MAX = 20  # of `update`, when others change the key at the same time


class Room:
    """A room that this client reads: every message once and in order. With a name that ends in `*`, all rooms whose names begin so.

    `async for message in room` reads the messages. Messages that are gone for good are told by the event `lost`; if nothing listens to it, they are
    logged as a warning. If the broker takes the room away, or ends the session, the loop raises ZrelayError.
    `async for item in room.items()` reads messages and losses in their order.

    A loop that is slow falls behind without holding anybody up: at most 10,000 messages or 16 MiB wait for it, and the rest comes by replay.
    Several loops over one Room share its messages.

    Events, for `on`: `message`, `lost` (Lost), `left` (Left), `presence` (PresenceChange), `gap` (the last seq: live messages are missing, and a
    replay is under way), `ready` (Where; again after each lost session), `recovered` (how many messages were missed and are here now), and of a
    prefix `forgotten` (Forgotten)."""

    def __init__(self, relay: Relay, name: str, part: Part) -> None:
        self.name = name
        self._relay, self._part = relay, part
        self._state: Optional[LiveState] = None
        self.presence = Presence(part)

    # Reading

    def __await__(self) -> Generator[Any, None, Room]:
        """Waits until the room is whole up to now, and its users are known. Raises ZrelayError if the broker refuses it."""
        return self._entered().__await__()

    async def _entered(self) -> Room:
        while not self._part.is_ready:
            if self._part.is_over:
                raise self._part.failure or ZrelayError("closed", "the room was left before it was joined", room=self.name)
            await _event(self._part, "ready", "over")
        while isinstance(self._part, Reader) and self._part.wants_presence and not self._part.presence.is_known and not self._part.is_over:
            await _event(self._part, "known", "over")
        return self

    async def __aenter__(self) -> Room:
        return await self._entered()

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.leave()

    def __aiter__(self) -> AsyncIterator[Message]:
        return _Messages(self._part)

    def items(self) -> AsyncIterator[Item]:
        """Messages, and a `Lost` where messages are gone; at its end a `Left`, if the broker took the room away. If the broker ended the session, it
        raises ZrelayError."""
        self._part.loop_tells = True
        return _Items(self._part)

    def on(self, event: str, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Calls `listener` at each event, until the returned function is called."""
        return self._part.on(event, listener)

    @property
    def is_ready(self) -> bool:
        """The room is whole up to now: true from the end of the first replay on, and again in each session."""
        return self._part.is_ready

    @property
    def position(self) -> Where:
        """Where a reader goes on later: `relay.join(name, **room.position._asdict())`."""
        return self._reader.where

    @property
    def _reader(self) -> Reader:
        if isinstance(self._part, Prefix):
            raise ZrelayError("bad-argument", f"{self.name} is a prefix; join one room for that", room=self.name)
        return self._part

    def leave(self) -> None:
        """Leaves the room; its loops end."""
        self._part.leave()

    async def history(self, before: Optional[int] = None, limit: int = 50) -> Slice:
        """The last `limit` messages before the seq `before`, or the last ones of all."""
        if before is None:
            return await self._relay.history(self._reader.room, last=limit)
        if before <= 1:
            return Slice([], 0, True, False)
        return await self._relay.history(self._reader.room, last=limit, until=before - 1)

    # Publishing

    def publish(self, body: Body = None, *, key: Optional[str] = None, expect: Optional[int] = None, delete: bool = False,
                ttl: Optional[int] = None) -> Awaitable[Ack]:
        """As `Relay.publish`."""
        return self._relay.publish(self._reader.room, body, key=key, expect=expect, delete=delete, ttl=ttl)

    async def show(self, meta: Json) -> None:
        """What presence shows of this user in this room, instead of what it shows elsewhere: at most 1 KB of JSON; `{}` for nothing."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader.show(meta, lambda error: _settle(future, error, None))
        await future

    async def state(self) -> LiveState:
        """The last message of each key, kept up to date from now on."""
        reader, future = self._reader, asyncio.get_running_loop().create_future()
        reader.live_state(lambda error: _settle(future, error, None))
        await future
        self._state = self._state or LiveState(self, reader)
        return self._state


class _Items(AsyncIterator[Any]):
    """The items of a room. A loop whose `__anext__` is cancelled, as by `asyncio.wait_for`, may go on."""

    def __init__(self, part: Part) -> None:
        self._part, self._failed = part, False

    async def __anext__(self) -> Any:
        feed = self._part.feed
        while True:
            item = feed.take()
            if item is not None:
                self._failed = self._failed or isinstance(item, Left)
                return item
            if feed.ended and self._part.failure and not self._failed:
                self._failed = True
                raise self._part.failure
            if feed.ended:
                raise StopAsyncIteration
            waiter = asyncio.get_running_loop().create_future()
            feed.when_ready(lambda: _settle(waiter, None, None))
            await waiter


class _Messages(_Items):
    """The messages alone."""

    async def __anext__(self) -> Any:
        while True:
            item = await super().__anext__()
            if isinstance(item, Message):
                return item
            if isinstance(item, Left) and self._part.failure:
                raise self._part.failure


class Presence:
    """The users present in a room. Empty in a room that is joined with `presence=False`, and of a prefix."""

    def __init__(self, part: Part) -> None:
        self._part = part

    @property
    def users(self) -> Mapping[str, User]:
        """The users by nick; empty in a crowded room."""
        return self._part.presence.users if isinstance(self._part, Reader) else {}

    @property
    def count(self) -> int:
        """How many are present by name."""
        return self._part.presence.count if isinstance(self._part, Reader) else 0

    @property
    def crowded(self) -> bool:
        """Too many are present to name them."""
        return isinstance(self._part, Reader) and self._part.presence.crowded

    def changes(self) -> AsyncIterator[PresenceChange]:
        """Each change from now on. At most 10,000 wait for the loop; beyond it the oldest are dropped."""
        return Stream(self._part, "presence", "over", lambda: self._part.failure, self._part.is_over)


class LiveState(Mapping[str, Message]):
    """The last message of each key of a room, always up to date. To be read only: `put` and `remove` publish, and the mapping changes when the
    room says so."""

    def __init__(self, room: Room, reader: Reader) -> None:
        self._room, self._reader = room, reader

    @property
    def _values(self) -> Dict[str, Message]:
        return self._reader.state.values if self._reader.state else {}

    def __getitem__(self, key: str) -> Message:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def changes(self) -> AsyncIterator[StateChange]:
        """Each change from now on. At most 10,000 wait for the loop; beyond it the oldest are dropped, and the mapping is right all the same."""
        return Stream(self._reader, "state", "over", lambda: self._reader.failure, self._reader.is_over)

    def put(self, key: str, body: Body, *, expect: Optional[int] = None, ttl: Optional[int] = None) -> Awaitable[Ack]:
        """Publishes a value. `expect`: only over the value with this seq, 0 for no value; else it fails with `conflict`. `ttl`: the broker deletes
        the key after so many milliseconds, unless it has another value by then."""
        return self._room.publish(body, key=key, expect=expect, ttl=ttl)

    def remove(self, key: str, *, expect: Optional[int] = None) -> Awaitable[Ack]:
        """Deletes a key."""
        return self._room.publish(None, key=key, expect=expect, delete=True)

    async def update(self, key: str, decide: Callable[[Optional[Message]], Body]) -> Optional[Ack]:
        """Reads, decides, and publishes with compare-and-set, again until nobody else changed the key meanwhile; at most 20 times, then it fails
        with `conflict`. `decide` gets the message, or None, and gives the new body, or None to leave the key alone (the result is None then)."""
        attempts = _ATTEMPTS_MAX
        while True:
            message = self.get(key)
            body = decide(message)
            if body is None:
                return None
            try:
                return await self.put(key, body, expect=message.seq if message else 0)
            except ZrelayError as error:
                attempts -= 1
                if error.code != "conflict" or not attempts:
                    raise
                await self._passes(key, error.seq or 0, message)

    async def _passes(self, key: str, seq: int, before: Optional[Message]) -> None:
        """Waits until the message that won is here; if the winner deleted the key, seq is 0."""
        while not self._reader.is_over:
            now = self.get(key)
            if now is not before and (now is None or now.seq >= seq):
                return
            await _event(self._reader, "state", "over")


def _settle(future: asyncio.Future[Any], error: Optional[Exception], value: Any) -> None:
    if future.done():
        return  # the program does not wait any more
    if error:
        future.set_exception(error)
    else:
        future.set_result(value)


async def _event(part: Any, *names: str) -> None:
    """Waits for the next of these events."""
    future = asyncio.get_running_loop().create_future()
    offs = [part.on(name, lambda _value: _settle(future, None, None)) for name in names]
    try:
        await future
    finally:
        for off in offs:
            off()
