"""The library as others get it: its examples, and programs that are built against what is installed."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import unittest

import zmq

from harness import BUILD, DEADLINE, ZRELAY, Program, TestCase, wait_for

PROGRAM = r"""
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zrelay.h>

int main(int argc, char **argv) {
    zrelay_t *relay = zrelay_new(argc > 1 ? argv[1] : "");
    if (!relay)
        return 1;
    zrelay_set_nick(relay, "tiny");
    zrelay_join(relay, "room", ZRELAY_FROM_NOW, 0);
    const zrelay_event_t *event;
    while ((event = zrelay_next(relay, 30000)) && event->type != ZRELAY_CLOSED) {
        if (event->type == ZRELAY_JOINED)
            zrelay_publish(relay, "room", "hello", 5, NULL);
        if (event->type == ZRELAY_ENTRY) {
            printf("%s %s %" PRIu64 " %s: %.*s\n", zrelay_version(), event->room, event->seq, event->sender, (int)event->body_len,
                (const char *)event->body);
            zrelay_close(relay);
        }
    }
    zrelay_destroy(relay);
    return event ? 0 : 2;
}
"""


PLUGIN = r"""
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void *library;

static void *find(const char *name) {
    return (void *)dlsym(library, name);
}

/* Loads the library, begins to look for a host, and unloads the library before that is found. */
int main(int argc, char **argv) {
    for (int i = 0; i < 20; i++) {
        library = dlopen(argv[argc - 1], RTLD_NOW);
        if (!library)
            return 1;
        void *relay = ((void *(*)(const char *))(uintptr_t)find("zrelay_new"))("tcp://nosuch.invalid:5570");
        ((int (*)(void *, uint64_t *))(uintptr_t)find("zrelay_ping"))(relay, NULL);
        ((const void *(*)(void *, int))(uintptr_t)find("zrelay_next"))(relay, i % 3);
        ((void (*)(void *))(uintptr_t)find("zrelay_destroy"))(relay);
        dlclose(library);
        if (fork() == 0)
            _exit(0);
        wait(NULL);
    }
    puts("done");
    return 0;
}
"""


def example(name):
    return os.path.join(BUILD, "client", "example-" + name)


def pause(program):
    """Stops the program while it waits, and lets it go on."""
    def state():
        with open(f"/proc/{program.process.pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    wait_for(lambda: state() == "S", "the program to wait")
    program.signal(signal.SIGSTOP)
    wait_for(lambda: state() == "T", "the program to stop")
    program.signal(signal.SIGCONT)
    wait_for(lambda: state() == "S", "the program to go on")


def sanitized():
    """Whether the build wants a sanitizer's runtime in every program that uses the library."""
    with open(os.path.join(BUILD, "CMakeCache.txt")) as cache:
        return bool(re.search(r"^ZRELAY_SANITIZE:BOOL=(ON|1|TRUE|YES)$", cache.read(), re.M | re.I))


