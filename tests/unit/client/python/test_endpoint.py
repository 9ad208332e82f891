import unittest

import fake  # noqa: F401  the path of the sources
from zrelay.core.endpoint import back_fault, is_local, is_valid

HERE, THERE = "tcp://127.0.0.1:5570", "tcp://relay.example:5570"


class Endpoint(unittest.TestCase):
    def test_what_an_endpoint_is(self):
        for good in (HERE, THERE, "tcp://[::1]:1", "tcp://10.0.0.1:65535", "ipc:///run/zrelay/front"):
            self.assertTrue(is_valid(good), good)
        for bad in ("", "tcp://", "tcp://host", "tcp://host:0", "tcp://host:65536", "tcp://host:x", "tcp://a b:1", "tcp://a;b:1", "udp://a:1", "ipc://",
                    "ipc://" + "x" * 251, "inproc://x"):
            self.assertFalse(is_valid(bad), bad)
        self.assertTrue(is_valid("ipc://" + "x" * 250))

    def test_what_stays_on_this_machine(self):
        for here in (HERE, "tcp://localhost:1", "tcp://[::1]:1", "tcp://[::ffff:127.0.0.1]:1", "tcp://127.9.9.9:1", "ipc://x"):
            self.assertTrue(is_local(here), here)
        for there in (THERE, "tcp://127.0.0.1.example:1", "tcp://10.0.0.1:1", "tcp://[::2]:1", "tcp://localhost.example:1"):
            self.assertFalse(is_local(there), there)

    def test_a_back_that_fits_its_front(self):
        for front, back in ((HERE, "tcp://127.0.0.1:5571"), ("tcp://localhost:1", "tcp://[::1]:2"), (THERE, "tcp://relay.example:5571"),
                            (THERE, "tcp://10.0.0.1:5571"), ("ipc:///run/zrelay/front", "ipc:///run/zrelay/back"), ("ipc://@front", "ipc://@back"),
                            ("ipc:///run/front", HERE), (THERE, "tcp://RELAY.EXAMPLE:5571")):
            self.assertIsNone(back_fault(front, back), (front, back))

    def test_a_back_elsewhere_is_refused(self):
        for front, back in ((HERE, THERE), (THERE, HERE), (THERE, "tcp://foo.localhost:1"), (THERE, "tcp://0.0.0.0:1"), (THERE, "tcp://0x7f000001:1"),
                            (THERE, "tcp://127.1:1"), (THERE, "tcp://[::]:1"), (THERE, "tcp://[::127.0.0.1]:1"), (THERE, "tcp://[::ffff:0.0.0.1]:1"),
                            (THERE, "tcp://[::ffff:127.0.0.1]:1"), (HERE, "inproc://x"), (HERE, "ipc:///run/x"), (HERE, ""),
                            ("ipc:///run/zrelay/front", "ipc:///tmp/back"), ("ipc:///run/zrelay/front", "ipc:///run/zrelay/.."),
                            ("ipc:///run/zrelay/front", "ipc:///run/zrelay/"), ("ipc://@front", "ipc://back"), ("ipc:///run/front", THERE),
                            (THERE, "tcp://x.example:1\n"), (THERE, "tcp://a.example;b.example:1")):
            self.assertTrue(back_fault(front, back), (front, back))


if __name__ == "__main__":
    unittest.main()
