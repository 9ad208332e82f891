"""Named events."""
from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List

log = logging.getLogger("zrelay")


class Emitter:
    """Named events with any number of listeners. A listener that raises harms neither the client nor the other listeners: it is logged."""

    def __init__(self) -> None:
        self._listeners: Dict[str, List[Callable[[Any], None]]] = {}

    def on(self, name: str, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Calls `listener` at each event `name`, until the returned function is called."""
        self._listeners.setdefault(name, []).append(listener)
        return lambda: self.off(name, listener)

    def off(self, name: str, listener: Callable[[Any], None]) -> None:
        """Takes a listener back; no error if it is gone."""
        if listener in self._listeners.get(name, ()):
            self._listeners[name].remove(listener)

    def heard(self, name: str) -> bool:
        """Somebody listens to the event."""
        return bool(self._listeners.get(name))

    def emit(self, name: str, value: Any) -> None:
        """Calls the listeners."""
        for listener in list(self._listeners.get(name, ())):
            try:
                listener(value)
            except Exception:
                log.exception("a listener of the event %r failed", name)
