"""A PostgreSQL server of a test's own (tests/postgres/cluster), and brokers that keep their log there."""
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import DEADLINE, ZRELAYD, Program, TestCase

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../postgres/cluster")


class Cluster:
    def __init__(self, *arguments, command="start"):
        self.folder = tempfile.mkdtemp(prefix="zrelay-pg-")
        started = self.script(command, str(os.getpid()), *arguments, check=False)
        if started.returncode:
            self.remove()
            raise AssertionError(started.stderr.decode())
        self.uri = f"postgresql://zrelay@/postgres?host={self.folder}"

    def script(self, command, *arguments, check=True):
        return subprocess.run([SCRIPT, command, self.folder, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=check, timeout=DEADLINE)

    def remove(self):
        self.script("remove", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text):
        """Runs it; returns its rows as psql prints them, joined by spaces."""
        done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.uri, "-c", text], capture_output=True,
                              check=True, timeout=DEADLINE)
        return done.stdout.decode().replace("\n", " ").strip()


def installed():
    """Is PostgreSQL there, and is it built in?"""
    version = subprocess.run([ZRELAYD, "--version"], capture_output=True, check=True).stdout
    return b"with PostgreSQL" in version and subprocess.run(
        [SCRIPT, "unknown", "/"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 77


class PostgresCase(TestCase):
    """All classes with the same settings share a server; each test begins without tables."""
    settings = ()
    clusters = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.settings not in PostgresCase.clusters:
            cluster = PostgresCase.clusters[cls.settings] = Cluster(*cls.settings)
            unittest.addModuleCleanup(cluster.remove)
        cls.cluster = PostgresCase.clusters[cls.settings]

    def setUp(self):
        super().setUp()
        self.cluster.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS zrelay CASCADE")

    def durable(self, *arguments, config=None):
        return self.broker("--store", self.cluster.uri, *arguments, config=config)

    def again(self, broker, config=None):
        """kill -9, and the next one on the same database and ports."""
        return self.restart(broker, "--store", self.cluster.uri, config=config)

    def refused(self, *arguments):
        """zrelayd must end with 1 and one line on stderr; returns the line."""
        program = Program([ZRELAYD, "--listen", "tcp://127.0.0.1:*", *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 1, program.errors())
        return program.errors()
