"""The gateway for end-to-end tests: the program, and a WebSocket client that can break every rule."""
import base64
import contextlib
import json
import os
import secrets
import signal
import socket
import ssl
import struct
import time

from harness import BUILD, DEADLINE, Program, TestCase, wait_for

GATEWAY = os.environ.get("ZRELAY_GATEWAY", os.path.join(BUILD, "client/gateway/zrelay-gateway"))
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Gateway(Program):
    """zrelay-gateway; `host`, `port`, `url`, `lines` and `irc` are what its start line names."""

    START = r"^zrelay-gateway \S+ listening on (?P<scheme>https?)://(?P<host>.+):(?P<port>\d+), broker (?P<broker>\S+?)(?:, lines on (?P<lines>[^\s,]+))?(?:, irc on (?P<irc>[^\s,]+))?(?:, irc-tls on (?P<irc_tls>[^\s,]+))?$"

    def __init__(self, *arguments, **options):
        super().__init__([GATEWAY, *arguments], **options)
        try:
            start = self.wait_out(self.START)
        except AssertionError:
            self.end()
            raise
        self.scheme, self.host = start["scheme"].decode(), start["host"].decode().strip("[]")
        self.port = int(start["port"])
        self.lines = start["lines"] and start["lines"].decode()
        self.irc = start["irc"] and start["irc"].decode()
        self.irc_tls = start["irc_tls"] and start["irc_tls"].decode()
        self.address = f"127.0.0.1:{self.port}" if self.host == "*" else f"{self.host}:{self.port}"
        self.ws = f"{'wss' if self.scheme == 'https' else 'ws'}://{self.address}"
        self.http = f"{self.scheme}://{self.address}"


class Raw:
    """A TCP connection to the gateway, and what a test sends over it, byte for byte."""

    def __init__(self, gateway, tls=None, receive=None):
        """`receive`: bytes that the kernel keeps for it."""
        self.socket = socket.socket(socket.AF_INET6 if ":" in gateway.host else socket.AF_INET)
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(DEADLINE)
        self.socket.connect((gateway.address.rsplit(":", 1)[0], gateway.port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.gateway = gateway
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def end(self):
        """Sends no more. The gateway may have closed the connection before."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def more(self):
        """Reads; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            data = b""
        self.buffer += data
        return bool(data)

    def take(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise EOFError(f"{self.buffer!r} was not {size} bytes")
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def head(self):
        """The head of a response: its status and headers, in lower case."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                raise EOFError(f"no response: {self.buffer!r}")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def body(self, headers):
        return self.take(int(headers["content-length"]))

    def wait_end(self):
        while self.more():
            pass

    def request(self, path, *headers, method="GET"):
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {self.gateway.address}", *headers, "", ""]).encode())

    def upgrade(self, path, *headers, extra=b""):
        """Opens a WebSocket; returns the response's head."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.gateway.address}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}", "Sec-WebSocket-Version: 13", *headers, "", ""]
        self.send("\r\n".join(lines).encode() + extra)
        return self.head()

    def frame(self, opcode, payload=b"", fin=True, mask=True, rsv=0):
        self.send(frame(opcode, payload, fin, mask, rsv))

    def read(self):
        """The next frame: opcode and payload."""
        first, second = self.take(2)
        size = second & 0x7f
        if size == 126:
            size, = struct.unpack(">H", self.take(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.take(8))
        assert not second & 0x80, "a server's frame is not masked"
        return first & 0x0f, self.take(size)

    def read_until(self, opcode):
        while True:
            found, payload = self.read()
            if found == opcode:
                return payload

    def close_code(self):
        """Reads up to the close; returns its code and reason."""
        payload = self.read_until(CLOSE)
        return (struct.unpack(">H", payload[:2])[0] if payload else 0), payload[2:].decode()

    def say(self, **members):
        self.frame(TEXT, json.dumps(members).encode())

    def hear(self, op):
        """The next text message with this op; others before it are dropped."""
        while True:
            message = json.loads(self.read_until(TEXT))
            if message["op"] == op:
                return message

    def close(self):
        self.socket.close()


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0):
    """A client's WebSocket frame."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return head + payload
    key = secrets.token_bytes(4)
    pad = key * (len(payload) // 4 + 1)
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(pad[:len(payload)], "big")).to_bytes(len(payload), "big")
    return head + key + masked


class GatewayCase(TestCase):
    def gateway(self, broker, *arguments, config=None, wait=True):
        """A gateway of that broker on a free port; with `wait` it has reached the broker."""
        arguments = ["--server", broker if isinstance(broker, str) else broker.server, *arguments]
        if "--http" not in arguments:
            arguments += ["--http", "127.0.0.1:*"]
        if config is not None:
            arguments += ["--config", self.file(f"gateway-{secrets.token_hex(4)}.conf", config)]
        gateway = Gateway(*arguments, env=self.environment)
        self.addCleanup(gateway.end)
        if "ZRELAY_GATEWAY_STOPS" in os.environ:
            self.addCleanup(self.stop, gateway)
        if wait:
            gateway.wait_err("connected to the broker")
        return gateway

    def stop(self, gateway):
        """For valgrind, which tells of leaks when a program ends by itself."""
        if gateway.process.poll() is None:
            gateway.signal(signal.SIGTERM)
        code = gateway.finish()
        self.assertIn(code, (0, -signal.SIGKILL), gateway.errors()[-5000:])  # some tests kill it

    def raw(self, gateway, **options):
        raw = Raw(gateway, **options)
        self.addCleanup(raw.close)
        return raw

    def browser(self, gateway, nick=None, subprotocol=None, receive=None, **members):
        """A WebSocket at /v1/ws whose `hello` was answered; `welcome` has the answer."""
        raw = self.raw(gateway, receive=receive)
        status, _ = raw.upgrade("/v1/ws", *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []))
        self.assertEqual(status, 101)
        raw.client = secrets.token_hex(16)
        if nick:
            members["nick"] = nick
        raw.say(op="hello", id="hello", proto=1, client=raw.client, **members)
        raw.welcome = raw.hear("welcome")
        return raw

    def get(self, gateway, path, *headers, method="GET"):
        """One request on a connection of its own: status, headers, body."""
        raw = self.raw(gateway)
        raw.request(path, "Connection: close", *headers, method=method)
        status, found = raw.head()
        raw.wait_end()
        return status, found, raw.buffer

    def wait_away(self, gateway):
        wait_for(lambda: self.get(gateway, "/healthz")[0] == 503, "the broker to be away")

    def wait_back(self, gateway):
        wait_for(lambda: self.get(gateway, "/healthz")[0] == 200, "the broker to be back")


def spend(seconds, condition):
    """Looks at the condition until it fails or the time is over; for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition()
        time.sleep(0.02)


