"""The broker as a service: its settings, the journal, the first process of a container, sockets that other accounts use."""
import ctypes
import errno
import grp
import json
import os
import platform
import shutil
import signal
import socket
import stat
import struct
import subprocess
import unittest

from harness import ZRELAY, ZRELAYD, Program, TestCase, own_address, wait_for


def state_of(pid):
    """The state of a process, as a letter; None: it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


class Journal(TestCase):
    def journal(self, *arguments):
        """A broker whose stderr is what JOURNAL_STREAM names; the reading end of it."""
        ours, theirs = os.pipe()
        self.addCleanup(os.close, ours)
        about = os.fstat(theirs)
        with open(theirs, "wb") as stderr:
            ended = subprocess.run([ZRELAYD, *arguments], stderr=stderr, stdout=subprocess.DEVNULL, timeout=60, check=False,
                                   env={**self.environment, "JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        with open(os.dup(ours), "rb") as file:
            return ended.returncode, file.read().decode()

    def test_lines_have_priorities_and_no_time(self):
        taken = self.file("taken", "")
        code, lines = self.journal("--listen", "tcp://127.0.0.1:*", "--insecure", "--data", taken)
        self.assertEqual(code, 1)
        self.assertRegex(lines, r"\A(<[3-7]>[^\n]+\n)+\Z")
        self.assertIn("<3>zrelayd: ", lines)
        self.assertNotRegex(lines, r"\d\d:\d\d:\d\d")

    def test_elsewhere_lines_have_a_time(self):
        broker = self.broker()
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertRegex(broker.errors(), r"\A(\d{4}-\d\d-\d\dT[\d:.]+Z \w+ +[^\n]+\n)+\Z")


class LogFile(TestCase):
    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def test_it_is_opened_anew(self):
        broker = self.broker("--log-format", "json", config="server\n    log-file = log\n    log-level = debug\n")
        peer = self.peer(broker, "ann")
        peer.ask(op="publish", room="r", text="x")
        peer.ask(op="bye")
        wait_for(lambda: "the session of ann" in self.read("log"), "the line")
        lines = [json.loads(line) for line in self.read("log").splitlines()]
        self.assertEqual({tuple(line) for line in lines}, {("time", "level", "text")})
        self.assertRegex(next(line["text"] for line in lines if "ends after" in line["text"]),
                         r"^the session of ann from 127\.0\.0\.1 ends after \d+ ms: bye; it published 1 entries, ")
        os.rename(self.path("log"), self.path("log.1"))
        broker.signal(signal.SIGUSR2)
        wait_for(lambda: "begins anew" in self.read("log"), "the new file")
        self.assertNotIn("begins anew", self.read("log.1"))
        self.assertEqual(broker.errors(), "")

    def test_one_that_cannot_be_written(self):
        self.file("broken.conf", "server\n    log-file = no/such/folder/log\n")
        program = Program([ZRELAYD, "--listen", "tcp://127.0.0.1:*", "--config", self.path("broken.conf")])
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 1)
        self.assertIn("no/such/folder/log: No such file", program.errors())


class Counters(TestCase):
    def test_on_demand_and_at_the_end(self):
        broker = self.broker("--log-level", "error")
        peer = self.peer(broker, "ann")
        peer.ask(op="publish", room="r", text="x")
        broker.signal(signal.SIGUSR1)
        broker.wait_err("counters: sessions 1, sessions_max 20000, ")
        broker.wait_err("counters: .*entries 1, ")
        broker.wait_err("stray_messages 0")
        self.assertEqual(peer.ask(op="ping")["op"], "pong")  # it goes on
        self.assertLess(max(len(line) for line in broker.errors().splitlines()), 200)

    def test_at_the_end(self):
        broker = self.broker()
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)
        self.assertIn("stopped: sessions 0, ", broker.errors())
        self.assertLess(max(len(line) for line in broker.errors().splitlines()), 200)


def can_unshare():
    return subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(can_unshare(), "no process namespaces here")
class FirstProcess(TestCase):
    """As in a container, where the program is process 1 and gets the orphans of all others."""

    def inside(self, *command, **options):
        """Starts the program as process 1 of a namespace; the program that was started, and the id of process 1 out here."""
        outer = Program(["unshare", "--pid", "--fork", "--kill-child", *command], **options)
        self.addCleanup(outer.end)
        return outer, wait_for(lambda: children_of(outer.process.pid), "process 1")[0]

    def orphan(self, first):
        """A process whose parent ended, so that it is a child of process 1; returns its id out here."""
        known = set(children_of(first))
        subprocess.run(["nsenter", "--target", str(first), "--pid", "--", "sh", "-c", "sleep 1000 <&- >&- 2>&- &"], check=True)
        return wait_for(lambda: set(children_of(first)) - known, "an orphan").pop()

    def assert_reaps(self, first):
        for _ in range(3):
            orphan = self.orphan(first)
            os.kill(orphan, signal.SIGKILL)
            wait_for(lambda: state_of(orphan) is None, "the orphan to be gone wholly", 20)

    def test_the_broker_reaps(self):
        outer, first = self.inside(ZRELAYD, "--listen", "tcp://127.0.0.1:*")
        server = outer.wait_out(r"listening on (\S+),")[1].decode()
        self.assert_reaps(first)
        self.assertEqual(self.peer(server, "ann").ask(op="ping")["op"], "pong")
        os.kill(first, signal.SIGTERM)
        self.assertEqual(outer.finish(), 0)

    def test_a_reader_reaps(self):
        broker = self.broker()
        outer, first = self.inside(ZRELAY, "--server", broker.server, "--verbose", "sub", "r", stdin=subprocess.DEVNULL)
        outer.wait_err("r: live")
        self.assert_reaps(first)

    def test_orphans_of_commands(self):
        """A command leaves a process behind, which ends before or after it."""
        broker = self.broker()
        outer, first = self.inside(ZRELAY, "--server", broker.server, "--verbose", "sub", "r", "--exec",
                                   "sleep 0.01 & (sleep 1000 <&- >&- 2>&- &) ; exit 3", stdin=subprocess.DEVNULL)
        outer.wait_err("r: live")
        peer = self.peer(broker, "ann")
        for number in range(5):
            peer.ask(op="publish", room="r", text=str(number))
        outer.wait_err("(?s)(exit status 3.*){5}")
        orphans = wait_for(lambda: len(children_of(first)) == 5 and children_of(first), "orphans")
        self.assert_reaps(first)
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)
        wait_for(lambda: not children_of(first), "all to be gone wholly", 20)

    def test_a_benchmark_waits_for_its_parts(self):
        broker = self.broker()
        outer, _first = self.inside(ZRELAY, "--server", broker.server, "bench", "connect", "--clients", "10", "--restart", "exit 7",
                                    stdin=subprocess.DEVNULL)
        self.assertNotEqual(outer.finish(), 0)
        self.assertIn("the command of --restart failed", outer.errors())


class Check(TestCase):
    """What cannot start does not pass --check-config, which says why as the start does."""

    def refused(self, said, *arguments):
        for more in (["--check-config"], []):
            done = subprocess.run([ZRELAYD, *arguments, *more], capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, 1, done)
            self.assertRegex(done.stderr, r"\A(zrelayd: [^\n]+\n)+\Z")
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")

    def passes(self, *arguments):
        return subprocess.run([ZRELAYD, *arguments, "--check-config"], capture_output=True, text=True, check=True, timeout=60).stdout

    def test_data_directories(self):
        listen = ["--listen", "tcp://127.0.0.1:*", "--data"]
        file, loose = self.file("file", ""), self.path("loose")
        os.mkdir(loose)
        os.chmod(loose, 0o777)
        linked = self.path("linked")
        os.mkdir(linked, 0o700)
        os.symlink("/dev/null", os.path.join(linked, "zrelay.db"))
        for data, said in ((file, "not a directory"), (self.path("none/data"), "the directory above it is missing"),
                           (loose, "chmod go-w"), (linked, "no regular file"), (file + "/data", "data directory")):
            with self.subTest(data):
                self.refused(said, *listen, data)
        new = self.path("new")
        self.assertIn(new, self.passes(*listen, new))
        self.assertFalse(os.path.exists(new))  # looking changes nothing
        self.broker("--data", new)
        self.passes(*listen, new)  # while a broker uses it

    def test_listeners_that_collide(self):
        with socket.socket() as probe:  # a free port, and one that is not looked at
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        for one, other in (("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("*", "lo"), ("*", "[::1]")):
            for option in ("--back", "--listen"):
                with self.subTest(one, other=other, option=option):
                    self.refused("cannot both be bound", "--insecure", "--listen", f"tcp://{one}:{port}", option, f"tcp://{other}:{port}")
        self.refused("is the next port", "--listen", "tcp://127.0.0.1:5570", "--listen", "tcp://127.0.0.1:5571")
        path = f"ipc://{self.path('front')}"
        self.refused("cannot both be bound", "--listen", path, "--back", path)
        self.refused("cannot both be bound", "--listen", path, "--back", f"ipc://{self.folder}/./front")

    def test_addresses_and_paths_that_are_not_there(self):
        for listen, said in (("tcp://192.0.2.1:5570", "no such address"), ("tcp://no-such-card:5570", "no such address"),
                             (f"ipc://{self.path('none/front')}", "does not exist"), (f"ipc://{self.file('letter', 'dear')}", "no socket")):
            with self.subTest(listen):
                self.refused(said, "--insecure", "--listen", listen)
        broker = self.broker("--listen", f"ipc://{self.path('front')}")
        self.passes("--listen", broker.server)  # it is the one that is to be started again
        self.passes("--listen", self.broker().server)

    def test_relative_paths_count_from_the_file(self):
        os.mkdir(self.path("etc"))
        self.users("user\n    name = anonymous\n", name="etc/users")
        config = self.file("etc/z.conf", "server\n    listen = ipc://front\nauth\n    users = users\nlog\n    data = data\n")
        broker = Program([ZRELAYD, "--config", "etc/z.conf"], cwd=self.folder)
        self.addCleanup(broker.end)
        broker.wait_out("listening on ipc://etc/front, back ipc://etc/front-back, .*sqlite:etc/data")
        for name in ("users.bans", "data", "front", "front-back"):
            self.assertTrue(os.path.exists(self.path("etc/" + name)), name)
        self.peer(f"ipc://{self.path('etc/front')}", hello=False)
        self.assertIn(self.path("etc/users"), self.passes("--config", config))

    def test_a_file_for_two_purposes(self):
        users = self.users("")
        config = self.file("z.conf", "auth\n    users = users\n    bans = users\n")
        self.refused("are the same file", "--listen", "tcp://127.0.0.1:*", "--config", config)
        self.assertEqual(os.path.getsize(users), 0)

    def test_a_greeting_in_another_encoding(self):
        config = self.file("z.conf", b"server\n    greeting = \"gr\xfc\xdf dich\"\n    listen = tcp://127.0.0.1:*\n")
        self.refused("not valid UTF-8", "--config", config)

    def test_all_faults_are_told(self):
        config = self.file("z.conf", "server\n    listen = tcp://192.0.2.1:5570\n    insecure = 1\nlog\n    data = none/data\n"
                           "auth\n    users = no-users\n")
        done = subprocess.run([ZRELAYD, "--config", config, "--check-config"], capture_output=True, text=True, check=False, timeout=60)
        for said in ("192.0.2.1:5570", "192.0.2.1:5571", "none/data", "no-users"):
            self.assertIn(said, done.stderr)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def forbid_ipv6():
    """For a process that is about to start: the kernel gives it no IPv6 socket, as on a machine without IPv6."""
    call = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    steps = [(0x20, 0, 0, 0), (0x15, 0, 3, call), (0x20, 0, 0, 16), (0x15, 0, 1, socket.AF_INET6),
             (0x06, 0, 0, 0x00050000 | errno.EAFNOSUPPORT), (0x06, 0, 0, 0x7fff0000)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class AllAddresses(TestCase):
    def talks(self, server):
        """Two sessions by this endpoint hear each other, over the back that they are told."""
        reader = self.zrelay(server, "sub", "r", "--all", "--count", "1")
        self.run_zrelay(server, "pub", "r", stdin=b"hello\n")
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(bytes(reader.out), b"hello\n")

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
    def test_both_families(self):
        for listen in ("tcp://*:*", "tcp://[::]:*"):
            for host in ("127.0.0.1", "[::1]", "localhost", *filter(None, [own_address()])):
                with self.subTest(listen, host=host):
                    broker = self.broker("--listen", listen, "--insecure")
                    self.talks(f"tcp://{host}:{broker.server.rsplit(':', 1)[1]}")

    def test_without_ipv6(self):
        if platform.machine() not in ("x86_64", "aarch64"):
            self.skipTest("no numbers of system calls for this machine")
        broker = Program([ZRELAYD, "--listen", "tcp://*:*", "--insecure"], preexec_fn=forbid_ipv6)
        self.addCleanup(broker.end)
        port = broker.wait_out(r"listening on tcp://\*:(\d+), back tcp://\*:\d+,")[1].decode()
        self.talks(f"tcp://127.0.0.1:{port}")


NOBODY = 65534  # an account that owns nothing here


def may_connect(path, groups=()):
    """Whether that account, with these groups besides its own, may connect to the socket."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(path)
            os._exit(0)
        except PermissionError:
            os._exit(1)
        finally:
            os._exit(2)
    return {0: True, 1: False}[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]


