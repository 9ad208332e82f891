"""The command line with keys, tokens and rights: which users are let in, the errors of those that are not, and operators' requests. And a
terminal only shows a broker's texts."""
import ctypes
import os
import re
import signal
import stat
import subprocess
import unittest

import zmq
import zmq.auth

from harness import ZRELAY, ZRELAYD, wait_for
from test_chat import Terminal
from test_cli import CliCase

ALL = '    allow = "all : *"\n'
ADMIN = ALL + '    allow = "admin : *"\n'
ENCRYPT = "auth\n    encrypt = all\n"


def user(name, key=None, rules=ALL, token=None):
    return (f"user\n    name = {name}\n" + (f'    key = "{key}"\n' if key else "") + (f'    token = "{token}"\n' if token else "") + rules)


class Case(CliCase):
    def setUp(self):
        super().setUp()
        self.known = self.path("zrelay/known-servers")

    def keygen(self, name):
        """A key pair in NAME and NAME_secret; returns the public key."""
        return self.run_bare("keygen", self.path(name)).text().rstrip("\n")

    def encrypted(self, *users):
        """A broker that encrypts, for these users."""
        self.secret, public = self.server_key()
        self.public = public.decode()
        return self.broker("--users", self.users("".join(users)), "--server-key", self.secret, config=ENCRYPT)

    def keyed(self, name):
        return "--certificate", self.path(name), "--server-key", self.public

    def reload(self, broker, *users):
        self.users("".join(users))
        before = broker.errors().count("reload by SIGHUP")
        broker.signal(signal.SIGHUP)
        wait_for(lambda: broker.errors().count("reload by SIGHUP") > before, "the reload")

    def with_tokens(self, **tokens):
        """A broker on loopback whose users log in with these tokens."""
        users = ""
        for name, token in tokens.items():
            made = subprocess.run([ZRELAYD, "--hash-token"], input=token.encode(), capture_output=True, check=True)
            users += user(name, token=made.stdout.decode().rstrip("\n"))
        return self.broker("--users", self.users(users), config="auth\n    tokens = 1\n")

    def secret_file(self, name, text, mode=0o600):
        path = self.file(name, text)
        os.chmod(path, mode)
        return path


class Keygen(Case):
    def test_files(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        public = self.keygen("me")
        self.assertRegex(public, r"\A\S{40}\Z")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("me_secret")).st_mode), 0o600)
        with open(self.path("me")) as file:
            self.assertNotIn("secret-key", file.read())

    def test_others_can_load_them(self):
        public = self.keygen("me").encode()
        read, secret = zmq.auth.load_certificate(self.path("me_secret"))
        self.assertEqual(read, public)
        self.assertEqual(zmq.curve_public(secret), public)
        self.assertEqual(zmq.auth.load_certificate(self.path("me")), (public, None))
        czmq = ctypes.CDLL("libczmq.so.4")
        for call, result in (("zcert_load", ctypes.c_void_p), ("zcert_public_txt", ctypes.c_char_p), ("zcert_secret_txt", ctypes.c_char_p)):
            getattr(czmq, call).restype = result
        certificate = ctypes.c_void_p(czmq.zcert_load(self.path("me").encode()))
        self.assertTrue(certificate.value)
        self.assertEqual((czmq.zcert_public_txt(certificate), czmq.zcert_secret_txt(certificate)), (public, secret))
        czmq.zcert_destroy(ctypes.byref(certificate))

    def test_nothing_is_overwritten(self):
        for there in ("a", "b_secret"):
            self.file(there, "mine")
            name = there.removesuffix("_secret")
            self.fails("tcp://127.0.0.1:1", "keygen", self.path(name), words=(self.path(there), "not overwritten"))
            with open(self.path(there)) as file:
                self.assertEqual(file.read(), "mine")
            self.assertEqual([one for one in os.listdir(self.folder) if one.startswith(name)], [there])
        self.fails("tcp://127.0.0.1:1", "keygen", self.path("no/such"), words="cannot create")

    def test_usage(self):
        self.fails("tcp://127.0.0.1:1", "keygen", words="which name")
        self.fails("tcp://127.0.0.1:1", "keygen", "a", "b", words="one name")
        self.assertRegex(self.json_lines(self.run_bare("keygen", self.path("me"), "--json"))[0]["public-key"], r"\A\S{40}\Z")

    def test_help(self):
        for command in ("keygen", "admin"):
            self.assertIn(f"  {command} ", self.run_bare("--help").text())
            self.assertTrue(self.run_bare(command, "--help").text().startswith(f"Usage: zrelay {command}"))


