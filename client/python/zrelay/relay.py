"""The client, for programs."""
from __future__ import annotations

import asyncio
import inspect
import os
import secrets
from dataclasses import dataclass
from types import TracebackType
from typing import Any, AsyncGenerator, AsyncIterator, Callable, Dict, Generator, List, NamedTuple, Optional, Tuple, Type, Union

from .core.client import Client, Part
from .core.emitter import log
from .core.log import Slice
from .core.presence import User, user_of
from .core.publisher import QUEUE_BYTES
from .core.reader import Options
from .core.owner import Identity
from .core.servers import Servers
from .core.wire import Ack, Body, Json, Message, room_name
from .errors import ZrelayError
from .link import AsyncEdge, new_pair
from .room import LiveState, Presence, Room, _settle
from .settings import Token, settings
from .stream import WAITING_MAX, Stream
from .work import Handler, Work, each, process

CONNECT_TIMEOUT = 10.0  # seconds until `connect` gives up, by default
CLOSE_PATIENCE = 5.0  # seconds that `close` waits for acks and for the answer to `bye`, by default
REQUEST_TIMEOUT = 10.0  # seconds that `request` waits for an answer, by default
_AGENT = "zrelay.py 0.1.0"


class Direct(NamedTuple):
    """A direct message. `sender` is the nick to answer."""

    sender: str
    text: str
    #: Microseconds since 1970.
    time: int
    #: What an answer is to name; None: the sender wants none. See `Relay.answer`.
    ask: Optional[str] = None
    #: The request that this answers; None: none.
    answer: Optional[str] = None


#: Gets a request, and gives the text of its answer, or an awaitable of it.
Server = Callable[[Any], Any]


@dataclass(frozen=True)
class RoomInfo:
    """A room of the broker."""

    room: str
    seq: int
    #: Users present.
    count: int


@dataclass(frozen=True)
class Who:
    """The users of a room; `silent` members are counted and not named."""

    users: List[User]
    count: int
    silent: int


