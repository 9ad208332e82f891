"""Logins and rights of IRC clients."""
import base64
import os
import signal
import ssl
import subprocess

from irc_case import CAPS, Irc, IrcCase
from test_gateway_access import EVERYTHING, NO_STAFF, AccessCase

ADMIN = '    allow = "all : *"\n    allow = "admin : *"\n'


class IrcAccess(AccessCase, IrcCase):
    def secured_irc(self, *arguments, anonymous="", **rules):
        tokens = self.tokens(**rules)
        broker = self.broker("--users", self.path("users"), config=f"auth\n    tokens = 1\n{anonymous}")
        file = self.file("web-token", tokens["web"])
        os.chmod(file, 0o600)
        config = f"broker\n    user = web\n    token-file = {file}\n"
        return broker, self.irc_gateway(broker, *arguments, config=config), tokens

    def login(self, gateway, name, token, caps="sasl"):
        client = self.connect(gateway)
        client.send("CAP LS 302", f"CAP REQ :{caps}", "NICK anything", "USER u 0 * :u", "AUTHENTICATE PLAIN")
        client.hear("AUTHENTICATE")
        client.send("AUTHENTICATE " + base64.b64encode(f"\0{name}\0{token}".encode()).decode())
        return client

    def user(self, gateway, name, token, caps="sasl", channel=None):
        client = self.login(gateway, name, token, caps)
        client.hear("903")
        client.send("CAP END")
        self.assertEqual(client.hear("001").params[0], name)
        client.hear("422")
        if channel:
            client.join(channel)
        return client


class Logins(IrcAccess):
    def test_sasl(self):
        _, gateway, tokens = self.secured_irc(ann=EVERYTHING)
        wrong = self.login(gateway, "ann", "wrong")
        wrong.hear("904")
        wrong.send("CAP END")
        self.assertEqual(wrong.hear("FAIL").params[:2], ["*", "ACCOUNT_REQUIRED"])
        self.assertIn("login-required", wrong.hear("ERROR").params[0])
        ann = self.login(gateway, "ann", tokens["ann"])
        self.assertEqual(ann.hear("900").params[1:3], ["ann!~u@zrelay", "ann"])
        ann.hear("903")
        ann.send("CAP END")
        self.assertEqual(ann.hear("001").params[0], "ann")
        ann.send("NICK eve")
        self.assertIn("name of your user", ann.hear("432").params[2])

    def test_a_password(self):
        _, gateway, tokens = self.secured_irc(ann=EVERYTHING)
        client = self.connect(gateway)
        client.send(f"PASS ann:{tokens['ann']}", "NICK x", "USER x 0 * :x")
        self.assertEqual(client.hear("001").params[0], "ann")

    def test_a_token_does_not_travel_in_the_clear(self):
        """A trusted proxy says that the client came without TLS."""
        _, gateway, tokens = self.secured_irc("--trusted-proxy", "127.0.0.1", ann=EVERYTHING)
        header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + bytes([203, 0, 113, 9]) + bytes([127, 0, 0, 1]) + b"\x30\x39\x1a\x0b"
        client = Irc(gateway.irc)
        self.addCleanup(client.close)
        client.socket.sendall(header)
        client.send("CAP LS 302")
        self.assertNotIn("sasl", client.hear("CAP").params[-1])
        client.send(f"PASS ann:{tokens['ann']}")
        self.assertEqual(client.hear("FAIL").params[:2], ["PASS", "INSECURE"])

    def test_a_user_may_be_there_many_times(self):
        _, gateway, tokens = self.secured_irc(ann=EVERYTHING, bob=EVERYTHING)
        bob = self.user(gateway, "bob", tokens["bob"], channel="#r")
        one = self.user(gateway, "ann", tokens["ann"], channel="#r")
        bob.hear("JOIN")
        two = self.user(gateway, "ann", tokens["ann"], channel="#r")
        one.send("PRIVMSG #r :from one")
        self.assertEqual(two.hear("PRIVMSG").params[1], "from one")
        self.assertEqual(bob.hear("PRIVMSG").nick, "ann")
        one.send("QUIT")
        one.hear("ERROR")
        two.send("PRIVMSG #r :still here")
        self.assertEqual([line.command for line in (bob.hear("PRIVMSG", "QUIT", "PART"),)], ["PRIVMSG"])

    def test_accounts_are_shown(self):
        _, gateway, tokens = self.secured_irc(ann=EVERYTHING, bob=EVERYTHING)
        ann = self.user(gateway, "ann", tokens["ann"], CAPS + " sasl", channel="#r")
        bob = self.user(gateway, "bob", tokens["bob"], CAPS + " sasl", channel="#r")
        self.assertEqual(ann.hear("JOIN").params, ["#r", "bob", "bob"])
        bob.send("PRIVMSG #r :hi")
        self.assertEqual(ann.hear("PRIVMSG").tags["account"], "bob")
        ann.send("WHOIS bob", "WHO #r %na")
        self.assertEqual(ann.hear("330").params[1:3], ["bob", "bob"])
        self.assertEqual([line.params[1:] for line in ann.until("315") if line.command == "354"], [["ann", "ann"], ["bob", "bob"]])


