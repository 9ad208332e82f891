"""The broker, and how a client proves its identity: what the program says, else the environment, as the command line has it."""
from __future__ import annotations

import os
import re
import stat
from typing import Callable, Mapping, NamedTuple, Optional, Tuple, Union

from .core.endpoint import is_local, is_valid
from .core.servers import SERVERS_MAX, Server
from .errors import ZrelayError

DEFAULT_SERVER = "tcp://127.0.0.1:5570"
_PORT = 5570
_Z85 = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_KEY_LINE = re.compile(r'^\s*(public-key|secret-key)\s*=\s*"([^"]*)"\s*$', re.M)
_FILE_MAX = 65535

Token = Union[str, Callable[[], str], None]


class Keys(NamedTuple):
    """CURVE keys, each 40 characters of Z85."""

    server: str
    public: str
    secret: str


class Settings(NamedTuple):
    """Where to connect, and under which name."""

    servers: Tuple[Server, ...]
    keys: Optional[Keys]  # with the first server's key
    user: Optional[str]
    token: Token


def endpoint(server: str) -> str:
    """`HOST` and `HOST:PORT` as `tcp://HOST:PORT`."""
    full = server if "://" in server else f"tcp://{server}"
    if full.startswith("tcp://") and not re.search(r":[0-9]+$", full.rpartition("]")[2]):
        full += f":{_PORT}"
    if not is_valid(full):
        raise ZrelayError("bad-argument", f"{server!r} is no broker's address: give tcp://HOST:PORT or ipc://PATH")
    return full


def _servers(text: str, keys: Optional[str]) -> Tuple[Server, ...]:
    """`A,B,C`, with one key for all, or with one for each."""
    endpoints = [endpoint(part.strip()) for part in text.split(",")]
    parts = [_key(part.strip(), "a server key") for part in keys.split(",")] if keys else [""]
    if len(set(endpoints)) < len(endpoints) or len(endpoints) > SERVERS_MAX:
        raise ZrelayError("bad-argument", f"{text!r}: name each server once, and at most {SERVERS_MAX}")
    if len(parts) not in (1, len(endpoints)):
        raise ZrelayError("bad-argument", "give one key for all servers, or one for each in their order")
    return tuple(Server(each, parts[0] if len(parts) == 1 else parts[number]) for number, each in enumerate(endpoints))


def _with_known(environment: Mapping[str, str], server: Server) -> Server:
    """With the key that is noted for it, unless that differs from the given one."""
    known = known_key(environment, server.endpoint)
    if server.key and known and server.key != known:
        raise ZrelayError("bad-argument", f"the broker at {server.endpoint} had another key than the one given, noted in known-servers: somebody may "
                          "be in between. If it really has a new one, remove that line")
    return Server(server.endpoint, server.key or (_key(known, "a server key") if known else ""))


def _read(path: str, secret: bool) -> str:
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if secret and os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ZrelayError("bad-argument", f"{path}: other users may read or write it, and it holds a secret; chmod 600 it")
        return file.read(_FILE_MAX).decode("utf-8", "replace")


def read_certificate(path: str) -> Tuple[str, str]:
    """The key pair that `zrelay keygen PATH` made: public, secret. `path` names either file of it."""
    secret = path if path.endswith("_secret") else path + "_secret"
    try:
        found = dict(_KEY_LINE.findall(_read(secret, True)))
    except OSError as fault:
        raise ZrelayError("bad-argument", f"{secret}: {fault.strerror}; `zrelay keygen {path}` makes a key pair") from None
    if {"public-key", "secret-key"} - set(found):
        raise ZrelayError("bad-argument", f"{secret}: it holds no key pair; `zrelay keygen` makes one")
    return found["public-key"], found["secret-key"]


def known_key(environment: Mapping[str, str], server: str) -> Optional[str]:
    """The key that the command line noted for this broker when it first connected; None: it knows none."""
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", ""), ".config")
    path = os.path.join(home, "zrelay", "known-servers")
    try:
        lines = _read(path, True).splitlines() if os.path.isabs(path) else []
    except OSError:
        return None
    return next((words[1] for words in map(str.split, lines) if len(words) == 2 and words[0] == server), None)


def _key(key: str, what: str) -> str:
    if not _Z85.fullmatch(key):
        raise ZrelayError("bad-argument", f"{what} is 40 characters of Z85, as `zrelay keygen` prints them")
    return key


def _is_jwt(token: str) -> bool:
    return token.startswith("e") and token.count(".") == 2


def settings(environment: Mapping[str, str], server: Optional[str], server_key: Optional[str],
             certificate: Union[str, Tuple[str, str], None], user: Optional[str], token: Token, new_pair: Callable[[], Tuple[str, str]]) -> Settings:
    """Fills in what the program did not say. Raises ZrelayError for what cannot be, and for a token that would travel in the clear."""
    servers = _servers(server or environment.get("ZRELAY_SERVER") or DEFAULT_SERVER, server_key or environment.get("ZRELAY_SERVER_KEY") or None)
    servers = tuple(_with_known(environment, each) for each in servers)
    bare = [each.endpoint for each in servers if not each.key]
    pair = certificate or environment.get("ZRELAY_CERTIFICATE") or None
    keys = None
    if bare and len(bare) < len(servers):
        raise ZrelayError("bad-argument", f"the key of the broker at {bare[0]} is needed too: give one for each server, or one for all")
    if not bare:
        public, secret = read_certificate(pair) if isinstance(pair, str) else pair or new_pair()
        keys = Keys(servers[0].key, _key(public, "a public key"), _key(secret, "a secret key"))
    elif certificate:
        raise ZrelayError("bad-argument", "a certificate is for an encrypted broker: give its key too, as `server_key` or in ZRELAY_SERVER_KEY")
    of_environment = environment.get("ZRELAY_TOKEN") or None
    name = user or environment.get("ZRELAY_USER") or None
    secret_word = token or (of_environment if of_environment and (name or _is_jwt(of_environment)) else None)
    remote = [each.endpoint for each in servers if not is_local(each.endpoint)]
    if secret_word and not keys and remote:
        raise ZrelayError("bad-argument", f"a token travels unencrypted, so it is sent to brokers on this machine only; for {remote[0]} give "
                          "`certificate` and `server_key`")
    if user and not secret_word and not keys:
        raise ZrelayError("bad-argument", f"the user {user} needs a token: `token`, or ZRELAY_TOKEN")
    return Settings(servers, keys, name if secret_word else None, secret_word)