class Examples(TestCase):
    def run_example(self, name, *arguments, code=0):
        program = Program([example(name), *arguments])
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), code, program.errors())
        return program

    def test_publish(self):
        broker = self.broker()
        program = self.run_example("publish", broker.server, "room", "one", "two", "")
        self.assertRegex(program.text(), r"stored up to message \d+\n\Z")
        self.assertEqual(self.run_zrelay(broker, "history", "room").text(), "one\ntwo\n\n")

    def test_publish_that_is_refused(self):
        broker = self.broker(config="limits\n    max-rooms = 1\n")
        self.run_example("publish", broker.server, "room", "one")
        self.assertIn("too-many-rooms", self.run_example("publish", broker.server, "other", "one", code=1).errors())

    def test_subscribe(self):
        broker = self.broker()
        self.run_zrelay(broker, "--nick", "ann", "pub", "room", "before")
        program = Program([example("subscribe"), broker.server, "room"])
        self.addCleanup(program.end)
        program.wait_out("^1 ann: before$")
        self.run_zrelay(broker, "--nick", "bob", "pub", "room", "live")
        program.wait_out("^2 bob: live$")

    def test_state_counts_up_with_several_at_once(self):
        broker = self.broker()
        self.assertEqual(self.run_example("state", broker.server, "room", "count").text(), "count is 1\n")
        programs = [Program([example("state"), broker.server, "room", "count"]) for _ in range(5)]
        for program in programs:
            self.addCleanup(program.end)
        for program in programs:
            self.assertEqual(program.finish(), 0, program.errors())
        # Each found a number of its own: nobody's was lost.
        self.assertEqual(sorted(program.text() for program in programs), [f"count is {number}\n" for number in range(2, 7)])
        self.assertEqual(self.run_zrelay(broker, "state", "room", "get", "count").text(), "6\n")

    def test_poll(self):
        broker = self.broker()
        program = Program([example("poll"), broker.server, "room"])
        self.addCleanup(program.end)
        self.wait_members(broker, "room", 1)
        program.write(b"from stdin")
        program.wait_out("^guest-[a-z0-9]+: from stdin$")
        self.run_zrelay(broker, "--nick", "ann", "pub", "room", "from ann")
        program.wait_out("^ann: from ann$")
        program.write(b"the last")
        wait_for(lambda: b"the last" in bytes(self.run_zrelay(broker, "history", "room").out), "the last message")
        program.close_stdin()
        self.assertEqual(program.finish(), 0, program.errors())

    def test_encrypted(self):
        """With the files that the programs' --keygen and keygen make."""
        secret, server_key = self.server_key()
        made = Program([ZRELAY, "keygen", self.path("ann")], env=self.environment)
        self.addCleanup(made.end)
        self.assertEqual(made.finish(), 0, made.errors())
        users = self.users(f'user\n    name = ann\n    key = "{made.text().strip()}"\n    allow = "all : *"\n')
        broker = self.broker("--server-key", secret, "--users", users, config="auth\n    encrypt = all\n")

        def run(name, code):
            return self.run_example("encrypted", broker.server, server_key.decode(), self.path(name), "room", "hello", code=code)
        self.assertEqual(run("ann_secret", 0).text(), "connected as ann\n")
        self.assertIn("there is no secret key in it", run("ann", 1).errors())
        self.assertEqual(self.run_zrelay(broker, "--certificate", self.path("ann_secret"), "--server-key", server_key.decode(), "history",
                                         "room").text(), "hello\n")

    def test_without_arguments_they_tell_how(self):
        for name, words in (("publish", "ROOM"), ("subscribe", "ROOM"), ("state", "ROOM"), ("poll", "ROOM"), ("encrypted", "SERVER-KEY NAME_secret ROOM")):
            program = self.run_example(name, code=1)
            self.assertRegex(program.errors(), rf"(?m)^usage: {name} tcp://HOST:PORT {words}[^\n]*\n\Z")


