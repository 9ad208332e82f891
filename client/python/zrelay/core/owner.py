"""What a session says of its client, and the client that hears what happens to it."""
from __future__ import annotations

from typing import Callable, Iterable, Optional, Protocol, Union

from ..errors import ZrelayError
from .wire import AckFrame, Deliver, Json, SettledFrame, WorkFrame


class Identity:
    """What `hello` says. `token` may be a function that gives a fresh one for each `hello`."""

    def __init__(self, client: str, agent: str, nick: Optional[str] = None, user: Optional[str] = None,
                 token: Union[str, Callable[[], str], None] = None, meta: Optional[Json] = None) -> None:
        self.client, self.agent, self.nick, self.user, self.token, self.meta = client, agent, nick, user, token, meta

    def members(self) -> Json:
        """Of `hello`."""
        token = self.token() if callable(self.token) else self.token
        return {"proto": 1, "client": self.client, "nick": self.nick, "user": self.user, "token": token, "meta": self.meta}


class Owner(Protocol):
    """The client, as its session sees it: it hears what happens."""

    def topics(self) -> Iterable[bytes]:
        """What to subscribe to in a new session."""

    def live(self) -> None:
        """There is a session, and all subscriptions are live."""

    def down(self) -> None:
        """The session is lost."""

    def waiting(self, why: str) -> None:
        """There is no connection; the next attempt comes later."""

    def epoch(self, before: str, now: str) -> None:
        """The broker lost its log: positions are void."""

    def deliver(self, frame: Deliver) -> None:
        """A DELIVER frame of this epoch."""

    def presence(self, room: str, change: Json) -> None:
        """A presence frame."""

    def pong(self, m: Json) -> None:
        """The answer to a ping."""

    def left(self, m: Json) -> None:
        """The broker took a room away."""

    def direct(self, m: Json) -> None:
        """A direct message."""

    def ack(self, frame: AckFrame) -> None:
        """Messages are stored."""

    def refused(self, m: Json, error: ZrelayError) -> None:
        """Messages are refused."""

    def frame_of_work(self, frame: Union[WorkFrame, SettledFrame]) -> None:
        """A frame for a worker of a group."""

    def unsettled(self, m: Json, error: ZrelayError) -> None:
        """The broker refused a SETTLE."""

    def dismissed(self, m: Json) -> None:
        """A worker has ended, unasked."""

    def group_lost(self, m: Json) -> None:
        """A worker's group lost messages."""

    def pause(self, seconds: float) -> None:
        """Nothing may be published for so long."""

    def problem(self, error: ZrelayError) -> None:
        """What the program may want to tell its user."""

    def ended(self, error: ZrelayError) -> None:
        """The broker lets this client in no more."""
