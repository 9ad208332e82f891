"""What a loop reads from a room. It holds a bounded number of messages. A loop that is slower falls behind, and gets the rest by replay."""
from __future__ import annotations

from collections import deque
from typing import Callable, Deque, List, NamedTuple, Optional, Union

from ..errors import ZrelayError
from .log import Slice
from .wire import Message

MESSAGES_MAX = 10000  # messages that wait for the loop
BYTES_MAX = 16 * 1024 * 1024  # bytes of their bodies
_SLICE = 1000  # messages of one replay for a loop that fell behind


class Lost(NamedTuple):
    """Messages after `after` and up to `next` are lost. Reasons: `gone` (the broker forgot them), `epoch` (the broker lost its log; positions
    begin anew), `left` (the room was left while the loop was behind), or the code with which the broker refused to replay them."""

    room: str
    reason: str
    after: int
    next: int


class Left(NamedTuple):
    """This client does not read the room any more: `revoked`, or the code with which the broker refused it."""

    room: str
    reason: str
    text: str
    seq: Optional[int]


Item = Union[Message, Lost, Left]
Replay = Callable[[int, int, Callable[[Optional[ZrelayError], Optional[Slice]], None]], None]


class Budget:
    """How much may wait, in one feed or in several together."""

    def __init__(self, messages: int = MESSAGES_MAX, size: int = BYTES_MAX) -> None:
        self.messages, self.bytes = messages, size

    @property
    def spent(self) -> bool:
        """No more may wait."""
        return self.messages <= 0 or self.bytes <= 0

    def take(self, message: Message, sign: int = 1) -> None:
        """A message waits (1), or does not wait any more (-1)."""
        self.messages -= sign
        self.bytes -= sign * len(message.body)


class Feed:
    """`replay(after, limit, done)` reads messages from the log; `last()` is the seq of the newest message that the room had."""

    def __init__(self, room: str, replay: Replay, last: Callable[[], int], budget: Optional[Budget] = None) -> None:
        self.ended = False
        self._room = room
        self._replay, self._last, self._budget = replay, last, budget or Budget()
        self._items: Deque[Item] = deque()
        self._position: Optional[int] = None  # seq of the newest message that was queued
        self._behind = False
        self._reading = False  # a replay is under way
        self._wakers: List[Callable[[], None]] = []

    def push(self, item: Item) -> None:
        """An item of the room."""
        if self.ended:
            return
        if self._behind:
            self._missed(item)
        elif isinstance(item, Message) and self._budget.spent:
            self._behind = True
            if not self._items:
                self._wake()  # other feeds spent the budget: the loop takes from this one later, which begins to catch up
        else:
            self._queue(item)

    def _missed(self, item: Item) -> None:
        """Another epoch voids the position. Everything else is found again by the replay."""
        if isinstance(item, Message) or item.reason == "gone":
            return
        if isinstance(item, Lost):
            self._behind = False
        else:
            self._queue(Lost(self._room, "left", self._position or 0, self._last()))
        self._queue(item)

    def _queue(self, item: Item) -> None:
        if isinstance(item, Message):
            self._position = item.seq
            self._budget.take(item)
        elif isinstance(item, Lost):
            self._position = item.next
        else:
            self.ended = True
        self._items.append(item)
        self._wake()

    def _wake(self) -> None:
        wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    def end(self) -> None:
        """Ends the loops, after what they did not read yet."""
        self.ended = True
        self._wake()

    def when_ready(self, wake: Callable[[], None]) -> None:
        """Calls `wake` once, when an item comes or the feed ends."""
        self._wakers.append(wake)

    @property
    def waiting(self) -> bool:
        """There is an item."""
        return bool(self._items)

    def take(self) -> Optional[Item]:
        """The next item; None: the feed is empty now. If it is `ended` too, no item will come."""
        item = self._items.popleft() if self._items else None
        if isinstance(item, Message):
            self._budget.take(item, -1)
        if not self._items:
            self._catch_up()
        return item

    def drop(self) -> None:
        """Nobody reads it any more: gives its place in the budget back."""
        self.ended = True
        while self._items:
            self.take()

    def _catch_up(self) -> None:
        """Reads the next slice, as long as the loop is behind what the room had."""
        if not self._behind or self._reading or self.ended:
            return
        self._reading = True
        start = self._position or 0

        def read(error: Optional[ZrelayError], part: Optional[Slice]) -> None:
            self._reading = False
            if not self._behind or (self._position or 0) != start:
                return
            self._behind = False  # so that `push` takes the messages
            if part:
                self._take_slice(start, part)
            elif error:
                self._queue(Lost(self._room, error.code, start, self._last()))
            if self._behind and not self._items and self._budget.spent:
                self._wake()
            elif self._behind and not self._items:
                self._catch_up()
        self._replay(start, _SLICE, read)

    def _take_slice(self, start: int, part: Slice) -> None:
        reached = part.seq if part.more else max(part.seq, self._last())
        following = part.messages[0].seq - 1 if part.messages else reached
        if not part.complete or (not part.messages and following > start):
            self._queue(Lost(self._room, "gone", start, following))
        for message in part.messages:
            self.push(message)
        self._behind = self._behind or part.more or (self._position or 0) < self._last()
