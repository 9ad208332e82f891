"""All rooms whose names begin in the same way: `follow` of PROTOCOL.md. Each of them has a reader of its own; the list of rooms, frames and pongs
show which there are."""
from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Dict, List, NamedTuple, Optional, Set

from ..errors import ZrelayError
from .feed import Budget, Item, Left, Lost
from .log import Log
from .reader import Host, Options, Reader, Whole, is_passing
from .wire import Deliver, Json, Message

ROOMS_MAX = 10000  # rooms of a prefix whose positions are kept, with about 3 KB for each
_LIST_WAIT = 5.0  # seconds until a list that was refused is asked for again


class Forgotten(NamedTuple):
    """A prefix has more than `ROOMS_MAX` rooms. The position of this one, `seq`, is kept no more; it is read again from its next message on."""

    room: str
    seq: int


class Prefix(Whole):
    """Events: `message`, `lost`, `gap`, `ready` (None), `recovered` (how many messages), `forgotten` (Forgotten), `refused`, `over`."""

    def __init__(self, host: Host, prefix: str, options: Options, rooms_max: int = ROOMS_MAX) -> None:
        super().__init__(host)
        self.prefix, self.rooms = prefix, {}  # type: str, Dict[str, Reader]
        self.is_over = self.loop_tells = False
        self.failure: Optional[ZrelayError] = None
        self._options, self._rooms_max = options, rooms_max
        self._child_host = _ChildHost(self, host)
        self._budget = Budget()
        self._listing: Optional[Set[str]] = None  # the names so far
        self._listed = False  # once, in any session
        self._list_again = False
        self._given_up = False  # positions were forgotten
        self._unready: Set[Reader] = set()
        self._turns: Deque[Reader] = deque()  # those that may have an item, in turn
        self.feed = _Turns(self)

    @property
    def topics(self) -> List[bytes]:
        """What to subscribe to."""
        return [self.prefix.encode("utf-8")]

    def covers(self, room: str) -> bool:
        """The room's name begins so."""
        return room.startswith(self.prefix)

    # The session

    def enter(self) -> None:
        """Frames come now: follow, then list."""
        self._listing = None
        self._host.session.ask("follow", {"prefix": self.prefix}, self._followed, again=False, early=False)

    def _followed(self, error: Optional[ZrelayError], _m: Json) -> None:
        if self.is_over or is_passing(error):
            return
        if not error:
            return self._list()
        if self._listed:
            return self._host.session.after(_LIST_WAIT, self._timer, self.enter)
        self.failure = error
        self.emit("refused", error)
        self.close()

    @property
    def _timer(self) -> str:
        return f"list {self.prefix}"

    def _list(self) -> None:
        if self._listing is not None:
            self._list_again = True
            return
        self._listing, self._list_again = set(), False
        self._page(self._listing, None)

    def _page(self, names: Set[str], after: Optional[str]) -> None:
        def answered(error: Optional[ZrelayError], m: Json) -> None:
            if self.is_over or names is not self._listing or is_passing(error):
                return
            if error:
                self._listing = None
                return self._host.session.after(_LIST_WAIT, self._timer, self._list)
            for each in m["rooms"]:
                names.add(each["room"])
                reader = self.rooms.get(each["room"]) or self._add(each["room"], None)
                if reader:
                    reader.listed(each["seq"])
            if m["more"] and m["rooms"]:
                self._page(names, m["rooms"][-1]["room"])
            else:
                self._complete(names)
        self._host.session.ask("rooms", {"prefix": self.prefix, "after": after}, answered, again=False, early=False)

    def _complete(self, names: Set[str]) -> None:
        self._listing, self._listed = None, True
        for name, reader in list(self.rooms.items()):
            if name not in names:
                reader.unlisted()
        if self._list_again:
            self._list()
        self.look()

    def down(self) -> None:
        """The session is lost."""
        self._listing, self.is_ready = None, False
        self._host.session.cancel(self._timer)
        self._unready = set(self.rooms.values())
        for reader in self.rooms.values():
            reader.down()

    def epoch(self) -> None:
        """The broker lost its log: positions are void."""
        for reader in self.rooms.values():
            reader.epoch()

    def _add(self, room: str, prev: Optional[int]) -> Optional[Reader]:
        """Another room. Once the list is whole it is new: all of it is from now on. Once positions were given up, it may be one of those, and is
        read from its next frame on; `prev` is that of the frame, if it was one that showed it."""
        if not self.covers(room) or (self._listed and self._given_up and prev is None) or not self._make_place():
            return None
        reader = Reader(self._child_host, room, self._options._replace(presence=False), True, self._budget, self._forward)
        self.rooms[room] = reader
        self._unready.add(reader)
        self._turn(reader)
        if self._listed:
            reader.position.last = (prev or 0) if self._given_up else 0
            if self._listing is None:
                reader.unlisted()
        return reader

    def _make_place(self) -> bool:
        if len(self.rooms) < self._rooms_max:
            return True
        oldest = next((reader for reader in self.rooms.values() if reader.is_idle), None)
        if not oldest:
            return False
        self._given_up = True
        del self.rooms[oldest.room]
        self._unready.discard(oldest)
        self.emit("forgotten", Forgotten(oldest.room, oldest.position.last or 0))
        oldest.leave()
        return True

    # Reading

    def deliver(self, frame: Deliver) -> None:
        """A live frame of any room."""
        reader = self.rooms.pop(frame.room, None)
        if reader:
            self.rooms[frame.room] = reader  # it moved last
        else:
            reader = self._add(frame.room, frame.prev)
        if reader:
            reader.deliver(frame)

    def pong(self, heads: Json, m: Json) -> None:
        """A `pong` names rooms that moved."""
        for room, head in heads.items():
            reader = self.rooms.get(room) or self._add(room, None)
            if reader:
                reader.pong(head, None)
        if m.get("list"):
            self._list()

    def _forward(self, item: Item) -> None:
        self.emit("message" if isinstance(item, Message) else "lost", item)

    def child_ready(self, reader: Reader, recovered: int) -> None:
        """A room of it is whole."""
        self._recovered += recovered
        self._unready.discard(reader)
        self.look()

    def look(self) -> None:
        """It is whole once all rooms are listed and whole."""
        if not (self.is_ready or self._unready or self._listing is not None or not self._listed or self.is_over):
            self._become_ready(None)

    # The end

    def leave(self) -> None:
        """The program does not want it any more."""
        if self.is_over:
            return
        self._host.session.ask("unfollow", {"prefix": self.prefix}, lambda _error, _m: None, again=False, early=False)
        for reader in self.rooms.values():
            reader.leave()
        self.close()

    def close(self, failure: Optional[ZrelayError] = None) -> None:
        """It is not read any more; loops end after what they did not read yet."""
        if self.is_over:
            return
        self.is_over, self.failure = True, self.failure or failure
        self._host.session.cancel(self._timer)
        for reader in self.rooms.values():
            reader.close(failure)
        self._host.over(self)
        self.feed.wake()
        self.emit("over", None)

    # For loops

    def _turn(self, reader: Reader) -> None:
        def ready() -> None:
            self._turns.append(reader)
            self.feed.wake()
        reader.feed.when_ready(ready)

    def take(self) -> Optional[Item]:
        """The next item of any room; rooms take turns."""
        for _ in range(len(self._turns)):
            reader = self._turns.popleft()
            item = reader.feed.take()
            if reader.feed.waiting:
                self._turns.append(reader)
            elif not reader.feed.ended:
                self._turn(reader)
            if item is not None and not isinstance(item, Left):
                return item
        return None


