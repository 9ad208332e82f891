"""Events as an asynchronous iterator."""
from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, AsyncIterator, Callable, Deque, Generic, Optional, TypeVar

from .core.emitter import Emitter, log

WAITING_MAX = 10000  # events that wait for a loop; beyond it the oldest are dropped, with a warning

Value = TypeVar("Value")


class Stream(Generic[Value], AsyncIterator[Value]):
    """The events `name` of an emitter, from now on. It ends with the event `end`, and raises what `failure` gives then, if that is not None."""

    def __init__(self, emitter: Emitter, name: str, end: str, failure: Callable[[], Optional[Exception]], ended: bool,
                 make: Optional[Callable[[Any], Value]] = None) -> None:
        self._values: Deque[Value] = deque()
        self._name, self._make, self._failure, self._ended = name, make, failure, ended
        self._waiter: Optional[asyncio.Future[None]] = None
        self._dropped = False
        self._offs = [emitter.on(name, self._take), emitter.on(end, self._end)]

    def _take(self, value: Any) -> None:
        self._values.append(self._make(value) if self._make else value)
        if len(self._values) > WAITING_MAX:
            self._values.popleft()
            if not self._dropped:
                log.warning("a loop over events %r is slow: the oldest are dropped", self._name)
            self._dropped = True
        self._wake()

    def _end(self, _value: Any) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    async def __anext__(self) -> Value:
        while not self._values:
            if self._ended:
                self.close()
                failure = self._failure()
                if failure:
                    raise failure
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._values.popleft()

    def close(self) -> None:
        """Takes no more events."""
        self._ended = True
        for off in self._offs:
            off()
