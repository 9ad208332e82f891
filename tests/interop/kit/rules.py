"""The sentences of common/PROTOCOL.md that the kit judges by, as they stand there, and the section of each. A test compares them with the page."""
from typing import NamedTuple


class Rule(NamedTuple):
    section: str
    text: str


LEVELS = "Levels of clients"  # a section without a number

ORDER = Rule("1", "All readers of a room see the same entries in the same order.")
PREV = Rule("1", "every delivery names the entry before it (`prev`).\n  The reader asks for the entries that it missed.")
UNKNOWN_MEMBERS = Rule("3", "The receiver ignores members that this page does not name.")
MORE = Rule("3", "true: there is more, up to `until` or the head. Ask again with `after` = `seq`")
LEFT = Rule("6", "forget the membership, say so to the program")
LEFT_OVER = Rule("3", "To join again is `forbidden` until the right is given again; no frame announces that.")
SENT_OUT = Rule("3", "A client does not join again by itself.")
PING = Rule("3", "A client sends `ping` every `heartbeat` milliseconds from `welcome` on, whatever else it sends.")
BODIES = Rule("2", "Bodies are bytes; the broker does not look into them.")
REPLACED = Rule("3", "If the client did not do so itself, it backs off and says `hello`")
ACK = Rule("4", "every message id up to N is answered: stored at this level, or refused by an error that came before")
DELIVER = Rule("4", "Entries run to the end of the frame.")
FLAGS = Rule("4", "A reader ignores other flag bits that it does not know.")
OTHER_EPOCH = Rule("4", "It drops a frame of another epoch than its own, whose positions may seem to fit.")
SYNCED = Rule("5", "After two seconds without it, try another nonce; after the second failure, try another SUB.")
DEAF = Rule("6", "the SUB may be dead: sync with a new nonce")
SILENCE = Rule("6", "close both sockets, open new ones, `hello` with `resume`")
BACK = Rule("6", "| any | `welcome` with another `back` | connect the SUB there instead | syncing |")
PEERS = Rule("6", "A client checks each as it checks `back`, and takes none that needs another server key than the broker that named it.")
HELLO_LIMITED = Rule("6", "| greeting | `error` `rate-limited` | wait `wait` ms, `hello` again | greeting |")
HELLO_FULL = Rule("6", "| greeting | `error` `too-many-sessions`, or no answer for a heartbeat | wait (back-off), `hello` again | greeting |")
KICKED = Rule("6", "say so; give up, or new sockets after a long back-off")
SHUTDOWN = Rule("6", "back-off with jitter, `hello`")
NO_SESSION = Rule("6", "It says `hello`, and everything is repaired: entries by replay, acks by resending.")
QUIET = Rule("6", "Hence from `no-session`, and from any `hello`, until `welcome` a client publishes nothing and asks for nothing.")
RECONNECT = Rule("6", "Afterwards it resends everything not acked, in order.")
EPOCH = Rule("6", "say so to the program; all last seqs are void: forget them")
RESEND_EPOCH = Rule("6", "Message ids and the client id stay valid, so the client resends its unacked entries.")
EXPIRED = Rule("3", "was silent for three heartbeats: says `hello` again if it lives")
RENEWED = Rule("6", "A `welcome` that the client did not wait for (it asked twice) only renews.")
BOTH_WAYS = Rule("6", "It subscribes to each room it joins, and takes DELIVER and presence from either socket by the same rules")
LIMITED = Rule("6", "wait `wait` ms, ask that again")
PAUSE = Rule("6", "Nothing is refused, but the client *must* publish nothing for that time, not even resends.")
DROP = Rule("7", "Drop entries with seq ≤ *L*.")
MISSING = Rule("7", "If `prev` > *L* and it is no replay, something is missing: `replay` after *L*.")
LOST = Rule("7", "With `complete` false the entries between them are lost for good: say so and go on.")
GONE = Rule("7", "If `recovered` is false, or `joined.seq` < `after`, entries are lost.\n   Say so, and go on from `oldest`.")
HEAD = Rule("7", "A `pong` whose head is above *L* means a gap too, if the frames do not arrive within 250 ms.")
IDS = Rule("8", "Number entries with rising message ids, first sent first, and keep each until it is answered.")
OTHER_ROOM = Rule("4", "The first byte below 0x20 ends the room name: 0x00 means DELIVER, 0x01 presence.")
WINDOW = Rule("8", "Have at most `limits.window` bytes of PUBLISH frames under way; one frame is always allowed.")
REFUSED = Rule("8", "Those are refused for good, also when sent again.")
RESEND = Rule("8", "After each `welcome` (at once, or at `synced`), resend everything unanswered.\n   Do so in order, under the same ids, before anything new.")
LOWER = Rule(LEVELS, "Never send a lower message id after a higher one, except to resend.")
SAYS_MISSING = Rule(LEVELS, "Say that entries are missing when `prev` is above the last seq.")
BYE = Rule(LEVELS, "Send [`ping`](#ping--pong) every heartbeat, and say `bye` at the end.")
PROTO = Rule("9", "| `bad-proto` | `proto` is not spoken here | needs another version |")
UNKNOWN_CODE = Rule("9", "A client must take an unknown code as a failure of the request.")
UNKNOWN_OP = Rule("9", "| `unknown-op` | `op` is not one of these | is newer than the broker |")
NEWER = Rule("11", "new type bytes from 0x03 to 0x1F on the DEALER (ignore those you do not know);")
NEW_OPS = Rule("11", "new ops, new members in any control frame, new error codes, new reasons and levels;")

ALL = {name: rule for name, rule in globals().items() if isinstance(rule, Rule)}
