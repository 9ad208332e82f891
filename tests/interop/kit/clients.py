#!/usr/bin/env python3
"""Runs the kit on the clients of this project, each at its level: clients.py CLIENT [KIT-OPTION…]. BUILD is the build folder."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import cases_publish  # noqa: F401  these two fill the table
import cases_read_again  # noqa: F401
from table import CASES

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
PYTHON = "/usr/bin/python3"  # has pyzmq
HIGHEST = ("gapless reader", "exactly-once publisher")
EVENTS = r'"event": ?"(lost|epoch|left|error)"'  # of the clients in ..


def interop(command):
    command += " --server {front} --room {room} --nick {nick}"
    return HIGHEST, command, f"sed -u 's/^/publish /' | {command}", "--tells", EVENTS


def javascript(environment):
    return HIGHEST, *(f"{environment}node {BUILD}/tests/interop/node/lines.mjs {command} {{front}} {{room}}" for command in ("sub", "pub"))


def all_but(*names):
    return [word for case in CASES if case.name not in names for word in ("--case", case.name)]


def page(folder):
    """The programs that PROTOCOL.md prints: the two of the first ten minutes. The one that publishes is told its texts before it starts, and
    does not pause."""
    text = (ROOT / "common/PROTOCOL.md").read_text(encoding="utf-8")
    minutes = re.search(r"^## The first ten minutes$(.*?)^## ", text, re.M | re.S)[1]
    for name, code in zip(("publish", "read"), re.findall(r"^```python\n(.*?)^```$", minutes, re.M | re.S)):
        pathlib.Path(folder, f"{name}.py").write_text(code, encoding="utf-8")
    return (("reader", "writer"), f"{PYTHON} {folder}/read.py {{front}} {{room}}",
            f"xargs -d '\\n' {PYTHON} {folder}/publish.py {{front}} {{room}}", *all_but("publish-pause"))


def complete(folder):
    """The reader in the client of PROTOCOL.md's section 12, in all cases but those of what it says that it leaves out."""
    text = (ROOT / "common/PROTOCOL.md").read_text(encoding="utf-8")
    pathlib.Path(folder, "complete.py").write_text(re.search(r"^## 12\..*?^```python\n(.*?)^```$", text, re.M | re.S)[1], encoding="utf-8")
    return (("gapless reader",), f"{PYTHON} {folder}/complete.py {{front}} {{room}} {{nick}}", None,
            *all_but("read-older", "read-replay-refused", "read-silence", "read-deaf", "read-peers", "read-synced-lost", "read-revoked", "read-kicked", "read-sent-out"))


CLIENTS = {  # name: gives the levels, the reader, the publisher, and further options of the kit
    "zrelay": lambda _: (HIGHEST, *(f"{BUILD}/client/zrelay -s {{front}} --connect-timeout 30 {command} {{room}}" for command in ("sub", "pub"))),
    "library": lambda _: (HIGHEST, f"{BUILD}/tests/interop/lines sub {{front}} {{room}}", f"{BUILD}/tests/interop/lines pub {{front}} {{room}}"),
    "python": lambda _: interop(f"{PYTHON} {ROOT}/tests/interop/python/client.py"),
    "perl": lambda _: interop(f"perl {ROOT}/tests/interop/perl/client.pl"),
    "node": lambda _: interop(f"node {BUILD}/tests/interop/node/client.mjs"),
    "javascript": lambda _: javascript(""),
    "websocket": lambda _: javascript("ZRELAY_OVER=websocket "),
    "asyncio": lambda _: (HIGHEST, *(f"{PYTHON} -X dev -W error {ROOT}/tests/interop/python/lines.py {command} {{front}} {{room}}"
                                     for command in ("sub", "pub"))),
    "page": page,
    "complete": complete,
}


def main(client, *further):
    with tempfile.TemporaryDirectory() as folder:
        levels, read, publish, *options = CLIENTS[client](folder)
        if client in ("node", "javascript", "websocket"):
            subprocess.run([HERE.parent / "install", BUILD], check=True, stdout=sys.stderr)
        command = [sys.executable, HERE / "kit", "--read", read, *(["--publish", publish] if publish else []), *options]
        for level in levels:
            command += ["--level", level]
        environment = {"ZRELAYD": str(BUILD / "broker/zrelayd"), **os.environ, "XDG_CONFIG_HOME": folder}  # not the user's settings
        return subprocess.run([*command, *further], env=environment).returncode


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in CLIENTS:
        sys.exit(f"usage: clients.py {'|'.join(CLIENTS)} [KIT-OPTION…]")
    sys.exit(main(*sys.argv[1:]))
