"""A room that this client reads: every message once and in order, and a `Lost` where messages are gone."""
from __future__ import annotations

from typing import Any, Callable, List, NamedTuple, Optional, Protocol

from ..errors import ZrelayError
from .emitter import Emitter
from .feed import Budget, Feed, Item, Left, Lost
from .log import Log, Slice, Task
from .position import Hole, Position
from .presence import PresenceCore
from .session import Session
from .state import StateCore
from .wire import Deliver, Json, Message

_GRACE = 0.25  # seconds that live frames may come later than the `pong` that names them


class Where(NamedTuple):
    """Where a reader goes on later; `join` takes both."""

    epoch: str
    after: int


class Options(NamedTuple):
    """How to read a room: `last` messages or everything `after` a seq, else new ones only. With `epoch` the seq is void in another one."""

    last: int = 0
    after: Optional[int] = None
    epoch: Optional[str] = None
    presence: bool = True
    meta: Optional[Json] = None


class Host(Protocol):
    """The client, as its readers see it."""

    session: Session

    def log(self, room: str) -> Log:
        """The tasks of a room's log."""

    def lost(self, lost: Lost, told: bool) -> None:
        """Messages are lost. `told`: a listener or a loop of the room sees it."""

    def room_left(self, left: Left) -> None:
        """A room is read no more, and the program did not want that."""

    def deaf(self) -> None:
        """Live frames did not come; the subscriptions may be dead."""

    def ready(self, part: Any, recovered: int) -> None:
        """A room is whole again, or over; it recovered so many messages."""

    def over(self, part: Any) -> None:
        """The room is not read any more."""


def is_passing(error: Optional[ZrelayError]) -> bool:
    """The session ended: the next one asks again, or the program closed the relay."""
    return error is not None and error.code in ("interrupted", "closed")


class _Repair(Task):
    """A replay after the last message."""

    def __init__(self, reader: Reader, members: Optional[Json]) -> None:
        self._reader, self._members = reader, members

    def begin(self) -> None:
        self._reader.position.ask()

    def members(self) -> Json:
        return self._members or {"after": self._reader.position.last or 0}

    def frame(self, frame: Deliver) -> None:
        self._reader.take(self._reader.position.replay(frame))

    def done(self, error: Optional[ZrelayError], answer: Json) -> None:
        self._reader.repaired(error, answer, self._members is None)


