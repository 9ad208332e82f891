"""Endpoints: where a client may go when a broker names its back, and where secrets may go."""
from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import Optional, Union

_TCP = re.compile(r"tcp://(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]{1,255})):(?P<port>[0-9]{1,5})")
_BYTES_MAX = 256
_IPC = "ipc://"


def _host(endpoint: str) -> Optional[str]:
    found = _TCP.fullmatch(endpoint)
    if not found or not 0 < int(found["port"]) <= 65535:
        return None
    return str(found["v6"] or found["host"]).lower()


def _address(host: str) -> Union[ipaddress.IPv4Address, ipaddress.IPv6Address, None]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_usual(host: str) -> bool:
    """An address that a peer can have, or a name. No resolver takes a last label that begins with a letter for a number, such as 0x7f000001."""
    address = _address(host)
    if isinstance(address, ipaddress.IPv4Address):
        return int(address) >> 24 != 0
    if address:
        return address.is_loopback or int(address) >> 32 != 0  # without "::" and the old form ::1.2.3.4
    return bool(re.match(r"[a-z]", host.rpartition(".")[2]))


def _is_loopback(host: str) -> bool:
    address = _address(host)
    if address:
        return address.is_loopback
    return host in ("localhost", "ip6-localhost", "ip6-loopback") or host.endswith(".localhost")


def is_valid(endpoint: str) -> bool:
    """`tcp://HOST:PORT`, with a port from 1 to 65535, or `ipc://PATH`; at most 256 bytes."""
    if len(endpoint.encode("utf-8", "replace")) > _BYTES_MAX:
        return False
    return bool(_host(endpoint)) or (endpoint.startswith(_IPC) and len(endpoint) > len(_IPC))


def is_local(endpoint: str) -> bool:
    """What goes there stays on this machine. A name that only begins like a loopback address may be anywhere."""
    host = _host(endpoint)
    return endpoint.startswith(_IPC) or bool(host and (host == "localhost" or (_address(host) and _is_loopback(host))))


def back_fault(front: str, back: str) -> Optional[str]:
    """Why a client of `front` does not connect to `back`, which a broker names; None: it does. SECURITY.md has the rules ("A hostile broker")."""
    if re.search(r"[\x00-\x20\x7f;*]", back) or not is_valid(back):
        return "the broker names a back that is no endpoint"
    if back.startswith(_IPC):
        path, own = back[len(_IPC):], front[len(_IPC):]
        same = front.startswith(_IPC) and posixpath.dirname(path) == posixpath.dirname(own) and path.startswith("@") == own.startswith("@")
        return None if same and posixpath.basename(path) not in ("", "..") else "the broker names a back in another directory than its front's"
    host = _host(back) or ""
    if host == _host(front):
        return None
    if not _is_usual(host):
        return "the broker names a back that is no address"
    if is_local(front) and not _is_loopback(host):
        return "the broker is on this machine and names a back on another; connect to it by that other address"
    if not is_local(front) and _is_loopback(host):
        return "the broker is on another machine and names a back on this one"
    return None
