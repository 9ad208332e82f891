"""What can go wrong, as one exception."""
from __future__ import annotations

from typing import Optional


class ZrelayError(Exception):
    """A request or a message failed.

    Programs decide by `code`, and people read `text`. `code` is one of PROTOCOL.md, section 9, or one of these:

    - `interrupted`: the session ended before the broker answered; whether it did what was asked is unknown.
    - `closed`: the program closed the relay, or left the room.
    - `queue-full`: more bytes wait for their acks than `queue_bytes` allows; await some acks, or `relay.drain()`.
    - `timed-out`: `connect` found no broker, or `request` no answer, in time.
    - `failed`: the answer says that the request failed; `text` says why.
    - `bad-argument`: the program asked for something that cannot be.
    - `revoked`, `banned`, `kicked`, `flooding`: the broker ended the session.

    `room`, `key` and `seq` say what it is about, where that fits; `seq` of a `conflict` is the position of the newer value.
    """

    def __init__(self, code: str, text: str, *, room: Optional[str] = None, key: Optional[str] = None, seq: Optional[int] = None) -> None:
        super().__init__(f"{text} ({code})" if text else code)
        self.code = code
        self.text = text
        self.room = room
        self.key = key
        self.seq = seq
