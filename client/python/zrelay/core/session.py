"""The life of a session, as PROTOCOL.md, section 6, has it: hello, subscribe, live, and again after each loss."""
from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..errors import ZrelayError
from .edge import Edge, Link
from .endpoint import back_fault
from .owner import Identity, Owner
from .servers import Servers
from .subscriptions import Subscriptions
from .wire import AckFrame, Deliver, Json, PresenceFrame, SettledFrame, WorkFrame, control, decode, parse_object

_FIRST_HEARTBEAT = 5.0  # seconds, until `welcome` names the broker's
_SILENT_HEARTBEATS = 3  # without any frame, after which the link is given up
_WAKE_GRACE = 0.1  # seconds for frames that waited while the machine or the program slept
_BACK_OFF_FIRST = 0.1  # seconds; doubles
_BACK_OFF_LONGEST = 10.0
_SOON_LOST = 10.0  # seconds; a session that ends sooner does not end the back-off
_LOGIN_PATIENCE = 120.0  # seconds that a login may be `queued`
_RETRY_WAIT = 0.1  # seconds, when the broker names none
_UNANSWERED_MAX = 200  # requests under way; the rest waits here
_CONTROL_MAX = 8 * 1024 * 1024  # bytes of a control frame that is read
_SIZE_MAX = 2 ** 31
_FINAL_BYES = ("revoked", "banned", "kicked", "flooding")
_BACK_OFF_BYES = ("shutdown", "replaced")
_PASSING_REFUSALS = ("too-many-sessions", "rate-limited")
_REPLAYS = ("replay", "state")
_HELLO = "hello"  # the id of a greeting

Done = Callable[[Optional[ZrelayError], Json], None]


class Request(NamedTuple):
    """A question that is not answered yet. `again`: a lost session asks it again in the next one; otherwise `done` gets `interrupted`.
    `early`: without a session it waits for the next one."""

    op: str
    members: Json
    done: Done
    again: bool
    early: bool


