"""zrelayd as a process: its command line, configuration, listeners, signals and log, and how sessions see each other."""
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import unittest

from harness import ZRELAYD, Program, TestCase, publish_frame, wait_for

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../common/PROTOCOL.md")
FAST = "server\n    heartbeat = 1000\n    tick = 20\n"


def free_port():
    """A port that was free a moment ago, with the next one free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class BrokerCase(TestCase):
    def run_zrelayd(self, *arguments, code=0):
        """zrelayd to its end; returns the finished program."""
        program = Program([ZRELAYD, *arguments], stdin=subprocess.DEVNULL, env=self.environment)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), code, f"{arguments}: {program.errors()}")
        return program

    def refused(self, *arguments):
        """zrelayd must end with 1 and exactly one line on stderr, nothing on stdout; returns the line."""
        program = self.run_zrelayd(*arguments, code=1)
        self.assertEqual(program.text(), "")
        self.assertRegex(program.errors(), r"\Azrelayd: [^\n]+\n\Z")
        return program.errors()

    def presence(self, peer, room):
        """The next presence frame of `room` on the peer's SUB."""
        topic = room.encode() + b"\x01"
        while True:
            frame = peer.live()
            if frame.startswith(topic):
                return json.loads(frame[len(topic):])

    def bye(self, peer):
        """The reason of the next bye."""
        while True:
            frame = peer.control()
            if frame["op"] == "bye":
                return frame["reason"]


class CommandLine(BrokerCase):
    def test_help_and_version_go_to_stdout(self):
        usage = self.run_zrelayd("--help")
        for option in ("--listen", "--back", "--config", "--check-config", "--data", "--users", "--server-key",
                       "--store", "--keygen", "--hash-token", "--insecure", "--log-level", "--version"):
            self.assertIn(option, usage.text())
        self.assertEqual(usage.errors(), "")
        self.assertRegex(self.run_zrelayd("--version").text(), r"\Azrelayd \d+\.\d+\.\d+\nwith(out)? PostgreSQL\n\Z")

    def test_wrong_flags_end_with_one_clear_line(self):
        for arguments, words in (
                (["--no-such"], "--no-such"),
                (["-x"], "-x"),
                (["--listen"], "--listen needs a value"),
                (["--config"], "--config needs a value"),
                (["extra"], "extra"),
                (["--log-level", "loud"], "loud"),
                (["--check-config", "--listen", "tcp://*:5570"], "--users"),
                (["--check-config", "--users", self.path("none")], "none"),
                (["--listen", "127.0.0.1:5570"], "tcp://"),
                (["--listen", "tcp://127.0.0.1"], "port"),
                (["--listen", "tcp://999.0.0.1:1234"], "address"),
                (["--listen", "tcp://:1234"], "address"),
                (["--listen", "tcp://::1:1234"], "brackets"),
                (["--listen", "udp://127.0.0.1:1234"], "tcp://"),
                (["--listen", "inproc://here"], "tcp://"),
                (["--listen", "ipc://"], "path"),
                (["--listen", "ipc://" + "x" * 200], "107"),
                (["--listen", "tcp://127.0.0.1:65535"], "--back"),
                (["--listen", "tcp://127.0.0.1:*", "--back", "nonsense"], "--back"),
                (["--listen", "tcp://127.0.0.1:*", "--back", f"ipc://{self.path('back')}"], "tcp"),
        ):
            with self.subTest(arguments):
                self.assertIn(words, self.refused(*arguments))

    def test_control_characters_in_arguments_do_not_reach_the_terminal(self):
        for arguments in (["\x1b]0;title\x07"], ["--listen", "tcp://\x1b[31m:1"], ["--log-level", "\x1b[2J"], ["--\x1b[2J"]):
            with self.subTest(arguments):
                self.assertNotIn("\x1b", self.refused("--listen", "tcp://127.0.0.1:*", *arguments))

    def test_data_that_names_no_directory(self):
        self.assertIn("--data: the value is empty", self.refused("--listen", "tcp://127.0.0.1:*", "--data", ""))
        self.assertEqual([], os.listdir(self.folder))

    def test_other_machines_only_with_insecure(self):
        for listen in ("tcp://*:*", "tcp://0.0.0.0:*", "tcp://[::]:*", "tcp://192.0.2.1:5570", "tcp://eth0:5570"):
            with self.subTest(listen):
                self.assertIn("--insecure", self.refused("--listen", listen))
        self.assertIn("--insecure", self.refused("--listen", "tcp://127.0.0.1:*", "--back", "tcp://*:*"))
        self.broker("--listen", "tcp://*:*", "--insecure", "--log-level", "error").wait_err("INSECURE")  # at each start, however quiet
        broker = self.broker("--listen", "tcp://*:*", "--insecure")
        broker.wait_err("INSECURE")
        port = broker.server.rsplit(":", 1)[1]
        peer = self.peer(f"tcp://127.0.0.1:{port}")
        # The back as seen from the address by which the client came, and it works.
        self.assertRegex(peer.welcome["back"], r"^tcp://127\.0\.0\.1:\d+$")
        peer.subscribe(b"room\0")

    def test_address_in_use(self):
        broker = self.broker()
        line = self.refused("--listen", broker.server)
        self.assertIn(broker.server, line + broker.back)  # one of the two ports is named
        self.assertIn("listens there", line)
        self.assertIn(broker.back, self.refused("--listen", "tcp://127.0.0.1:*", "--back", broker.back))
        self.peer(broker)  # the first one goes on

    def test_ipc_path_of_another_broker_or_file_is_left_alone(self):
        path = self.path("front")
        broker = self.broker("--listen", f"ipc://{path}")
        self.assertIn("listens there", self.refused("--listen", f"ipc://{path}"))
        self.peer(broker)
        file = self.file("letter", "dear")
        self.assertIn("no socket", self.refused("--listen", f"ipc://{file}"))
        with open(file) as kept:
            self.assertEqual(kept.read(), "dear")
        self.assertIn("directory", self.refused("--listen", f"ipc://{self.path('no/such/place')}"))

    def test_stale_ipc_socket_is_replaced(self):
        path = self.path("front")
        broker = self.broker("--listen", f"ipc://{path}")
        broker.signal(signal.SIGKILL)
        broker.finish()
        self.assertTrue(os.path.exists(path))
        self.peer(self.broker("--listen", f"ipc://{path}"))


