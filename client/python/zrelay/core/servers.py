"""The endpoints at which a client finds the same log: those that the program named, and those that a broker named since (`welcome.peers`)."""
from __future__ import annotations

from typing import Iterable, List, NamedTuple, Sequence

from .endpoint import back_fault, is_valid

SERVERS_MAX = 16  # named and learned together


class Server(NamedTuple):
    """An endpoint, and the public key of the broker there; empty: the connection is not encrypted."""

    endpoint: str
    key: str = ""


class Servers:
    """One of them is in use; after a loss the next one is."""

    def __init__(self, named: Sequence[Server]) -> None:
        self._all: List[Server] = list(named)
        self._named = len(self._all)
        self._at = 0

    def __len__(self) -> int:
        return len(self._all)

    def __str__(self) -> str:
        return ",".join(server.endpoint for server in self._all[:self._named])

    def now(self) -> Server:
        """The one in use."""
        return self._all[self._at]

    def next(self) -> None:
        """Goes on with the next one, after the last with the first."""
        self._at = (self._at + 1) % len(self._all)

    def learn(self, peers: Iterable[object]) -> None:
        """Takes these in place of those that were learned before. The rules are those for the back: a broker is not trusted to send a client just
        anywhere. The key of the one in use holds for them."""
        current, named = self.now(), self._all[:self._named]
        kept = [] if self._at < self._named else [current]
        known = {server.endpoint for server in named + kept}
        for peer in peers:
            if len(named) + len(kept) >= SERVERS_MAX:
                break
            if isinstance(peer, str) and is_valid(peer) and not back_fault(current.endpoint, peer) and peer not in known:
                kept.append(Server(peer, current.key))
                known.add(peer)
        self._all = named + kept
        self._at = self._all.index(current)