class Rights(IrcAccess):
    def test_what_a_user_may_not_read_does_not_exist(self):
        _, gateway, tokens = self.secured_irc(ann=EVERYTHING, bob=NO_STAFF)
        ann = self.user(gateway, "ann", tokens["ann"], channel="#staff/plans")
        bob = self.user(gateway, "bob", tokens["bob"], CAPS + " sasl")
        for room in ("#staff/plans", "#staff/nothing"):
            bob.send(f"JOIN {room}")
            self.assertEqual(bob.hear("473").params[1], room)
            bob.send(f"CHATHISTORY LATEST {room} * 5")
            self.assertEqual(bob.hear("FAIL").params[1], "INVALID_TARGET")
            bob.send(f"PRIVMSG {room} :x")
            self.assertEqual(bob.hear("404").params[1], room)
            bob.send(f"NAMES {room}")
            self.assertEqual([line.command for line in bob.until("366")], ["366"])
        bob.send("LIST")
        self.assertEqual([line.command for line in bob.until("323")], ["321", "323"])
        ann.send("PRIVMSG #staff/plans :secret")
        ann.mark()
        self.assertEqual(bob.mark(), [])

    def test_a_private_room_is_read_over_the_trunk(self):
        _, gateway, tokens = self.secured_irc(ann=EVERYTHING, bob=EVERYTHING, cat=NO_STAFF)
        ann = self.user(gateway, "ann", tokens["ann"], channel="#staff/a")
        bob = self.user(gateway, "bob", tokens["bob"], channel="#staff/a")
        self.assertEqual(ann.hear("JOIN").nick, "bob")
        bob.send("PRIVMSG #staff/a :hi")
        self.assertEqual(ann.hear("PRIVMSG").params, ["#staff/a", "hi"])

    def test_a_right_that_is_taken_ends_the_membership(self):
        broker, gateway, tokens = self.secured_irc(ann=EVERYTHING, bob=NO_STAFF.replace("staff", "other"))
        bob = self.user(gateway, "bob", tokens["bob"], channel="#staff/a")
        self.change(broker, "other", "staff")
        self.assertEqual(bob.hear("KICK").params[:2], ["#staff/a", "bob"])

    def test_topics_need_the_right_state(self):
        _, gateway, tokens = self.secured_irc(ann='    allow = "read write create presence : *"\n')
        ann = self.user(gateway, "ann", tokens["ann"], channel="#r")
        ann.send("TOPIC #r :x")
        self.assertEqual(ann.hear("482").params[1], "#r")

    def test_a_kick_sends_a_user_out_of_the_room(self):
        _, gateway, tokens = self.secured_irc(ann=EVERYTHING.replace("all :", "read write create presence state :"), bob=EVERYTHING, root=ADMIN)
        root = self.user(gateway, "root", tokens["root"], channel="#r")
        bob = self.user(gateway, "bob", tokens["bob"], channel="#r")
        ann = self.user(gateway, "ann", tokens["ann"], channel="#r")
        ann.send("KICK #r bob :spam")
        self.assertEqual(ann.hear("482").params[1], "#r")
        root.hear("JOIN", where=lambda line: line.nick == "ann")  # it knows all by now
        root.send("KICK #r bob :spam")
        self.assertEqual(bob.hear("KICK").params, ["#r", "bob", "spam"])
        self.assertEqual(ann.hear("KICK").params, ["#r", "bob", "kicked"])
        root.hear("KICK")
        root.send("KICK #r bob")
        self.assertEqual(root.hear("441").params[1], "bob")
        bob.join("#r")  # which is no ban

    def test_without_the_right_presence_one_is_alone(self):
        _, gateway, tokens = self.secured_irc(ann='    allow = "read write create : *"\n', bob=EVERYTHING)
        self.user(gateway, "bob", tokens["bob"], channel="#r")
        ann = self.user(gateway, "ann", tokens["ann"])
        self.assertEqual([line.params[3] for line in ann.join("#r") if line.command == "353"], ["ann"])


class Tls(IrcAccess):
    def certificate(self):
        """Makes a certificate and its key in the same two files each time; returns them."""
        cert, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                        "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        return cert, key

    def over_tls(self, gateway, cert):
        client = Irc(gateway.irc_tls, tls=ssl.create_default_context(cafile=cert))
        self.addCleanup(client.close)
        return client

    def test_clients_talk_over_tls_and_beside_it(self):
        cert, key = self.certificate()
        gateway = self.irc_gateway(self.broker(), "--irc-tls", "127.0.0.1:*", "--tls-cert", cert, "--tls-key", key)
        ann, bob = self.over_tls(gateway, cert).register("ann"), self.client(gateway, "bob", channel="#r")
        ann.join("#r")
        ann.send("PRIVMSG #r :" + "x" * 300)
        self.assertEqual(bob.hear("PRIVMSG").params[1], "x" * 300)
        bob.send("PRIVMSG #r :clear")
        self.assertEqual(ann.hear("PRIVMSG").params[1], "clear")

    def test_a_new_certificate_is_taken_and_connections_go_on(self):
        cert, key = self.certificate()
        gateway = self.irc_gateway(self.broker(), "--irc-tls", "127.0.0.1:*", "--tls-cert", cert, "--tls-key", key)
        ann = self.over_tls(gateway, cert).register("ann")
        self.certificate()
        gateway.signal(signal.SIGHUP)
        gateway.wait_err("new connections get them")
        self.over_tls(gateway, cert).register("bob")
        ann.send("PING x")
        ann.hear("PONG")

    def test_tls_needs_a_certificate(self):
        broker = self.broker()
        with self.assertRaisesRegex(AssertionError, "--irc-tls needs --tls-cert and --tls-key"):
            self.irc_gateway(broker, "--irc-tls", "127.0.0.1:*", wait=False)