class Listeners(BrokerCase):
    def test_start_line_names_free_ports(self):
        for port in ("*", "0"):
            with self.subTest(port):
                broker = self.broker("--listen", f"tcp://127.0.0.1:{port}")
                self.assertRegex(broker.server, r"^tcp://127\.0\.0\.1:[1-9]\d*$")
                self.assertRegex(broker.back, r"^tcp://127\.0\.0\.1:[1-9]\d*$")
                self.assertNotEqual(broker.server, broker.back)
                self.assertEqual(broker.store, "memory")
                self.assertEqual(len(broker.lines()), 1)
                peer = self.peer(broker)
                self.assertEqual(peer.welcome["back"], broker.back)
                self.assertEqual(peer.welcome["epoch"], broker.epoch)

    def test_back_is_the_next_port(self):
        port = free_port()
        broker = self.broker("--listen", f"tcp://127.0.0.1:{port}")
        self.assertEqual(broker.server, f"tcp://127.0.0.1:{port}")
        self.assertEqual(broker.back, f"tcp://127.0.0.1:{port + 1}")

    def test_back_flag(self):
        broker = self.broker("--listen", "tcp://127.0.0.1:*", "--back", "tcp://localhost:*")
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["back"], broker.back)
        peer.subscribe(b"room\0")

    def test_each_client_is_told_the_back_it_can_reach(self):
        ipc = f"ipc://{self.path('front')}"
        broker = self.broker("--listen", "tcp://127.0.0.1:*", "--listen", ipc, "--listen", "tcp://127.0.0.2:*")
        self.assertEqual(broker.listen[1], ipc)
        self.assertEqual(len(broker.listen), 3)
        self.assertEqual(len(broker.backs), 3)
        peers = [self.peer(listen) for listen in broker.listen]
        self.assertEqual([peer.welcome["back"] for peer in peers], broker.backs)
        self.assertEqual(peers[1].welcome["back"], ipc + "-back")
        self.assertTrue(broker.backs[2].startswith("tcp://127.0.0.2:"))
        for peer in peers:
            peer.subscribe(b"room\0")
        peers[0].send(publish_frame("room", (1, b"for all")))
        for peer in peers:
            self.assertTrue(peer.live().endswith(b"for all"))

    def test_ipc_from_end_to_end(self):
        ipc = f"ipc://{self.path('front')}"
        broker = self.broker("--listen", ipc)
        self.assertEqual((broker.server, broker.back), (ipc, ipc + "-back"))
        reader, writer = self.peer(broker, "reader"), self.peer(broker, "writer")
        reader.subscribe(b"room\0")
        writer.send(publish_frame("room", (1, b"over ipc")))
        self.assertTrue(reader.live().endswith(b"over ipc"))
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)
        self.assertEqual([name for name in os.listdir(self.folder) if "front" in name], [], "sockets are left behind")

    def test_endpoints_that_clients_could_not_be_told(self):
        bad = b"ipc://" + os.fsencode(self.path("s")) + b"\xff"
        for arguments in ((b"--listen", bad), (b"--listen", "tcp://127.0.0.1:*", b"--back", bad)):
            self.assertIn("not valid UTF-8", self.refused(*arguments))
            self.assertIn("not valid UTF-8", self.refused(*arguments, "--check-config"))
        self.assertIn("control character", self.refused("--listen", "ipc://" + self.path("s\u009b1m")))
        broker = self.broker("--listen", "ipc://" + self.path("caf\u00e9"))
        self.assertEqual(self.peer(broker).welcome["back"], "ipc://" + self.path("caf\u00e9-back"))

    def test_advertised_back(self):
        broker = self.broker(config="server\n    listen = tcp://127.0.0.1:*\n    advertise = tcp://relay.example.org:5571\n")
        self.assertEqual(self.peer(broker).welcome["back"], "tcp://relay.example.org:5571")


