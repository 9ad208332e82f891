"""What the SUB is subscribed to, and from when on it is live: PROTOCOL.md, section 5."""
from __future__ import annotations

from typing import Callable, Iterable, Optional, Set

from .edge import Link
from .wire import Json, parse_object

_PATIENCE = 2.0  # seconds until another nonce is tried
_NONCES_OF_A_SUB = 2  # that may be lost before the SUB is taken for dead
_SYNC_BYTE = b"\xff"


class Subscriptions:
    """`after(seconds, name, run)` and `cancel(name)` are the session's timers, `nonce()` gives new hex digits.
    `synced(number, answer)` says that what `want` gave this number, or a lower one, is live."""

    def __init__(self, after: Callable[[float, str, Callable[[], None]], None], cancel: Callable[[str], None], nonce: Callable[[], str],
                 synced: Callable[[int, Json], None]) -> None:
        self._after, self._cancel, self._new_nonce, self._synced = after, cancel, nonce, synced
        self._link: Optional[Link] = None
        self._endpoint = ""
        self._topics: Set[bytes] = set()
        self._nonce = b""  # the one under way
        self._nonces = 0  # that this SUB had without an answer
        self._wanted = 0  # number of the newest `want`
        self._asked = 0  # number that the nonce under way is for

    def begin(self, link: Link, endpoint: str, topics: Iterable[bytes]) -> int:
        """A new session: a new SUB, since the old one may hold frames of another epoch."""
        self.end()
        self._link, self._endpoint = link, endpoint
        self._listen()
        return self.want(topics)

    def end(self) -> None:
        """The session is over."""
        self._cancel("sync")
        self._link, self._nonce = None, b""
        self._topics.clear()

    def _listen(self) -> None:
        if not self._link:
            return
        self._link.listen(self._endpoint)
        for topic in self._topics:
            self._link.subscribe(topic)
        self._nonce, self._nonces = b"", 0

    @property
    def syncing(self) -> bool:
        """It waits for the answer to a nonce."""
        return bool(self._nonce)

    def want(self, topics: Iterable[bytes]) -> int:
        """Subscribes to further topics, and asks whether all of them are live. Many of these share a nonce."""
        self._wanted += 1
        for topic in topics:
            if self._link and topic not in self._topics:
                self._link.subscribe(topic)
                self._topics.add(topic)
        if not self._nonce:
            self._sync()
        return self._wanted

    def drop(self, topics: Iterable[bytes]) -> None:
        """These topics are not wanted any more."""
        for topic in topics:
            if self._link and topic in self._topics:
                self._link.unsubscribe(topic)
                self._topics.discard(topic)

    def _sync(self) -> None:
        if not self._link:
            return
        if self._nonces == _NONCES_OF_A_SUB:
            self._listen()
        self._nonces += 1
        if self._nonce:
            self._link.unsubscribe(self._nonce)
        self._nonce, self._asked = _SYNC_BYTE + self._new_nonce().encode("ascii"), self._wanted
        self._link.subscribe(self._nonce)
        self._after(_PATIENCE, "sync", self._sync)

    def frame(self, frame: bytes) -> bool:
        """A frame of the SUB. True: it was about subscriptions."""
        if frame[:1] != _SYNC_BYTE:
            return False
        if self._link and self._nonce and frame.startswith(self._nonce):
            try:
                answer = parse_object(frame[len(self._nonce):])
            except ValueError:
                return True
            self._cancel("sync")
            self._link.unsubscribe(self._nonce)
            self._nonce, self._nonces = b"", 0
            number = self._asked
            if self._wanted > number:
                self._sync()  # for the rest
            self._synced(number, answer)
        return True