class Whole(Emitter):
    """Becomes whole at the end of the first replay, and again in each session: the events `recovered` and `ready`."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        self.is_ready = False
        self._recovered = 0  # messages since the session was lost
        self._was_ready = False

    def _become_ready(self, where: Any) -> None:
        self.is_ready = True
        recovered, self._recovered = self._recovered, 0
        if self._was_ready:
            self.emit("recovered", recovered)
        self._host.ready(self, recovered if self._was_ready else 0)
        self._was_ready = True
        self.emit("ready", where)


class Reader(Whole):
    """Events: `message`, `lost` (Lost), `left` (Left), `presence` (PresenceChange), `state` (StateChange), `gap` (the last seq), `ready` (Where),
    `recovered` (how many messages were missed and are here now), `known` (None: the users are, for the first time), `refused` (ZrelayError),
    `over` (None).

    A room of a prefix is `followed`: the session is no member of it, and the prefix says when to begin."""

    def __init__(self, host: Host, room: str, options: Options, followed: bool = False, budget: Optional[Budget] = None,
                 forward: Optional[Callable[[Item], None]] = None) -> None:
        super().__init__(host)
        self.room, self.position = room, Position(options.after)
        self.is_over = False
        self.loop_tells = False  # a loop of the program sees what is lost
        self.failure: Optional[ZrelayError] = None  # why it is over, if the program did not want that
        self.presence = PresenceCore(self._ask_who, lambda change: self.emit("presence", change),
                                     lambda: self.emit("known", None))
        self.feed = Feed(room, lambda after, limit, done: host.log(room).slice({"after": after, "limit": limit}, done),
                         lambda: self.position.last or 0, budget)
        self.state: Optional[StateCore] = None
        self._state_wanted: List[Callable[[Optional[ZrelayError]], None]] = []
        self._was_joined = False  # in any session
        self._session, self._options = host.session, options
        self._followed, self._forward = followed, forward
        self._entered = False  # in this session
        self._repairing = False
        self._parked = False  # the broker does not let us read it now
        self._version = 0  # newest version of presence that a `pong` named

    @property
    def is_idle(self) -> bool:
        """Nothing is under way, and nothing waits for a loop."""
        return self._entered and not self._repairing and not self.feed.waiting

    @property
    def where(self) -> Where:
        """Where a reader goes on later."""
        return Where(self._session.epoch, self.position.last or 0)

    @property
    def topics(self) -> List[bytes]:
        """What to subscribe to."""
        name = self.room.encode("utf-8")
        return [name + b"\x00", name + b"\x01"] if self._options.presence else [name + b"\x00"]

    @property
    def wants_presence(self) -> bool:
        """It joined by name."""
        return self._options.presence and not self._followed

    # The session

    def _ask_who(self, members: Json, done: Callable[[Optional[ZrelayError], Json], None]) -> None:
        self._session.ask("who", {"room": self.room, **members}, done)

    def enter(self) -> None:
        """The room's frames come now: join, then replay."""
        options, self._options = self._options, self._options._replace(epoch=None)
        if options.after is not None and options.epoch not in (None, self._session.epoch):
            self.epoch()
        after = self.position.last
        self._session.ask("join", {"room": self.room, "after": after, "presence": options.presence, "meta": options.meta},
                          lambda error, m: self._joined(after, error, m), again=False, early=False)

    def _joined(self, after: Optional[int], error: Optional[ZrelayError], m: Json) -> None:
        if self.is_over or is_passing(error):
            return
        if error:
            return self._refused(error)
        self._entered = True
        self._lose(self.position.joined(m, after), "gone")
        if not self._was_joined:
            self._was_joined = True
            self._load_state()
        if self.wants_presence:
            self.presence.joined(m)
        self._begin(m["seq"])

    def _begin(self, seq: int) -> None:
        if self.position.last is not None:
            return self._repair()
        if self._options.last > 0:
            return self._repair({"last": self._options.last})
        self.position.last = seq
        if self.position.behind:
            self._repair()
        else:
            self._ready()

    def listed(self, seq: int) -> None:
        """Of a followed room: its frames come, and this is its head."""
        self._entered, self._parked = True, False
        known = self.position.last is not None
        self.position.head(seq)
        if known and not self.position.behind and not self._repairing:
            self._ready()
        else:
            self._begin(seq)

    def unlisted(self, first: int = 0) -> None:
        """Of a followed room: the list does not name it. It has come up since, and is read after the seq `first`. Or it is gone, with messages
        that did not come."""
        self._entered, self._parked = True, False
        if self.position.last is None:
            self.position.last = first
        if self.position.behind or (self.position.last or 0) > 0:
            self._repair()
        else:
            self._ready()

    def _refused(self, error: ZrelayError) -> None:
        self.failure = ZrelayError(error.code, error.text, room=self.room)
        self.emit("refused", self.failure)
        self._end(Left(self.room, error.code, error.text, None))

    def show(self, meta: Json, done: Callable[[Optional[ZrelayError]], None]) -> None:
        """What presence shows of this user in this room."""
        before, self._options = self._options, self._options._replace(meta=meta)

        def answered(error: Optional[ZrelayError], _m: Json) -> None:
            if not error or error.code == "interrupted":  # after a lost session the next join says it
                return done(None)
            self._options = before
            done(error)
        self._session.ask("join", {"room": self.room, "presence": before.presence, "meta": meta}, answered, again=False, early=False)

    def down(self) -> None:
        """The session is lost."""
        self._entered = self.is_ready = False
        self._session.cancel(self._timer)

    def epoch(self) -> None:
        """The broker lost its log: positions are void."""
        self._lose(self.position.epoch(), "epoch")

    def left(self, m: Json) -> None:
        """The broker took the room away."""
        reason = str(m["reason"])
        self.failure = ZrelayError(reason, f"the broker does not let this client read {self.room} any more", room=self.room)
        self._end(Left(self.room, reason, self.failure.text, m.get("seq")))

    def _end(self, item: Left) -> None:
        if self.is_over:
            return
        self.feed.push(item)
        self.emit("left", item)
        self._host.room_left(item)
        self.close()

    def leave(self) -> None:
        """The program does not want the room any more; loops end at once."""
        if self.is_over:
            return
        if not self._followed:
            self._session.ask("leave", {"room": self.room}, lambda _error, _m: None, again=False, early=False)
        self.feed.drop()
        self.close()

    def close(self, failure: Optional[ZrelayError] = None) -> None:
        """The room is not read any more; loops end after what they did not read yet."""
        if self.is_over:
            return
        self.is_over, self.failure = True, self.failure or failure
        self._session.cancel(self._timer)
        self._host.over(self)
        self.feed.end()
        if self._state_wanted:
            self._state_loaded(self.failure or ZrelayError("closed", "the room was left", room=self.room))
        self.emit("over", None)

    # Reading

    def deliver(self, frame: Deliver) -> None:
        """A live frame."""
        if self.is_over:
            return
        self._parked = False
        messages, gap = self.position.live(frame)
        self.take(messages)
        if gap and self._entered:
            self._repair()

    def take(self, messages: List[Message]) -> None:
        """These are the next messages."""
        for message in messages:
            if not self.is_ready:
                self._recovered += 1
            if self.state and message.key is not None:
                self.state.message(message)
            self._push(message)
            self.emit("message", message)

    def _push(self, item: Item) -> None:
        self.feed.push(item)
        if self._forward:
            self._forward(item)

    def pong(self, head: Optional[int], version: Optional[int]) -> None:
        """A `pong` may name the room's head, and the version of its presence."""
        self._version = max(self._version, version or 0)
        if head is not None:
            self._parked = False
            self.position.head(head)
        if self._entered and (self.position.behind or self._version > self.presence.version):
            self._judge_later()

    @property
    def _timer(self) -> str:
        return f"grace {'followed ' if self._followed else ''}{self.room}"

    def _judge_later(self) -> None:
        """The frames that a `pong` names may still be on their way."""
        if not self._session.armed(self._timer):
            self._session.after(_GRACE, self._timer, self._judge)

    def _judge(self) -> None:
        if self.wants_presence:
            self.presence.heard(self._version)
        if self.position.behind:
            self._repair()
            self._host.deaf()

    def hearing(self) -> None:
        """Live frames come again; nobody knows which were missed."""
        if self._entered and self.wants_presence:
            self.presence.refresh()

    def presence_frame(self, change: Json) -> None:
        """A presence frame of the room."""
        if self._entered and not self.is_over and self.wants_presence:
            self.presence.frame(change)

    def _repair(self, members: Optional[Json] = None) -> None:
        """Replays after the last message until nothing is missing."""
        if self._repairing or self.is_over or self._parked:
            return
        self._repairing = True
        if self.is_ready:
            self.emit("gap", self.position.last)
        self._host.log(self.room).run(_Repair(self, members))

    def repaired(self, error: Optional[ZrelayError], answer: Json, judge: bool) -> None:
        """The end of a replay."""
        self._repairing = False
        if self.is_over or is_passing(error):
            return
        if error and self._followed:
            self._parked = True  # until a frame, a pong or a list names it again
            return self._ready()
        if error:
            return self._refused(error)
        lost, again = self.position.replayed(answer, judge)
        self._lose(lost, "gone")
        if again:
            self._repair()
        else:
            self._ready()

    def _lose(self, hole: Optional[Hole], reason: str) -> None:
        if not hole:
            return
        lost = Lost(self.room, reason, hole.after, hole.next)
        self._push(lost)
        told = self.loop_tells or self.heard("lost")
        self.emit("lost", lost)
        self._host.lost(lost, told)
        if self.state:
            self.state.reload()

    def _ready(self) -> None:
        if not self.is_ready:
            self._become_ready(self.where)

    # Live state

    def live_state(self, done: Callable[[Optional[ZrelayError]], None]) -> None:
        """Keeps the last message of each key from now on; `done(error)` once they are here."""
        if self.is_over:
            return done(self.failure or ZrelayError("closed", "the room was left", room=self.room))
        if self.state and not self._state_wanted:
            return done(None)
        self._state_wanted.append(done)
        if len(self._state_wanted) == 1:
            self._load_state()

    def _load_state(self) -> None:
        """A snapshot from before the room was joined would miss what came between the two."""
        if not self._state_wanted or not self._was_joined:
            return
        self.state = StateCore(lambda after, read: self._host.log(self.room).keyed(after, read), lambda change: self.emit("state", change))
        self.state.reload(self._state_loaded)

    def _state_loaded(self, error: Optional[ZrelayError]) -> None:
        if error:
            self.state = None
        wanted, self._state_wanted = self._state_wanted, []
        for done in wanted:
            done(error)