class Configuration(BrokerCase):
    def check(self, text, *arguments):
        return self.run_zrelayd("--config", self.file("zrelayd.conf", text), "--check-config", *arguments)

    def bad(self, text, line, *words):
        """The error must name file, line and each of the words."""
        path = self.file("zrelayd.conf", text)
        error = self.refused("--config", path, "--check-config")
        where = f"{path}:{line}:" if line else path
        self.assertTrue(error.startswith(f"zrelayd: {where}"), error)
        for word in words:
            self.assertIn(word, error)
        # And it does not start with it either.
        self.assertEqual(self.refused("--config", path, "--listen", "tcp://127.0.0.1:*"), error)

    def test_what_was_checked_is_told(self):
        self.assertEqual(self.run_zrelayd("--check-config").text(), "the defaults: ok\n")
        self.assertEqual(self.run_zrelayd("--check-config", "--listen", "tcp://127.0.0.1:*").text(), "the options: ok\nother than the defaults:\n"
                         "  server/listen: tcp://127.0.0.1:*, was tcp://127.0.0.1:5570\n  server/back: tcp://127.0.0.1:*, was tcp://127.0.0.1:5571\n")
        text = self.check("", "--log-level", "debug").text()
        self.assertEqual(text, f"{self.path('zrelayd.conf')}, the options: ok\nother than the defaults:\n  server/log-level: debug, was info\n")

    def test_good_ones(self):
        every = ("# everything, with units and comments\n"
                 "server\n    listen = tcp://127.0.0.1:*\n    listen = tcp://127.0.0.1:*\n    insecure = 0\n"
                 "    greeting = \"Hello # all\"  # quoted\n    heartbeat = 1000\n    tick = 50\n    io-threads = 2\n    log-level = debug\n"
                 "limits\n    max-frame = 1M\n    max-control = 64k\n    window = 1M\n    max-entries = 10\n    max-sessions = 5\n"
                 "    max-rooms = 5\n"
                 "    max-joins = 5\n    max-keys = 5\n    max-state-bytes = 1G\n    max-replays = 1\n    replay-entries = 5\n"
                 "    replay-frames = 5\n    replay-bytes = 1k\n    max-clients = 5\n    batch-bytes = 2k\n    route-queue = 16\n"
                 "    reader-queue = 16\nlog\n    room-entries = 5\n    room-bytes = 4k\n    entries = 5\n    bytes = 4k\n"
                 "    on-corrupt = refuse\n    queue-bytes = 1M\n    mark-age = 2d\nroom\n    pattern = a/*\n    level = none\n")
        for text in (every, "", "# nothing\n\n", "server\n", every.replace("\n", "\r\n"), "server\n    tick = 20"):
            with self.subTest(text):
                self.assertRegex(self.check(text).text(), r"\A.+: ok\n(other than the defaults:\n(  .+\n)+)?\Z")
        self.broker(config=every)

    def test_example_that_comes_with_it(self):
        example = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../broker/etc/zrelayd.conf")
        self.assertEqual(self.run_zrelayd("--config", example, "--check-config").text(), f"{example}: ok\n")
        with open(example) as file:
            text = file.read()
        # Every setting stands there as a comment with its default: taken in, the file must still be right and change nothing.
        active = re.sub(r"(?m)^    #([a-z-]+ = )", r"    \1", text)
        self.assertNotEqual(active, text)
        self.check(re.sub(r"(?m)^    (advertise|data|store|users|bans|server-key|ipc-mode|ipc-group|jwt-keys|jwt-issuer|jwt-audience|endpoint|certificate|user|token-file) = .*\n", "", active))

    def test_bad_ones_name_file_line_and_member(self):
        for text, line, words in (
                ("serwer\n", 1, ["serwer", "section"]),
                ("# a\n\nserver\n    tick = 20\nlimits\n    heartbeat = 1000\n", 6, ["limits/heartbeat"]),
                ("server\n    heartbeat = 0\n", 2, ["server/heartbeat", "range", "100"]),
                ("limits\n    route-queue = 100\n    replay-frames = 200\n", None, ["replay-frames", "route-queue"]),
        ):
            with self.subTest(text):
                self.bad(text, line, *words) if line else self.assertIn(
                    words[0], self.refused("--config", self.file("zrelayd.conf", text), "--check-config"))

    def test_files_that_cannot_be_read(self):
        self.assertIn("No such file", self.refused("--config", self.path("missing")))
        self.assertIn("directory", self.refused("--config", self.folder))
        self.assertIn("text", self.refused("--config", self.file("binary", b"server\0\n")))
        self.assertIn("larger than 1048576 bytes", self.refused("--config", self.file("long", "# comment\n" * 200_000)))
        self.assertNotIn("\x1b", self.refused("--config", self.file("escape", "\x1b[2J = 1\n")))

    def test_files_that_others_could_change(self):
        path = self.file("zrelayd.conf", "server\n    tick = 20\n")
        for mode in (0o602, 0o620, 0o666):
            os.chmod(path, mode)
            self.assertIn("chmod go-w", self.refused("--config", path, "--check-config"))
        os.chmod(path, 0o644)
        self.run_zrelayd("--config", path, "--check-config")
        if os.getuid() == 0:
            os.chown(path, 12345, 12345)
            self.assertIn("another user", self.refused("--config", path, "--check-config"))

    def test_every_limit_of_the_specification_can_be_set(self):
        with open(PROTOCOL, encoding="utf-8") as file:
            section = re.search(r"^## 10\. Limits$(.*?)^## ", file.read(), re.M | re.S).group(1)
        rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", section, re.M)
        self.assertGreater(len(rows), 20)
        for names, defaults in rows:
            where = re.search(r"\(section `(\w+)`\)", names)
            found = re.findall(r"`([a-z-]+)`", names.split("(")[0])
            values = [int(re.match(r"[\d,]+", value.strip()).group().replace(",", "")) for value in defaults.split(";")]
            self.assertEqual(len(found), len(values), names)
            for name, value in zip(found, values):
                self.check(f"{where.group(1) if where else 'limits'}\n    {name} = {value}\n")

    def test_command_line_comes_first(self):
        config = self.file("zrelayd.conf", "server\n    listen = tcp://192.0.2.1:5570\n    log-level = debug\n")
        broker = self.broker("--listen", "tcp://127.0.0.1:*", "--log-level", "error", "--config", config)
        self.peer(broker)
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)
        self.assertEqual(broker.errors(), "")

    def test_welcome_shows_what_was_set(self):
        broker = self.broker(config="server\n    heartbeat = 1234\n    greeting = Willkommen, alle zusammen\n"
                                    "limits\n    max-frame = 10000\n    max-control = 2k\n    max-entries = 7\n    max-joins = 9\n"
                                    "    max-replays = 3\n    window = 12k\n")
        welcome = self.peer(broker).welcome
        self.assertEqual(welcome["heartbeat"], 1234)
        self.assertEqual(welcome["greeting"], "Willkommen, alle zusammen")
        limits = welcome["limits"]
        self.assertEqual({key: limits[key] for key in ("frame", "control", "entries", "rooms", "replays", "window")},
                         {"frame": 10000, "control": 2048, "entries": 7, "rooms": 9, "replays": 3, "window": 12288})
        self.assertNotIn("greeting", self.peer(self.broker()).welcome)

    def test_settings_without_a_file_of_czmq(self):
        """CZMQ takes defaults from the environment; the broker does not."""
        environment = {"ZSYS_SNDHWM": "1", "ZSYS_RCVHWM": "1", "ZSYS_MAX_MSGSZ": "64", "ZSYS_LINGER": "0", "ZSYS_MAX_SOCKETS": "4"}
        broker = Program([ZRELAYD, "--listen", "tcp://127.0.0.1:*"], stdin=subprocess.DEVNULL,
                         env={**self.environment, **environment})
        self.addCleanup(broker.end)
        server = broker.wait_out(r"listening on (\S+),").group(1).decode()
        peers = [self.peer(server) for _ in range(4)]
        body = b"x" * 100_000
        peers[0].subscribe(b"room\0")
        for mid in range(1, 51):
            peers[1].send(publish_frame("room", (mid, body)))
        came = 0
        while came < 50:  # several in a frame, as the broker has many at once
            entries = peers[0].live().count(body)
            self.assertGreater(entries, 0)
            came += entries