class Session:
    """One client's session with a broker, over as many connections as it takes. `servers` are the endpoints of the brokers' fronts."""

    def __init__(self, edge: Edge, servers: Servers, identity: Identity, owner: Owner) -> None:
        self.state = "new"  # then connecting, greeting, subscribing, live; closed
        self.epoch = ""
        self.nick = identity.nick or ""
        self.user: Optional[str] = None
        self.resumed = False  # the session before goes on
        self.level = ""
        self.heartbeat = _FIRST_HEARTBEAT
        self.limits: Json = {"frame": 1048576, "body": 1048576, "entries": 4096, "window": 65536, "replays": 4}
        self._edge, self._servers, self._identity, self._owner = edge, servers, identity, owner
        self._moves = False  # the next attempt goes to the next server
        self._link: Optional[Link] = None
        self._handlers: Optional[_LinkHandlers] = None
        self._resume = ""
        self._opened_at = 0.0  # when the link was
        self._heard_at = 0.0  # when the last frame came by the DEALER
        self._attempts = 0
        self._welcomed = False  # ever
        self._welcome_at: Optional[float] = None
        self._login_since: Optional[float] = None
        self._next_id = 1
        self._sent: Dict[int, Request] = {}
        self._waiting: List[Request] = []  # not sent yet
        self._timers: Dict[str, Callable[[], None]] = {}
        self._subscriptions = Subscriptions(self.after, self.cancel, lambda: edge.hex(8), self._synced)
        self._first_sync = 0  # number of this session's first subscriptions
        self._when_synced: List[Tuple[int, Callable[[], None]]] = []

    # The link

    def dial(self) -> None:
        """Opens a link, at the start and whenever the one before is given up."""
        self.cancel("dial")
        self._drop(linger=False)
        if self.state == "closed":
            return  # the program closed it when it heard of the loss
        if self._moves:
            self._servers.next()
        self._moves = False
        self._handlers = _LinkHandlers(self)
        self._link = self._edge.open(self._handlers, self._servers.now())
        self._heard_at = self._opened_at = self._edge.now()
        self._watch()
        self.greet()

    def _drop(self, linger: bool) -> None:
        link, self._link = self._link, None
        if self._handlers:
            self._handlers.session = None
        self._down()
        if link:
            link.close(linger)

    def _down(self) -> None:
        self.cancel("ping", "hello")
        self._subscriptions.end()
        self._when_synced.clear()
        was_live = self.state == "live"
        if self.state != "closed":
            self.state = "connecting"
        sent = list(self._sent.values())
        waiting, self._waiting = self._waiting, []
        self._sent.clear()
        gone: List[Request] = []
        for request, stays in [*((each, each.again) for each in sent), *((each, each.again or each.early) for each in waiting)]:
            (self._waiting if stays else gone).append(request)
        if was_live:
            self._owner.down()
        for request in gone:
            request.done(ZrelayError("interrupted", f"the session ended before {request.op} was answered"), {})

    def lost(self, why: str) -> None:
        """The link ended, or cannot be made."""
        self.cancel("silence")
        self._drop(linger=False)
        if self.state == "closed":
            return
        self._moves = True
        self.after(self._back_off(), "dial", self.dial)
        self._owner.waiting(why)

    def unreachable(self, why: str) -> None:
        """The link cannot be made yet, and goes on trying; but another server may answer."""
        if len(self._servers) > 1 and self.state != "live":
            self.lost(why)

    def _back_off(self) -> float:
        """A random time up to a bound that doubles with each attempt in a row."""
        if self._welcome_at is not None and self._edge.now() - self._welcome_at > _SOON_LOST:
            self._attempts = 0
        self._welcome_at = None
        wait = self._wait()
        self._attempts += 1
        return wait

    def _wait(self) -> float:
        bound: float = min(_BACK_OFF_LONGEST, _BACK_OFF_FIRST * 2 ** min(self._attempts // len(self._servers), 20))
        return self._edge.random() * bound

    def hurry(self) -> None:
        """Tries at once instead of after the back-off."""
        if self.armed("dial"):
            self.dial()

    def _watch(self) -> None:
        """Gives the link up once nothing came by the DEALER for three heartbeats."""
        elsewhere = len(self._servers) > 1 and self._heard_at == self._opened_at  # another server may answer sooner
        quiet, longest = self._edge.now() - self._heard_at, self.heartbeat * (1 if elsewhere else _SILENT_HEARTBEATS)
        if quiet < longest:
            return self.after(longest - quiet, "silence", self._watch)
        heard_at = self._heard_at

        def judge() -> None:
            if self._heard_at == heard_at:
                self.lost("nothing came for three heartbeats")
            else:
                self._watch()  # it waited in the socket while the machine or the program slept
        self.after(_WAKE_GRACE, "silence", judge)

    # Timers by name; a name has one timer

    def after(self, seconds: float, name: str, run: Callable[[], None]) -> None:
        """Calls `run` once later; a timer of the same name is forgotten."""
        self.cancel(name)
        if self.state == "closed":
            return

        def fire() -> None:
            del self._timers[name]
            run()
        self._timers[name] = self._edge.after(seconds, fire)

    def armed(self, name: str) -> bool:
        """A timer of this name runs."""
        return name in self._timers

    def cancel(self, *names: str) -> None:
        """Forgets timers."""
        for name in names:
            cancel = self._timers.pop(name, None)
            if cancel:
                cancel()

    # Greeting

    def greet(self) -> None:
        """Says hello, in the place of the session before."""
        self._down()
        if self.state == "closed":
            return
        self.cancel("dial")
        self.state = "greeting"
        try:
            members = self._identity.members()
        except Exception as failure:  # the program's function that makes tokens
            return self._end(ZrelayError("login-failed", f"no token: {failure}"))
        self._send(control("hello", id=_HELLO, agent=self._identity.agent, resume=self._resume or None, **members))
        self.after(self.heartbeat + self._wait(), "hello", self._unanswered)

    def _unanswered(self) -> None:
        self._attempts += 1
        self.greet()

    def _on_welcome(self, m: Json) -> None:
        self._resume, self.heartbeat, self.nick = str(m["resume"]), max(m["heartbeat"], 1) / 1000, str(m["nick"])
        self.user, self.level = m.get("user"), m.get("level", "")
        self.limits.update((name, value) for name, value in m.get("limits", {}).items() if isinstance(value, int) and 0 < value < _SIZE_MAX)
        if self.state != "greeting":
            return self._renewed(m)
        fault = back_fault(self._servers.now().endpoint, str(m["back"]))
        if fault or not self._link:
            self._owner.problem(ZrelayError("bad-back", fault or ""))
            return self.lost(fault or "")
        self._servers.learn(m.get("peers") or ())
        self.cancel("hello")
        self._login_since = None
        self._watch()
        self._welcome_at, self._welcomed = self._edge.now(), True
        self.resumed = m.get("resumed") is True
        before, self.epoch = self.epoch, str(m["epoch"])
        if before and before != self.epoch:
            self._owner.epoch(before, self.epoch)
        self.state = "subscribing"
        self._ping_on()
        self._first_sync = self._subscriptions.begin(self._link, str(m["back"]), self._owner.topics())

    def renew(self, done: Done, **changed: Any) -> None:
        """Says hello again in the same session, with another `nick`, `meta` or `token`; the connection stays."""
        identity = self._identity
        before = {name: getattr(identity, name) for name in changed}
        for name, value in changed.items():
            setattr(identity, name, value)

        def answered(error: Optional[ZrelayError], m: Json) -> None:
            if error and error.code in ("nick-in-use", "bad-nick") and members["nick"] == before.get("nick", members["nick"]):
                self.greet()  # a session may always keep its nick: this one ended unheard
            refused = error if error and error.code != "interrupted" else None  # after a lost session the next hello says it
            if refused:
                for name, value in before.items():
                    setattr(identity, name, value)
            done(refused, m)
        members = {**identity.members(), "nick": changed.get("nick", self.nick)}
        if "token" not in changed:
            members["token"] = None
            members["user"] = None
        self.ask("hello", members, answered, again=False, early=False)

    def _renewed(self, m: Json) -> None:
        """The answer to `renew`, or to a hello that was sent twice. A connection that was made anew unnoticed has a session without rooms."""
        if m.get("re") not in self._sent:
            return
        self._answer(None, m)
        if not m["resumed"]:
            self.greet()

    # Subscriptions

    def subscribe(self, topics: Iterable[bytes], then: Callable[[], None]) -> None:
        """Subscribes to further topics, and calls `then` once they are live. A lost session forgets that; the next one asks the owner."""
        self._when_synced.append((self._subscriptions.want(topics), then))

    def unsubscribe(self, topics: Iterable[bytes]) -> None:
        """The frames of these topics are not wanted any more."""
        self._subscriptions.drop(topics)

    @property
    def syncing(self) -> bool:
        """Subscriptions are being made or tested."""
        return self._subscriptions.syncing

    def _synced(self, number: int, m: Json) -> None:
        if m.get("epoch", self.epoch) != self.epoch:
            return self.greet()
        if self.state == "subscribing" and number >= self._first_sync:
            self.state = "live"
            self._owner.live()
        ready = [then for each, then in self._when_synced if each <= number]
        self._when_synced = [pair for pair in self._when_synced if pair[0] > number]
        for then in ready:
            then()
        self._flush()

    # Heartbeat

    def _ping_on(self) -> None:
        """Sends a ping now, and every heartbeat from now on."""
        self.ping()
        self.after(self.heartbeat, "ping", self._ping_on)

    def ping(self) -> None:
        """Asks which heads moved."""
        self._send(control("ping"))

    # Requests

    def ask(self, op: str, members: Json, done: Done, again: bool = True, early: bool = True) -> None:
        """Asks, and calls `done(error, answer)` once; see Request."""
        if self.state == "closed":
            return done(ZrelayError("closed", "the relay was closed"), {})
        self._waiting.append(Request(op, members, done, again, early))
        self._flush()

    def _flush(self) -> None:
        if self.state != "live":
            return
        waiting, self._waiting = self._waiting, []
        replays = sum(request.op in _REPLAYS for request in self._sent.values()) if waiting else 0
        for request in waiting:
            full = request.op in _REPLAYS and replays >= self.limits["replays"]
            if full or len(self._sent) >= _UNANSWERED_MAX:
                self._waiting.append(request)
                continue
            replays += request.op in _REPLAYS
            self._sent[self._next_id] = request
            self._send(control(request.op, id=self._next_id, **request.members))
            self._next_id += 1

    def _answer(self, error: Optional[ZrelayError], m: Json) -> None:
        request = self._sent.pop(m["re"], None) if isinstance(m.get("re"), int) else None
        if request:
            request.done(error, m)
            self._flush()

    def _send(self, frame: bytes) -> None:
        if self._link:
            self._link.send(frame)

    def send_frame(self, frame: bytes) -> None:
        """Sends a data frame."""
        self._send(frame)

    # Frames

    def front_frame(self, frame: bytes) -> None:
        """A frame came by the DEALER."""
        self._heard_at = self._edge.now()
        if frame[:1] == b"{":
            self._control(frame)
        else:
            self._data(frame)

    def back_frame(self, frame: bytes) -> None:
        """A frame came by the SUB."""
        if not self._subscriptions.frame(frame):
            self._data(frame)

    def _data(self, data: bytes) -> None:
        try:
            frame = decode(data)
        except ValueError:
            return  # a reader finds by `prev` that it is missing
        if isinstance(frame, AckFrame):
            self._owner.ack(frame)
        elif isinstance(frame, (WorkFrame, SettledFrame)):
            self._owner.frame_of_work(frame)
        elif self.state != "live":
            return
        elif isinstance(frame, PresenceFrame):
            room, change = frame
            self._guarded(lambda: self._owner.presence(room, change))
        elif isinstance(frame, Deliver) and frame.epoch == self.epoch:
            self._owner.deliver(frame)
        elif isinstance(frame, Deliver):
            self.ping()  # of another log: the broker may be another one

    def _control(self, frame: bytes) -> None:
        if len(frame) > _CONTROL_MAX:
            return
        try:
            m = parse_object(frame)
        except ValueError:
            return
        self._guarded(lambda: self._take(m))

    def _guarded(self, take: Callable[[], None]) -> None:
        """A broker that leaves members out, or sends another type, harms nobody but itself."""
        try:
            take()
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            self._owner.problem(ZrelayError("bad-answer", f"the broker's frame has not what the protocol says: {fault!r}"))

    def _take(self, m: Json) -> None:
        op = m.get("op")
        handlers: Dict[Any, Callable[[Json], None]] = {
            "welcome": self._on_welcome, "queued": self._on_queued, "error": self._on_error, "bye": self._on_bye,
            "pong": self._owner.pong, "direct": self._owner.direct, "left": self._owner.left, "dismissed": self._owner.dismissed,
            "lost": self._owner.group_lost}
        if isinstance(op, str) and op in handlers:
            handlers[op](m)
        elif "re" in m:
            self._answer(None, m)

    def _on_queued(self, _m: Json) -> None:
        if self._login_since is None:
            self._login_since = self._edge.now()
        if self._login_since + _LOGIN_PATIENCE > self._edge.now():
            self.after(max(self.heartbeat, 2.0), "hello", self.greet)

    def _on_error(self, m: Json) -> None:
        error = ZrelayError(str(m["code"]), str(m.get("text", "")), room=m.get("room"), key=m.get("key"), seq=m.get("seq"))
        if error.code == "no-session":
            self._no_session()
        elif m.get("re") == _HELLO:
            self._refused_hello(m, error)
        elif error.code in ("rate-limited", "too-many-replays"):
            self._limited(m)
        else:
            if "mid" in m:
                self._owner.refused(m, error)
            if "settle" in m:
                self._owner.unsettled(m, error)
            if "re" in m:
                self._answer(error, m)
            elif "mid" not in m and "settle" not in m:
                self._owner.problem(error)

    def _no_session(self) -> None:
        if self.state not in ("subscribing", "live"):
            return  # an answer to a frame from before the hello
        if self._welcome_at is not None and self._edge.now() - self._welcome_at < _SOON_LOST:
            self.lost("the session was lost soon after it began")
        else:
            self.greet()

    def _limited(self, m: Json) -> None:
        wait = m["wait"] / 1000 if "wait" in m else _RETRY_WAIT
        if "re" not in m:
            return self._owner.pause(wait)
        number = m["re"]
        request = self._sent.get(number) if isinstance(number, int) else None

        def again() -> None:
            if request and self._sent.get(number) is request:  # else the session ended meanwhile
                del self._sent[number]
                self._waiting.insert(0, request)
                self._flush()
        if request:
            self._edge.after(wait, again)

    def _refused_hello(self, m: Json, error: ZrelayError) -> None:
        if self.state != "greeting":
            return
        if error.code == "rate-limited":
            if self._login_since is None:
                self.after(m["wait"] / 1000 if "wait" in m else _RETRY_WAIT, "hello", self.greet)
            return
        if error.code not in _PASSING_REFUSALS and not (error.code == "nick-in-use" and self._welcomed):
            return self._end(error)
        self._owner.problem(error)
        self.after(self._back_off() + _BACK_OFF_FIRST, "hello", self.greet)

    def _on_bye(self, m: Json) -> None:
        reason = str(m.get("reason", ""))
        if reason in _FINAL_BYES:
            return self._end(ZrelayError(reason, "the broker ended the session"))
        self._down()
        self.after(self._back_off() if reason in _BACK_OFF_BYES else 0, "hello", self.greet)

    # The end

    def _end(self, error: ZrelayError) -> None:
        """The broker lets this client in no more."""
        self.close(error)
        self._owner.ended(error)

    def bye(self, patience: float, done: Callable[[], None]) -> None:
        """Says `bye`, and calls `done` once the broker heard it, or after `patience` seconds."""
        if self.state != "live":
            return done()
        over = False

        def end() -> None:
            nonlocal over
            if not over:
                over = True
                done()
        self.ask("bye", {}, lambda _error, _m: end(), again=False)
        self.after(patience, "bye", end)

    def close(self, error: ZrelayError) -> None:
        """Ends it, and answers everything with `error`."""
        if self.state == "closed":
            return
        unanswered = [*self._sent.values(), *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        self._drop(linger=True)
        self.state = "closed"
        self.cancel(*self._timers)
        for request in unanswered:
            request.done(error, {})


class _LinkHandlers:
    """What a link tells, until it is given up."""

    def __init__(self, session: Session) -> None:
        self.session: Optional[Session] = session

    def front_frame(self, frame: bytes) -> None:
        """A frame came by the DEALER."""
        if self.session:
            self.session.front_frame(frame)

    def back_frame(self, frame: bytes) -> None:
        """A frame came by the SUB."""
        if self.session:
            self.session.back_frame(frame)

    def lost(self, why: str) -> None:
        """The connection ended."""
        if self.session:
            self.session.lost(why)

    def unreachable(self, why: str) -> None:
        """The connection cannot be made yet."""
        if self.session:
            self.session.unreachable(why)