class Encrypted(Case):
    def test_publish_and_read(self):
        broker = self.encrypted(user("alice", self.keygen("alice")), user("bob", self.keygen("bob")))
        reader = self.zrelay(broker, *self.keyed("bob"), "sub", "general", "--all", "--count", "1", "--json")
        self.run_zrelay(broker, *self.keyed("alice"), "pub", "general", "hello")
        self.assertEqual(reader.finish(), 0, reader.errors())
        entry = self.json_lines(reader)[0]
        self.assertEqual((entry["sender"], entry["body"]), ("alice", "hello"))

    def test_the_key_is_noted_and_needed_once(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        self.run_zrelay(broker, *self.keyed("alice"), "ping", "--count", "1")
        with open(self.known) as file:
            self.assertEqual(file.read(), f"{broker.server} {self.public}\n")
        self.assertEqual(stat.S_IMODE(os.stat(self.known).st_mode), 0o600)
        self.run_zrelay(broker, "--certificate", self.path("alice"), "ping", "--count", "1")
        self.run_zrelay(broker, *self.keyed("alice"), "ping", "--count", "1")
        with open(self.known) as file:
            self.assertEqual(file.read().count("\n"), 1)
        other = zmq.curve_keypair()[0].decode()
        self.fails(broker, "--certificate", self.path("alice"), "--server-key", other, "ping", words=(self.known + ", line 1", "in between"))
        # Where it was encrypted once, it is not talked to in the clear.
        self.fails(broker, "ping", words=("keygen", f"{broker.server} is noted as encrypted in {self.known}, line 1"))

    def test_a_key_that_does_not_connect_is_not_noted(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        self.keygen("eve")
        self.run_zrelay(broker, *self.keyed("eve"), "ping", code=3)
        self.run_zrelay(broker, "--certificate", self.path("alice"), "--server-key", zmq.curve_keypair()[0].decode(), "ping", code=2)
        self.assertFalse(os.path.exists(self.known))

    def test_a_broker_that_changed_its_key(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        self.run_zrelay(broker, *self.keyed("alice"), "ping", "--count", "1")
        broker.signal(signal.SIGKILL)
        broker.finish()
        secret, _public = self.server_key()
        again = self.broker("--listen", broker.server, "--back", broker.back, "--users", self.path("users"), "--server-key", secret,
                            config=ENCRYPT)
        self.fails(again, "--certificate", self.path("alice"), "ping", code=2,
                   words=(f"the key noted in {self.known}, line 1 ({self.public}) does not fit", "new keys", "remove that line", "--server-key"))
        self.fails(again, *self.keyed("alice"), "ping", code=2, words="given with --server-key and noted in")
        os.remove(self.known)
        environment = {"ZRELAY_SERVER": again.server, "ZRELAY_CERTIFICATE": self.path("alice")}
        self.assertIn("in ZRELAY_SERVER_KEY (", self.run_bare("ping", code=2, ZRELAY_SERVER_KEY=self.public, **environment).errors())
        self.file("zrelay.conf", f"server = {again.server}\nserver-key = {self.public}\n")
        self.assertIn(f"given as server-key in {self.path('zrelay.conf')} (", self.run_bare("ping", code=2, **environment).errors())

    def test_an_unknown_key_is_told_what_to_do(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        key = self.keygen("eve")
        for command in (["ping"], ["pub", "general", "x"], ["sub", "general"], ["who", "general"], ["chat"], ["admin", "bans"]):
            # The time that connecting may take is not what ends it.
            self.fails(broker, *self.keyed("eve"), "--connect-timeout", "100000", *command, code=3, words=("does not know this key", key))

    def test_another_server_key(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        other = zmq.curve_keypair()[0].decode()
        self.fails(broker, "--certificate", self.path("alice"), "--server-key", other, "--connect-timeout", "100000", "ping", code=2,
                   words=(f"the key given with --server-key ({other}) does not fit", "ask its operator for its public key"))

    def test_one_side_encrypts(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        self.fails(broker, "--connect-timeout", "100000", "ping", code=2, words=("encrypted connections only", "--certificate", "--server-key"))
        plain = self.broker()
        self.fails(plain, *self.keyed("alice"), "--connect-timeout", "100000", "ping", code=2, words="does not encrypt")

    def test_environment_and_configuration_file(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        self.run_bare("ping", "--count", "1", ZRELAY_SERVER=broker.server, ZRELAY_CERTIFICATE=self.path("alice"), ZRELAY_SERVER_KEY=self.public)
        os.remove(self.known)
        self.file("zrelay.conf", f"server = {broker.server}\ncertificate = alice\nserver-key = {self.public}\n")
        self.run_bare("ping", "--count", "1")  # `certificate` begins at the file's folder, wherever one stands
        # Another broker, on this machine, has nothing to do with them.
        self.run_bare("--server", self.broker().server, "ping", "--count", "1")

    def test_mistakes(self):
        self.keygen("alice")
        key = zmq.curve_keypair()[0].decode()
        remote = "tcp://192.0.2.1:5570"
        os.chmod(self.path("alice_secret"), 0o640)
        self.fails(remote, "--certificate", self.path("alice"), "--server-key", key, "ping", words=(self.path("alice_secret"), "chmod 600"))
        os.chmod(self.path("alice_secret"), 0o600)
        os.rename(self.path("alice_secret"), self.path("elsewhere"))
        os.chmod(self.path("alice"), 0o600)
        self.fails(remote, "--certificate", self.path("alice"), "--server-key", key, "ping", words="no secret key")
        self.fails(remote, "--certificate", self.path("none"), "--server-key", key, "ping", words=self.path("none"))
        self.fails(remote, "--certificate", self.path("elsewhere"), "ping", words="--server-key")
        self.fails(remote, "--certificate", self.path("elsewhere"), "--server-key", "short", "ping", words="no server key")
        self.fails(remote, "--server-key", key, "ping", words="keygen")

    def test_what_is_no_endpoint_is_told_before_keys(self):
        for server in ("tcp://192.0.2.2:26570x", "tcp://192.0.2.2:x", "tcp://192.0.2.2:"):
            for arguments in (["--certificate", self.path("none")], ["--server-key", "short"], ["--user", "ann", "--token-file", "none"]):
                for command in (["ping"], ["bench", "throughput"]):
                    self.fails(server, *arguments, *command, words=f"'{server}' is no endpoint")

    def test_the_nick_of_a_user(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        self.fails(broker, *self.keyed("alice"), "--nick", "gus", "pub", "general", "x", code=0, words=("--nick gus", "alice"))
        self.assertEqual(self.run_zrelay(broker, *self.keyed("alice"), "--nick", "alice", "pub", "general", "x").errors(), "")

    def test_private_rooms_of_a_prefix_that_come_up_later(self):
        """They come as the rooms of the prefix that the client follows, though the back has nothing of them."""
        rules = ALL + '    deny = "read : m/*"\n'
        broker = self.encrypted(user("alice", self.keygen("alice")), user("bob", self.keygen("bob"), rules))
        reader = self.zrelay(broker, *self.keyed("alice"), "-v", "sub", "m/*", "--count", "6")
        reader.wait_err(r"m/\*: live")
        for room in ("m/a", "m/b"):
            self.run_zrelay(broker, *self.keyed("alice"), "pub", room, stdin=b"1\n2\n3\n")
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(sorted(reader.lines()), sorted([b"1", b"2", b"3"] * 2))


class Bench(Case):
    """Benchmarks authenticate like every other command."""

    MODES = (["throughput", "-n", "100"], ["latency", "--rate", "1000", "-n", "100"], ["fanout", "--readers", "3", "-n", "100"],
             ["replay", "-n", "100"], ["connect", "--clients", "3", "--hold", "0"])

    def test_with_keys(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        first = True
        for mode in self.MODES:
            # The broker's key is noted by the first, and needed no more.
            program = self.run_zrelay(broker, *(self.keyed("alice") if first else ("--certificate", self.path("alice"))), "bench", *mode)
            self.assertIn("verified", program.text())
            room = re.search(r"left +(bench/\S+)", program.text())[1]
            self.assertIn(room, self.run_zrelay(broker, *self.keyed("alice"), "rooms").text())
            first = False
        with open(self.known) as file:
            self.assertEqual(file.read(), f"{broker.server} {self.public}\n")

    def test_clients_of_several_processes_with_keys(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        program = subprocess.run(["prlimit", "--nofile=180:180", ZRELAY, "-s", broker.server, *self.keyed("alice"), "bench", "connect",
                                  "--clients", "25", "--hold", "0"], capture_output=True, env=self.environment)
        self.assertEqual(program.returncode, 0, program.stderr)
        self.keygen("eve")
        program = subprocess.run(["prlimit", "--nofile=180:180", ZRELAY, "-s", broker.server, *self.keyed("eve"), "bench", "connect",
                                  "--clients", "25", "--hold", "0"], capture_output=True, env=self.environment)
        self.assertEqual(program.returncode, 3, program.stderr)
        self.assertRegex(program.stderr.decode(), r"\Azrelay: [^\n]*does not know this key[^\n]*\n\Z")

    def test_who_is_not_let_in(self):
        broker = self.encrypted(user("alice", self.keygen("alice")))
        key, other = self.keygen("eve"), zmq.curve_keypair()[0].decode()
        patience = "--connect-timeout", "100000"
        for mode in self.MODES:
            mode = ["bench", *mode, "--timeout", "100000"]
            self.fails(broker, *self.keyed("eve"), *patience, *mode, code=3, words=("does not know this key", key))
            self.fails(broker, "--certificate", self.path("alice"), "--server-key", other, *patience, *mode, code=2, words="does not fit")
            self.fails(broker, *patience, *mode, code=2, words=("encrypted connections only", "--certificate"))

    def test_with_a_token(self):
        broker = self.with_tokens(alice="correct horse")
        token = self.secret_file("token", "correct horse")
        for mode in self.MODES:
            self.run_zrelay(broker, "--user", "alice", "--token-file", token, "bench", *mode)
            self.fails(broker, "bench", *mode, code=3, words="[login-required]")


class Tokens(Case):
    def test_login(self):
        broker = self.with_tokens(alice="correct horse", bob="staple")
        reader = self.zrelay(broker, "--user", "bob", "--token-file", self.secret_file("bob", "staple\n"), "sub", "general", "--all",
                             "--count", "1", "--json")
        environment = {**self.environment, "ZRELAY_USER": "alice", "ZRELAY_TOKEN": "correct horse"}
        writer = self.zrelay(broker, "pub", "general", "hello", env=environment)
        self.assertEqual((writer.finish(), reader.finish()), (0, 0), writer.errors() + reader.errors())
        self.assertEqual(self.json_lines(reader)[0]["sender"], "alice")

    def test_another_nick_in_chat(self):
        broker = self.with_tokens(alice="correct horse")
        command = [ZRELAY, "-s", broker.server, "--user", "alice", "--token-file", self.secret_file("token", "correct horse"), "chat"]
        chat = Terminal(command, {**self.environment, "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"})
        self.addCleanup(chat.end)
        chat.wait("you are in general, ")
        chat.line("/nick gus")
        chat.wait("you stay alice: a user's nick is the user's name")
        chat.line("/quit")
        self.assertEqual(chat.finish(), 0)
        self.assertNotIn("you are now", chat.text())

    def test_who_is_not_let_in(self):
        broker = self.with_tokens(alice="correct horse")
        self.fails(broker, "ping", code=3, words="[login-required]")
        wrong = self.secret_file("wrong", "guess")
        self.fails(broker, "--user", "alice", "--token-file", wrong, "ping", code=3, words="[login-failed]")
        self.fails(broker, "--user", "nobody", "--token-file", wrong, "ping", code=3, words="[login-failed]")

    def test_mistakes(self):
        here, remote = "tcp://127.0.0.1:1", "tcp://192.0.2.1:5570"
        good = self.secret_file("good", "x\n")
        for mode in (0o644, 0o660, 0o604):
            token = self.secret_file("token", "x\n", mode)
            self.fails(here, "--user", "alice", "--token-file", token, "ping", words=(token, "chmod 600"))
        self.fails(here, "--user", "alice", "ping", words="--token-file")
        self.fails(here, "--token-file", good, "ping", words="--user")
        self.fails(here, "--user", "a b", "--token-file", good, "ping", words="is no user")
        self.fails(here, "--user", "alice", "--token-file", self.path("none"), "ping", words=self.path("none"))
        self.fails(here, "--user", "alice", "--token-file", self.secret_file("empty", ""), "ping", words="no token")
        self.fails(here, "--user", "alice", "--token-file", self.secret_file("long", 257 * "x"), "ping", words="no token")
        self.fails(remote, "--user", "alice", "--token-file", good, "ping", words="on this machine only")

    def test_commands_that_are_started_do_not_get_the_token(self):
        broker = self.with_tokens(alice="correct horse")
        reader = self.zrelay(broker, "sub", "general", "--all", "--count", "1", "--exec", "env",
                             env={**self.environment, "ZRELAY_USER": "alice", "ZRELAY_TOKEN": "correct horse"})
        self.run_zrelay(broker, "--user", "alice", "--token-file", self.secret_file("t", "correct horse"), "pub", "general", "x")
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertIn("ZRELAY_ROOM=general", reader.text())
        self.assertNotIn("correct horse", reader.text())


class Admin(Case):
    def setUp(self):
        super().setUp()
        self.names = {name: self.keygen(name) for name in ("op", "bob", "eve")}
        self.lines = [user("op", self.names["op"], ADMIN), user("bob", self.names["bob"]), user("eve", self.names["eve"])]
        self.one = self.encrypted(*self.lines)

    def admin(self, *arguments, **options):
        return self.run_zrelay(self.one, *self.keyed("op"), "admin", *arguments, **options)

    def sub(self, name, *arguments):
        """A reader of the room general, live."""
        reader = self.zrelay(self.one, *self.keyed(name), "-v", "sub", "general", *arguments)
        reader.wait_err("general: live")
        return reader

    def test_ban_and_unban(self):
        reader = self.sub("eve")
        writer, chat = (self.zrelay(self.one, *self.keyed("eve"), "-v", *command) for command in (["pub", "x"], ["chat", "general"]))
        writer.wait_err("connected as eve")
        chat.wait_err("you are in general")
        self.admin("ban", "eve", "far", "too", "loud")
        for program in (reader, writer, chat):
            self.assertEqual(program.finish(), 3, program.errors())
            self.assertRegex(program.errors(), r"banned by an operator; trying again(.|\n)*lets you in no more: an operator has banned you\n\Z")
        self.fails(self.one, *self.keyed("eve"), "ping", code=3, words=("banned", self.names["eve"]))
        self.assertRegex(self.admin("bans").text(), r"\Aeve\top\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\tfar too loud\n\Z")
        ban, = self.json_lines(self.admin("bans", "--json"))
        self.assertEqual((ban["user"], ban["by"], ban["reason"]), ("eve", "op", "far too loud"))
        self.assertGreater(ban["time"], 10 ** 15)
        self.admin("unban", "eve")
        self.assertEqual(self.admin("bans").text(), "")
        self.sub("eve")

    def test_a_user_who_is_none_any_more(self):
        reader = self.sub("eve")
        self.reload(self.one, *self.lines[:2])
        self.assertEqual(reader.finish(), 3, reader.errors())
        self.assertIn("your right to be here was taken", reader.errors())
        self.assertRegex(reader.errors(), "does not know this key[^\n]*\n\\Z")

    def test_kick(self):
        reader = self.sub("eve")
        self.admin("kick", "eve", "look up")
        reader.wait_err(r"kicked by an operator; connecting again")
        reader.wait_err(r"connected as eve(.|\n)*connected as eve")
        self.fails(self.one, *self.keyed("op"), "admin", "kick", "nobody", code=3, words="[no-such-user]")

    def test_kick_from_a_room(self):
        reader = self.sub("eve")
        self.admin("kick", "eve", "--room", "general", "--for", "60", "too", "loud")
        self.assertEqual(reader.finish(), 3, reader.errors())
        self.assertIn("too loud [kicked]", reader.errors())
        self.fails(self.one, *self.keyed("eve"), "pub", "general", "x", code=3, words=("[forbidden]",))
        self.admin("kick", "eve", "--room", "general", "--for", "0")
        self.sub("eve")
        self.fails(self.one, *self.keyed("op"), "admin", "kick", "bob", "--room", "general", code=3, words="[no-such-user]")
        self.fails(self.one, *self.keyed("bob"), "admin", "kick", "eve", "--room", "general", code=3, words="[forbidden]")

    def test_reload(self):
        self.users("".join(self.lines[:2]))
        self.admin("reload")
        self.fails(self.one, *self.keyed("eve"), "ping", code=3, words=self.names["eve"])
        self.users("".join(self.lines) + "    fly = high\n")
        self.fails(self.one, *self.keyed("op"), "admin", "reload", code=3, words=(self.path("users") + ":", "fly", "[admin-failed]"))

    def test_only_for_operators(self):
        for arguments in (["reload"], ["bans"], ["kick", "op"], ["ban", "op"], ["unban", "op"]):
            self.fails(self.one, *self.keyed("bob"), "admin", *arguments, code=3, words="[forbidden]")
        self.fails(self.broker(), "admin", "bans", code=3, words="[forbidden]")

    def test_usage(self):
        for arguments, words in (([], "what is to be done"), (["stop"], "there is no 'stop'"), (["kick"], "kick whom"),
                                 (["reload", "now"], "what is 'now'"), (["unban", "eve", "why"], "what is 'why'"),
                                 (["ban", "a b"], "is no nick"), (["bans", "eve"], "what is 'eve'"),
                                 (["kick", "eve", "--for", "5"], "--room"), (["ban", "eve", "--room", "r"], "--room"),
                                 (["kick", "eve", "--room", "a b"], "is no room")):
            self.fails("tcp://127.0.0.1:1", "admin", *arguments, words=words)
        self.fails(self.one, *self.keyed("op"), "admin", "ban", "eve", 201 * "x", words="200 bytes")
        self.fails(self.one, *self.keyed("op"), "admin", "ban", "eve", "a\nb", words="200 bytes")
        self.admin("ban", "eve", 200 * "x")

    def test_a_filter_of_chat_tells_too(self):
        chat = self.zrelay(self.one, *self.keyed("eve"), "chat", "general", "-v")
        chat.wait_err("you are in general")
        self.admin("ban", "eve")
        chat.wait_err("banned by an operator")
        self.assertEqual(chat.finish(), 3, chat.errors())


class Rights(Case):
    READ_ALL, NO_SECRET = ALL, ALL + '    deny = "read : secret"\n'

    def setUp(self):
        super().setUp()
        self.keys = {name: self.keygen(name) for name in ("alice", "bob")}
        self.one = self.encrypted(*self.lines(self.READ_ALL))

    def lines(self, bobs):
        return user("alice", self.keys["alice"]), user("bob", self.keys["bob"], bobs)

    def start(self, name, *arguments):
        return self.zrelay(self.one, *self.keyed(name), "-v", *arguments)

    def test_the_right_to_read_is_taken(self):
        reader, chat = self.start("bob", "sub", "secret"), self.start("bob", "chat", "secret")
        reader.wait_err("secret: live")
        chat.wait_err("you are in secret")
        self.reload(self.one, *self.lines(self.NO_SECRET))
        self.assertEqual(reader.finish(), 3)
        for program in (reader, chat):
            program.wait_err(r"secret: refused: the right to read it was taken.* \[forbidden\]")
        self.fails(self.one, *self.keyed("bob"), "sub", "secret", code=3, words=("secret", "[forbidden]"))
        self.fails(self.one, *self.keyed("bob"), "history", "secret", code=3, words="[forbidden]")
        self.fails(self.one, *self.keyed("bob"), "who", "secret", code=3, words="[forbidden]")
        self.assertEqual(self.run_zrelay(self.one, *self.keyed("bob"), "rooms").text(), "")

    def test_the_right_to_write(self):
        self.reload(self.one, *self.lines('    allow = "read create : *"\n'))
        self.fails(self.one, *self.keyed("bob"), "pub", "general", "x", code=3, words="[forbidden]")

    def test_a_private_room(self):
        self.reload(self.one, *self.lines(self.NO_SECRET))
        readers = [self.start("alice", "sub", room, "--count", "2") for room in ("secret", "sec*")]
        self.run_zrelay(self.one, *self.keyed("bob"), "pub", "secret", "one")  # writing is not reading
        readers[0].wait_err("secret: live")
        readers.append(self.start("alice", "sub", "secret", "--all", "--count", "2"))
        readers[2].wait_out("one")
        self.run_zrelay(self.one, *self.keyed("alice"), "pub", "secret", stdin=b"two\nthree\n")
        for reader in readers:
            self.assertEqual(reader.finish(), 0, reader.errors())
            self.assertIn("two", reader.text())

    def test_a_room_changes_its_way_under_a_stream(self):
        """A room changes between open and private, and its readers notice nothing: all of it comes, in order, once."""
        count = 3000
        reader = self.zrelay(self.one, *self.keyed("alice"), "-v", "sub", "secret", "--count", str(count))
        reader.wait_err("secret: live")
        writer = self.zrelay(self.one, *self.keyed("alice"), "pub", "secret")
        for number in range(count):
            writer.write(b"%d\n" % number)
            if number % 500 == 499:
                reader.wait_out(rb"^%d$" % number)
                self.reload(self.one, *self.lines(self.NO_SECRET if number % 1000 == 499 else self.READ_ALL))
        writer.close_stdin()
        self.assertEqual((writer.finish(), reader.finish()), (0, 0), writer.errors() + reader.errors())
        self.assertEqual(reader.lines(), [b"%d" % number for number in range(count)])
        self.assertNotIn("did not come", reader.errors())
        self.assertNotIn("lost", reader.errors())


if __name__ == "__main__":
    unittest.main()
