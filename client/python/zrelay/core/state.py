"""The live state of a room: the last message of each key."""
from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional

from ..errors import ZrelayError
from .wire import Json, Message


class StateChange(NamedTuple):
    """A key has another value: `message` is None if it was deleted, `before` if it had none."""

    key: str
    message: Optional[Message]
    before: Optional[Message]


class _Loading:
    """The snapshot so far, and the newest message of each key that came meanwhile."""

    def __init__(self) -> None:
        self.values: Dict[str, Message] = {}
        self.newer: Dict[str, Message] = {}
        self.seq: Optional[int] = None


Load = Callable[[int, Callable[[Optional[ZrelayError], List[Message], Json], None]], None]


class StateCore:
    """`load(after, done)` reads a slice of the snapshot; `tell(change)` gets each change."""

    def __init__(self, load: Load, tell: Callable[[StateChange], None]) -> None:
        self.values: Dict[str, Message] = {}
        self._load, self._tell = load, tell
        self._loading: Optional[_Loading] = None
        self._from = 0  # the snapshot's position: older messages are in it
        self._ready: List[Callable[[Optional[ZrelayError]], None]] = []

    def reload(self, done: Callable[[Optional[ZrelayError]], None] = lambda error: None) -> None:
        """Reads the snapshot. `done(error)` is called once the values are whole."""
        self._ready.append(done)
        self._loading = _Loading()
        self._slice(self._loading, 0)

    def _slice(self, loading: _Loading, after: int) -> None:
        def read(error: Optional[ZrelayError], messages: List[Message], m: Json) -> None:
            if loading is not self._loading:
                return  # it was begun anew
            if error:
                return self._loaded(error)
            loading.values.update((message.key, message) for message in messages if message.key is not None)
            if loading.seq is None:
                loading.seq = m["seq"]
            if m["more"]:
                return self._slice(loading, m["next"])
            self._from = loading.seq or 0
            self._loading = None
            self._replace(loading)
            self._loaded(None)
        self._load(after, read)

    def _loaded(self, error: Optional[ZrelayError]) -> None:
        self._loading = None
        ready, self._ready = self._ready, []
        for done in ready:
            done(error)

    def _replace(self, loading: _Loading) -> None:
        """The snapshot, and over it what came after its position."""
        values = {**loading.values, **{key: message for key, message in loading.newer.items() if message.seq > self._from}}
        for key in [key for key in self.values if key not in values]:
            self._set(key, None)
        for key, message in values.items():
            self._set(key, message)

    def message(self, message: Message) -> None:
        """A keyed message of the room, in the room's order."""
        key = message.key or ""
        if self._loading:
            self._loading.newer[key] = message
        elif message.seq > self._from:
            self._set(key, message)

    def _set(self, key: str, message: Optional[Message]) -> None:
        now = None if message is None or message.deleted else message
        before = self.values.get(key)
        if (before and before.seq) == (now and now.seq):
            return
        if now:
            self.values[key] = now
        else:
            del self.values[key]
        self._tell(StateChange(key, now, before))
