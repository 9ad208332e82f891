"""How far a reader of a room came, and what that makes of the frames and answers it gets: PROTOCOL.md, section 7. It decides; reader.py acts."""
from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from .wire import Deliver, Json, Message


class Hole(NamedTuple):
    """Entries after `after` and up to `next` are gone."""

    after: int
    next: int


class _Replay:
    """What a replay under way must know at its end."""

    def __init__(self, after: int) -> None:
        self.after, self.live, self.hole = after, False, None  # type: int, bool, Optional[Hole]


class Position:
    """`last` is the seq up to which the entries were taken; None until the room says where to begin."""

    def __init__(self, last: Optional[int] = None) -> None:
        self.last = last
        self._heard = 0  # newest seq that was heard of since the last replay was asked for
        self._replay: Optional[_Replay] = None

    def live(self, frame: Deliver) -> Tuple[List[Message], bool]:
        """A frame that is no replay. Gives the messages to take, and whether there is a gap."""
        if self.last is None or frame.prev > self.last:
            self._heard = max(self._heard, frame.messages[-1].seq)
            return [], self.last is not None
        if self._replay:
            self._replay.live = True
        return self._take(frame.messages), False

    def _take(self, messages: List[Message]) -> List[Message]:
        last = -1 if self.last is None else self.last
        news = []
        for message in messages:
            if message.seq > last:
                last = message.seq
                news.append(message)
        if news:
            self.last = last
        return news

    def ask(self) -> None:
        """A replay is asked for."""
        self._heard = 0
        self._replay = _Replay(self.last or 0)

    def replay(self, frame: Deliver) -> List[Message]:
        """A frame of the replay: only the first may begin later than it was asked for."""
        if self._replay and not self._replay.hole and self.last is not None and frame.prev > self.last:
            self._replay.hole = Hole(self.last, frame.prev)
        return self._take(frame.messages)

    def replayed(self, answer: Json, judge: bool = True) -> Tuple[Optional[Hole], bool]:
        """The replay's end. Gives what is lost, and whether another replay is needed. Without `judge` nothing was missed: it read the last few."""
        replay, self._replay = self._replay or _Replay(self.last or 0), None
        last = self.last or 0
        reached = max(int(answer["seq"]), last)
        lost = None if answer["complete"] or not judge else replay.hole or Hole(last, reached)
        self.last = reached
        return lost, bool(answer["more"]) or self._heard > reached or (replay.live and replay.after == 0)

    def joined(self, answer: Json, after: Optional[int]) -> Optional[Hole]:
        """The answer to `join` with `after`. Gives what is lost. Nothing is, if live frames that follow have overtaken the answer."""
        if self.last is None or self.last != after or (answer.get("recovered") is not False and answer["seq"] >= self.last):
            return None
        lost, self.last = Hole(self.last, answer["oldest"]), int(answer["oldest"])
        return lost

    def head(self, seq: int) -> bool:
        """A `pong` or a list named the head. True: entries may be missing, unless they come within a short grace."""
        self._heard = max(self._heard, seq)
        return self.behind

    @property
    def behind(self) -> bool:
        """It heard of entries that it does not have."""
        return self.last is not None and self._heard > self.last

    @property
    def heard(self) -> int:
        """The newest seq that it heard of and does not have; 0: none."""
        return self._heard

    def epoch(self) -> Optional[Hole]:
        """Another epoch: every position is void. Gives what is lost."""
        lost = None if self.last is None else Hole(self.last, 0)
        if lost:
            self.last = 0
        self._heard, self._replay = 0, None
        return lost
