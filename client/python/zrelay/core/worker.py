"""A worker of a group: PROTOCOL.md, "Groups". It takes what the broker hands out, settles it, and goes on after a lost session."""
from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Dict, List, Optional, Tuple

from ..errors import ZrelayError
from .emitter import Emitter
from .session import Session
from .wire import (DONE, EXTEND, LEFT, MS_MAX, REASON_MAX, REJECT, RETRY, RETURN, SEQ_MAX, SETTLE_RANGES_MAX, Json, Message, SettledFrame, WorkFrame,
                   encode_settle)

_STORE_WAIT = 1.0  # seconds until a SETTLE that could not be stored is sent again
_ENDING = (DONE, RETRY, REJECT)

Settled = Callable[[Optional[ZrelayError], str], None]


class JobCore:
    """A message that this worker was handed, for the `deliveries`-th time."""

    def __init__(self, message: Message, epoch: str, deliveries: int, deadline: float) -> None:
        self.message, self.epoch, self.deliveries = message, epoch, deliveries
        self.deadline = deadline  # when the broker takes it back, about
        self.is_settled = False  # the program said what became of it


class _Settle:
    """A SETTLE frame that is not answered yet."""

    def __init__(self, number: int, frame: bytes, verb: int, milliseconds: int, jobs: List[Tuple[JobCore, Settled]], reason: bytes = b"") -> None:
        self.number, self.frame, self.verb, self.milliseconds, self.jobs, self.reason = number, frame, verb, milliseconds, jobs, reason


