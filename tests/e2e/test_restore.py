"""zrelayd --backup and --restore, and what else stands in the place of a log."""
import os
import shutil
import sqlite3
import subprocess

from harness import ZRELAYD, Program, TestCase

FAST = "server\n    heartbeat = 1000\n    tick = 20\n"


class Restore(TestCase):
    def setUp(self):
        super().setUp()
        self.data, self.copy = self.path("data"), self.path("copy.db")

    def start(self, *arguments):
        return self.broker("--data", self.data, *arguments, config=FAST)

    def end(self, broker, signal=9):
        broker.signal(signal)
        broker.finish()

    def history(self, broker):
        return b" ".join(self.run_zrelay(broker, "history", "r").lines()).decode()

    def run_zrelayd(self, *arguments, code=0):
        program = Program([ZRELAYD, *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), code, program.errors())
        return program

    def saved(self):
        """A log of three messages and a copy of the first two; killed, so that much of it is in zrelay.db-wal."""
        broker = self.start()
        for text in ("one", "two"):
            self.run_zrelay(broker, "pub", "r", text)
        self.run_zrelayd("--data", self.data, "--backup", self.copy)
        self.run_zrelay(broker, "pub", "r", "three")
        told = self.run_zrelayd("--data", self.data, "--restore", self.copy, code=1)
        self.assertIn("in use by another zrelayd", told.errors())
        self.end(broker)
        self.assertGreater(os.stat(os.path.join(self.data, "zrelay.db-wal")).st_size, 0)
        return broker.epoch

    def test_a_backup_is_put_back(self):
        epoch = self.saved()
        told = self.run_zrelayd("--data", self.data, "--restore", self.copy)
        replaced, = [name for name in os.listdir(self.data) if name.startswith("zrelay.db.replaced-") and not name.endswith(("-wal", "-shm"))]
        self.assertIn(replaced, told.text())
        broker = self.start()
        self.assertNotEqual(broker.epoch, epoch)
        self.assertEqual(self.history(broker), "one two")
        self.end(broker)
        self.run_zrelayd("--data", self.data, "--restore", os.path.join(self.data, replaced))  # and all is as before
        broker = self.start()
        self.assertEqual(self.history(broker), "one two three")
        self.data = self.path("new")  # a directory that is not there yet
        self.run_zrelayd("--data", self.data, "--restore", self.copy)
        self.assertEqual(self.history(self.start()), "one two")

    def test_a_copy_over_a_stale_write_ahead_log(self):
        self.saved()
        shutil.copy(self.copy, os.path.join(self.data, "zrelay.db"))
        for _ in range(2):
            told = self.run_zrelayd("--listen", "tcp://127.0.0.1:*", "--data", self.data, code=1).errors()
            self.assertRegex(told, r"zrelay\.db was replaced: .*--restore")
        for name in ("zrelay.db-wal", "zrelay.db-shm"):  # as it says
            os.rename(os.path.join(self.data, name), self.path(name))
        self.assertEqual(self.history(self.start()), "one two")

    def test_what_is_no_log(self):
        self.saved()
        text = self.file("text", "a text\n" * 1000)
        nothing = self.file("nothing", "")
        other = self.path("other.db")
        sqlite3.connect(other).execute("CREATE TABLE people (name TEXT)").connection.close()
        cut = self.path("cut")
        with open(self.copy, "rb") as file:
            self.file("cut", file.read(100))
        folder = self.path("folder")
        os.mkdir(folder)
        for name in (text, nothing, other, cut, folder, self.path("missing")):
            told = self.run_zrelayd("--data", self.data, "--restore", name, code=1).errors()
            self.assertRegex(told, r"\Azrelayd: cannot restore [^\n]+\n\Z", name)
        self.assertEqual(self.history(self.start()), "one two three")
        refuse = self.file("refuse.conf", FAST + "log\n    on-corrupt = refuse\n")
        for name in (text, nothing, other, cut):
            self.data = self.path("store of " + os.path.basename(name))
            os.mkdir(self.data, 0o700)
            shutil.copy(name, os.path.join(self.data, "zrelay.db"))
            told = self.run_zrelayd("--listen", "tcp://127.0.0.1:*", "--data", self.data, "--config", refuse, code=1).errors()
            self.assertRegex(told, r"damaged|is not zrelay's", name)
            with open(name, "rb") as file, open(os.path.join(self.data, "zrelay.db"), "rb") as there:
                self.assertEqual(file.read(), there.read(), name)
