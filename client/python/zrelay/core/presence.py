"""The users present in a room, as PROTOCOL.md, section 5, has them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, NamedTuple, Optional

from ..errors import ZrelayError
from .wire import Json

Answer = Callable[[Optional[ZrelayError], Json], None]


class User(NamedTuple):
    """A user present. `meta` is what the user shows, `{}` for nothing; it is not to be trusted."""

    nick: str
    meta: Json
    #: Of a user that left: why; `renamed` has the new nick in `to`.
    reason: Optional[str] = None
    to: Optional[str] = None


@dataclass(frozen=True)
class PresenceChange:
    """What changed."""

    joined: List[User]
    left: List[User]
    changed: List[User]
    count: int
    #: Too many users to name: only the count is told.
    crowded: bool


def user_of(members: Json) -> User:
    """A user of `who` or of a presence frame."""
    return User(str(members["nick"]), members.get("meta") or {}, members.get("reason"), members.get("to"))


class _Asked:
    """The pages of a `who` that is under way, and the frames that came meanwhile."""

    def __init__(self) -> None:
        self.users: Dict[str, User] = {}
        self.version: Optional[int] = None
        self.frames: List[Json] = []
        self.heard = 0  # newest version that a `pong` named meanwhile


class PresenceCore:
    """`ask(members, done)` asks `who`; `tell(change)` gets each change; `known()` is called once the users are known, or cannot be, for the first
    time."""

    def __init__(self, ask: Callable[[Json, Answer], None], tell: Callable[[PresenceChange], None], known: Callable[[], None]) -> None:
        self.users: Dict[str, User] = {}
        self.count = 0
        self.crowded = False
        self.version = 0
        self.is_known = False
        self._ask, self._tell, self._known = ask, tell, known
        self._asked: Optional[_Asked] = None

    def joined(self, answer: Json) -> None:
        """The session joined the room, in this session for the first time: what was known is void."""
        self._asked = None
        if not answer.get("crowded"):
            return self.refresh()
        self.version = answer.get("version", 0)
        self._became({}, answer["count"], True)
        self._now_known()

    def _now_known(self) -> None:
        if not self.is_known:
            self.is_known = True
            self._known()

    def refresh(self) -> None:
        """Asks for everybody from the first page on."""
        self._asked = _Asked()
        self._page(self._asked, {})

    def _page(self, asked: _Asked, members: Json) -> None:
        def answered(error: Optional[ZrelayError], m: Json) -> None:
            if asked is not self._asked:
                return  # a newer one is under way
            if error:
                self._asked = None
                return self._now_known()
            for user in map(user_of, m["users"]):
                asked.users[user.nick] = user
            if asked.version is None:
                asked.version = m["version"]
            if m["more"] and m["users"]:
                return self._page(asked, {"after": m["users"][-1]["nick"]})
            self._asked = None
            self.version = asked.version or 0
            self._became(asked.users, m["count"], bool(m.get("crowded")))
            self._now_known()
            for frame in asked.frames:
                self.frame(frame)
            self.heard(asked.heard)  # no pong names it again
        self._ask(members, answered)

    def frame(self, m: Json) -> None:
        """A presence frame of the room."""
        if self._asked:
            self._asked.frames.append(m)
            return
        if m["version"] <= self.version:
            return
        if m.get("crowded"):
            self.version = m["version"]
            return self._became({}, m["count"], True)
        if self.crowded or m.get("crowded") is False or m["version"] > self.version + 1:
            return self.refresh()
        self.version = m["version"]
        left = {user.nick: user for user in map(user_of, m["left"])}
        users = {nick: user for nick, user in self.users.items() if nick not in left}
        users.update((user.nick, user) for user in map(user_of, m["joined"]))
        users.update((user.nick, user) for user in map(user_of, m.get("changed", ())) if user.nick in users)
        self._became(users, m["count"], False, left)

    def heard(self, version: int) -> None:
        """A `pong` named this version, and its frame had time to come."""
        if self._asked:
            self._asked.heard = max(self._asked.heard, version)
        elif version > self.version:
            self.refresh()

    def _became(self, users: Dict[str, User], count: int, crowded: bool, reasons: Optional[Dict[str, User]] = None) -> None:
        users = {nick: User(nick, user.meta) for nick, user in users.items()}
        joined = [user for nick, user in users.items() if nick not in self.users]
        left = [(reasons or {}).get(nick, User(nick, {})) for nick in self.users if nick not in users]
        changed = [user for nick, user in users.items() if nick in self.users and user != self.users[nick]]
        moved = (count, crowded) != (self.count, self.crowded)
        self.users, self.count, self.crowded = users, count, crowded
        if moved or joined or left or changed:
            self._tell(PresenceChange(joined, left, changed, count, crowded))