class Relay:
    """A session with a broker. It connects anew by itself, resumes its session, repairs what it missed, and sends again what was not acked.

    `connect` makes it; `async with` closes it. One Relay belongs to one event loop.

    Events, for `on`: `status` ((state, why); the states are `connecting`, `online`, `offline`, `closed`), `recovered` ((messages, lost): after a lost
    session all rooms are whole again; `lost` is true if the broker lost its log), `lost` (Lost) and `left` (Left) of any room, `epoch`
    ((before, now)), `problem` (ZrelayError) for what the program may want to tell its user, `closed` (ZrelayError)."""

    def __init__(self, make: Callable[[], Tuple[Client, AsyncEdge]], timeout: float) -> None:
        self._make, self._timeout = make, timeout
        self._made: Optional[Tuple[Client, AsyncEdge]] = None
        self._rooms: Dict[str, Room] = {}

    # The connection

    def __await__(self) -> Generator[Any, None, Relay]:
        """Waits until the broker lets this client in. Raises ZrelayError if it does not."""
        return self._open().__await__()

    async def _open(self) -> Relay:
        if not self._made:
            self._made = self._make()
            client, future = self._made[0], asyncio.get_running_loop().create_future()
            offs = [client.on("status", lambda status: _settle(future, None, None) if status[0] == "online" else None),
                    client.on("closed", lambda error: _settle(future, error, None))]
            client.open(self._timeout)
            try:
                await future
            except BaseException:
                await self.close(patience=0)
                raise
            finally:
                for off in offs:
                    off()
        return self

    async def __aenter__(self) -> Relay:
        return await self._open()

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.close()

    async def close(self, patience: float = CLOSE_PATIENCE) -> None:
        """Waits for the acks, at most `patience` seconds, says bye, and ends. Loops over rooms end."""
        if not self._made:
            return
        client, edge = self._made
        future = asyncio.get_running_loop().create_future()
        client.close(patience, lambda: _settle(future, None, None))
        await future
        await edge.close()

    @property
    def _client(self) -> Client:
        if not self._made:
            raise ZrelayError("closed", "not connected yet: `async with zrelay.connect(…) as relay`, or `relay = await zrelay.connect(…)`")
        return self._made[0]

    def on(self, event: str, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Calls `listener` at each event, until the returned function is called."""
        return self._client.on(event, listener)

    @property
    def status(self) -> str:
        """`connecting`, `online`, `offline` or `closed`."""
        return self._made[0].status if self._made else "connecting"

    @property
    def nick(self) -> str:
        """The name that others see."""
        return self._client.session.nick

    @property
    def user(self) -> Optional[str]:
        """The user that the key or the token named; None: nobody is logged in."""
        return self._client.session.user

    @property
    def epoch(self) -> str:
        """Of the broker's log: positions are valid within one."""
        return self._client.session.epoch

    @property
    def limits(self) -> Dict[str, int]:
        """The broker's limits, as `welcome` names them."""
        return dict(self._client.session.limits)

    def hurry(self) -> None:
        """The network is back: tries to connect at once, instead of after the back-off."""
        self._client.session.hurry()

    # Rooms

    def join(self, room: str, *, last: int = 0, after: Optional[int] = None, epoch: Optional[str] = None, presence: bool = True,
             meta: Optional[Json] = None) -> Room:
        """Reads a room from now on; `async for` it, or `await` it until it is whole up to now.

        `last`: begins with the last so many messages. `after`: begins after this seq, 0 for all there is; with `epoch` the seq is void in another
        one, which is told as lost. `presence` False joins silently: others do not see this user, and it does not see them. `meta`: what presence shows of
        this user here, at most 1 KB of JSON. A room that is read already is given again, as it is.

        A name that ends in `*` is a prefix: it reads, silently, all rooms whose names begin so, also those that come up later, up to 10,000. Messages
        name their room; their order holds within each."""
        for name, value in (("last", last), ("after", after)):
            if value is not None and (not isinstance(value, int) or value < 0):
                raise ZrelayError("bad-argument", f"`{name}` is an integer from 0 on, not {value!r}", room=room)
        part = self._client.join(room, Options(last, after, epoch, presence, meta))
        known = self._rooms.get(room)
        if not known or known._part is not part:
            known = self._rooms[room] = Room(self, room, part)
            part.on("over", lambda _: self._forget(room, part))
        return known

    def _forget(self, name: str, part: Part) -> None:
        if name in self._rooms and self._rooms[name]._part is part:
            del self._rooms[name]

    async def state(self, room: str) -> LiveState:
        """The last message of each key of a room, kept up to date; joins the room silently unless it is joined."""
        return await self.join(room, presence=False).state()

    async def presence(self, room: str) -> Presence:
        """The users present in a room, kept up to date; joins the room unless it is joined."""
        return (await self.join(room)).presence

    def publish(self, room: str, body: Body = None, *, key: Optional[str] = None, expect: Optional[int] = None,
                delete: bool = False, ttl: Optional[int] = None) -> asyncio.Future[Ack]:
        """Publishes to any room. The message is on its way at once; awaiting the result gives the Ack, or raises the broker's refusal.

        Each message is stored once, over lost connections and restarts of the broker, and those of one Relay in the order of the calls.
        `key`: it is the value of this key. `expect`, with `key`: only over the value with this seq, 0 for no value; else it fails with `conflict`.
        `delete`, with `key` and without a body: deletes the key. `ttl`, with `key`: the broker deletes the key after so many milliseconds, unless
        it has another value by then. While `queue_bytes` wait for acks it fails with `queue-full`: see `drain`."""
        future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        if self._client.status == "closed":
            future.set_exception(ZrelayError("closed", "the relay was closed", room=room))
            return future
        try:
            self._client.publisher.publish(room, body, key, expect, delete, lambda error, ack: _settle(future, error, ack), ttl)
        except ZrelayError as error:
            future.set_exception(error)
        return future

    @property
    def unanswered(self) -> int:
        """Messages that wait for their ack."""
        return self._client.publisher.unanswered

    async def drain(self) -> None:
        """Waits until at most half of `queue_bytes` wait for acks, for programs that publish without awaiting each Ack. Meanwhile other tasks run."""
        await asyncio.sleep(0)
        future = asyncio.get_running_loop().create_future()
        self._client.publisher.when_below(self._client.publisher.half, lambda: _settle(future, None, None))
        await future

    # Users

    async def direct(self, to: str, text: str) -> None:
        """Hands a text to the sessions of one nick. Nothing keeps it. It fails with `no-such-user`, or with `interrupted` when the session is lost
        before the answer."""
        await self._ask("direct", {"to": to, "text": text}, again=False)

    def directs(self) -> AsyncIterator[Direct]:
        """Direct messages from now on. At most 10,000 wait for the loop; beyond it the oldest are dropped."""
        client = self._client
        return Stream(client, "direct", "closed", lambda: client.failure, client.status == "closed",
                      lambda m: Direct(m["from"], m["text"], m.get("time", 0), m.get("ask"), m.get("answer")))

    # Requests and answers

    async def request(self, text: str, *, to: Optional[str] = None, room: Optional[str] = None, timeout: float = REQUEST_TIMEOUT) -> Direct:
        """Asks the sessions of a nick, or the readers of a room, and gives the first answer.

        It fails with `timed-out` after `timeout` seconds, with `no-such-user` for a nick that nobody has, with `failed` if the answer says that the
        request failed, and with `interrupted` when the session is lost before the request is on its way."""
        answers = self.answers(text, to=to, room=room, timeout=timeout)
        try:
            async for answer in answers:
                return answer
        finally:
            await answers.aclose()
        raise ZrelayError("timed-out", f"no answer came within {timeout:g} s", room=room)

    async def answers(self, text: str, *, to: Optional[str] = None, room: Optional[str] = None,
                      timeout: float = REQUEST_TIMEOUT) -> AsyncGenerator[Direct, None]:
        """As `request`, for all answers that come within `timeout` seconds."""
        if (to is None) == (room is None):
            raise ZrelayError("bad-argument", "give either `to` or `room`", room=room)
        queue: asyncio.Queue[Json] = asyncio.Queue()
        off = self._client.on("direct", lambda m: queue.put_nowait(m) if "answer" in m and queue.qsize() < WAITING_MAX else None)
        try:
            end = asyncio.get_running_loop().time() + timeout
            ask = await asyncio.wait_for(self._asked(text, to, room), timeout)
            while (left := end - asyncio.get_running_loop().time()) > 0:
                m = await asyncio.wait_for(queue.get(), left)
                if m["answer"] != ask:
                    continue
                if m.get("failed"):
                    raise ZrelayError("failed", m["text"], room=room)
                yield Direct(m["from"], m["text"], m.get("time", 0), None, m["answer"])
        except asyncio.TimeoutError:
            return
        finally:
            off()

    async def _asked(self, text: str, to: Optional[str], room: Optional[str]) -> str:
        """Sends a request; what its answers name."""
        if to is not None:
            ask = secrets.token_hex(8)
            await self._ask("direct", {"to": to, "text": text, "ask": ask}, again=False)
            return ask
        name = room_name(room or "")
        seq = (await self._ask("publish", {"room": name, "text": text}, again=False))["seq"]
        if not seq:
            raise ZrelayError("forbidden", "this user may not read the room, and so gets no answer", room=name)
        return f"{name} {seq}"

    async def answer(self, asked: Union[Direct, Message], text: str, *, failed: bool = False) -> None:
        """Answers a direct message that has an `ask`, or a message of a room. `failed`: the text says why there is no answer. It fails with
        `no-such-user` when the client that asked is gone."""
        ask = asked.ask if isinstance(asked, Direct) else f"{asked.room} {asked.seq}"
        if ask is None:
            raise ZrelayError("bad-argument", "this message does not want an answer")
        await self._ask("direct", {"to": asked.sender, "text": text, "answer": ask, "failed": failed or None}, again=False)

    async def serve(self, handler: Server, *, room: Optional[str] = None, group: Optional[str] = None, concurrency: int = 10,
                    **options: Any) -> None:
        """Answers requests until it is cancelled: those to this nick, or those to a room. `handler`, a coroutine function or a plain one, gets the
        Direct or the Message, and returns the text of the answer. When it raises, the answer says that the request failed.

        With `group` the workers of this group share the requests of the room; `options` are those of `work`. A request whose worker dies goes to
        another one."""
        if group is not None and room is not None:
            await self.process(room, group, lambda job: self._serve(job.message, handler), concurrency=concurrency, **options)
        elif group is not None:
            raise ZrelayError("bad-argument", "`group` goes with `room`")
        else:
            items: Union[Room, AsyncIterator[Direct]] = self.directs() if room is None else self.join(room, presence=False)
            await each(items, lambda asked: self._serve(asked, handler), concurrency)

    async def _serve(self, asked: Union[Direct, Message], handler: Server) -> None:
        if isinstance(asked, Direct) and asked.ask is None:
            return
        failed = False
        try:
            text = handler(asked)
            text = await text if inspect.isawaitable(text) else text
        except Exception as error:
            log.warning("a request of %s failed", asked.sender, exc_info=True)
            text, failed = str(error) or type(error).__name__, True
        try:
            await self.answer(asked, str(text), failed=failed)
        except ZrelayError as error:  # such as no-such-user: nobody waits for it any more
            log.info("no answer to %s: %s", asked.sender, error)

    async def rename(self, nick: str) -> None:
        """Takes another nick; rooms see the change. It fails with `nick-in-use` or `bad-nick`, and the old one stays."""
        await self._renew(nick=nick)

    async def show(self, meta: Json) -> None:
        """What presence shows of this user in all rooms, such as `{"status": "away"}`: at most 1 KB of JSON; `{}` for nothing."""
        await self._renew(meta=meta)

    async def login(self, token: str) -> None:
        """Goes on with another token of the same user, such as a new JWT before the old one expires."""
        await self._renew(token=token)

    async def _renew(self, **changed: Any) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client.session.renew(lambda error, _m: _settle(future, error, None), **changed)
        await future

    async def who(self, room: str) -> Who:
        """All users of a room, joined or not, also of a crowded one."""
        users: Dict[str, User] = {}

        def page(m: Json) -> Optional[str]:
            users.update((user.nick, user) for user in map(user_of, m["users"]))
            return m["users"][-1]["nick"] if m["more"] and m["users"] else None
        answer = await self._pages("who", {"room": room_name(room)}, page)
        return Who(list(users.values()), answer["count"], answer["silent"])

    # The broker's log

    async def rooms(self, prefix: str = "") -> List[RoomInfo]:
        """All rooms that this user may read and whose names begin so."""
        rooms: List[RoomInfo] = []

        def page(m: Json) -> Optional[str]:
            rooms.extend(RoomInfo(each["room"], each["seq"], each["count"]) for each in m["rooms"])
            return rooms[-1].room if m["more"] and m["rooms"] else None
        await self._pages("rooms", {"prefix": prefix}, page)
        return rooms

    async def history(self, room: str, *, after: Optional[int] = None, last: Optional[int] = None, until: Optional[int] = None,
                      limit: Optional[int] = None) -> Slice:
        """Messages of any room, joined or not: those `after` a seq, or the `last` ones; not beyond `until`, and at most `limit`.
        If the result has `more`, go on after its `seq`."""
        if (after is None) == (last is None):
            raise ZrelayError("bad-argument", "give either `after` or `last`", room=room)
        name, future = room_name(room), asyncio.get_running_loop().create_future()
        members = {"after": after, "last": last, "until": until, "limit": limit}
        self._client.log(name).slice(members, lambda error, part: _settle(future, error, part))
        found: Slice = await future
        return found

    async def snapshot(self, room: str) -> Dict[str, Message]:
        """The last message of each key of any room, at one moment."""
        values: Dict[str, Message] = {}
        name, after, more = room_name(room), 0, True
        while more:
            future: asyncio.Future[Tuple[List[Message], Json]] = asyncio.get_running_loop().create_future()
            self._client.log(name).keyed(after, lambda error, messages, m, future=future: _settle(future, error, (messages, m)))  # type: ignore[misc]
            messages, answer = await future
            values.update((message.key, message) for message in messages if message.key is not None)
            after, more = answer["next"], answer["more"]
        return values

    # Groups

    def work(self, room: str, group: str, *, credit: int = 1, start: Union[str, int] = "all", make: bool = True, time: Optional[float] = None,
             deliveries: Optional[int] = None, backoff: Optional[float] = None, dead: Optional[str] = None, ordered: Optional[bool] = None,
             each: Optional[int] = None, total: Optional[int] = None, keep: Optional[bool] = None) -> Work:
        """Jobs of a group of the room: each message goes to one worker of the group at a time, again and again until one says `done`.

        `credit`: so many messages that are not settled may be here; their time runs also while they wait for the loop.
        The first worker makes the group, with these options, unless `make` is False; later they change nothing. `start`: `all` messages, only those
        from `now` on, or those after a seq. `time`: seconds until a message is taken back (30). `deliveries`: how often it is handed out at most
        (5). `backoff`: seconds until it is handed out again, doubling (1). `dead`: a room for messages that are given up. `ordered`: those of one key
        keep their order. `each` and `total`: messages that one worker, and all, may hold (1,000 and 10,000). `keep`: the room keeps messages until
        the group has finished them."""
        begin = {"after": start} if isinstance(start, int) else {"now": True} if start == "now" else {}
        if not isinstance(start, int) and start not in ("all", "now"):
            raise ZrelayError("bad-argument", "`start` is 'all', 'now' or a seq", room=room)
        options = {"room": room_name(room), "group": group, "make": None if make else False, "time": _milliseconds(time), "deliveries": deliveries,
                   "backoff": _milliseconds(backoff), "dead": dead, "ordered": ordered, "each": each, "total": total, "keep": keep, **begin}
        return Work(self._client.work(credit, options))

    async def process(self, room: str, group: str, handler: Handler, *, concurrency: int = 10, **options: Any) -> None:
        """Runs `handler(job)`, a coroutine function or a plain one, for each message of the group, `concurrency` at a time, until it is cancelled.

        When the handler returns, the job is done, unless the handler settled it. When it raises, the exception is logged and the job is tried
        again. A handler may take longer than the group's time: its job is extended as long as this program lives. `options` are those of `work`."""
        await process(self.work(room, group, credit=concurrency, **options), handler, concurrency)

    async def groups(self, room: Optional[str] = None) -> List[Json]:
        """The groups of a room, or of all rooms that this user may read: what the protocol's op `groups` lists."""
        groups: List[Json] = []

        def page(m: Json) -> Optional[str]:
            groups.extend(m["groups"])
            return groups[-1]["room"] if m["more"] and m["groups"] else None
        await self._pages("groups", {"room": room}, page)
        return groups

    async def stats(self, of: Optional[str] = None, *, by: Optional[str] = None, prefix: Optional[str] = None,
                    limit: Optional[int] = None) -> List[Json]:
        """What the broker counts; for users with the right `stats`. Its counters, or rows of "rooms" or "sessions": all of them, or with
        `by` those that are highest there. The members are those of the protocol's op `stats`."""
        rows: List[Json] = []
        members: Json = {"of": of, "by": by, "prefix": prefix, "limit": limit}
        while True:
            answer = await self._ask("stats", {name: value for name, value in members.items() if value is not None})
            rows.extend(answer[of or "metrics"])
            if not answer.get("more") or by is not None or (limit is not None and len(rows) >= limit):
                return rows
            members.update(after=answer.get("after"), session=answer.get("session"))

    async def group(self, room: str, group: str, do: str, **members: Any) -> None:
        """`do` is `set`, `pause`, `resume`, `seek` or `delete`; `members` are those of the protocol's op `group`, such as `after=0` of `seek`."""
        await self._ask("group", {"room": room_name(room), "group": group, "do": do, **members})

    async def _ask(self, op: str, members: Json, again: bool = True) -> Json:
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._client.request(op, members, lambda error, m: _settle(future, error, m), again)
        return await future

    async def _pages(self, op: str, members: Json, page: Callable[[Json], Optional[str]]) -> Json:
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._client.pages(op, members, page, lambda error, m: _settle(future, error, m))
        return await future


def _milliseconds(seconds: Optional[float]) -> Optional[int]:
    return None if seconds is None else round(seconds * 1000)


def connect(server: Optional[str] = None, *, nick: Optional[str] = None, user: Optional[str] = None, token: Token = None,
            server_key: Optional[str] = None, certificate: Union[str, Tuple[str, str], None] = None, meta: Optional[Json] = None,
            agent: str = _AGENT, client: Optional[str] = None, timeout: float = CONNECT_TIMEOUT, queue_bytes: int = QUEUE_BYTES) -> Relay:
    """Connects to a broker: `async with zrelay.connect() as relay`, or `relay = await zrelay.connect()`.

    `server`: `tcp://HOST:PORT`, `HOST`, or `ipc://PATH`; else ZRELAY_SERVER, else `tcp://127.0.0.1:5570`. Several, `A,B,C`, are brokers of
    one log: the client goes on with the next one after a loss. `nick`: the name that others see; without
    one the broker makes one up. `user` and `token` log in (else ZRELAY_USER, ZRELAY_TOKEN); a JWT needs no user, and `token` may be a function that
    gives a fresh one for each login. For an encrypted broker: `server_key`, its public key, or `A,B,C` for several (else ZRELAY_SERVER_KEY, else what the command line noted
    in known-servers), and `certificate`, the file that `zrelay keygen` made or the pair (public, secret) (else ZRELAY_CERTIFICATE). `meta`: what
    presence shows of this user. `agent`: program and version, for the operator's log, at most 64 bytes. `client`: 32 lower-case hex digits, a secret
    of this run; by default random. `timeout`: seconds until it gives up, 0: never; later losses are repaired without end. `queue_bytes`: bytes of
    messages that may wait for their acks."""
    found = settings(os.environ, server, server_key, certificate, user, token, new_pair)

    def make() -> Tuple[Client, AsyncEdge]:
        edge = AsyncEdge(found.keys)
        identity = Identity(client or secrets.token_hex(16), agent, nick, found.user, found.token, meta)
        return Client(edge, Servers(found.servers), identity, queue_bytes), edge
    return Relay(make, timeout)