class Surprises(TestCase):
    """Signals, and brokers that cannot be reached."""

    def test_a_program_that_was_stopped_goes_on(self):
        broker = self.broker()
        self.run_zrelay(broker, "--nick", "ann", "pub", "room", "before")
        for name in ("subscribe", "poll"):
            program = Program([example(name), broker.server, "room"], stdin=subprocess.PIPE)
            self.addCleanup(program.end)
            self.wait_members(broker, "room", 1)
            pause(program)
            self.run_zrelay(broker, "--nick", "bob", "pub", "room", f"after {name}")
            program.wait_out(f"bob: after {name}$")
            program.end()
            self.wait_members(broker, "room", 0)

    def test_brokers_that_cannot_be_reached_are_told(self):
        silent, free = socket.socket(), socket.socket()
        self.addCleanup(silent.close)
        for listener in (silent, free):
            listener.bind(("127.0.0.1", 0))
        silent.listen()
        ways = {f"tcp://127.0.0.1:{free.getsockname()[1]}": "nothing listens there",
                f"tcp://127.0.0.1:{silent.getsockname()[1]}": "there is no answer",
                "ipc://" + self.path("none"): "there is no such socket",
                "ipc://" + self.path("x" * 200): "name too long|path of the socket is too long",
                "tcp://nosuch.invalid:5570": "there is no host",
                "tcp://[::g]:5570": "there is no host|Invalid argument|No such device"}
        free.close()
        programs = {server: Program([example("subscribe"), server, "room"]) for server in ways}
        for program in programs.values():
            self.addCleanup(program.end)
        for server, words in ways.items():
            wait_for(lambda: re.search(words, programs[server].errors()), f"{server}: {words}")
            self.assertEqual(len(programs[server].errors().splitlines()), 1)


    def test_a_broker_whose_back_cannot_be_reached_is_told(self):
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        front, closed = context.socket(zmq.ROUTER), socket.socket()
        self.addCleanup(front.close, 0)
        closed.bind(("127.0.0.1", 0))
        back = "tcp://127.0.0.1:%d" % closed.getsockname()[1]
        self.addCleanup(closed.close)
        server = f"tcp://127.0.0.1:{front.bind_to_random_port('tcp://127.0.0.1')}"
        programs = [Program([example("subscribe"), server, "room"]), self.zrelay(server, "sub", "room")]
        self.addCleanup(programs[0].end)

        def told():
            while front.poll(50):
                route, frame = front.recv_multipart()
                request = json.loads(frame)
                answer = {"hello": dict(op="welcome", proto=1, epoch="0" * 16, nick="guest", resume="0" * 32, resumed=False, back=back,
                                        heartbeat=1000, level="memory", time=1, server="by hand", limits={}),
                          "ping": dict(op="pong", time=1, heads={})}.get(request["op"], dict(op="ok"))
                front.send_multipart([route, json.dumps({**answer, "re": request.get("id")}).encode()])
            return all(back in program.errors() for program in programs)
        wait_for(told, "it to be told")


