"""Instructions and system calls a message. Each case runs twice, the second time with twice the messages; the difference counts, so that start and
end do not."""
import os
import re
import signal
import statistics
import subprocess
import tempfile

# Entries a frame, and frames a pass, of the core; messages a pass of library and core together.
CORE = [(1, 1), (1, 250), (20, 1), (100, 1)]
LIBRARY = [1, 1000]


def difference(count, messages):
    """What `count(messages)` grows by for each message."""
    return (count(2 * messages) - count(messages)) / messages


# --- Instructions ---

def instructions(command, file=os.devnull):
    """Those of a whole run, counted by callgrind, which leaves its profile in `file`."""
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={file}", *command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def core(build, messages, entries, frames, file=os.devnull, extra=0):
    """Instructions a message of the core. `extra` are planted."""
    program = os.path.join(build, "tests/bench/core")
    return difference(lambda count: instructions([program, str(count), str(entries), str(frames), str(extra)], file), messages)


def library(build, messages, each):
    """Instructions a message of library and core together."""
    program = os.path.join(build, "tests/bench/library")
    return difference(lambda count: instructions([program, str(count), str(each)]), messages)


# --- System calls ---

PATIENCE_S = 60

# The broker's own timers are to be rare while messages are counted.
SETTINGS = "server\n    heartbeat = 60s\n    tick = 60s\n"


def traced(file, command, plant):
    """`plant`: a library to load into the program."""
    preload = [f"--env=LD_PRELOAD={plant}"] if plant else []
    return ["strace", "-f", "-qq", "-c", "-U", "calls,name", "-o", file, *preload, *command]


def stop_traced(tracer):
    """Ends the program under strace; strace itself would leave it alone."""
    with open(f"/proc/{tracer.pid}/task/{tracer.pid}/children") as children:
        for child in children.read().split():
            os.kill(int(child), signal.SIGTERM)
    tracer.communicate(timeout=PATIENCE_S)


# libzmq's threads wake each other by these, and look whether somebody did. How often depends on which of them runs first.
WAKING = {"epoll_ctl", "epoll_pwait", "epoll_wait", "futex", "getpid", "poll", "ppoll", "read", "write"}


# The library's guard looks at the connections by the clock, not by messages (client/lib/guard.h).
BY_CLOCK = {"close", "getsockopt", "ioctl", "openat"}


def read(file):
    """(waking, other) system calls in a table of strace, without those by the clock."""
    with open(file) as table:
        rows = re.findall(r"(?m)^ *(\d+) (\w+)$", table.read())
    counts = {name: int(count) for count, name in rows if name != "total" and name not in BY_CLOCK}
    waking = sum(count for name, count in counts.items() if name in WAKING)
    return waking, sum(counts.values()) - waking


def lockstep(build, messages, plant):
    """The same of broker and library in a run with so many messages, one by one."""
    with tempfile.TemporaryDirectory(prefix="zrelay-bench-") as folder:
        settings, broker_file, library_file = (os.path.join(folder, name) for name in ("conf", "broker", "library"))
        with open(settings, "w") as file:
            file.write(SETTINGS)
        broker = subprocess.Popen(traced(broker_file, [os.path.join(build, "broker/zrelayd"), "--config", settings, "--listen", "tcp://127.0.0.1:*"],
                                         plant), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            at = re.search(r"listening on ([^,]+),", broker.stdout.readline())
            if not at:
                raise SystemExit("zrelayd does not start under strace: " + broker.stderr.read())
            command = [os.path.join(build, "tests/bench/lockstep"), at[1], str(messages)]
            subprocess.run(traced(library_file, command, plant), check=True, timeout=PATIENCE_S)
        finally:
            stop_traced(broker)
        return *read(broker_file), *read(library_file)


CALLS = ("broker, waking", "broker, other", "library, waking", "library, other")


def system_calls(build, messages, tries, plant=None):
    """Those of a message that is alone, by CALLS: medians of a few tries, as timers come at any time."""
    found = []
    for _ in range(tries):
        once, twice = lockstep(build, messages, plant), lockstep(build, 2 * messages, plant)
        found.append([(b - a) / messages for a, b in zip(once, twice)])
    return {name: statistics.median(one[place] for one in found) for place, name in enumerate(CALLS)}
