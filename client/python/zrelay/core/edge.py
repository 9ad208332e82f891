"""What the core needs of the outside world. `link.py` fulfils it with sockets and asyncio, the unit tests with a clock that they move."""
from __future__ import annotations

from typing import Callable, Protocol

from .servers import Server


class Link(Protocol):
    """A connection to a broker: a DEALER, and a SUB once `listen` was called. Nothing here blocks or fails."""

    def send(self, frame: bytes) -> None:
        """Sends one frame by the DEALER."""

    def listen(self, endpoint: str) -> None:
        """Makes a new SUB without subscriptions. The one before is dropped, with all that it holds."""

    def subscribe(self, topic: bytes) -> None:
        """Subscribes the SUB."""

    def unsubscribe(self, topic: bytes) -> None:
        """Takes one subscription back."""

    def close(self, linger: bool) -> None:
        """Closes both sockets. With `linger` the frames that were sent still go out."""


class Handlers(Protocol):
    """What a link tells the core."""

    def front_frame(self, frame: bytes) -> None:
        """A frame came by the DEALER."""

    def back_frame(self, frame: bytes) -> None:
        """A frame came by the SUB."""

    def lost(self, why: str) -> None:
        """The connection ended, or cannot be made."""

    def unreachable(self, why: str) -> None:
        """The connection cannot be made yet; the link goes on trying."""


class Edge(Protocol):
    """Links, the clock, timers, randomness."""

    def open(self, handlers: Handlers, server: Server) -> Link:
        """Makes a link whose DEALER is connected to this server, or will be."""

    def now(self) -> float:
        """Seconds since some moment; never goes back."""

    def after(self, seconds: float, run: Callable[[], None]) -> Callable[[], None]:
        """Calls `run` once after so many seconds, unless the returned function is called before."""

    def random(self) -> float:
        """A number from 0 to 1."""

    def hex(self, size: int) -> str:
        """So many random bytes, as hex digits that nobody can guess."""
