"""Stands between the client and the broker, and changes, drops and adds frames as a case tells it.

Each connection of the client has one of its own to the broker, so that a cut, a silence or a frame concerns only this one."""
import asyncio
import contextlib
import json
import socket
import struct

from frames import COMMAND, GREETING_SIZE, MORE, control, parse_ack, parse_control, parse_publish, read_zmtp, zmtp


class Link:
    """One connection. `side` is "front" or "back"."""

    def __init__(self, side, to_client):
        self.side, self.to_client, self.to_broker = side, to_client, None
        self.alive = True
        self.black = False     # swallows what comes, and keeps both connections
        self.greeting = False  # from the client's hello to the broker's answer
        self.client_id = None
        self.hellos = 0

    def give(self, frame):
        """Sends the client a frame that the broker did not send."""
        if self.alive:
            self.to_client.write(zmtp(frame))

    def end(self, reset=False):
        self.alive = False
        for writer in (self.to_client, self.to_broker):
            if writer is None:
                continue
            if reset:
                linger = struct.pack("ii", 1, 0)  # close then sends RST
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()


class Seen:
    """What passed, for the judge."""

    def __init__(self):
        self.hellos = []     # hello frames
        self.asked = []      # (op, message) of every other request
        self.pongs = 0
        self.sent = []       # (client id, message id, body) of each entry that a client sent
        self.acked = {}      # client id: highest message id whose answer the client got
        self.early = []      # what a client sent between hello and welcome, pings apart
        self.welcomes = 0
        self.synced = 0
        self.joined = 0
        self.left = 0


class Proxy:
    def __init__(self):
        self.seen, self.links, self.tasks, self.servers = Seen(), [], set(), []
        self.up, self.down = [], []  # rules: (link, frame) → None, or the frames to pass instead
        self.delay = 0.0             # seconds before each frame to the client
        self.failure = None
        self.broker = {}             # side: (host, port)
        self.holders = {side: self._hold() for side in ("front", "back")}

    @staticmethod
    def _hold():
        """A socket that is bound and does not listen: it keeps the port while the proxy refuses connections."""
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        return holder

    def endpoint(self, side):
        return "tcp://127.0.0.1:%d" % self.holders[side].getsockname()[1]

    async def listen(self):
        for side, holder in self.holders.items():
            def accept(reader, writer, side=side):
                self._start(self._serve(side, reader, writer))
            self.servers.append(await asyncio.start_server(accept, "127.0.0.1", holder.getsockname()[1]))

    def refuse(self):
        """Takes no connections until `listen`."""
        for server in self.servers:
            server.close()
        self.servers = []

    async def move_back(self):
        """The back is at another port from now on; the next welcome names it."""
        self.refuse()
        self.holders["back"].close()
        self.holders["back"] = self._hold()
        await self.listen()

    async def close(self):
        self.refuse()
        self.cut()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for holder in self.holders.values():
            holder.close()

    def alive(self, *sides):
        return [link for link in self.links if link.alive and (not sides or link.side in sides)]

    def cut(self, *sides):
        """Resets the connections of these sides, or all."""
        for link in self.alive(*sides):
            link.end(reset=True)

    @contextlib.contextmanager
    def rule(self, up=None, down=None):
        for table, rule in ((self.up, up), (self.down, down)):
            if rule:
                table.insert(0, rule)
        try:
            yield down or up
        finally:
            for table, rule in ((self.up, up), (self.down, down)):
                if rule:
                    table.remove(rule)

    def _start(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, side, reader, writer):
        link = Link(side, writer)
        self.links.append(link)
        try:
            if not self.servers:  # accepted just before `refuse`: another broker may have the port by now
                raise OSError
            from_broker, link.to_broker = await asyncio.open_connection(*self.broker[side])
        except OSError:
            link.end(reset=True)
            return
        if not link.alive or not self.servers:
            link.end(reset=True)
            return
        self._start(self._pump(link, from_broker, writer, self._to_client))
        await self._pump(link, reader, link.to_broker, self._to_broker)

    async def _pump(self, link, reader, writer, choose):
        try:
            left = GREETING_SIZE
            while left:  # in pieces, since each side waits for the first ones of the other
                part = await reader.read(left)
                if not part:
                    raise EOFError
                left -= len(part)
                writer.write(part)
            whole = True
            while True:
                flags, body = await read_zmtp(reader)
                plain, whole = whole and not flags, not flags & MORE
                if self.delay and choose == self._to_client and not flags & COMMAND:
                    await asyncio.sleep(self.delay)
                for frame in [body] if not plain or link.black else choose(link, body):
                    if not link.black:
                        writer.write(zmtp(frame, flags))
                await writer.drain()
        except (EOFError, OSError):
            if not link.black:
                link.end()
        except asyncio.CancelledError:
            raise
        except Exception as failure:  # of the kit: shown as such
            self.failure = failure
            link.end()

    @staticmethod
    def _apply(rules, link, frame):
        for rule in list(rules):
            frames = rule(link, frame)
            if frames is not None:
                return frames
        return [frame]

    def _to_broker(self, link, frame):
        if link.side == "back":
            return [frame]
        message = parse_control(frame)
        publish = parse_publish(frame)
        if message and message.get("op") == "hello":
            self.seen.hellos.append(message)
            link.greeting, link.client_id, link.hellos = True, message.get("client"), link.hellos + 1
        elif message:
            self.seen.asked.append((message.get("op"), message))
        if link.greeting and (publish or message and message["op"] not in ("hello", "ping", "bye")):
            self.seen.early.append(message["op"] if message else "PUBLISH")
        for item in publish.items if publish else ():
            self.seen.sent.append((link.client_id, item.mid, item.body))
        return self._apply(self.up, link, frame)

    def _to_client(self, link, frame):
        message = parse_control(frame)
        if message and message.get("op") == "welcome":
            frame = json.dumps({**message, "back": self.endpoint("back")}).encode()
        frames = self._apply(self.down, link, frame)
        for passed in frames:
            self._note(link, passed)
        return frames

    def _note(self, link, frame):
        if link.side == "back":
            self.seen.synced += frame[:1] == b"\xff"
            return
        message = parse_control(frame) or {}
        op = message.get("op")
        if op in ("welcome", "error") and link.greeting:
            link.greeting = False
        self.seen.welcomes += op == "welcome"
        self.seen.pongs += op == "pong"
        self.seen.joined += op == "joined"
        self.seen.left += op == "left"
        answered = parse_ack(frame)
        if answered is None and op in ("ack", "error"):
            answered = message.get("upto", message.get("mid"))
        if answered:
            self.seen.acked[link.client_id] = max(answered, self.seen.acked.get(link.client_id, 0))


def error(code, **members):
    return control(op="error", code=code, text="forced by the kit", **members)