class Signals(BrokerCase):
    def test_ends_with_a_bye(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                broker = self.broker()
                peers = [self.peer(broker) for _ in range(3)]
                broker.signal(number)
                for peer in peers:
                    self.assertEqual(self.bye(peer), "shutdown")
                self.assertEqual(broker.finish(), 0, broker.errors())
                self.assertEqual(len(broker.lines()), 1)

    def test_what_has_arrived_is_acked_before_the_end(self):
        broker = self.broker()
        peer = self.peer(broker)
        broker.signal(signal.SIGSTOP)
        for mid in range(1, 101):
            peer.send(publish_frame("room", (mid, b"x")))
        broker.signal(signal.SIGTERM)
        broker.signal(signal.SIGCONT)
        answered, frame = 0, b""
        while not frame.startswith(b"{"):
            frame = peer.receive()
            if frame.startswith(b"\x02"):
                answered = int.from_bytes(frame[2:10], "big")
        self.assertEqual(json.loads(frame), {"op": "bye", "reason": "shutdown"})
        self.assertEqual(broker.finish(), 0)
        # Not all need have arrived in the broker's process when it ended; none may be acked in part.
        self.assertLessEqual(answered, 100)

    def test_second_signal_ends_at_once(self):
        broker = self.broker(config="limits\n    route-queue = 1000\n    replay-frames = 500\n")
        # A client that does not read keeps the broker waiting for its queue to drain.
        stuck = self.peer(broker, hello=False, rcvhwm=1, rcvbuf=4096)
        stuck.hello()
        for mid in range(1, 17):
            stuck.send(publish_frame("room", (mid, bytes(1_000_000))))
        wait_for(lambda: self.peer(broker).ask(op="rooms")["rooms"][0]["seq"] == 16, "the messages to be stored")
        for _ in range(20):
            stuck.send(json.dumps({"op": "replay", "room": "room", "after": 0}).encode())
        other = self.peer(broker)
        broker.signal(signal.SIGTERM)
        self.assertEqual(self.bye(other), "shutdown")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 128 + signal.SIGTERM, broker.errors())
        self.assertIn("second signal", broker.errors())

    def test_stopped_and_continued(self):
        broker = self.broker()
        peer = self.peer(broker)
        broker.signal(signal.SIGSTOP)
        broker.signal(signal.SIGCONT)
        self.assertEqual(peer.ask(op="ping")["op"], "pong")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)

    def test_closed_stdout_and_stderr_do_not_stop_it(self):
        port = free_port()
        process = subprocess.Popen([ZRELAYD, "--listen", f"tcp://127.0.0.1:{port}", "--log-level", "debug"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        process.stdout.close()
        process.stderr.close()
        peer = self.peer(f"tcp://127.0.0.1:{port}")
        self.assertEqual(peer.ask(op="ping")["op"], "pong")
        process.terminate()
        self.assertEqual(process.wait(60), 0)


class Sessions(BrokerCase):
    def test_epoch_changes_over_a_restart(self):
        broker = self.broker()
        peer = self.peer(broker, "ann")
        self.assertEqual(peer.welcome["epoch"], broker.epoch)
        peer.send(publish_frame("room", (1, b"gone")))
        again = self.restart(broker)
        self.assertNotEqual(again.epoch, broker.epoch)
        other = self.peer(again)
        self.assertEqual(other.welcome["epoch"], again.epoch)
        # The old connection's next frame meets a broker that does not know it.
        wait_for(lambda: peer.ask(op="ping")["code"] == "no-session", "no-session from the new broker")
        welcome = peer.hello("ann", peer.welcome["resume"])
        self.assertFalse(welcome["resumed"])
        self.assertEqual(welcome["epoch"], again.epoch)

    def test_silent_session_expires_and_others_see_it(self):
        broker = self.broker(config=FAST)
        watcher, mute = self.peer(broker, "watcher"), self.peer(broker, "mute")
        watcher.subscribe(b"room\x01")
        watcher.ask(op="join", room="room", presence=False)
        mute.ask(op="join", room="room")
        self.assertEqual(self.presence(watcher, "room")["joined"], [{"nick": "mute"}])

        def gone():
            watcher.ask(op="ping")  # lives by it, while mute is silent
            return watcher.sub.poll(100)
        wait_for(gone, "a presence frame")
        frame = self.presence(watcher, "room")
        self.assertEqual((frame["left"], frame["count"]), ([{"nick": "mute", "reason": "expired"}], 0))
        self.assertEqual(self.bye(mute), "expired")
        self.assertEqual(mute.ask(op="ping")["code"], "no-session")
        self.assertFalse(mute.hello("mute", mute.welcome["resume"])["resumed"])


class Logging(BrokerCase):
    LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn |info |debug) .+$")

    def errors_at(self, level):
        broker = self.broker(*(["--log-level", level] if level else []))
        self.peer(broker)
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)
        for line in broker.errors().splitlines():
            self.assertRegex(line, self.LINE)
        return broker.errors()

    def test_levels(self):
        self.assertEqual(self.errors_at("error"), "")
        self.assertNotIn(" info ", self.errors_at("warn"))
        self.assertIn(" info ", self.errors_at("info"))
        self.assertIn(" info ", self.errors_at(None))
        self.assertIn(" info ", self.errors_at("debug"))

    def test_bad_frames_do_not_fill_the_log(self):
        for level in ("info", "debug"):
            with self.subTest(level):
                broker = self.broker("--log-level", level)
                peer = self.peer(broker)
                before = len(broker.errors().splitlines())
                for number in range(3000):
                    peer.send(b"\x05garbage %d" % number)
                    if number % 100 == 99:  # not more than the answers' way takes
                        while peer.ask(op="ping")["op"] != "pong":
                            pass
                claimed = self.peer(broker, hello=False, routing_id=b"mine-" + secrets.token_bytes(4))
                for number in range(3000):
                    claimed.send(b"{}")
                subscriber = self.peer(broker)
                subscriber.subscribe(*(b"\xff" + secrets.token_bytes(9) for _ in range(500)))
                broker.wait_err("routing id")
                self.assertEqual(peer.ask(op="ping")["op"], "pong")
                self.assertLess(len(broker.errors().splitlines()) - before, 60)
                broker.signal(signal.SIGTERM)
                self.assertEqual(broker.finish(), 0)
                # Dropped frames are counted, not told one by one.
                self.assertRegex(broker.errors(), r"routing_ids_claimed [1-9]")

    def test_what_peers_choose_is_escaped(self):
        broker = self.broker("--log-level", "debug")
        peer = self.peer(broker, hello=False)
        peer.ask(op="hello", proto=1, client=peer.client, nick="x", agent="\x1b]0;mine\x07\n2026-01-01 forged line")
        peer.ask(op="join", room="room")
        peer.ask(op="bye")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)
        self.assertNotIn("\x1b", broker.errors())
        for line in broker.errors().splitlines():
            self.assertRegex(line, self.LINE)


if __name__ == "__main__":
    unittest.main()