class Installed(TestCase):
    def setUp(self):
        super().setUp()
        # As packages are made: with DESTDIR nothing leaves the folder, whatever prefix the build is for.
        self.root = self.path("root")
        done = subprocess.run(["cmake", "--install", BUILD], env={**os.environ, "DESTDIR": self.root}, capture_output=True, text=True,
                              timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(os.path.join(BUILD, "CMakeCache.txt")) as cache:
            prefix = re.search(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", cache.read(), re.M).group(1)
        self.prefix = self.root + prefix
        self.library = os.path.dirname(self.find("libzrelay.so"))

    def find(self, name):
        for folder, _, files in os.walk(self.prefix):
            if name in files:
                return os.path.join(folder, name)
        raise AssertionError(f"{name} is not installed")

    def pkg_config(self, *arguments):
        found = subprocess.run(["pkg-config", *arguments, "zrelay"], capture_output=True, text=True, timeout=DEADLINE,
                               env={**os.environ, "PKG_CONFIG_PATH": os.path.dirname(self.find("zrelay.pc")),
                                    "PKG_CONFIG_SYSROOT_DIR": self.root})
        self.assertEqual(found.returncode, 0, found.stderr)
        return shlex.split(found.stdout)

    def build(self, *flags, compiler="cc", name="tiny.c", text=PROGRAM):
        """Compiles and links the small program; returns its path."""
        if not shutil.which(compiler):
            self.skipTest(f"no {compiler}")
        output = self.path("tiny")
        extra = ["-fsanitize=address,undefined"] if sanitized() else []
        done = subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-o", output, self.file(name, text), *flags, *extra],
                              capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return output

    def run_tiny(self, path):
        broker = self.broker()
        program = Program([path, broker.server], env={**os.environ, "LD_LIBRARY_PATH": self.library})
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 0, program.errors())
        version = self.pkg_config("--modversion")[0]
        self.assertEqual(program.text(), f"{version} room 1 tiny: hello\n")

    def linked(self, path):
        """The names of the libraries that the program asks for."""
        return re.findall(r"NEEDED.*\[(.+?)\]", subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout)

    def test_shared(self):
        path = self.build(*self.pkg_config("--cflags", "--libs"))
        self.assertIn("libzrelay.so.0", self.linked(path))
        self.run_tiny(path)

    def test_only_its_own_header_is_asked_for(self):
        for static in ([], ["--static"]):
            flags = self.pkg_config("--cflags", *static)
            self.assertEqual([os.path.normpath(flag) for flag in flags], ["-I" + os.path.dirname(self.find("zrelay.h"))])

    def test_static(self):
        libraries = ["-l:libzrelay.a" if flag == "-lzrelay" else flag for flag in self.pkg_config("--static", "--libs")]
        path = self.build(*self.pkg_config("--cflags"), *libraries)
        self.assertNotIn("libzrelay.so.0", self.linked(path))
        self.run_tiny(path)

    def test_from_cpp(self):
        text = PROGRAM.replace("zrelay_publish(", "(void)zrelay_publish(")
        self.run_tiny(self.build("-std=c++11", *self.pkg_config("--cflags", "--libs"), compiler="c++", name="tiny.cpp", text=text))

    def test_header_alone_and_strictly(self):
        for compiler, standard, name in (("cc", "c11", "header.c"), ("cc", "c99", "header.c"), ("c++", "c++98", "header.cpp")):
            self.build(f"-std={standard}", *([] if standard == "c++98" else ["-pedantic"]), *self.pkg_config("--cflags"), compiler=compiler,
                       name=name, text="#include <zrelay.h>\n#include <zrelay.h>\nint main(void) { return 0; }\n")

    def test_the_example_in_the_header(self):
        """It is compiled and run as it stands there."""
        with open(self.find("zrelay.h")) as header:
            examples = re.findall(r"((?:^ \*     .*\n(?:^ \*\n)?)+)", header.read().split("#ifndef")[0], re.M)
        self.assertEqual(len(examples), 1)
        broker = self.broker()
        code = re.sub(r"^ \* ?", "", examples[0], flags=re.M).replace("tcp://127.0.0.1:5570", broker.server)
        headers = "".join(f"#include <{name}>\n" for name in ("errno.h", "stdio.h", "zrelay.h"))
        path = self.build("-std=c99", *self.pkg_config("--cflags", "--libs"), text=f"{headers}int main(void) {{ setlinebuf(stdout);\n{code}}}\n"
                          .replace("#include <errno.h>", "#define _DEFAULT_SOURCE\n#include <errno.h>"))
        program = Program([path], env={**os.environ, "LD_LIBRARY_PATH": self.library})
        self.addCleanup(program.end)
        program.wait_out(r"^guest-\w+: hello$")
        pause(program)
        self.run_zrelay(broker, "--nick", "ann", "pub", "general", "after")
        program.wait_out("^ann: after$")
        broker.signal(signal.SIGTERM)
        wait_for(lambda: "shutdown" in program.errors(), "the loss to be told")

    def test_it_can_be_unloaded_at_any_time(self):
        path = self.build("-ldl", text=PLUGIN)
        program = Program([path, self.find("libzrelay.so")], env={**os.environ, "LD_LIBRARY_PATH": self.library})
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 0, program.errors())
        self.assertEqual(program.text(), "done\n")

    def test_exported_symbols(self):
        names = subprocess.run(["nm", "-D", "--defined-only", self.find("libzrelay.so")], capture_output=True, text=True, check=True).stdout
        exported = {line.split()[-1].split("@")[0] for line in names.splitlines()}
        exported -= {name for name in exported if sanitized() and re.match(r"__(asan|ubsan|odr_asan|sancov)", name)}
        with open(self.find("zrelay.h")) as header:
            declared = set(re.findall(r"^ZRELAY_API [^(]*?(zrelay_\w+)\(", header.read(), re.M))
        self.assertGreater(len(declared), 25)
        self.assertEqual(exported, declared)

    def test_what_is_installed(self):
        installed = {os.path.relpath(os.path.join(folder, name), self.prefix) for folder, _, files in os.walk(self.prefix) for name in files}
        self.assertEqual({name for name in installed if name.startswith("include/")}, {"include/zrelay.h"})
        self.assertEqual({name for name in installed if name.startswith("bin/")}, {"bin/zrelay", "bin/zrelay-gateway", "bin/zrelayd", "bin/zrelayd-search"})
        self.assertFalse([name for name in installed if "test" in name or "example" in name or name.endswith(".o")])
        # The programs run from there.
        for name in ("zrelay", "zrelayd", "zrelayd-search"):
            self.assertEqual(subprocess.run([os.path.join(self.prefix, "bin", name), "--version"], capture_output=True, timeout=DEADLINE)
                             .returncode, 0)