class _Turns:
    """The feed of a prefix."""

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix
        self._wakers: List[Callable[[], None]] = []

    @property
    def ended(self) -> bool:
        """No more items will come."""
        return self._prefix.is_over

    def take(self) -> Optional[Item]:
        """The next item; None: no room has one now."""
        return self._prefix.take()

    def when_ready(self, wake: Callable[[], None]) -> None:
        """Calls `wake` once, when an item comes or the feed ends."""
        self._wakers.append(wake)

    def wake(self) -> None:
        """There is something to take."""
        wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()


class _ChildHost:
    """The client, as the readers of a prefix see it."""

    def __init__(self, prefix: Prefix, host: Host) -> None:
        self.session, self._prefix, self._host = host.session, prefix, host

    def log(self, room: str) -> Log:
        """The tasks of a room's log."""
        return self._host.log(room)

    def lost(self, lost: Lost, told: bool) -> None:
        """Messages are lost."""
        self._host.lost(lost, told or self._prefix.loop_tells or self._prefix.heard("lost"))

    def room_left(self, left: Left) -> None:
        """No room of a prefix is taken away alone."""

    def deaf(self) -> None:
        """Live frames did not come."""
        self._host.deaf()

    def ready(self, reader: Reader, recovered: int) -> None:
        """A room is whole."""
        self._prefix.child_ready(reader, recovered)

    def over(self, reader: Reader) -> None:
        """A room is not read any more."""