@unittest.skipUnless(os.geteuid() == 0, "only root may take the place of another account")
class LocalSockets(TestCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.addCleanup(os.umask, os.umask(0o077))  # as the unit has it
        self.group = next(one for one in grp.getgrall() if one.gr_gid not in (0, NOBODY))

    def sockets(self, settings=""):
        path = self.path("front")
        broker = self.broker("--listen", f"ipc://{path}", config="server\n" + settings if settings else None)
        return broker, path, path + "-back"

    def test_the_owner_alone(self):
        broker, *paths = self.sockets()
        self.peer(broker, "ann").subscribe(b"r\0")
        for path in paths:
            self.assertEqual(stat.filemode(os.stat(path).st_mode), "srw-------")
            self.assertFalse(may_connect(path))

    def test_a_group(self):
        for group in (self.group.gr_name, self.group.gr_gid):
            with self.subTest(group):
                broker, *paths = self.sockets(f"    ipc-group = {group}\n")
                for path in paths:
                    self.assertEqual(stat.filemode(os.stat(path).st_mode), "srw-rw----")
                    self.assertFalse(may_connect(path))
                    self.assertTrue(may_connect(path, [self.group.gr_gid]))
                broker.signal(signal.SIGTERM)
                broker.finish()

    def test_everybody(self):
        _broker, *paths = self.sockets("    ipc-mode = 0666\n")
        for path in paths:
            self.assertTrue(may_connect(path))

    def test_settings_that_are_not_right(self):
        for settings, listen, said in (
                ("ipc-mode = 0666", "tcp://127.0.0.1:*", "need a listener ipc://PATH"), ("ipc-group = daemon", "ipc://@z", "need a listener ipc://PATH"),
                ("ipc-mode = 066", "ipc:///tmp/z", "is no mode"), ("ipc-mode = 0999", "ipc:///tmp/z", "is no mode"),
                ("ipc-mode = 1666", "ipc:///tmp/z", "is no mode"), ("ipc-mode = rw", "ipc:///tmp/z", "is no mode"),
                ("ipc-mode = 0600\n    ipc-group = daemon", "ipc:///tmp/z", "does not let it in"),
                ("ipc-group = nobody-has-this-name", "ipc:///tmp/z", "there is no group")):
            with self.subTest(settings, listen=listen):
                config = self.file("z.conf", f"server\n    {settings}\n    listen = {listen}\n")
                for more in (["--check-config"], []):
                    done = subprocess.run([ZRELAYD, "--config", config, *more], capture_output=True, text=True, check=False, timeout=60)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(said, done.stderr)

    def test_a_client_that_may_not(self):
        _broker, path, _back = self.sockets()
        program = shutil.copy(ZRELAY, self.path("client"))
        os.chmod(program, 0o755)
        server = f"ipc://{path}"
        denied = subprocess.run([program, "--server", server, "--connect-timeout", "1", "ping"], user=NOBODY, group=NOBODY,
                                extra_groups=[], capture_output=True, text=True, check=False, timeout=60, env=self.environment)
        self.assertEqual(denied.returncode, 2)
        self.assertIn(f"cannot reach a broker at {server}: permission denied", denied.stderr)
        self.assertIn("server/ipc-group", denied.stderr)


if __name__ == "__main__":
    unittest.main()
