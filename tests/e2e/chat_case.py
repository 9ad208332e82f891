"""zrelay chat in a terminal of the test's own, whose screen the test can read."""
import fcntl
import json
import os
import pty
import re
import secrets
import struct
import subprocess
import termios
import threading

import pyte

from harness import DEADLINE, ZRELAY, TestCase, publish_frame, wait_for

FAST = "server\n    heartbeat = 1000\n    tick = 20\n"
HOUR = re.compile(r"^\d\d:\d\d ", re.M)
MOVES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")


class Terminal:
    """A program on a terminal of its own. `shown` is everything it ever wrote, `text()` the same without cursor movements and colours."""

    def __init__(self, command, environment, size=(24, 80)):
        self.ours, self.theirs = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, env=environment,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.shown = bytearray()
        self.screen = pyte.HistoryScreen(size[1], size[0], history=5000)
        self.stream = pyte.ByteStream(self.screen)
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        while True:
            try:
                data = os.read(self.ours, 65536)
            except OSError:
                return
            if not data:
                return
            with self.lock:
                self.shown += data
                self.stream.feed(data)

    def rows(self):
        """What the terminal shows now, without the blanks at the ends of rows and the empty rows at the bottom."""
        with self.lock:
            return "\n".join(row.rstrip() for row in self.screen.display).rstrip("\n").split("\n")

    def cursor(self):
        with self.lock:
            return self.screen.cursor.y, self.screen.cursor.x

    def wait_rows(self, *wanted):
        """Waits until these are the last rows."""
        try:
            return wait_for(lambda: self.rows()[-len(wanted):] == list(wanted), "the rows")
        except AssertionError:
            raise AssertionError("\n".join(["wanted:", *wanted, "shown:", *self.rows()])) from None

    def resize(self, rows, columns):
        if hasattr(self, "screen"):
            with self.lock:
                self.screen.resize(rows, columns)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.ours, text if isinstance(text, bytes) else text.encode())

    def line(self, text):
        self.type(text + "\r")

    def text(self):
        return MOVES.sub(b"", bytes(self.shown)).replace(b"\r", b"\n").decode(errors="replace")

    def wait(self, pattern, after=0):
        """Waits until what is shown beyond `after` matches; returns the match."""
        def look():
            found = re.compile(pattern, re.M).search(self.text(), after)
            if not found and self.process.poll() is not None:
                found = re.compile(pattern, re.M).search(self.text(), after)
                if not found:
                    raise AssertionError(f"ended with {self.process.returncode} before {pattern!r} was shown: {self.text()[-2000:]!r}")
            return found
        try:
            return wait_for(look, f"{pattern!r} to be shown")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()[-3000:]!r}") from None

    def finish(self):
        """Waits until the program has ended and all that it wrote is in `shown`; returns its exit status."""
        status = self.process.wait(DEADLINE)
        if self.theirs >= 0:
            self.after = termios.tcgetattr(self.theirs)
            os.close(self.theirs)
            self.theirs = -1
            self.thread.join(DEADLINE)
        return status

    def restored(self):
        """Is the terminal as the program found it?"""
        return (self.after if self.theirs < 0 else termios.tcgetattr(self.theirs)) == self.before

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.finish()
        os.close(self.ours)


class ChatCase(TestCase):
    def settings(self, **settings):
        """What /save would write."""
        os.makedirs(os.path.join(self.folder, "zrelay"), mode=0o700, exist_ok=True)
        with open(os.path.join(self.folder, "zrelay/chat.conf"), "w", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def chat(self, broker, nick, *rooms, size=(24, 80), live=True, options=(), login=None, **environment):
        """Somebody at a terminal, there and listening."""
        terminal = Terminal([ZRELAY, "-s", broker.server, *(login or ("--nick", nick)), "chat", *options, *rooms],
                            {**self.environment, "TERM": "xterm", "COLORTERM": "", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TZ": "UTC",
                             **environment}, size)
        self.addCleanup(terminal.end)
        if live:
            for room in rooms or ("general",):
                terminal.wait(rf"you are in {room}, ")
        return terminal

    def talk(self, broker, nick="ann", *rooms, **options):
        """The chat's screen, with 12:34 for all times."""
        terminal = self.chat(broker, nick, *rooms, **options)
        shown = terminal.rows
        terminal.rows = lambda: HOUR.sub("12:34 ", "\n".join(shown())).split("\n")
        return terminal

    def say(self, broker, room, *bodies, nick=None):
        """Somebody without a terminal."""
        peer = self.peer(broker, nick or "n" + secrets.token_hex(4))
        peer.send(publish_frame(room, *enumerate(bodies, 1)))
        self.assertEqual(peer.receive()[:1], b"\x02")
        return peer

    def paste(self, terminal, text):
        """As a terminal does it that was asked to mark pastes."""
        wait_for(lambda: b"\x1b[?2004h" in terminal.shown, "marks to be asked for")
        terminal.type("\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~")

    def bodies(self, broker, room="general"):
        """The messages of the room, whole."""
        lines = self.run_zrelay(broker, "--json", "history", room).lines()
        return [json.loads(line)["body"].encode() for line in lines]
