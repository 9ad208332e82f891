"""What operators do by habit: signals, few file descriptors, media that cannot be written."""
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

from gateway_case import GATEWAY, GatewayCase
from harness import BUILD, DEADLINE, ZRELAY, ZRELAYD, Program, TestCase, wait_for

FAST = "server\n    heartbeat = 1000\n    tick = 20\n"
SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
UNITS = ("broker/etc/zrelayd.service", "client/gateway/etc/zrelay-gateway.service")
SEARCH = os.path.join(BUILD, "broker/zrelayd-search")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Services(GatewayCase):
    """What the broker and the gateway promise alike."""

    def services(self, before=(), **options):
        """Each of both as a program that has shown its start line. `before` are words in front of its own."""
        for command in ([ZRELAYD, "--listen", "tcp://127.0.0.1:*"], [GATEWAY, "--http", "127.0.0.1:*"]):
            with self.subTest(command):
                program = Program([*before, *command], stdin=subprocess.DEVNULL, **options)
                self.addCleanup(program.end)
                program.wait_out("listening on")
                yield program

    def test_signals_do_not_kill_the_gateway(self):
        gateway = self.gateway(self.broker(config=FAST))
        gateway.signal(signal.SIGUSR1)
        gateway.wait_err("does nothing here")
        gateway.signal(signal.SIGUSR2)
        gateway.wait_err("SIGUSR2: there is no")
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH):
            gateway.signal(number)
        self.assertEqual(self.get(gateway, "/healthz")[0], 200)

    def test_systemd_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(self.path("notify"))
            told.settimeout(DEADLINE)
            for program in self.services(env={**self.environment, "NOTIFY_SOCKET": self.path("notify")}):
                self.assertEqual(told.recv(100), b"READY=1")
                program.signal(signal.SIGTERM)
                self.assertEqual(told.recv(100), b"STOPPING=1")
                self.assertEqual(program.finish(), 0)

    def test_systemd_hears_that_the_loop_turns(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(self.path("notify"))
            told.settimeout(DEADLINE)
            for program in self.services(env={**self.environment, "NOTIFY_SOCKET": self.path("notify"), "WATCHDOG_USEC": "200000"}):
                self.assertEqual(told.recv(100), b"READY=1")
                heard = told.recv(100)
                if heard == b"WATCHDOG_USEC=200000":  # the broker may have asked for more time while it started anew
                    heard = told.recv(100)
                self.assertEqual([heard, told.recv(100)], [b"WATCHDOG=1"] * 2)
                program.signal(signal.SIGTERM)
                while told.recv(100) == b"WATCHDOG=1":
                    pass
                self.assertEqual(program.finish(), 0)

    @unittest.skipUnless(shutil.which("strace") and shutil.which("systemd-analyze"), "strace or systemd is not installed")
    def test_the_units_allow_the_system_calls_of_a_start(self):
        """libzmq aborts when it may not set the scheduling of its threads."""
        listed = subprocess.run(["systemd-analyze", "syscall-filter", "@privileged", "@resources"], capture_output=True, text=True, check=True)
        refused = set(re.findall(r"^ +([a-z0-9_]+)$", listed.stdout, re.M))
        self.assertIn("sched_setscheduler", refused)
        trace = self.path("trace")
        alone = {**self.environment, "ASAN_OPTIONS": "detect_leaks=0"}  # which strace would disturb
        for program, unit in zip(self.services(["strace", "-D", "-f", "-o", trace], env=alone), UNITS):
            program.signal(signal.SIGTERM)
            self.assertEqual(program.finish(), 0)
            text = wait_for(lambda: (lines := read(trace)).endswith("+++ exited with 0 +++\n") and lines, "the end of the trace")
            called = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", text, re.M))
            allowed = set(" ".join(re.findall(r"^SystemCallFilter=([^@~].*)$", read(os.path.join(SOURCE, unit)), re.M)).split())
            self.assertIn("sched_setscheduler", called)
            self.assertEqual(called & refused - allowed, set())

    def test_closed_standard_descriptors_become_no_sockets(self):
        for program in self.services(["sh", "-c", 'exec "$@" <&- 2>&-', "sh"]):
            for number in (0, 2):
                self.assertEqual(os.readlink(f"/proc/{program.process.pid}/fd/{number}"), "/dev/null")


class Habits(TestCase):
    def run_program(self, *command, code=0):
        program = Program(list(command), stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), code, f"{command}: {program.errors()}")
        return program

    def test_signals_do_not_kill_the_broker(self):
        broker = self.broker(config=FAST)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT):
            broker.signal(number)
            broker.signal(signal.SIGCONT)
            self.run_zrelay(broker, "pub", "r", "x")
        broker.wait_err("SIGUSR2: there is no server/log-file")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            broker = self.broker(config=FAST)
            broker.signal(number)
            self.assertEqual(broker.finish(), 0)
            self.assertIn(f"signal {int(number)}: saying bye to everybody", broker.errors())

    def test_signals_do_not_kill_a_reader(self):
        broker = self.broker(config=FAST)
        reader = self.zrelay(broker, "sub", "r", "--all")
        for number, text in enumerate(("one", "two", "three", "four", "five", "six")):
            self.run_zrelay(broker, "pub", "r", text)
            reader.wait_out(text)
            reader.signal((signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT)[number])
            reader.signal(signal.SIGCONT)
        self.run_zrelay(broker, "pub", "r", "seven")
        reader.wait_out("seven")
        before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # whatever this process was started with
        quits = self.zrelay(broker, "sub", "r", "--all")
        signal.signal(signal.SIGQUIT, before)
        quits.wait_out("seven")
        quits.signal(signal.SIGQUIT)
        terms = self.zrelay(broker, "sub", "r", "--all")
        terms.wait_out("seven")
        terms.signal(signal.SIGTERM)
        self.assertEqual(quits.finish(), terms.finish())

    def test_few_file_descriptors(self):
        server = f"ipc://{self.path('nobody')}"
        for count in (4, 6, 8, 10, 12, 14, 16, 18, 20, 24):
            limit = ["prlimit", f"--nofile={count}:{count}"]
            for command in ([ZRELAYD, "--listen", "tcp://127.0.0.1:*"], [ZRELAYD, "--listen", "tcp://127.0.0.1:*", "--data", self.path("data")],
                            *([ZRELAY, "-s", server, *words] for words in (["ping"], ["pub", "r", "x"], ["history", "r"], ["sub", "r"], ["rooms"]))):
                told = self.run_program(*limit, *command, code=1).errors()
                self.assertRegex(told, r"\Azrelayd?: [^\n]+\n\Z", f"{count} {command}")
                if count >= 8:
                    self.assertIn("file descriptors", told, f"{count} {command}")

    @unittest.skipIf(os.geteuid() != 0, "only root can mount")
    def test_media_that_cannot_be_written(self):
        medium = self.path("medium")
        os.mkdir(medium, 0o700)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m,mode=700", "tmpfs", medium], stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("no file system can be mounted")
        self.addCleanup(subprocess.run, ["umount", medium], check=True)
        for number in (signal.SIGTERM, signal.SIGKILL):  # without a write-ahead log, and with it
            data = os.path.join(medium, str(int(number)))
            broker = self.broker("--data", data, config=FAST)
            self.run_zrelay(broker, "pub", "r", "hello disk")
            broker.signal(number)
            broker.finish()
        shutil.copytree(data, os.path.join(medium, "moved"))  # with it, and without the shared memory
        os.unlink(os.path.join(medium, "moved/zrelay.db-shm"))
        made = self.run_program(ZRELAYD, "--keygen", os.path.join(medium, "key"))
        key = re.search(r"public key, (.{40})\n", made.text())[1]
        for name, text in (("zrelayd.conf", FAST + "auth\n    encrypt = all\n"), ("zrelay.conf", "nick = ann\n"),
                           ("users", f'user\n    name = ann\n    key = "{key}"\n    allow = "all : *"\n')):
            with open(os.path.join(medium, name), "w", encoding="utf-8") as file:
                file.write(text)
        subprocess.run(["mount", "-o", "remount,ro", medium], check=True)
        for name in ("15", "9", "moved"):
            data = os.path.join(medium, name)
            self.assertIn("hello disk", self.run_program(SEARCH, "--data", data, "disk").text(), name)
            self.assertIn("hello disk", self.run_program(SEARCH, "--data", data, "--index", self.path(f"index-{name}"), "disk").text(), name)
            self.run_program(ZRELAYD, "--data", data, "--backup", self.path(f"copy-{name}"))
            self.run_program(ZRELAYD, "--data", self.path(f"of-{name}"), "--restore", self.path(f"copy-{name}"))
            self.run_program(ZRELAYD, "--data", self.path(f"from-{name}"), "--restore", os.path.join(data, "zrelay.db"))
            for where in (f"of-{name}", f"from-{name}"):
                self.assertEqual(self.run_zrelay(self.broker("--data", self.path(where), config=FAST), "history", "r").lines(), [b"hello disk"])
            self.assertIn("read-only", self.run_program(ZRELAYD, "--listen", "tcp://127.0.0.1:*", "--data", data, code=1).errors())
        of_medium = [os.path.join(medium, name) for name in ("zrelayd.conf", "users", "key_secret")]
        server = ["--config", of_medium[0], "--users", of_medium[1], "--server-key", of_medium[2]]
        self.run_program(ZRELAYD, *server, "--check-config")
        broker = self.broker(*server)
        self.environment.update(HOME=medium, XDG_CONFIG_HOME=medium)  # where zrelay.conf is, and the known servers would be
        self.run_zrelay(broker, "--certificate", of_medium[2], "--server-key", key, "ping", "--count", "1")


if __name__ == "__main__":
    unittest.main()