class Window(TestCase):
    """A broker made by hand that answers publishers late, to see how much the library sends meanwhile."""
    WINDOW, FRAME = 16384, 4096

    def welcome(self, back):
        return {"op": "welcome", "proto": 1, "epoch": "0" * 16, "nick": "guest", "resume": "0" * 32, "resumed": False, "back": back,
                "heartbeat": 100, "level": "memory", "time": 1, "server": "by hand", "limits":
                {"frame": self.FRAME, "control": 4096, "entries": 4096, "body": self.FRAME - 500, "rooms": 10, "replays": 4,
                 "window": self.WINDOW}}

    def test_no_more_is_sent_than_the_window_holds(self):
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        front, back = context.socket(zmq.ROUTER), context.socket(zmq.XPUB)
        self.addCleanup(lambda: (front.close(0), back.close(0)))
        server = f"tcp://127.0.0.1:{front.bind_to_random_port('tcp://127.0.0.1')}"
        sub = f"tcp://127.0.0.1:{back.bind_to_random_port('tcp://127.0.0.1')}"
        lines = 800
        with open(self.file("lines", b"".join(b"%0100d\n" % number for number in range(lines))), "rb") as file:
            publisher = self.zrelay(server, "pub", "room", stdin=file)
        poller = zmq.Poller()
        poller.register(front, zmq.POLLIN)
        poller.register(back, zmq.POLLIN)
        held, most, pings, bodies = [], 0, 0, []
        while len(bodies) < lines:
            ready = dict(poller.poll(DEADLINE * 1000))
            self.assertTrue(ready, "the library says nothing any more")
            if back in ready and (topic := back.recv())[:2] == b"\x01\xff":
                back.send(topic[1:] + json.dumps({"op": "synced", "epoch": "0" * 16}).encode())
            if front not in ready:
                continue
            route, frame = front.recv_multipart()
            if frame[:1] == b"\x01":
                held.append(frame)
                most = max(most, sum(map(len, held)))
                self.assertLessEqual(len(frame), self.FRAME)
                continue
            request = json.loads(frame)
            answer = {"op": "pong", "time": 1, "heads": {}} if request["op"] == "ping" else {"op": "ok"}
            if request["op"] == "hello":
                answer = self.welcome(sub)
            front.send_multipart([route, json.dumps({**answer, **({"re": request["id"]} if "id" in request else {})}).encode()])
            pings += request["op"] == "ping"
            # Two heartbeats without a word: what it wants to send by then, it has sent.
            if pings >= 2 and held:
                pings = 0
                for frame in held:
                    at, mid = 2 + frame[1], 0
                    while at < len(frame):
                        mid, _, _, size = struct.unpack_from(">QBBI", frame, at)
                        bodies.append(frame[at + 14:at + 14 + size])
                        at += 14 + size
                front.send_multipart([route, struct.pack(">BBQQ", 2, 1, mid, len(bodies))])
                held = []
                if most > self.WINDOW:
                    break
        self.assertLessEqual(most, self.WINDOW)
        self.assertGreater(most, self.WINDOW // 2, "and the window is made use of")
        self.assertEqual(bodies, [b"%0100d" % number for number in range(lines)])
        while publisher.process.poll() is None:
            if front.poll(50):  # its goodbye
                route, frame = front.recv_multipart()
                front.send_multipart([route, json.dumps({"op": "ok", "re": json.loads(frame).get("id")}).encode()])
        self.assertEqual(publisher.finish(), 0, publisher.errors())


if __name__ == "__main__":
    unittest.main()
