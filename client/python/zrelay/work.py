"""Groups, for programs: one stream, many workers."""
from __future__ import annotations

import asyncio
import inspect
from types import TracebackType
from typing import Any, AsyncIterator, Awaitable, Callable, Optional, Set, Type, Union

from .core.emitter import log
from .core.wire import DONE, EXTEND, REJECT, RETRY, Json, Message
from .core.worker import JobCore, Worker
from .errors import ZrelayError
from .room import _event, _settle

_EXTENDS = 3  # times within a job's time that `process` extends it

Handler = Callable[["Job"], Union[Awaitable[Any], Any]]


class Job:
    """A message that this worker has, and nobody else as long as its time runs. Settle it by one of `done`, `retry` and `reject`; awaiting that gives
    the level at which it is stored, such as `disk`. It raises ZrelayError, such as `not-held` if the broker took the job back. What the broker could not store
    is sent again by itself."""

    def __init__(self, worker: Worker, core: JobCore) -> None:
        self._worker, self._core = worker, core

    @property
    def message(self) -> Message:
        """The message."""
        return self._core.message

    @property
    def text(self) -> str:
        """The message's body as UTF-8."""
        return self._core.message.text

    @property
    def body(self) -> bytes:
        """The message's body."""
        return self._core.message.body

    @property
    def deliveries(self) -> int:
        """How often it was handed out, this time included."""
        return self._core.deliveries

    @property
    def is_settled(self) -> bool:
        """The program said what became of it."""
        return self._core.is_settled

    def _settled(self, verb: int, seconds: float, reason: str = "") -> asyncio.Future[str]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._worker.settle(self._core, verb, seconds, lambda error, level: _settle(future, error, level), reason)
        return future

    def done(self) -> asyncio.Future[str]:
        """The work is done."""
        return self._settled(DONE, 0)

    def retry(self, delay: float = 0) -> asyncio.Future[str]:
        """It is to be tried again, by any worker, after `delay` seconds; 0: after the group's back-off. At most a day."""
        return self._settled(RETRY, delay)

    def reject(self, reason: str = "") -> asyncio.Future[str]:
        """Trying again will not help: it is dead, and goes to the group's room for dead messages, if there is one. The message there shows `reason`,
        which has at most 256 bytes."""
        return self._settled(REJECT, 0, reason)

    def extend(self, seconds: float = 0) -> asyncio.Future[str]:
        """It takes longer: so many seconds from now on; 0: the group's time. At most a day."""
        return self._settled(EXTEND, seconds)


class Work(AsyncIterator[Job]):
    """The jobs of a worker. `async with` gives back at its end what is not settled."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    @property
    def group(self) -> Json:
        """The group's options in force, as the protocol names them; empty until the broker answered."""
        return self._worker.group

    def on(self, event: str, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Calls `listener(count)` at the event `lost`: about so many messages left the room before the group had finished them. The result ends that."""
        return self._worker.on(event, listener)

    def __aiter__(self) -> Work:
        return self

    async def __anext__(self) -> Job:
        while True:
            core = self._worker.take()
            if core:
                return Job(self._worker, core)
            if self._worker.is_over:
                if self._worker.failure:
                    raise self._worker.failure
                raise StopAsyncIteration
            waiter = asyncio.get_running_loop().create_future()
            self._worker.when_ready(lambda: _settle(waiter, None, None))
            await waiter

    async def __aenter__(self) -> Work:
        """Waits until the broker takes the worker."""
        while not self.group:
            if self._worker.is_over:
                raise self._worker.failure or ZrelayError("closed", "the relay was closed")
            await _event(self._worker, "working", "over")
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.leave()

    def leave(self) -> None:
        """Takes no more work; what is not settled goes to others at once."""
        self._worker.leave()


async def process(work: Work, handler: Handler, concurrency: int) -> None:
    """Runs `handler(job)` for each job, so many at a time: see Relay.process."""
    slots, running = asyncio.Semaphore(concurrency), set()  # type: asyncio.Semaphore, Set[Job]
    tasks: Set[asyncio.Task[None]] = set()

    async def run(job: Job) -> None:
        running.add(job)
        try:
            await _run(job, handler)
        finally:
            running.discard(job)
            slots.release()

    async with work:
        extending = asyncio.ensure_future(_extend(work, running))
        try:
            while True:
                await slots.acquire()
                task = asyncio.ensure_future(run(await work.__anext__()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except StopAsyncIteration:
            pass
        finally:
            for each in (extending, *tasks):
                each.cancel()
            await asyncio.gather(extending, *tasks, return_exceptions=True)


async def _run(job: Job, handler: Handler) -> None:
    try:
        try:
            result = handler(job)
            if inspect.isawaitable(result):
                await result
        except Exception:
            log.warning("room %s, message %d: the handler failed; it is tried again", job.message.room, job.message.seq, exc_info=True)
            if not job.is_settled:
                await job.retry()
        else:
            if not job.is_settled:
                await job.done()
    except ZrelayError as error:
        log.info("room %s, message %d: %s", job.message.room, job.message.seq, error)  # such as not-held: somebody else does it


async def _extend(work: Work, running: Set[Job]) -> None:
    """Handlers may take longer than the group's time, as long as this program lives."""
    while True:
        await asyncio.sleep(work.group["time"] / 1000 / _EXTENDS)
        for job in [each for each in running if not each.is_settled]:
            job.extend().add_done_callback(lambda answer: answer.cancelled() or answer.exception())
