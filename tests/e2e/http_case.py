"""The gateway's HTTP API for end-to-end tests: curl, its answers, and the events of streams."""
import json
import os
import secrets
import subprocess

from gateway_case import GatewayCase
from harness import DEADLINE, ZRELAYD, Program

EVERYTHING = '    allow = "all : *"\n'


class Answer:
    """What curl got: the status, the headers in lower case, the body."""

    def __init__(self, output):
        head, _, self.body = output.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


class HttpCase(GatewayCase):
    def curl(self, gateway, path, *arguments, data=None, insecure=False):
        """One request to its end."""
        command = ["curl", "-sSi", "--path-as-is", "--max-time", str(int(DEADLINE)), "-H", "Expect:", *arguments]
        if data is not None:
            command += ["--data-binary", "@-", "-H", "Content-Type: text/plain"]
        url = path if "://" in path else gateway.http + path
        done = subprocess.run([*command, url], input=data if isinstance(data, bytes) else (data or "").encode(), capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, f"{path}: {done.stderr.decode()}")
        return Answer(done.stdout)

    def publish(self, gateway, room, body, *arguments, status=201):
        answer = self.curl(gateway, f"/v1/rooms/{room}", *arguments, data=body)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def stream(self, gateway, room, *arguments, query=""):
        """curl that reads a stream; ended by kill."""
        program = Program(["curl", "-sSN", *arguments, f"{gateway.http}/v1/rooms/{room}/events{query}"])
        self.addCleanup(program.end)
        program.wait_out("^retry: ")
        return program

    def assert_problem(self, answer, status, code):
        self.assertEqual((answer.status, answer.headers["content-type"]), (status, "application/problem+json"), answer.body)
        problem = answer.json()
        self.assertEqual((problem["code"], problem["status"]), (code, status))
        self.assertTrue(problem["title"])
        return problem


def events(output):
    """The events of a stream, as the HTML standard reads them: (id, event, data). What is not whole is left."""
    found, last = [], ""
    for block in bytes(output).decode().split("\n\n")[:-1]:
        name, data = "message", []
        for line in block.split("\n"):
            field, _, value = line.partition(": ")
            if field == "id":
                last = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if data:
            found.append((last, name, "\n".join(data)))
    return found, last


def whole_chunks(data):
    """The content of a chunked body, as far as its chunks are whole."""
    content, at = b"", 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end], 16)
        if end + 2 + size > len(data):
            break
        content += data[end + 2:end + 2 + size]
        at = end + 2 + size + 2
    return content


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


class SecuredCase(HttpCase):
    def users_with_tokens(self, **rules):
        """A users file; returns the tokens. The gateway's user is `web`."""
        text, tokens = "", {name: secrets.token_hex(16) for name in (*rules, "web")}
        for name, rule in (*rules.items(), ("web", '    allow = "gateway : *"\n')):
            made = subprocess.run([ZRELAYD, "--hash-token"], input=tokens[name].encode(), capture_output=True, check=True).stdout.decode()
            text += f'user\n    name = {name}\n    token = "{made.strip()}"\n' + rule
        self.users(text)
        return tokens

    def secured(self, *arguments, **rules):
        tokens = self.users_with_tokens(**rules)
        broker = self.broker("--users", self.path("users"), config="auth\n    tokens = 1\n")
        token_file = self.file("web-token", tokens["web"])
        os.chmod(token_file, 0o600)
        return broker, self.gateway(broker, *arguments, config=f"broker\n    user = web\n    token-file = {token_file}\n"), tokens
