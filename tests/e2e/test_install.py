"""Configuring and installing, without building: the service and its configuration. And the first steps of broker/quickstart."""
import fcntl
import os
import pty
import re
import select
import shutil
import subprocess
import urllib.request

from harness import BUILD, DEADLINE, ZRELAYD, Program, TestCase, wait_for

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))


def read(path):
    with open(path) as file:
        return file.read()


class Install(TestCase):
    def run_cmake(self, *arguments, **environment):
        done = subprocess.run(["cmake", *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=DEADLINE * 5)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def configure(self, prefix):
        self.run_cmake("-S", SOURCE, "-B", self.path("build"), "-DZRELAY_TESTS=OFF", f"-DCMAKE_INSTALL_PREFIX={prefix}")

    def install_service(self, prefix):
        """The root folder in which it is, the unit's text and the path of the configuration that it names."""
        self.configure(prefix)
        root = self.path("root" + prefix.replace("/", "-"))
        self.run_cmake("--install", self.path("build"), "--component", "broker-service", DESTDIR=root)
        unit = read(f"{root}{prefix}/lib/systemd/system/zrelayd.service")
        named = set(re.findall(rf"^Exec\w+={prefix}/bin/zrelayd --config (\S+)", unit, re.M))
        self.assertEqual(len(named), 1, unit)
        return root, unit, named.pop()

    def test_the_unit_names_the_configuration_that_is_installed(self):
        for prefix, expected in (("/opt/z", "/etc/opt/z/zrelay"), ("/usr/local", "/usr/local/etc/zrelay"), ("/usr", "/etc/zrelay")):
            with self.subTest(prefix):
                root, _, named = self.install_service(prefix)
                self.assertEqual(named, f"{expected}/zrelayd.conf")
                found = [os.path.join(folder, name) for folder, _, files in os.walk(root) for name in files if name == "zrelayd.conf"]
                self.assertEqual(sorted(found), sorted([root + named, f"{root}{prefix}/share/doc/zrelay/zrelayd.conf"]))

    def test_the_service_keeps_its_messages(self):
        root, unit, named = self.install_service("/usr/local")
        directory = re.search(r"^StateDirectory=(\S+)$", unit, re.M)[1]
        example, conf = read(f"{SOURCE}/broker/etc/zrelayd.conf"), read(root + named)
        self.assertEqual(read(f"{root}/usr/local/share/doc/zrelay/zrelayd.conf"), example)
        changed = [(old, new) for old, new in zip(example.splitlines(), conf.splitlines(), strict=True) if old != new]
        self.assertEqual(changed, [(f"    #data = /var/lib/{directory}", f"    data = /var/lib/{directory}")])
        # It is sound, and another directory can be named in it.
        data = self.path("data")
        other = self.file("other.conf", conf.replace(f"data = /var/lib/{directory}", f"data = {data}"))
        checked = subprocess.run([ZRELAYD, "--config", other, "--check-config"], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_what_is_to_be_removed_leaves_the_configuration(self):
        _, _, named = self.install_service("/usr/local")
        manifest = read(self.path("build/install_manifest_broker-service.txt")).splitlines()
        self.assertIn("/usr/local/lib/systemd/system/zrelayd.service", manifest)
        self.assertNotIn(named, manifest)

    def test_a_configuration_that_is_there_is_kept(self):
        root, _, named = self.install_service("/usr/local")
        with open(root + named, "w") as file:
            file.write("# the operator's\n")
        self.install_service("/usr/local")
        self.assertEqual(read(root + named), "# the operator's\n")

    def test_configuring_again_changes_no_command(self):
        """Else everything would be compiled anew."""
        commands = []
        for _ in range(2):
            self.configure("/usr/local")
            commands.append(read(self.path("build/compile_commands.json")))
        self.assertEqual(*commands)


class Quickstart(TestCase):
    def tree(self, code):
        """A quickstart in a tree of its own, where the build ends with `code` at once."""
        for folder in ("tree/broker/etc", "tree/build", "bin"):
            os.makedirs(self.path(folder), exist_ok=True)
        for name in ("quickstart", "etc/packages"):
            shutil.copy(f"{SOURCE}/broker/{name}", self.path(f"tree/broker/{name}"))
        for name, text in (("tree/broker/etc/install-packages", "#!/bin/sh\n"),
                           ("bin/cmake", f"#!/bin/sh\ntouch \"$(dirname \"$0\")/called\"\nexit {code}\n")):
            os.chmod(self.file(name, text), 0o755)
        self.surroundings = {**self.environment, "PATH": self.path("bin") + ":" + os.environ["PATH"], "TERM": "xterm"}
        return self.path("tree/broker/quickstart")

    def test_one_at_a_time(self):
        """While another one builds in the same tree it waits."""
        quickstart = self.tree(1)
        with open(self.path("tree/build/quickstart.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            program = Program([quickstart], env=self.surroundings)
            self.addCleanup(program.end)
            program.wait_err("another quickstart")
            self.assertFalse(os.path.exists(self.path("bin/called")))
        self.assertEqual(program.finish(), 1)
        self.assertTrue(os.path.exists(self.path("bin/called")))
        self.assertIn("the build failed", program.errors())

    def test_a_chat_in_the_terminal_and_in_a_browser(self):
        for part in ("broker", "client"):
            os.makedirs(self.path("tree/build"), exist_ok=True)
            os.symlink(os.path.realpath(f"{BUILD}/{part}"), self.path(f"tree/build/{part}"))
        terminal, theirs = pty.openpty()
        self.addCleanup(os.close, terminal)
        program = subprocess.Popen([self.tree(0)], stdin=theirs, stdout=theirs, stderr=theirs, env=self.surroundings)
        self.addCleanup(lambda: (program.kill(), program.wait()))
        os.close(theirs)
        shown = b""

        def shows(pattern):
            nonlocal shown
            if select.select([terminal], [], [], 0)[0]:
                shown += os.read(terminal, 65536)
            return re.search(pattern, shown)
        page = wait_for(lambda: shows(rb"in a browser at (http://\S+)/"), "the page's address").group(1).decode()
        with urllib.request.urlopen(page + "/", timeout=DEADLINE) as answer:
            self.assertIn(b"<!doctype html>", answer.read())
        wait_for(lambda: shows(rb"you are in lobby"), "the chat")
        os.write(terminal, b"/quit\r")
        self.assertEqual(program.wait(DEADLINE), 0, shown)
        with self.assertRaises(OSError):
            urllib.request.urlopen(page + "/", timeout=DEADLINE)
