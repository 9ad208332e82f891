import os
import pathlib
import tempfile
import unittest

import fake  # noqa: F401  the path of the sources
from zrelay.core.servers import Server
from zrelay.errors import ZrelayError
from zrelay.settings import Keys, endpoint, read_certificate, settings

KEY, PUBLIC, SECRET = "k" * 40, "p" * 40, "s" * 40
HERE, THERE = "tcp://127.0.0.1:5570", "tcp://relay.example:5570"
JWT = "eyJh.eyJz.c2ln"


class Settings(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.environment = {"XDG_CONFIG_HOME": folder.name}

    def found(self, server=None, server_key=None, certificate=None, user=None, token=None, **environment):
        return settings({**self.environment, **environment}, server, server_key, certificate, user, token, lambda: (PUBLIC, SECRET))

    def refused(self, pattern, *arguments, **named):
        with self.assertRaisesRegex(ZrelayError, pattern) as caught:
            self.found(*arguments, **named)
        self.assertEqual(caught.exception.code, "bad-argument")

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def test_several_servers_have_one_key_or_one_each(self):
        other = "b" * 40
        found = self.found(" a , b:1", KEY)
        self.assertEqual(found.servers, (Server("tcp://a:5570", KEY), Server("tcp://b:1", KEY)))
        self.assertEqual([each.key for each in self.found("a,b", f"{KEY},{other}").servers], [KEY, other])
        self.refused("once", "a,a")
        self.refused("at most 16", ",".join(f"h{number}" for number in range(17)))
        self.assertEqual(len(self.found(",".join(f"h{number}" for number in range(16))).servers), 16)
        self.refused("one key for all", "a,b,c", f"{KEY},{other}")
        self.refused("this machine only", f"{HERE},{THERE}", user="ann", token="secret")

    def test_a_server_is_what_the_program_says_or_the_environment_or_the_usual_one(self):
        self.assertEqual(self.found().servers, (Server(HERE),))
        self.assertEqual(self.found(ZRELAY_SERVER=THERE).servers, (Server(THERE),))
        self.assertEqual(self.found("ipc://x", ZRELAY_SERVER=THERE).servers, (Server("ipc://x"),))

    def test_a_server_may_be_a_host_with_or_without_a_port(self):
        self.assertEqual([endpoint(each) for each in ("relay.example", "relay.example:7", "tcp://relay.example", "[::1]", "tcp://[::1]:7", "127.0.0.1")],
                         [THERE, "tcp://relay.example:7", THERE, "tcp://[::1]:5570", "tcp://[::1]:7", HERE])
        for bad in ("", "udp://x:1", "a b", "tcp://x:0"):
            with self.assertRaises(ZrelayError, msg=bad):
                endpoint(bad)

    def test_without_a_key_nothing_is_encrypted(self):
        self.assertIsNone(self.found(THERE).keys)
        self.refused("give its key too", THERE, certificate=(PUBLIC, SECRET))

    def test_keys_come_from_the_program_or_the_environment(self):
        self.assertEqual(self.found(THERE, KEY).keys, Keys(KEY, PUBLIC, SECRET))
        self.assertEqual(self.found(THERE, certificate=("a" * 40, "b" * 40), ZRELAY_SERVER_KEY=KEY).keys, Keys(KEY, "a" * 40, "b" * 40))
        path = self.write("ann_secret", f'curve\n    public-key = "{"c" * 40}"\n    secret-key = "{"d" * 40}"\n')
        for certificate in (path, path[:-len("_secret")]):
            self.assertEqual(self.found(THERE, KEY, ZRELAY_CERTIFICATE=certificate).keys, Keys(KEY, "c" * 40, "d" * 40))
        for bad in ("x" * 39, "x" * 41, "\u00e9" * 40, " " * 40):
            self.refused("40 characters of Z85", THERE, bad)

    def test_a_certificate_that_others_may_read_or_without_keys_is_refused(self):
        path = self.write("ann_secret", f'public-key = "{PUBLIC}"\nsecret-key = "{SECRET}"\n', 0o640)
        with self.assertRaisesRegex(ZrelayError, "chmod 600"):
            read_certificate(path)
        with self.assertRaisesRegex(ZrelayError, "no key pair"):
            read_certificate(self.write("bob_secret", f'public-key = "{PUBLIC}"\n'))
        with self.assertRaisesRegex(ZrelayError, "zrelay keygen"):
            read_certificate(os.path.join(self.environment["XDG_CONFIG_HOME"], "nobody"))

    def test_the_key_that_the_command_line_noted_is_used_and_no_other_is_taken(self):
        self.write("zrelay/known-servers", f"{THERE} {KEY}\n")
        self.assertEqual(self.found(THERE).keys.server, KEY)
        self.assertEqual(self.found(THERE, KEY).keys.server, KEY)
        self.assertIsNone(self.found("tcp://other.example:5570").keys)
        self.refused("somebody may be in between", THERE, "x" * 40)

    def test_a_token_goes_to_this_machine_or_encrypted(self):
        self.assertEqual(self.found(user="ann", token="t")[2:], ("ann", "t"))
        self.assertEqual(self.found(THERE, KEY, user="ann", token="t")[2:], ("ann", "t"))
        self.refused("travels unencrypted", THERE, user="ann", token="t")
        self.refused("needs a token", user="ann")
        self.assertIsNone(self.found(THERE, KEY, user="ann").user, "a key names its user itself")

    def test_a_token_of_the_environment_needs_a_user_unless_it_is_a_jwt(self):
        self.assertEqual(self.found(ZRELAY_USER="ann", ZRELAY_TOKEN="t")[2:], ("ann", "t"))
        self.assertEqual(self.found(user="bob", ZRELAY_TOKEN="t")[2:], ("bob", "t"))
        self.assertEqual(self.found(ZRELAY_TOKEN="t")[2:], (None, None), "it may be meant for another broker")
        self.assertEqual(self.found(ZRELAY_TOKEN=JWT)[2:], (None, JWT))


if __name__ == "__main__":
    unittest.main()
