"""The manual pages, which are made from the helps, the annotated settings, the header and the documents. And completion in shells."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import unittest

from harness import BUILD, DEADLINE, ZRELAY, ZRELAYD, TestCase

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
MANUAL = os.path.join(SOURCE, "common/manual")
COMPLETION = os.path.join(SOURCE, "client/completion")
GATEWAY = os.path.join(BUILD, "client/gateway/zrelay-gateway")
SEARCH = os.path.join(BUILD, "broker/zrelayd-search")
PROGRAMS = {"zrelay": (ZRELAY, "1"), "zrelayd": (ZRELAYD, "8"), "zrelayd-search": (SEARCH, "1"), "zrelay-gateway": (GATEWAY, "8")}


def output(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True, **options)
    return done.stdout


def options_of(text):
    return set(re.findall(r"--[a-z][a-z-]+", text))


def commands():
    listed = re.search(r"^Commands:\n(.*?)\n\n", output(ZRELAY, "--help"), re.M | re.S)[1]
    return re.findall(r"^  ([a-z-]+) ", listed, re.M)


def pages_of_programs():
    """(name, program, section, words) of each page that help2man makes."""
    for name, (program, section) in PROGRAMS.items():
        yield name, program, section, ()
    for command in commands():
        if command != "help":
            yield f"zrelay-{command}", ZRELAY, "1", (command,)


def shown(page):
    """A page as a reader sees it, in lines of any length."""
    text = output("man", "-l", "-", input=page, env={**os.environ, "MANWIDTH": "400", "LC_ALL": "C.UTF-8"})
    return text.replace("\u2010", "-").replace("\u2212", "-").replace("\xad", "")


class Manual(TestCase):
    @unittest.skipUnless(shutil.which("help2man"), "help2man is not installed")
    def test_each_program_and_command_has_a_page_with_its_options(self):
        for name, program, section, words in pages_of_programs():
            with self.subTest(name):
                page = output(f"{MANUAL}/help-page", program, section, name, *words)
                text = shown(page)
                self.assertIn(name, re.search(r"NAME\n +(.*)", text)[1])
                self.assertEqual(text.split(None, 1)[0], f"{name.upper()}({section})")
                missing = options_of(output(program, *words, "--help")) - options_of(text)
                self.assertEqual(missing, set())
                self.assertIn("EXAMPLES", text)

    def test_examples_use_options_that_exist(self):
        with open(f"{MANUAL}/examples.md", encoding="utf-8") as file:
            text = file.read()
        sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
        self.assertEqual(set(sections), {name for name, *_ in pages_of_programs()})
        for line in re.findall(r"^\$ (.*)$", text, re.M):
            for part in line.split(" | "):
                words = shlex.split(part, comments=True)
                if words[0] not in PROGRAMS:
                    continue
                with self.subTest(part):
                    help_text = output(PROGRAMS[words[0]][0], "--help")
                    used = next((word for word in words[1:] if word in commands()), None)
                    if used:
                        help_text += output(ZRELAY, used, "--help")
                    self.assertEqual({word for word in words if word.startswith("--")} - options_of(help_text), set())

    def test_each_setting_is_in_its_page(self):
        for path in ("broker/etc/zrelayd.conf", "broker/etc/users.conf", "client/gateway/etc/zrelay-gateway.conf"):
            with self.subTest(path):
                with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
                    conf = file.read()
                text = shown(output(f"{MANUAL}/conf-page", f"{SOURCE}/{path}", "5", "name", "summary", "where"))
                names = set(re.findall(r"^ +#?([a-z-]+) = ", conf, re.M))
                self.assertGreater(len(names), 3)
                self.assertEqual({name for name in names if not re.search(rf"^ +{name} = ", text, re.M)}, set())
                words = re.findall(r"[A-Za-z-]{4,}", " ".join(line.strip(" #") for line in conf.splitlines() if re.match(r" *# ", line)))
                self.assertEqual(set(words) - set(re.findall(r"[A-Za-z-]{4,}", text)), set())

    def test_each_function_is_in_the_page_of_the_library(self):
        with open(f"{SOURCE}/client/include/zrelay.h", encoding="utf-8") as file:
            names = set(re.findall(r"\b(zrelay_[a-z_]+)\(", file.read()))
        text = shown(output(f"{MANUAL}/header-page", f"{SOURCE}/client/include/zrelay.h"))
        self.assertGreater(len(names), 30)
        self.assertEqual(names - set(re.findall(r"zrelay_[a-z_]+", text)), set())

    @unittest.skipUnless(shutil.which("lowdown"), "lowdown is not installed")
    def test_documents_become_pages(self):
        for path in ("common/PROTOCOL.md", *sorted(glob.glob("client/gateway/[A-Z]*.md", root_dir=SOURCE))):
            if path.endswith("README.md"):
                continue
            with self.subTest(path):
                with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
                    document = file.read()
                text = shown(output(f"{MANUAL}/document-page", f"{SOURCE}/{path}", "name"))
                for heading in re.findall(r"^## (.*)$", re.sub(r"^```.*?^```", "", document, flags=re.M | re.S), re.M):
                    self.assertIn(re.sub(r"`", "", heading), text)

    @unittest.skipUnless(shutil.which("lowdown"), "lowdown is not installed")
    def test_each_op_and_code_is_in_the_page_of_the_protocol(self):
        with open(f"{SOURCE}/common/PROTOCOL.md", encoding="utf-8") as file:
            rows = set(re.findall(r"^\| `([a-z-]+)`", file.read(), re.M))
        text = shown(output(f"{MANUAL}/document-page", f"{SOURCE}/common/PROTOCOL.md", "zrelay"))
        self.assertGreater(len(rows), 40)
        self.assertEqual(rows - set(re.findall(r"[a-z-]+", text)), set())


class Completion(TestCase):
    """What shells offer after some words. `complete` gives the words for a line of which the last word is begun."""

    def setUp(self):
        super().setUp()
        self.relay = self.broker(config="server\n    heartbeat = 1000\n")
        self.run_zrelay(self.relay, "pub", "lights/hall", "on", "--key", "lamp")
        self.run_zrelay(self.relay, "pub", "news", "x")
        os.makedirs(self.path("bin"))
        os.symlink(os.path.realpath(ZRELAY), self.path("bin/zrelay"))
        self.surroundings = {**self.environment, "ZRELAY_SERVER": self.relay.server, "PATH": self.path("bin") + ":" + os.environ["PATH"]}

    def bash(self, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _zrelay; printf "%s\\n" "${COMPREPLY[@]}"'
        return output("bash", "-c", script, "bash", f"{COMPLETION}/zrelay.bash", *words, env=self.surroundings).split()

    def fish(self, *words):
        line = " ".join(words)
        found = output("fish", "--no-config", "-c", f'source {COMPLETION}/zrelay.fish; complete -C "{line}"', env=self.surroundings)
        return [row.split("\t")[0] for row in found.splitlines()]

    def zsh(self, *words):
        # compadd outside of a completion is an error, so this one prints.
        script = 'compadd() { print -l -- ${(M)${@:#--}:#} ${@:#--} }; words=("${@:2}"); CURRENT=$(($# - 1)); source $1'
        found = output("zsh", "-f", "-c", script, "zsh", f"{COMPLETION}/_zrelay", *words, env=self.surroundings).split()
        return [word for word in found if word.startswith(words[-1])]

    def check(self, complete):
        self.assertIn("history", complete("zrelay", "hi"))
        self.assertEqual(sorted(complete("zrelay", "sub", "")), ["lights/hall", "news"])
        self.assertEqual(complete("zrelay", "--server", self.relay.server, "history", "ne"), ["news"])
        self.assertIn("--grep", complete("zrelay", "history", "--gr"))
        self.assertEqual(complete("zrelay", "state", "lights/hall", ""), ["lamp"])

    def test_bash(self):
        self.check(self.bash)

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish(self):
        self.check(self.fish)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        self.check(self.zsh)


if __name__ == "__main__":
    unittest.main()
