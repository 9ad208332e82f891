"""Shared by the tests of the limits; and the limits of PROTOCOL.md, section 10, that each test covers."""
import json
import re
import secrets
import socket
import struct

import test_auth
from harness import ZRELAYD, TestCase, deliver_entries, publish_frame

COVERED = {}


def covers(*limits):
    """Marks a test as one of these limits: a name of section 10, or of a limit without a name the column "bounds"."""
    def mark(test):
        for limit in limits:
            COVERED.setdefault(limit, []).append(test.__name__)
        return test
    return mark


def limits(**values):
    """A configuration with these limits; an underscore stands for a dash."""
    return "limits\n" + "".join(f"    {name.replace('_', '-')} = {value}\n" for name, value in values.items())


def log(**values):
    return limits(**values).replace("limits\n", "log\n")


with open(ZRELAYD, "rb") as program:
    # AddressSanitizer keeps what was freed for a while.
    KEPT = 512 << 20 if b"libasan" in program.read() else 0


class LimitCase(TestCase):
    def memory(self, broker):
        with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) << 10

    def code(self, answer):
        self.assertEqual(answer["op"], "error", answer)
        return answer["code"]

    def answer(self, peer):
        """The next ACK as ("ack", upto, seq), or the next control frame."""
        while True:
            frame = peer.receive()
            if frame[:1] == b"\x02":
                return ("ack", *struct.unpack(">QQ", frame[2:]))
            if frame[:1] == b"{":
                return json.loads(frame)

    def publish(self, peer, room, *entries):
        peer.send(publish_frame(room, *entries))
        return self.answer(peer)

    def publish_one_by_one(self, peer, room, count, body=b"x", first=1):
        """Each in a pass, hence in a frame, of its own."""
        for mid in range(first, first + count):
            self.assertEqual(self.publish(peer, room, (mid, body))[:2], ("ack", mid))

    def replay(self, peer, **request):
        """The answer, and the entries of each frame before it."""
        request = {"op": "replay", "id": secrets.token_hex(4), **request}
        peer.send(json.dumps(request).encode())
        frames = []
        while True:
            frame = peer.receive()
            if frame[:1] != b"{":
                frames.append(deliver_entries(frame)[3])
            elif json.loads(frame).get("re") == request["id"]:
                return json.loads(frame), frames

    def connect(self, endpoint, kind, receive_buffer=0):
        """A connection by hand, after its handshake."""
        one = self.socket(endpoint, receive_buffer)
        self.addCleanup(one.close)
        self.assertTrue(test_auth.talk(one, test_auth.GREETING, b"READY"))
        one.sendall(test_auth.ready(kind=kind))
        return one

    def socket(self, endpoint, receive_buffer=0):
        local = endpoint.startswith("ipc://")
        one = socket.socket(socket.AF_UNIX if local else socket.AF_INET)
        if receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        one.connect(endpoint.removeprefix("ipc://") if local else ("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))
        return one

    def is_open(self, one):
        try:
            return one.recv(1 << 20, socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
