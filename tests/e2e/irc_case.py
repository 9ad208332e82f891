"""IRC clients for end-to-end tests of the gateway."""
import re
import socket

from gateway_case import GatewayCase
from harness import DEADLINE

CAPS = ("batch message-tags server-time echo-message labeled-response account-tag away-notify extended-join userhost-in-names "
        "standard-replies draft/chathistory draft/multiline")


class Line:
    """A line of the server, taken apart."""

    def __init__(self, text):
        self.text, rest = text, text
        self.tags, self.source = {}, ""
        if rest.startswith("@"):
            tags, _, rest = rest[1:].partition(" ")
            self.tags = dict(tag.partition("=")[::2] for tag in tags.split(";"))
        if rest.startswith(":"):
            self.source, _, rest = rest[1:].partition(" ")
        rest, colon, last = rest.partition(" :")
        self.command, *self.params = rest.split()
        if colon:
            self.params.append(last)
        self.nick = self.source.partition("!")[0]

    def __repr__(self):
        return self.text


class Irc:
    """A client of IRC over TCP."""

    def __init__(self, address, receive=None, tls=None):
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(DEADLINE)
        self.socket.connect((host, int(port)))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        self.seen = []

    def send(self, *lines):
        for line in lines:
            self.socket.sendall(line.encode() + b"\r\n")

    def line(self):
        """The next line; None at the end of the connection. PINGs are answered."""
        while b"\r\n" not in self.buffer:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self.buffer += data
        text, _, self.buffer = self.buffer.partition(b"\r\n")
        assert len(re.sub(rb"^@\S+ ", b"", text)) <= 510, text
        line = Line(text.decode())
        if line.command == "PING":
            self.send("PONG :" + line.params[0])
            return self.line()
        self.seen.append(line)
        return line

    def hear(self, *commands, where=None):
        """The next line with one of these commands, of which the condition holds; others are passed over."""
        while True:
            line = self.line()
            assert line, f"the connection ended; {self.seen[-5:]}"
            if line.command in commands and (where is None or where(line)):
                return line

    def until(self, command):
        """All lines up to one with this command."""
        lines = []
        while not lines or lines[-1].command != command:
            lines.append(self.line())
            assert lines[-1], f"the connection ended; {self.seen[-5:]}"
        return lines

    def mark(self):
        """All lines up to now: those that came before the answer to a PING."""
        self.send("PING :mark")
        return self.until("PONG")[:-1]

    def register(self, nick, caps=None):
        if caps:
            self.send(f"CAP REQ :{caps}", "CAP END")
            self.hear("CAP")
        self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self.nick = self.hear("001").params[0]
        self.hear("376", "422")
        return self

    def join(self, channel):
        self.send(f"JOIN {channel}")
        return self.until("366")

    def close(self):
        self.socket.close()


class IrcCase(GatewayCase):
    def irc_gateway(self, broker, *arguments, config="", **options):
        return self.gateway(broker, "--irc", "127.0.0.1:*", *arguments, config=config + "irc\n    rate = 1000\n", **options)

    def connect(self, gateway, **options):
        client = Irc(gateway.irc, **options)
        self.addCleanup(client.close)
        return client

    def client(self, gateway, nick, caps=None, channel=None, **options):
        client = self.connect(gateway, **options).register(nick, caps)
        if channel:
            client.join(channel)
        return client
