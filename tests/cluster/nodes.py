"""Machines of a test: network namespaces that one bridge joins. What one of them sends to another can be cut off."""
import os
import shutil
import subprocess
import sys

CLIENTS = 0  # the place of the clients: the bridge itself
NOWHERE = "02:00:00:00:00:00"  # an address that no machine has
INSIDE = "ZRELAY_TEST_INSIDE"
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
TRY = "ip link add bridge type bridge && ip link add one type veth peer name two && mount -t tmpfs tmpfs /run"


def enter():
    """Starts this program anew, where it may change networks and mounts as it likes; all of that, and each process, ends with it.
    Returns in the new program. Ends the program with 77 if that cannot be."""
    if os.environ.get(INSIDE):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
        return
    missing = [name for name in ("unshare", "nsenter", "setpriv", "ip", "mount") if not shutil.which(name)]
    tried = None if missing else subprocess.run([*UNSHARE, "sh", "-c", TRY], capture_output=True, text=True, check=False)
    if missing or tried.returncode:
        why = f"{missing[0]} is missing" if missing else tried.stderr.strip()
        print(f"skipped: no network namespaces can be made here (they need root): {why}")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp(UNSHARE[0], [*UNSHARE, "sh", "-c", '"$@"; exit $?', "sh", sys.executable, *sys.argv])  # the shell waits for orphans


class Network:
    """`count` nodes, numbered from 1, with the addresses 10.77.0.1 and so on."""

    def __init__(self, count):
        self.count, self.cuts = count, []
        os.makedirs("/run/netns", exist_ok=True)
        for node in range(1, count + 1):
            subprocess.run(["ip", "netns", "add", f"node{node}"], check=True)
        self._ip("link set lo up", "link add relay type bridge", f"addr add {self.address(CLIENTS)}/24 dev relay", "link set relay up")
        for node in range(1, count + 1):
            self._ip(f"link add port{node} type veth peer name eth0 netns node{node}", f"link set port{node} master relay up")
            self._ip(f"addr add {self.address(node)}/24 dev eth0", "link set eth0 up", "link set lo up", node=node)

    @staticmethod
    def _ip(*lines, node=CLIENTS):
        where = ["-n", f"node{node}"] if node != CLIENTS else []
        subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(lines), text=True, check=True, stdout=subprocess.DEVNULL)

    @staticmethod
    def address(node):
        return f"10.77.0.{node if node != CLIENTS else 254}"

    @staticmethod
    def command(node, command):
        """The command, to be run on that node; its pid is that of the program."""
        return ["nsenter", f"--net=/run/netns/node{node}", *command]

    def others(self, node):
        """All other places, the clients' too."""
        return [other for other in range(self.count + 1) if other != node]

    def _neighbour(self, source, target, verb, what=""):
        self._ip(f"neigh {verb} {self.address(target)} {what} dev {'relay' if source == CLIENTS else 'eth0'}", node=source)

    def cut(self, source, target):
        """What `source` sends to `target` is lost; the other direction works."""
        self._neighbour(source, target, "replace", f"lladdr {NOWHERE} nud permanent")
        self.cuts.append((source, target))

    def heal(self):
        for source, target in self.cuts:
            self._neighbour(source, target, "del")
        self.cuts = []
