"""zrelay for Python: see README.md.

    async with zrelay.connect(nick="ann") as relay:
        await relay.publish("lobby", "hello from Python")
        async for message in relay.join("lobby", last=20):
            print(message.sender, message.text)
"""
from .core.feed import Item, Left, Lost
from .core.log import Slice
from .core.prefix import Forgotten
from .core.presence import PresenceChange, User
from .core.reader import Where
from .core.state import StateChange
from .core.wire import Ack, Message, printable
from .errors import ZrelayError
from .relay import Direct, Relay, RoomInfo, Who, connect
from .room import LiveState, Presence, Room
from .work import Job, Work

__version__ = "0.1.0"
__all__ = ["Ack", "Direct", "Forgotten", "Item", "Job", "Left", "LiveState", "Lost", "Message", "Presence", "PresenceChange", "Relay", "Room",
           "RoomInfo", "Slice", "StateChange", "User", "Where", "Who", "Work", "ZrelayError", "connect", "printable"]
