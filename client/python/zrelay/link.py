"""The outside world: ZeroMQ sockets in an asyncio loop, the clock, timers, randomness. Everything else of the client is decided without them."""
from __future__ import annotations

import asyncio
import random
import secrets
import struct
from typing import Callable, List, Optional, Tuple

import zmq

from .core.edge import Handlers
from .core.servers import Server
from .settings import Keys

_LINGER = 1000  # milliseconds for what was sent last
_BATCH = 100  # frames that are read before others have their turn
_DRAIN = 0.1  # seconds for frames that came before the connection ended, such as a `bye`
_MESSAGE_MAX = 258 * 1024 * 1024  # bytes of a frame that is read
_WATCHED = zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
_ENDED = "the connection to the broker ended"
_WHY = {zmq.EVENT_HANDSHAKE_FAILED_AUTH: "the broker does not let in this client's key",
        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "the handshake failed: the broker's key is another, or only one side encrypts"}


def new_pair() -> Tuple[str, str]:
    """A key pair of this run: public, secret."""
    public, secret = zmq.curve_keypair()
    return public.decode("ascii"), secret.decode("ascii")


class AsyncEdge:
    """The Edge of a client, in the event loop that runs now."""

    def __init__(self, keys: Optional[Keys]) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = zmq.Context()
        self._keys = keys

    def open(self, handlers: Handlers, server: Server) -> ZmqLink:
        """Makes a link."""
        keys = self._keys._replace(server=server.key) if self._keys else None
        return ZmqLink(self._loop, self._context, server.endpoint, keys, handlers)

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
        await self._loop.run_in_executor(None, self._context.term)


class _Reader:
    """Reads a socket as messages come, and hands each to `handle` as its frames.

    libzmq's descriptor tells only changes: after each receive and each send the socket itself is asked whether there is more (zmq_getsockopt(3),
    ZMQ_FD)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: zmq.Socket[bytes], handle: Callable[[List[bytes]], None]) -> None:
        self._loop, self.socket, self._handle = loop, socket, handle
        self._is_closed = self._soon = False
        self._fd = int(socket.getsockopt(zmq.FD))
        loop.add_reader(self._fd, self._read)
        self.look()

    def look(self) -> None:
        """Looks for messages, as soon as others have had their turn."""
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._read)

    def _read(self) -> None:
        self._soon = False
        for _ in range(_BATCH):
            if self._is_closed or not int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                return
            frames = self.socket.recv_multipart(zmq.NOBLOCK)
            try:
                self._handle(frames)
            except Exception as fault:  # of this client; the next frame is read all the same
                self._loop.call_exception_handler({"message": "zrelay failed at a frame", "exception": fault})
        self.look()

    def close(self, linger: int) -> None:
        """Closes the socket."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._fd)
            self.socket.close(linger)


class ZmqLink:
    """A DEALER and a SUB."""

    def __init__(self, loop: asyncio.AbstractEventLoop, context: zmq.Context[zmq.Socket[bytes]], server: str, keys: Optional[Keys],
                 handlers: Handlers) -> None:
        self._loop, self._context, self._keys, self._handlers = loop, context, keys, handlers
        self._is_closed = False
        self._met = False  # it had a connection
        self._why = _ENDED
        self._back: Optional[_Reader] = None
        front = self._socket(zmq.DEALER, server)
        self._monitor = _Reader(loop, front.get_monitor_socket(_WATCHED), self._event)
        front.connect(server)
        self._front = _Reader(loop, front, lambda frames: self._one(frames, handlers.front_frame))

    def _socket(self, kind: int, server: str) -> zmq.Socket[bytes]:
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

    def _one(self, frames: List[bytes], handle: Callable[[bytes], None]) -> None:
        if len(frames) == 1:
            handle(frames[0])
        else:
            self._lost("the broker sends a message of several parts")

    def _event(self, frames: List[bytes]) -> None:
        event, = struct.unpack_from("=H", frames[0])
        if event == zmq.EVENT_CONNECT_RETRIED:
            if not self._is_closed and not self._met:
                self._handlers.unreachable("no broker answers there")
            return
        self._met = True
        self._why = _WHY.get(event, self._why)
        if event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:  # DISCONNECTED comes after that
            self._loop.call_later(_DRAIN, self._lost, self._why)

    def _lost(self, why: str) -> None:
        if not self._is_closed:
            self._handlers.lost(why)

    # The Link

    def send(self, frame: bytes) -> None:
        """Sends one frame; with SNDHWM 0 that never waits."""
        if not self._is_closed:
            self._front.socket.send(frame, zmq.NOBLOCK)
            self._front.look()

    def listen(self, endpoint: str) -> None:
        """Makes a new SUB."""
        if self._back:
            self._back.close(0)
        socket = self._socket(zmq.SUB, endpoint)
        socket.connect(endpoint)
        self._back = _Reader(self._loop, socket, lambda frames: self._one(frames, self._handlers.back_frame))

    def subscribe(self, topic: bytes) -> None:
        """Subscribes the SUB."""
        if self._back:
            self._back.socket.setsockopt(zmq.SUBSCRIBE, topic)
            self._back.look()

    def unsubscribe(self, topic: bytes) -> None:
        """Takes a subscription back."""
        if self._back:
            self._back.socket.setsockopt(zmq.UNSUBSCRIBE, topic)
            self._back.look()

    def close(self, linger: bool) -> None:
        """Closes everything."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._back:
            self._back.close(0)
        self._front.socket.disable_monitor()
        self._monitor.close(0)
        self._front.close(_LINGER if linger else 0)
