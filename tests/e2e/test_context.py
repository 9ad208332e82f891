"""zrelay context: several brokers by name."""
import os
import unittest

from test_cli import CliCase


class Contexts(CliCase):
    def test_commands_take_the_context_in_use(self):
        one, other = self.broker(), self.broker()
        self.run_bare("context", "add", "one", "-s", one.server, "--nick", "ann")
        self.run_bare("context", "add", "other", "-s", other.server)
        self.assertEqual(os.stat(os.path.join(self.folder, "zrelay/contexts/one.conf")).st_mode & 0o777, 0o600)
        self.assertEqual(self.run_bare("context", "list").text(), "  one\n  other\n")
        self.run_bare("context", "use", "one")
        self.assertEqual(self.run_bare("context", "list").text(), "* one\n  other\n")
        self.run_bare("pub", "room", "first")
        self.run_bare("--context", "other", "pub", "room", "second")
        self.assertEqual(self.run_zrelay(one, "history", "room", "-F", "%n %b").text(), "ann first\n")
        self.assertEqual(self.run_bare("history", "room", ZRELAY_CONTEXT="other").text(), "second\n")
        self.run_bare("context", "remove", "one")
        self.assertEqual(self.run_bare("context", "list").text(), "  other\n")
        self.run_bare("context", "use", "other")
        self.run_bare("context", "use", "none")
        self.assertEqual(self.run_bare("context", "list").text(), "  other\n")

    def test_files_are_found_from_anywhere(self):
        path = os.path.relpath(os.path.join(self.folder, "token"))
        with open(path, "w", encoding="utf-8") as file:
            file.write("x")
        self.run_bare("context", "add", "here", "-s", "ipc:///nowhere", "--user", "ann", "--token-file", path)
        with open(os.path.join(self.folder, "zrelay/contexts/here.conf"), encoding="utf-8") as file:
            self.assertIn(f'token-file = "{os.path.realpath(path)}"', file.read())

    def test_mistakes(self):
        for words, arguments in (("name it with --server", ("add", "x")), ("1 to 64 letters", ("add", "../x", "-s", "y")),
                                 ("no context is named 'none'", ("add", "none", "-s", "y")),
                                 ("no context 'x'", ("use", "x")), ("no context 'x'", ("remove", "x")), ("add NAME", ()),
                                 ("add NAME", ("frob", "x"))):
            program = self.run_bare("context", *arguments, code=1)
            self.assertIn(words, program.errors())
        self.run_bare("context", "add", "x" * 64, "-s", "y")
        self.assertIn("already", self.run_bare("context", "add", "x" * 64, "-s", "y", code=1).errors())
        self.run_bare("context", "add", "x" * 65, "-s", "y", code=1)
        self.assertIn("there is no context 'gone'", self.run_bare("--context", "gone", "rooms", code=1).errors())


if __name__ == "__main__":
    unittest.main()
