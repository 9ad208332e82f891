"""The benchmarks' sections in RESULTS.md, between marks; the rest of the page is written by hand. A section describes the machine, but does not
identify it."""
import ctypes
import os
import platform
import re
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "RESULTS.md")


def first(command, pattern=r".+", form="{}"):
    """The match of `pattern` in the output of a command; None: no match."""
    try:
        run = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    found = re.search(pattern, run.stdout + run.stderr)
    return form.format(found[0].strip()) if found else None


def libzmq():
    numbers = [ctypes.c_int() for _ in range(3)]
    try:
        ctypes.CDLL("libzmq.so.5").zmq_version(*map(ctypes.byref, numbers))
    except OSError:
        return None
    return "libzmq " + ".".join(str(number.value) for number in numbers)


def cpu():
    with open("/proc/cpuinfo") as file:
        return re.search(r"model name\s*:\s*(.+)", file.read())[1].strip()


def commit():
    return first(["git", "-C", HERE, "describe", "--always", "--dirty"]) or "unknown"


def machine(build, versions=()):
    """A paragraph about the machine and the programs that ran on it."""
    zrelayd = first([os.path.join(build, "broker/zrelayd"), "--version"])
    parts = [f"{cpu()}, {os.cpu_count()} cores", f"Linux {platform.release()}", f"{zrelayd} ({commit()})", libzmq(), *versions]
    return f"{time.strftime('%Y-%m-%d')}: " + "; ".join(part for part in parts if part) + ".\n\n"


def read():
    with open(PAGE) as file:
        return file.read()


def write(text):
    with open(PAGE, "w") as file:
        file.write(text)


def keep(section, text):
    """Replaces what stands between the marks of `section`."""
    begin, end = f"<!-- {section} -->\n", f"<!-- end of {section} -->\n"
    before, rest = read().split(begin)
    _, after = rest.split(end)
    write(before + begin + text.rstrip("\n") + "\n" + end + after)


def add(section, line):
    """Adds a line at the end of `section`."""
    end = f"<!-- end of {section} -->\n"
    before, after = read().split(end)
    write(before + line.rstrip("\n") + "\n" + end + after)
