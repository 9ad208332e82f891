"""What the tests of run.py start: a broker, and clients in other languages."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
ZRELAYD = os.environ.get("ZRELAYD", BUILD / "broker/zrelayd")
PATIENCE = 30  # seconds that anything may take, on a slow machine


def find_python():
    """A Python that has pyzmq; the one that runs this file need not."""
    for each in (sys.executable, "/usr/bin/python3"):
        if runs(each, "-c", "import zmq"):
            return each
    raise AssertionError("python: no pyzmq; broker/etc/install-packages tests/packages installs it")


def find_node():
    if not runs("node", "--version"):
        raise AssertionError("node: no node; broker/etc/install-packages tests/packages installs it")
    if not runs(HERE / "install", BUILD, output=sys.stderr):
        raise AssertionError("node: tests/interop/install did not get the npm package zeromq")
    return "node"


def find_perl():
    if not runs("perl", "-MZMQ::FFI", "-MJSON::PP", "-e", "1"):
        raise AssertionError("perl: no ZMQ::FFI; broker/etc/install-packages tests/packages installs it")
    return "perl"


LANGUAGES = {  # name: finds the interpreter, the client
    "python": (find_python, HERE / "python/client.py"),
    "node": (find_node, BUILD / "tests/interop/node/client.mjs"),
    "perl": (find_perl, HERE / "perl/client.pl"),
}


def runs(*command, output=subprocess.DEVNULL):
    try:
        return subprocess.run(list(map(str, command)), stdout=output, stderr=output).returncode == 0
    except OSError:
        return False


class Process:
    """A program whose lines on stdout are read as they come; they are shown when a test fails."""

    def __init__(self, test, name, command):
        self.name, self.lines, self.news = name, [], threading.Condition()
        self.stderr = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
                                        text=True, encoding="utf-8", errors="replace", bufsize=1)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        test.processes.append(self)

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def wait_for(self, condition, what, patience=PATIENCE):
        """Waits until condition() is true, looking again at each line, and returns its value."""
        deadline = time.monotonic() + patience
        with self.news:
            while not (found := condition()):
                left = deadline - time.monotonic()
                if left <= 0 or not self.reader.is_alive():
                    raise AssertionError(f"{self.name} {'did not come to' if left <= 0 else 'ended before'}: {what}")
                self.news.wait(min(left, 1))
            return found

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, number):
        self.process.send_signal(number)

    def ends(self):
        """Waits for the end and returns the exit status."""
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return status

    def end(self):
        if self.process.poll() is None:
            self.process.kill()  # also ends one that is stopped
        self.ends()
        self.process.stdin.close()
        self.process.stdout.close()

    def report(self):
        self.stderr.seek(0)
        return "\n".join([f"--- {self.name}", *self.lines[-60:], "  stderr:", self.stderr.read()[-4000:]])


class Broker:
    def __init__(self, test, heartbeat, limits, arguments=(), sections=""):
        self.test, self.front, self.back, self.arguments = test, "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", arguments
        self.config = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.config.write(f"server\n    heartbeat = {heartbeat}\n")
        self.config.write("limits\n" + "".join(f"    {name} = {value}\n" for name, value in limits.items()) if limits else "")
        self.config.write(sections)
        self.config.flush()
        test.addCleanup(self.config.close)
        self.start()

    def start(self):
        """Also after kill: on the same endpoints again."""
        self.process = Process(self.test, "zrelayd", [ZRELAYD, "--listen", self.front, "--back", self.back, "--config", self.config.name,
                                                    *self.arguments])
        self.process.wait_for(lambda: self.process.lines, "its start line")
        line = self.process.lines[0]
        said = re.match(r"zrelayd \S+ listening on ([^,\s]+).*?, back ([^,\s]+).*?, epoch ([0-9a-f]{16}), store memory", line)
        self.test.assertTrue(said, line)
        self.front, self.back, self.epoch = said.groups()

    def freeze(self):
        self.process.send(signal.SIGSTOP)

    def thaw(self):
        self.process.send(signal.SIGCONT)

    def kill(self):
        self.process.send(signal.SIGKILL)
        self.process.ends()

    def shut_down(self):
        self.process.send(signal.SIGTERM)
        self.test.assertEqual(self.process.ends(), 0)


class Client(Process):
    """One client process. `events` are those that it has told so far."""

    def __init__(self, test, language, broker, room, nick):
        interpreter, script = test.interpreters[language], LANGUAGES[language][1]
        super().__init__(test, f"{nick} ({language})", [interpreter, script, "--server", broker.front, "--room", room, "--nick", nick])
        self.nick, self.published = nick, 0

    @property
    def events(self):
        return [json.loads(line) for line in list(self.lines)]

    def told(self, event, since=0, **members):
        return [e for e in self.events[since:] if e["event"] == event and members.items() <= e.items()]

    def expect(self, event, since=0, **members):
        return self.wait_for(lambda: self.told(event, since, **members), f"{event} {members}")[0]

    def entries(self, since=0):
        return [(e["seq"], e["sender"], e["body"]) for e in self.told("entry", since)]

    def bodies(self, since=0):
        return [body for _, _, body in self.entries(since)]

    def expect_bodies(self, bodies, since=0):
        self.wait_for(lambda: set(bodies) <= set(self.bodies(since)), f"the entries {bodies}")

    def present(self):
        """The users in the room, as told so far."""
        here = set()
        for e in self.told("presence"):
            here = here - set(e["left"]) | set(e["joined"])
        return here

    def expect_present(self, *nicks):
        self.wait_for(lambda: self.present() == set(nicks), f"seeing {nicks} in the room")

    def publish(self, *texts):
        for text in texts:
            self.type(f"publish {text}")
            self.published += 1

    def expect_acked(self):
        """All that was published was acked, each once and in order."""
        def acked():
            return [e["mid"] for e in self.told("acked")]
        self.wait_for(lambda: len(acked()) >= self.published, f"{self.published} acks")
        assert acked() == list(range(1, self.published + 1)), acked()

    def command(self, command, answer):
        since = len(self.lines)
        self.type(command)
        self.expect(answer, since)

    def quit(self):
        self.type("quit")
        self.expect("bye")
        return self.ends()
