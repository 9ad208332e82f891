"""The edge of the gateway's HTTP API: bad requests, origins, addresses, logins and rights, proxies."""
import base64
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import unittest

import jwt
from gateway_case import TEXT, frame
from harness import DEADLINE, Program, publish_frame, wait_for
from http_case import EVERYTHING, Answer, HttpCase, SecuredCase, open_bytes


class Errors(HttpCase):
    def test_bad_requests(self):
        gateway = self.gateway(self.broker())
        for path, status, code in (
                ("/v1/rooms/a/b", 404, "not-found"), ("/v1/rooms/..%2f", 400, None), ("/v1/rooms/%2e%2e", 400, "bad-request"),
                ("/v1/rooms/../healthz", 400, "bad-request"), ("/v1/rooms/a%00", 400, "bad-request"), ("/v1/rooms/%zz", 400, "bad-request"),
                ("/v1/rooms/a%20b", 400, "bad-room"), ("/v1/rooms/%ff", 400, "bad-room"), ("/v1/rooms/r?lsat=1", 400, "bad-request"),
                ("/v1/rooms/r?last=x", 400, "bad-request"), ("/v1/rooms/r/state/a%20b", 400, "bad-key"), ("/v1/nothing", 404, None),
                ("/v1/rooms/" + "r" * 129, 400, None), ("/v1/rooms/r?nick=admin", 400, "bad-nick")):
            answer = self.curl(gateway, path)
            if code:
                self.assert_problem(answer, status, code)
            elif path != "/v1/rooms/..%2f":  # a room's name may be "../"
                self.assertEqual(answer.status, status, path)
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-X", "PUT", data="x"), 405, "method-not-allowed")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-H", "Idempotency-Key: a b", data="x"), 400, "bad-request")
        self.assertEqual(self.curl(gateway, "/v1/rooms/r", data=bytes((1 << 20) + 1)).status, 413)
        self.assertEqual(self.publish(gateway, "r", "still here")["seq"], 1)

    def test_pages_of_other_origins(self):
        gateway = self.gateway(self.broker(), "--origin", "https://chat.example.org")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-H", "Origin: https://evil.example", data="x"), 403, "origin-refused")
        answer = self.curl(gateway, "/v1/rooms/r", "-H", "Origin: https://chat.example.org", data="x")
        self.assertEqual((answer.status, answer.headers["access-control-allow-origin"]), (201, "https://chat.example.org"))
        answer = self.curl(gateway, "/v1/rooms/r", "-X", "OPTIONS", "-H", "Origin: https://chat.example.org")
        self.assertEqual(answer.status, 204)
        self.assertIn("POST", answer.headers["access-control-allow-methods"])
        self.assertEqual(len(self.curl(gateway, "/v1/rooms/r").lines()), 1)

    def test_a_page_whose_name_leads_here(self):
        gateway = self.gateway(self.broker(), "--trusted-proxy", "127.0.0.1")
        evil = ("-H", "Host: evil.example:5580", "-H", "Origin: http://evil.example:5580")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", *evil, data="x"), 421, "misdirected")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-H", "Host: evil.example"), 421, "misdirected")
        raw = self.raw(gateway)
        raw.send(b"GET /v1/ws HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
        self.assertEqual(raw.head()[0], 421)
        for host in ("localhost", "localhost:5580", "[::1]:5580"):
            self.assertEqual(self.curl(gateway, "/v1/rooms", "-H", f"Host: {host}").status, 200)
        passed_on = ("-H", "Host: relay.example.org", "-H", "X-Forwarded-For: 203.0.113.7")
        self.assertEqual(self.curl(gateway, "/v1/rooms", *passed_on).status, 200)
        named = self.gateway(self.broker(), "--origin", "https://relay.example.org")
        self.assertEqual(self.curl(named, "/v1/rooms", "-H", "Host: relay.example.org").status, 200)

    def test_addresses_cannot_be_smuggled(self):
        config = "limits\n    max-address-connections = 2\n"
        gateway = self.gateway(self.broker(config=config), "--trusted-proxy", "127.0.0.1")
        address = ("-H", "X-Forwarded-For: 203.0.113.7")
        for _ in range(2):
            self.stream(gateway, "r", *address)
        path = "/v1/rooms/r/events"
        self.assert_problem(self.curl(gateway, path, *address), 503, "too-many-channels")
        for smuggled in ("198.51.100.1, 203.0.113.7", "127.0.0.1,203.0.113.7", "x, 203.0.113.7:80"):
            self.assert_problem(self.curl(gateway, path, "-H", f"X-Forwarded-For: {smuggled}"), 503, "too-many-channels")
        self.assert_problem(self.curl(gateway, path, "-H", "X-Forwarded-For: 198.51.100.1", *address), 503, "too-many-channels")
        self.stream(gateway, "r", "-H", "X-Forwarded-For: 203.0.113.8")
        untrusting = self.gateway(self.broker(config=config))
        for _ in range(4):
            self.stream(untrusting, "r", *address)  # all are of this machine, which has no limit

    def test_slow_and_large_requests(self):
        gateway = self.gateway(self.broker(), config="limits\n    request-timeout = 2s\n    max-header = 4k\n")
        slow = self.raw(gateway)
        slow.send(b"POST /v1/rooms/r HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        head = self.raw(gateway)
        head.send(b"POST /v1/rooms/r HTTP/1.1\r\nHost:")
        large = self.raw(gateway)
        large.send(b"GET /v1/rooms HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20000)
        stream = self.stream(gateway, "r", query="?format=body")
        self.publish(gateway, "r", "one")
        slow.wait_end()
        head.wait_end()
        large.wait_end()
        self.assertRegex(large.buffer, rb"^(HTTP/1.1 4[13][34413] |$)")
        self.publish(gateway, "r", "two")
        stream.wait_out("^data: two$")  # a stream may be idle for longer than a request


class Logins(SecuredCase):
    def test_users_and_their_rights(self):
        broker, gateway, tokens = self.secured(ann=EVERYTHING, bob='    allow = "all : *"\n    deny = "read write : staff/*"\n')
        path, ann, bob = "/v1/rooms/staff%2Fplans", ("-u", f"ann:{tokens['ann']}"), ("-u", f"bob:{tokens['bob']}")
        answer = self.curl(gateway, path, data="x")
        self.assert_problem(answer, 401, "login-required")
        self.assertIn("Basic", answer.headers["www-authenticate"])
        self.assert_problem(self.curl(gateway, path, "-u", "ann:wrong", data="x"), 401, "login-failed")
        self.assertEqual(self.publish(gateway, "staff%2Fplans", "a secret", *ann)["seq"], 1)
        for method in ((), ("-H", "Accept: x")):
            self.assert_problem(self.curl(gateway, path, *method, *bob), 403, "forbidden")
        self.assert_problem(self.curl(gateway, path + "/events", *bob), 403, "forbidden")
        self.assert_problem(self.curl(gateway, path + "/state", *bob), 403, "forbidden")
        self.assertEqual(self.curl(gateway, "/v1/rooms", *bob).json()["rooms"], [])
        stream = self.stream(gateway, "staff%2Fplans", *ann, query="?after=0&format=body")
        stream.wait_out("^data: a secret$")
        self.publish(gateway, "staff%2Fplans", "another", *ann)
        stream.wait_out("^data: another$")  # a private room's entries come by the session
        with open(self.path("users"), encoding="utf-8") as file:
            text = file.read()
        self.users(re.sub(r'(name = ann\n.*\n    allow = ).*', r'\1"all : other/*"', text))
        broker.signal(signal.SIGHUP)
        stream.wait_out("^event: left$")
        self.assertEqual(stream.finish(), 0)
        self.assert_problem(self.curl(gateway, path, *ann), 403, "forbidden")

    def test_secrets_need_a_secure_way(self):
        _, gateway, tokens = self.secured("--trusted-proxy", "127.0.0.1", ann=EVERYTHING)
        login = ("-u", f"ann:{tokens['ann']}", "-H", "X-Forwarded-For: 203.0.113.7")
        self.assert_problem(self.curl(gateway, "/v1/rooms", *login), 401, "login-failed")
        self.assert_problem(self.curl(gateway, "/v1/rooms", *login, "-H", "X-Forwarded-Proto: http"), 401, "login-failed")
        self.assertEqual(self.curl(gateway, "/v1/rooms", *login, "-H", "X-Forwarded-Proto: https").status, 200)

    def test_bearers_of_a_jwt(self):
        key, forger = jwt.Key("ES256", "k1"), jwt.Key("ES256", "k1")
        tokens = self.users_with_tokens()
        with open(self.path("users"), "a", encoding="utf-8") as users:
            users.write('role\n    name = member\n    jwt = 1\n    allow = "all : *"\n')
        keys = self.file("keys", jwt.key_set(key))
        token_file = self.file("web-token", tokens["web"])
        for path in (keys, token_file):
            os.chmod(path, 0o600)
        broker = self.broker("--users", self.path("users"), config=f"auth\n    tokens = 1\n    jwt-keys = {keys}\n    jwt-leeway = 0\n")
        gateway = self.gateway(broker, config=f"broker\n    user = web\n    token-file = {token_file}\n")
        bearer = lambda token: ("-H", "Authorization: Bearer " + token)
        self.publish(gateway, "lobby", "signed", *bearer(key.token(sub="carol")))
        self.assertEqual([line["sender"] for line in self.curl(gateway, "/v1/rooms/lobby", *bearer(key.token())).lines()], ["carol"])
        for token in (forger.token(), key.token(seconds=-1)):
            self.assert_problem(self.curl(gateway, "/v1/rooms/lobby", *bearer(token)), 401, "login-failed")
        stream = self.stream(gateway, "lobby", *bearer(key.token(seconds=5)))
        stream.wait_out("^event: problem$")
        self.assertEqual(stream.finish(), 0)
        self.assertIn('"code":"login-failed"', stream.text())

    def test_a_thief_gets_nothing_of_a_private_room(self):
        broker, gateway, tokens = self.secured(ann=EVERYTHING, bob='    allow = "all : *"\n    deny = "read : staff/*"\n')
        thief = self.stream(gateway, "open", "-u", f"bob:{tokens['bob']}")
        peer = self.peer(broker, hello=False)
        self.assertEqual(peer.hello(user="ann", token=tokens["ann"])["op"], "welcome")
        for first in range(1, 10001, 1000):
            peer.send(publish_frame("staff/plans", *((mid, b"stolen") for mid in range(first, first + 1000))))
            for path in ("/v1/rooms/staff%2Fplans", "/v1/rooms/staff%2Fplans?last=5", "/v1/rooms/staff%2Fplans/events?after=0",
                         "/v1/rooms/staff%2Fplans/state", "/v1/rooms/staff%2Fplans/state/k", "/v1/rooms/staff%2Fplans/who"):
                self.assert_problem(self.curl(gateway, path, "-u", f"bob:{tokens['bob']}"), 403, "forbidden")
            self.assertNotIn(b"staff", self.curl(gateway, "/v1/rooms", "-u", f"bob:{tokens['bob']}").body)
        self.assertEqual(len(self.curl(gateway, "/v1/rooms/staff%2Fplans", "-u", f"ann:{tokens['ann']}").lines()), 10000)
        self.publish(gateway, "open", "the end", "-u", f"ann:{tokens['ann']}")
        thief.wait_out("the end")
        self.assertNotIn(b"stolen", thief.out)


class Proxies(SecuredCase):
    """Clients behind a proxy that speaks the PROXY protocol, version 2."""

    SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

    def header(self, source, tls=None):
        vectors = b"" if tls is None else struct.pack(">BHBI", 0x20, 5, int(tls), 0)
        family, addresses = (0x11, socket.inet_aton(source)) if "." in source else (0x21, socket.inet_pton(socket.AF_INET6, source))
        content = addresses * 2 + struct.pack(">HH", 4711, 443) + vectors
        return self.SIGNATURE + struct.pack(">BBH", 0x21, family, len(content)) + content

    def ask(self, gateway, header, path, *headers):
        raw = self.raw(gateway)
        if header:
            raw.send(header)
        raw.request(path, *headers)
        status, found = raw.head()
        return raw, status, found

    def test_headers_in_pieces_and_addresses(self):
        gateway = self.gateway(self.broker(config="limits\n    max-address-connections = 2\n"), "--trusted-proxy", "127.0.0.1")
        path, kept = "/v1/rooms/r/events", []
        for source in ("203.0.113.7", "203.0.113.7", "2001:db8::1", "2001:db8::2"):
            raw = self.raw(gateway)
            for byte in self.header(source):
                raw.send(bytes([byte]))
            raw.request(path)
            self.assertEqual(raw.head()[0], 200)
            kept.append(raw)
        for source in ("203.0.113.7", "2001:db8::3"):  # of IPv6 the first 64 bits count
            _, status, _ = self.ask(gateway, self.header(source), path)
            self.assertEqual(status, 503)
        _, status, _ = self.ask(gateway, self.header("203.0.113.7"), path, "X-Forwarded-For: 203.0.113.9")
        self.assertEqual(status, 503)  # the client is no proxy
        self.assertEqual(self.ask(gateway, self.header("203.0.113.8"), path)[1], 200)
        self.assertEqual(self.ask(gateway, b"", path)[1], 200)  # without a header it is the proxy itself
        self.assertEqual(self.ask(gateway, self.SIGNATURE + b"\x20\0\0\0", "/healthz")[1], 200)

    def test_what_is_no_header(self):
        gateway = self.gateway(self.broker(), "--trusted-proxy", "127.0.0.1", config="limits\n    request-timeout = 1s\n")
        for start in (self.SIGNATURE + b"\x11\x11\0\0", self.SIGNATURE[:-1] + b"x" * 20, self.SIGNATURE, b""):
            raw = self.raw(gateway)
            raw.send(start)
            raw.wait_end()  # at once, or when the time of a request is over
            self.assertEqual(raw.buffer, b"")
        untrusting = self.gateway(self.broker())
        raw = self.raw(untrusting)
        raw.send(self.header("203.0.113.7"))
        raw.request("/healthz")
        raw.wait_end()
        self.assertNotIn(b" 200 ", raw.buffer)

    def test_so_many_connections_of_proxies_may_be_silent(self):
        gateway = self.gateway(self.broker(), "--trusted-proxy", "127.0.0.1")
        silent = [self.raw(gateway) for _ in range(1024)]
        further = self.raw(gateway)
        further.wait_end()
        self.assertEqual(further.buffer, b"")
        silent[0].request("/healthz")  # the first bytes of one make room for another
        self.assertEqual(silent[0].head()[0], 200)
        self.assertEqual(self.ask(gateway, b"", "/healthz")[1], 200)

    def certificate(self):
        """A certificate and its key, in files."""
        cert, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        return cert, key

    def example(self, name, *changes):
        """A proxy's example with so many words in place of others; returns the file."""
        text = open_bytes(os.path.join(os.path.dirname(__file__), "../../client/gateway/etc", name)).decode()
        for before, after in changes:
            self.assertIn(before, text)
            text = text.replace(before, after)
        return self.file(name, text)

    def proxy(self, *command):
        proxy = Program([*command], env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/bin"})
        self.addCleanup(proxy.end)

    def through_tls(self, gateway, port, cert, token):
        """A request, a stream, a WebSocket and what is denied, all through the proxy at that port."""
        url, trust = f"https://localhost:{port}", ("--cacert", cert, "--resolve", f"localhost:{port}:127.0.0.1")
        answer = None

        def ready():
            nonlocal answer
            done = subprocess.run(["curl", "-sSi", *trust, "-u", f"ann:{token}", "-d", "through TLS", f"{url}/v1/rooms/lobby%2Fa"],
                                  capture_output=True, check=False)
            answer = Answer(done.stdout) if done.returncode == 0 else None
            return answer and answer.status == 201
        wait_for(ready, "a message through the proxy")  # the login is taken, since the client came over TLS
        stream = Program(["curl", "-sSN", *trust, "-u", f"ann:{token}", f"{url}/v1/rooms/lobby%2Fa/events?after=0&format=body"])
        self.addCleanup(stream.end)
        stream.wait_out("^data: through TLS$")
        self.publish(gateway, "lobby%2Fa", "live", "-u", f"ann:{token}")
        stream.wait_out("^data: live$")
        denied = subprocess.run(["curl", "-sSi", *trust, f"{url}/metrics"], capture_output=True, check=True)
        self.assertEqual(Answer(denied.stdout).status, 403)
        # What a client says of its scheme is replaced: its login is taken all the same.
        told = subprocess.run(["curl", "-sSi", *trust, "-H", "X-Forwarded-For: 127.0.0.9", "-H", "X-Forwarded-Proto: http", "-u", f"ann:{token}",
                               "-d", "x", f"{url}/v1/rooms/lobby%2Fa"], capture_output=True, check=True)
        self.assertEqual(Answer(told.stdout).status, 201)
        door = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        socket_ = ssl.create_default_context(cafile=cert).wrap_socket(door, server_hostname="localhost")
        self.addCleanup(socket_.close)
        login = base64.b64encode(f"ann:{token}".encode()).decode()
        socket_.sendall(f"GET /v1/rooms/lobby%2Fa/ws HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                        f"Origin: https://localhost:{port}\r\nAuthorization: Basic {login}\r\n\r\n".encode())
        heard = b""

        def hears(words):
            nonlocal heard
            while words not in heard:
                more = socket_.recv(65536)
                self.assertTrue(more, heard)
                heard += more
        hears(b"HTTP/1.1 101")
        socket_.sendall(frame(TEXT, b"by WebSocket"))
        hears(b"by WebSocket")
        stream.wait_out("^data: by WebSocket$")

    def free_port(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]

    def test_haproxy_with_tls(self):
        _, gateway, tokens = self.secured("--trusted-proxy", "127.0.0.1", ann=EVERYTHING)
        cert, key = self.certificate()
        pem, port = self.file("both.pem", open_bytes(key) + open_bytes(cert)), self.free_port()
        self.proxy("haproxy", "-db", "-f", self.example("haproxy.cfg", (":443", f"127.0.0.1:{port}"), ("/etc/haproxy/zrelay.pem", pem),
                                                        ("127.0.0.1:5580", gateway.address)))
        self.through_tls(gateway, port, cert, tokens["ann"])

    def test_nginx_with_tls(self):
        _, gateway, tokens = self.secured("--trusted-proxy", "127.0.0.1", ann=EVERYTHING)
        (cert, key), port = self.certificate(), self.free_port()
        config = self.example("nginx.conf", ("443 ssl", f"127.0.0.1:{port} ssl"), ("/etc/nginx/zrelay/fullchain.pem", cert),
                              ("/etc/nginx/zrelay/privkey.pem", key), ("127.0.0.1:5580", gateway.address))
        own = "".join(f"{kind}_temp_path {self.path(kind)};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(config, encoding="utf-8") as file:
            text = file.read().replace("http {", f"http {{ {own} access_log off;")
        self.proxy("nginx", "-e", self.path("nginx.log"), "-p", self.folder, "-c", self.file("nginx.conf", text),
                   "-g", f"daemon off; master_process off; pid {self.path('nginx.pid')}; error_log {self.path('nginx.log')};")
        self.through_tls(gateway, port, cert, tokens["ann"])


if __name__ == "__main__":
    unittest.main()
