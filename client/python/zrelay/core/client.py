"""The client as a whole, without sockets: one session, its rooms, and what it publishes."""
from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Optional, Set, Union

from ..errors import ZrelayError
from .edge import Edge
from .emitter import Emitter, log
from .feed import Left, Lost
from .log import Log
from .prefix import Prefix
from .publisher import Publisher
from .reader import Options, Reader
from .owner import Identity
from .servers import Servers
from .session import Done, Session
from .wire import REPLAY, STATE, AckFrame, Deliver, Json, SettledFrame, WorkFrame, room_name
from .worker import Worker

Part = Union[Reader, Prefix]


class _Recovering:
    """After a lost session: what is not whole yet, and what came meanwhile."""

    def __init__(self) -> None:
        self.parts: Set[Part] = set()
        self.messages = 0
        self.lost = False


class Client(Emitter):
    """Events: `status` ((state, why); the states are `connecting`, `online`, `offline` and `closed`), `recovered` ((messages, lost)) once all rooms
    are whole again after a lost session, `lost` (Lost) and `left` (Left) of any room, `epoch` ((before, now)), `direct` (of the broker),
    `problem` (ZrelayError) for what the program may want to tell its user, `closed` (ZrelayError)."""

    def __init__(self, edge: Edge, servers: Servers, identity: Identity, queue_bytes: int) -> None:
        super().__init__()
        self.status = "connecting"
        self.failure: Optional[ZrelayError] = None  # why it is closed, if the program did not want that
        self.session = Session(edge, servers, identity, self)
        self.publisher = Publisher(self.session.send_frame, self.session.limits, edge.after, queue_bytes)
        self.rooms: Dict[str, Reader] = {}
        self.prefixes: Dict[str, Prefix] = {}
        self.workers: Dict[int, Worker] = {}
        self._last_worker = 0
        self._edge = edge
        self._servers = servers
        self._why = ""  # there is no connection
        self._logs: Dict[str, Log] = {}  # of rooms that are read just now
        self._recovering: Optional[_Recovering] = None

    def open(self, timeout: float) -> None:
        """Connects. Beyond `timeout` seconds it gives up (`timed-out`); 0: never."""
        def give_up() -> None:
            why = f": {self._why}" if self._why else ""
            self.ended(ZrelayError("timed-out", f"no broker at {self._servers} answered within {timeout:g} s{why}"))
        if timeout > 0:
            self.session.after(timeout, "connect", give_up)
        self.session.dial()

    # For programs

    def join(self, name: str, options: Options) -> Part:
        """Begins to read a room, or with `*` at the end all rooms whose names begin so. What is read already is given again."""
        self._check_open()
        if name.endswith("*"):
            return self._join_prefix(name[:-1], options)
        room = room_name(name)
        if room not in self.rooms:
            self.rooms[room] = Reader(self, room, options)
            self._begin(self.rooms[room])
        return self.rooms[room]

    def _check_open(self) -> None:
        if self.session.state == "closed":
            raise self.failure or ZrelayError("closed", "the relay was closed")

    def _join_prefix(self, name: str, options: Options) -> Prefix:
        prefix = room_name(name) if name else ""
        if options.after or options.epoch:
            raise ZrelayError("bad-argument", "rooms of a prefix are read from new messages, from the last few, or after 0", room=name + "*")
        if prefix not in self.prefixes:
            self.prefixes[prefix] = Prefix(self, prefix, options)
            self._begin(self.prefixes[prefix])
        return self.prefixes[prefix]

    def _begin(self, part: Part) -> None:
        if self.session.state == "live":
            self.session.subscribe(part.topics, lambda: None if part.is_over else part.enter())

    def work(self, credit: int, options: Json) -> Worker:
        """Begins to work for a group; `options` are those of the op `work`."""
        self._check_open()
        self._last_worker += 1
        worker = Worker(self.session, self._edge.after, self._edge.now, self._last_worker, credit, options, self._worker_over)
        self.workers[worker.number] = worker
        if self.session.state == "live":
            worker.enter()
        return worker

    def _worker_over(self, worker: Worker) -> None:
        del self.workers[worker.number]

    def request(self, op: str, members: Json, done: Done, again: bool = True) -> None:
        """Asks the broker."""
        self.session.ask(op, members, done, again=again)

    def pages(self, op: str, members: Json, page: Callable[[Json], Optional[str]], done: Done) -> None:
        """Asks page by page. `page(answer)` takes one and gives what the next comes after, or None at the end."""
        def answered(error: Optional[ZrelayError], m: Json) -> None:
            after = None if error else page(m)
            if after is None:
                return done(error, m)
            self.request(op, {**members, "after": after}, answered)
        self.request(op, members, answered)

    def close(self, patience: float, done: Callable[[], None]) -> None:
        """Waits for the acks, at most `patience` seconds, says `bye`, and ends."""
        over = False

        def end() -> None:
            nonlocal over
            if not over:
                over = True
                self.session.cancel("close")
                self.session.bye(patience, ended)

        def ended() -> None:
            self._close(ZrelayError("closed", "the relay was closed"))
            done()
        if self.session.state == "closed":
            return done()
        self.session.after(patience, "close", end)
        self.publisher.when_below(0, end)

    def _close(self, error: ZrelayError) -> None:
        self._became("closed", str(error))
        self.session.close(error)
        self.publisher.close(error)
        for part in self._parts():
            part.close(self.failure)
        for worker in list(self.workers.values()):
            worker.close(self.failure)
        self.emit("closed", error)

    def _parts(self) -> List[Part]:
        return [*self.rooms.values(), *self.prefixes.values()]

    def _became(self, state: str, why: Optional[str] = None) -> None:
        if self.status not in (state, "closed"):
            self.status = state
            self.emit("status", (state, why))

    # What the readers want (Host)

    def log(self, room: str) -> Log:
        """The tasks of a room's log."""
        if room not in self._logs:
            self._logs[room] = Log(lambda op, members, done: self.session.ask(op, members, done, again=False, early=False), room,
                                   lambda: self.session.state in ("live", "closed"), lambda: self._forget_log(room))
        return self._logs[room]

    def _forget_log(self, room: str) -> None:
        self._logs.pop(room, None)

    def lost(self, lost: Lost, told: bool) -> None:
        """Messages are lost. If nobody listens, the program's log says so: no loss is silent."""
        if not told and not self.heard("lost"):
            log.warning("room %s: messages after %d are lost (%s)", lost.room, lost.after, lost.reason)
        self.emit("lost", lost)

    def room_left(self, left: Left) -> None:
        """A room is read no more, and the program did not want that."""
        self.emit("left", left)

    def deaf(self) -> None:
        """Live frames did not come; the subscriptions may be dead."""
        def hearing() -> None:
            self.session.ping()
            for reader in self.rooms.values():
                reader.hearing()
        if not self.session.syncing:
            self.session.subscribe([], hearing)

    def ready(self, part: Part, recovered: int) -> None:
        """A room is whole again."""
        if self._recovering and part in self._recovering.parts:
            self._recovering.parts.discard(part)
            self._recovering.messages += recovered
            self._look_recovered()

    def over(self, part: Part) -> None:
        """A room is not read any more."""
        if isinstance(part, Reader):
            self.rooms.pop(part.room, None)
        else:
            self.prefixes.pop(part.prefix, None)
        self.session.unsubscribe(part.topics)
        self.ready(part, 0)

    def _look_recovered(self) -> None:
        recovering = self._recovering
        if recovering and not recovering.parts and self.session.state == "live":
            self._recovering = None
            self.emit("recovered", (recovering.messages, recovering.lost))

    # What the session tells (Owner)

    def topics(self) -> Iterable[bytes]:
        """What to subscribe to in a new session."""
        return [topic for part in self._parts() for topic in part.topics]

    def live(self) -> None:
        """There is a session, and all subscriptions are live."""
        self.session.cancel("connect")
        self._became("online")
        for part in self._parts():
            part.enter()
        for each in list(self._logs.values()):
            each.next()
        self.publisher.start()
        for worker in list(self.workers.values()):
            worker.enter()
        self._look_recovered()

    def down(self) -> None:
        """The session is lost."""
        self.publisher.stop()
        self._recovering = self._recovering or _Recovering()
        self._recovering.parts = set(self._parts())
        for part in self._parts():
            part.down()
        for worker in self.workers.values():
            worker.down()
        self._became("offline")

    def waiting(self, why: str) -> None:
        """There is no connection."""
        self._why = why
        self._became("offline", why)

    def epoch(self, before: str, now: str) -> None:
        """The broker lost its log: positions are void."""
        if self._recovering:
            self._recovering.lost = True
        self.emit("epoch", (before, now))
        for part in self._parts():
            part.epoch()
        for worker in list(self.workers.values()):
            worker.epoch()

    def deliver(self, frame: Deliver) -> None:
        """Messages of a room, live or of its log."""
        if frame.flags & (REPLAY | STATE):
            task = self._logs.get(frame.room)
            return task.frame(frame) if task else None
        if frame.room in self.rooms:
            self.rooms[frame.room].deliver(frame)
        for prefix in list(self.prefixes.values()):
            if prefix.covers(frame.room):
                prefix.deliver(frame)

    def presence(self, room: str, change: Json) -> None:
        """A presence frame."""
        if room in self.rooms:
            self.rooms[room].presence_frame(change)

    def pong(self, m: Json) -> None:
        """Rooms that moved."""
        heads, versions = m.get("heads", {}), m.get("versions", {})
        for name, reader in list(self.rooms.items()):
            reader.pong(heads.get(name), versions.get(name))
        for prefix in list(self.prefixes.values()):
            prefix.pong({name: head for name, head in heads.items() if prefix.covers(name)}, m)
        if m.get("more"):
            self.session.ping()

    def left(self, m: Json) -> None:
        """The broker took a room away."""
        if m["room"] in self.rooms:
            self.rooms[m["room"]].left(m)

    def direct(self, m: Json) -> None:
        """A direct message."""
        self.emit("direct", m)

    def ack(self, frame: AckFrame) -> None:
        """Messages are stored."""
        self.publisher.ack(frame)

    def refused(self, m: Json, error: ZrelayError) -> None:
        """Messages are refused."""
        self.publisher.refuse(m, error)

    def pause(self, seconds: float) -> None:
        """Nothing may be published for so long."""
        self.publisher.stop()
        for worker in self.workers.values():
            worker.pause()
        self.session.after(seconds, "pause", self._resume)

    def _resume(self) -> None:
        if self.session.state == "live":
            self.publisher.resume()
            for worker in list(self.workers.values()):
                worker.resume()

    def frame_of_work(self, frame: Union[WorkFrame, SettledFrame]) -> None:
        """A frame for a worker of a group."""
        worker = self.workers.get(frame.worker)
        if worker and isinstance(frame, WorkFrame):
            worker.work(frame)
        elif worker and isinstance(frame, SettledFrame):
            worker.settled(frame)

    def unsettled(self, m: Json, error: ZrelayError) -> None:
        """The broker refused a SETTLE."""
        if m.get("worker") in self.workers:
            self.workers[m["worker"]].unsettled(m, error)

    def dismissed(self, m: Json) -> None:
        """A worker has ended, unasked."""
        if m["worker"] in self.workers:
            self.workers[m["worker"]].dismissed(m)

    def group_lost(self, m: Json) -> None:
        """A worker's group lost messages."""
        if m["worker"] in self.workers:
            self.workers[m["worker"]].emit("lost", m["count"])

    def problem(self, error: ZrelayError) -> None:
        """What the program may want to tell its user."""
        self.emit("problem", error)

    def ended(self, error: ZrelayError) -> None:
        """The broker lets this client in no more, or no broker answered in time."""
        self.failure = error
        self._close(error)
