"""The outside world: ZeroMQ sockets on asyncio, the clock, timers, randomness. Everything else of the client is decided without them."""
from __future__ import annotations

import asyncio
import random
import secrets
import struct
from typing import Any, Callable, List, Optional, Tuple

import zmq
import zmq.asyncio

from .core.edge import Handlers
from .settings import Keys

_LINGER = 1000  # milliseconds for what was sent last
_BATCH = 100  # frames that are read before others have their turn
_DRAIN = 0.1  # seconds for frames that came before the connection ended, such as a `bye`
_MESSAGE_MAX = 258 * 1024 * 1024  # bytes of a frame that is read
_WATCHED = zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
_ENDED = "the connection to the broker ended"
_WHY = {zmq.EVENT_HANDSHAKE_FAILED_AUTH: "the broker does not let in this client's key",
        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "the handshake failed: the broker's key is another, or only one side encrypts"}


def new_pair() -> Tuple[str, str]:
    """A key pair of this run: public, secret."""
    public, secret = zmq.curve_keypair()
    return public.decode("ascii"), secret.decode("ascii")


def _retrieved(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()  # the socket was closed; what was not sent is sent again in the next session


def _more(socket: Any) -> Optional[bytes]:
    try:
        frame: bytes = socket.recv(zmq.NOBLOCK)
        return frame
    except zmq.Again:
        return None


class AsyncEdge:
    """The Edge of a client, in the event loop that runs now."""

    def __init__(self, server: str, keys: Optional[Keys]) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = zmq.asyncio.Context()
        self._server, self._keys = server, keys
        self._links: List[ZmqLink] = []

    def open(self, handlers: Handlers) -> ZmqLink:
        """Makes a link."""
        self._links = [link for link in self._links if not link.done]
        self._links.append(ZmqLink(self._context, self._server, self._keys, handlers))
        return self._links[-1]

    def now(self) -> float:
        """Seconds since some moment."""
        return self._loop.time()

    def after(self, seconds: float, run: Callable[[], None]) -> Callable[[], None]:
        """Calls `run` later."""
        return self._loop.call_later(seconds, run).cancel if seconds > 0 else self._loop.call_soon(run).cancel

    def random(self) -> float:
        """A number from 0 to 1."""
        return random.random()

    def hex(self, size: int) -> str:
        """Random bytes."""
        return secrets.token_hex(size)

    async def close(self) -> None:
        """Waits until what was sent last is gone, at most a second."""
        for link in self._links:
            await link.closed()
        await self._loop.run_in_executor(None, self._context.term)


class ZmqLink:
    """A DEALER and a SUB."""

    def __init__(self, context: zmq.asyncio.Context, server: str, keys: Optional[Keys], handlers: Handlers) -> None:
        self._context, self._keys, self._handlers = context, keys, handlers
        self._tasks: List[asyncio.Task[None]] = []
        self._is_closed = False
        self._back: Optional[Any] = None
        self._back_task: Optional[asyncio.Task[None]] = None
        self._front = self._socket(zmq.DEALER, server)
        self._monitor = self._front.get_monitor_socket(_WATCHED)
        self._front.connect(server)
        self._start(self._watch())
        self._start(self._read(self._front, handlers.front_frame))

    @property
    def done(self) -> bool:
        """It is closed, and nothing of it runs any more."""
        return self._is_closed and all(task.done() for task in self._tasks)

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks = [each for each in self._tasks if not each.done()] + [task]
        return task

    def _socket(self, kind: int, server: str) -> Any:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        socket.setsockopt(zmq.MAXMSGSIZE, _MESSAGE_MAX)
        if "[" in server:
            socket.setsockopt(zmq.IPV6, 1)
        if self._keys:
            socket.setsockopt(zmq.CURVE_SERVERKEY, self._keys.server.encode("ascii"))
            socket.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public.encode("ascii"))
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret.encode("ascii"))
        return socket

    async def _read(self, socket: Any, handle: Callable[[bytes], None]) -> None:
        plain = zmq.Socket.shadow(socket.underlying)
        while not socket.closed:
            try:
                frame, left = await socket.recv(), _BATCH
                while frame is not None:
                    if plain.getsockopt(zmq.RCVMORE):
                        return self._lost("the broker sends a message of several parts")
                    self._hand(handle, frame)
                    if socket.closed:
                        return
                    left -= 1
                    frame = _more(plain) if left else None
            except zmq.ZMQError as fault:
                if not self._is_closed and not socket.closed:
                    self._lost(str(fault))
                return
            await asyncio.sleep(0)

    def _hand(self, handle: Callable[[bytes], None], frame: bytes) -> None:
        """A fault of the client is told as asyncio tells those of callbacks, and the next frame is read."""
        try:
            handle(frame)
        except Exception as fault:
            asyncio.get_running_loop().call_exception_handler({"message": "zrelay failed at a frame", "exception": fault})

    async def _watch(self) -> None:
        why = _ENDED
        while True:
            event, = struct.unpack_from("=H", (await self._monitor.recv_multipart())[0])
            why = _WHY.get(event, why)
            if event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                break
        await asyncio.sleep(_DRAIN)
        self._lost(why)

    def _lost(self, why: str) -> None:
        if not self._is_closed:
            self._handlers.lost(why)

    # The Link

    def send(self, frame: bytes) -> None:
        """Sends one frame; with SNDHWM 0 that never waits."""
        if not self._is_closed:
            self._front.send(frame).add_done_callback(_retrieved)

    def listen(self, endpoint: str) -> None:
        """Makes a new SUB."""
        self._drop_back()
        self._back = self._socket(zmq.SUB, endpoint)
        self._back.connect(endpoint)
        self._back_task = self._start(self._read(self._back, self._handlers.back_frame))

    def _drop_back(self) -> None:
        if self._back_task:
            self._cancel(self._back_task)
        if self._back:
            self._back.close(0)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        if task is not _current():
            task.cancel()

    def subscribe(self, topic: bytes) -> None:
        """Subscribes the SUB."""
        if self._back:
            self._back.setsockopt(zmq.SUBSCRIBE, topic)

    def unsubscribe(self, topic: bytes) -> None:
        """Takes a subscription back."""
        if self._back:
            self._back.setsockopt(zmq.UNSUBSCRIBE, topic)

    def close(self, linger: bool) -> None:
        """Closes everything."""
        if self._is_closed:
            return
        self._is_closed = True
        for task in self._tasks:
            self._cancel(task)
        self._drop_back()
        self._back = None
        self._front.disable_monitor()
        self._monitor.close(0)
        self._front.close(_LINGER if linger else 0)

    async def closed(self) -> None:
        """Waits for the end of its tasks, after `close`."""
        await asyncio.gather(*(task for task in self._tasks if task is not _current()), return_exceptions=True)


def _current() -> Optional[asyncio.Task[Any]]:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
