"""Reads a room's log: replays and snapshots, one after the other, since their frames name the room and not the request."""
from __future__ import annotations

from collections import deque
from typing import Callable, Deque, List, NamedTuple, Optional

from ..errors import ZrelayError
from .wire import Deliver, Json, Message

#: `ask(op, members, done)`: a question that a lost session leaves unanswered (`interrupted`).
Ask = Callable[[str, Json, Callable[[Optional[ZrelayError], Json], None]], None]


class Slice(NamedTuple):
    """Messages of a room's log."""

    messages: List[Message]
    #: The position reached.
    seq: int
    #: False: messages that were asked for are gone.
    complete: bool
    #: There is more: go on after `seq`.
    more: bool


class Task:
    """A replay or a snapshot. With `again` it begins anew in a new session; otherwise `done` gets the error `interrupted`."""

    op = "replay"
    again = False

    def begin(self) -> None:
        """Its frames come from now on."""

    def members(self) -> Json:
        """Of the request."""
        return {}

    def frame(self, frame: Deliver) -> None:
        """One of its frames."""

    def done(self, error: Optional[ZrelayError], answer: Json) -> None:
        """Its end."""


class _Collect(Task):
    again = True

    def __init__(self, op: str, members: Json, done: Callable[[Optional[ZrelayError], List[Message], Json], None]) -> None:
        self.op = op
        self._members, self._done = members, done
        self._messages: List[Message] = []

    def begin(self) -> None:
        self._messages = []

    def members(self) -> Json:
        return self._members

    def frame(self, frame: Deliver) -> None:
        self._messages += frame.messages

    def done(self, error: Optional[ZrelayError], answer: Json) -> None:
        self._done(error, self._messages, answer)


class Log:
    """The tasks of one room. `alive()` says that there is a session; `idle()` is called when nothing is left to do."""

    def __init__(self, ask: Ask, room: str, alive: Callable[[], bool], idle: Callable[[], None]) -> None:
        self._ask, self._room, self._alive, self._idle = ask, room, alive, idle
        self._tasks: Deque[Task] = deque()
        self._running: Optional[Task] = None

    def run(self, task: Task) -> None:
        """Does a task after those before it."""
        self._tasks.append(task)
        self.next()

    def frame(self, frame: Deliver) -> None:
        """A frame with the flag REPLAY or STATE."""
        if self._running:
            self._running.frame(frame)

    def next(self) -> None:
        """Begins the next task; also after a new session."""
        if self._running or not self._tasks:
            return
        task = self._running = self._tasks.popleft()
        task.begin()
        self._ask(task.op, {"room": self._room, **task.members()}, lambda error, m: self._answered(task, error, m))

    def _answered(self, task: Task, error: Optional[ZrelayError], answer: Json) -> None:
        self._running = None
        if error and error.code == "interrupted" and task.again:
            self._tasks.appendleft(task)
        else:
            task.done(error, answer)
        if self._alive():
            self.next()
        if not self._running and not self._tasks:
            self._idle()

    def slice(self, members: Json, done: Callable[[Optional[ZrelayError], Optional[Slice]], None]) -> None:
        """A slice: `members` are those of `replay`."""
        def read(error: Optional[ZrelayError], messages: List[Message], m: Json) -> None:
            done(error, None if error else Slice(messages, m["seq"], m["complete"], m["more"]))
        self.run(_Collect("replay", members, read))

    def keyed(self, after: int, done: Callable[[Optional[ZrelayError], List[Message], Json], None]) -> None:
        """A slice of the keyed messages after a seq: `done(error, messages, answer)`."""
        self.run(_Collect("state", {"after": after}, done))