class Worker(Emitter):
    """Events: `working` (the broker's answer), `lost` (so many messages of the group), `over` (None). `options` are those of the op `work`; `after(seconds, run)` runs once later."""

    def __init__(self, session: Session, after: Callable[[float, Callable[[], None]], object], now: Callable[[], float], number: int, credit: int,
                 options: Json, over: Callable[[Worker], None]) -> None:
        super().__init__()
        self.number, self.credit = number, credit
        self.group: Json = {}  # the options in force, once it works
        self.is_over = False  # no more jobs come
        self._closed = False
        self.failure: Optional[ZrelayError] = None  # why it is over, if the program did not want that
        self._session, self._after, self._now, self._options, self._tell_over = session, after, now, options, over
        self._held: Dict[int, JobCore] = {}
        self._queue: Deque[JobCore] = deque()  # those that the program did not take yet
        self._wakers: List[Callable[[], None]] = []
        self._next_settle = 1
        self._settles: Dict[int, _Settle] = {}  # in their order
        self._batch: List[Tuple[Tuple[int, int, bytes], JobCore, Settled]] = []
        self._soon = False
        self._open = False  # the broker knows this worker, and wants no pause
        self._worked = False  # in any session

    # The session

    def enter(self) -> None:
        """There is a session. After a lost one the broker hands out nothing new until both sides know which jobs this worker holds."""
        self._work(0 if self._worked else self.credit, self._working)

    def _work(self, credit: int, answered: Callable[[Optional[ZrelayError], Json], None]) -> None:
        self._session.ask("work", {**self._options, "worker": self.number, "credit": credit}, answered, again=False, early=False)

    def _working(self, error: Optional[ZrelayError], m: Json) -> None:
        if self._closed or (error and error.code in ("interrupted", "closed")):
            return
        if error:
            return self.close(error)
        self.group = m
        again, self._worked, self._open = self._worked, True, True
        if again:
            self._resume(m)
        self._flush()
        self._leave_if_settled()
        self.emit("working", m)

    def _resume(self, m: Json) -> None:
        for settle in self._settles.values():  # first: the broker carries out no retry whose number is below one that it knows
            if settle.jobs:
                self._session.send_frame(settle.frame)
        if not self._session.resumed or m["held"] == 0:
            for job in self._queue:  # they went to others
                self._held.pop(job.message.seq, None)
            self._queue.clear()
        else:
            ranges = gaps(sorted(self._held))[:SETTLE_RANGES_MAX]  # frames that were on their way are lost
            self._send(_Settle(self._number(), b"", RETURN, 0, []), ranges)
        self._work(self.credit, lambda _error, _m: None)

    def down(self) -> None:
        """The session is lost."""
        self._open = False
        self._settles = {number: settle for number, settle in self._settles.items() if settle.jobs}

    def epoch(self) -> None:
        """The broker lost its log: the jobs of it are gone."""
        self._held.clear()
        self._queue.clear()
        settles, batch = list(self._settles.values()), self._batch
        self._settles, self._batch = {}, []
        for settle in settles:
            for job, done in settle.jobs:
                done(_gone(job), "")
        for _said, job, done in batch:
            done(_gone(job), "")
        self._leave_if_settled()

    def pause(self) -> None:
        """The broker wants a pause."""
        self._open = False

    def resume(self) -> None:
        """The pause is over."""
        self._open = self._worked
        self._flush()

    def dismissed(self, m: Json) -> None:
        """The broker ended it."""
        reason = str(m["reason"])
        self.close(ZrelayError("dismissed", f"the group {m['group']} is gone" if reason == "deleted" else "the right to work is gone",
                               room=m.get("room")))

    def leave(self) -> None:
        """The program wants no more work. What it settled is said, and what it holds goes to others then."""
        if self.is_over:
            return
        self.is_over, self.credit = True, 0
        self._queue.clear()
        self._flush()
        self._leave_if_settled()
        self._wake()
        self.emit("over", None)

    def _leave_if_settled(self) -> None:
        if self.is_over and not self._closed and not self._batch and not any(settle.jobs for settle in self._settles.values()):
            self._session.ask("unwork", {"worker": self.number}, lambda _error, _m: None, again=False, early=False)
            self.close(None)

    def close(self, failure: Optional[ZrelayError]) -> None:
        """It is over."""
        if self._closed:
            return
        self._closed = self.is_over = True
        self.failure = failure
        settles, batch = list(self._settles.values()), self._batch
        self._settles, self._batch = {}, []
        self._held.clear()
        self._queue.clear()
        self._tell_over(self)
        error = failure or ZrelayError("closed", "the worker has ended")
        for settle in settles:
            for _job, done in settle.jobs:
                done(error, "")
        for _said, _job, done in batch:
            done(error, "")
        self._wake()
        self.emit("over", None)

    # Messages

    def work(self, frame: WorkFrame) -> None:
        """The broker hands out messages."""
        if frame.deliver.epoch != self._session.epoch or not self._worked or self.is_over:
            return
        deadline = self._now() + self.group.get("time", 30000) / 1000
        for message in frame.deliver.messages:
            job = self._held[message.seq] = JobCore(message, frame.deliver.epoch, frame.deliveries, deadline)
            self._queue.append(job)
        self._wake()

    def take(self) -> Optional[JobCore]:
        """The next job, or None. One whose time ran out while it waited is not ours any more."""
        while self._queue:
            job = self._queue.popleft()
            if job.deadline > self._now():
                return job
            if self._held.get(job.message.seq) is job:
                del self._held[job.message.seq]
        return None

    def when_ready(self, wake: Callable[[], None]) -> None:
        """Calls `wake` once, when a job comes or the worker ends."""
        self._wakers.append(wake)

    def _wake(self) -> None:
        wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    # Settling

    def settle(self, job: JobCore, verb: int, seconds: float, done: Settled, reason: str = "") -> None:
        """Says what became of a job: `done(error, level)` once that is stored. Jobs of one moment share a frame."""
        milliseconds, because = round(seconds * 1000), reason.encode(errors="replace")
        if job.is_settled:
            return done(ZrelayError("bad-argument", "the job is settled already"), "")
        if not 0 <= milliseconds <= MS_MAX:
            return done(ZrelayError("bad-argument", f"a delay is from 0 to {MS_MAX // 1000} seconds"), "")
        if len(because) > REASON_MAX:
            return done(ZrelayError("bad-argument", f"a reason has at most {REASON_MAX} bytes"), "")
        if self.is_over:
            return done(self.failure or ZrelayError("closed", "the worker has ended"), "")
        if job.epoch != self._session.epoch:
            return done(_gone(job), "")
        job.is_settled = verb in _ENDING
        self._batch.append(((verb, milliseconds, because), job, done))
        if not self._soon:
            self._soon = True
            self._after(0, self._flush_soon)

    def _flush_soon(self) -> None:
        self._soon = False
        self._flush()

    def _flush(self) -> None:
        if not self._open or not self._batch:
            return
        batch, self._batch = self._batch, []
        frames: Dict[Tuple[int, int, bytes], List[Tuple[JobCore, Settled]]] = {}
        for said, job, done in batch:
            frames.setdefault(said, []).append((job, done))
        for (verb, milliseconds, reason), jobs in frames.items():
            for at in range(0, len(jobs), SETTLE_RANGES_MAX):
                part = sorted(jobs[at:at + SETTLE_RANGES_MAX], key=lambda each: each[0].message.seq)
                self._send(_Settle(self._number(), b"", verb, milliseconds, part, reason), [(job.message.seq,) * 2 for job, _done in part])

    def _number(self) -> int:
        self._next_settle += 1
        return self._next_settle - 1

    def _send(self, settle: _Settle, ranges: List[Tuple[int, int]]) -> None:
        settle.frame = encode_settle(self.number, settle.number, settle.verb, settle.milliseconds, ranges, settle.reason)
        self._settles[settle.number] = settle
        self._session.send_frame(settle.frame)

    def settled(self, frame: SettledFrame) -> None:
        """The broker answers a SETTLE."""
        settle = self._settles.pop(frame.number, None)
        for job, done in settle.jobs if settle else ():
            seq, became = job.message.seq, frame.left.get(job.message.seq)
            if settle and settle.verb == EXTEND and became is None:
                job.deadline = self._now() + (settle.milliseconds or self.group.get("time", 30000)) / 1000
            elif self._held.get(seq) is job:
                del self._held[seq]
            text = LEFT.get(became or 0, "it is not with this worker")
            done(None if became is None else ZrelayError("not-held", text, room=job.message.room, seq=seq), frame.level)
        self._leave_if_settled()

    def unsettled(self, m: Json, error: ZrelayError) -> None:
        """The broker refused a SETTLE."""
        settle = self._settles.get(m["settle"])
        if not settle:
            return
        if error.code == "store-failed":
            return self._send_later(settle)
        del self._settles[settle.number]
        for job, done in settle.jobs:
            if self._held.get(job.message.seq) is job:
                del self._held[job.message.seq]
            done(error, "")
        self._leave_if_settled()

    def _send_later(self, settle: _Settle) -> None:
        def again() -> None:
            if self._settles.get(settle.number) is settle and self._open:  # else the next session sends it
                self._session.send_frame(settle.frame)
        self._after(_STORE_WAIT, again)


def _gone(job: JobCore) -> ZrelayError:
    return ZrelayError("not-held", "the broker lost the log that it was of", room=job.message.room, seq=job.message.seq)


def gaps(seqs: List[int]) -> List[Tuple[int, int]]:
    """The ranges between these rising seqs, and beyond them."""
    found, first = [], 1
    for seq in [*seqs, SEQ_MAX + 1]:
        if seq > first:
            found.append((first, seq - 1))
        first = seq + 1
    return found
