#!/usr/bin/python3
"""The client of ../python with a fault planted: faulty.py FAULT --server … A test runs the kit on each of them.

A fault is a class. `fails` names the cases that find it; `may` names those that may find it too, since they need the same rule."""
import json
import pathlib
import secrets
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from client import Client, entries, parse, tell  # noqa: E402  pylint: disable=wrong-import-position

READ_AGAIN = ("read-kill read-shutdown read-freeze read-silence read-peers read-cut read-cut-front read-cut-back read-back-moves read-hello-refused "
              "read-welcome-twice read-asleep read-replaced read-no-session read-slow ")       # need what another session is told
REPLAYED = "read-missing read-away read-out-of-order read-gap-many read-gap-private read-slices read-hole read-forgotten read-replay-refused read-deaf read-synced-lost "
SENT_AGAIN = ("publish-acks-lost publish-order-again publish-kill publish-shutdown publish-new-epoch publish-freeze publish-silence publish-cut "
              "publish-no-session publish-slow publish-hello-refused publish-welcome-twice publish-asleep publish-replaced ")
WRITTEN = "publish-newer publish-older publish-greeting publish-refused publish-refused-newly publish-window publish-large publish-pause "


class KeepsRepeated(Client):
    """Prints an entry that it has."""
    fails = "read-repeated"
    may = "read-out-of-order"

    def deliver(self, frame):
        last, at = self.last, len(self.entry_topic)
        super().deliver(frame)
        if self.last == last and not self.replaying and frame[at + 1] == 0 and frame[at + 2:at + 10].hex() == self.epoch:
            for seq, sender, body in entries(frame, len(self.entry_topic) + 18):
                tell("entry", seq=seq, sender=sender, body=body)


class IgnoresPrev(Client):
    """Takes every delivery for the next one."""
    fails = "read-gap-one read-gap-many read-missing"
    may = REPLAYED + READ_AGAIN

    def missed(self, newest, **how):
        if "prev" not in how:
            super().missed(newest, **how)

    def deliver(self, frame):
        at = len(self.entry_topic) + 10
        super().deliver(frame[:at] + bytes(8) + frame[at + 8:])


class IgnoresHeads(Client):
    """Does not look at the heads of a pong."""
    fails = "read-gap-last read-gap-private read-deaf read-synced-lost"
    may = "read-cut-back"

    def pong(self, m):
        pass


class IgnoresGaps(IgnoresPrev, IgnoresHeads):
    """Asks for nothing again."""
    fails = "read-gap-one read-gap-last read-gap-private read-cut-back read-missing"
    may = REPLAYED + READ_AGAIN


class TakesAnyEpoch(Client):
    """Takes deliveries of other epochs."""
    fails = "read-foreign"

    def deliver(self, frame):
        at = len(self.entry_topic) + 2
        super().deliver(frame[:at] + bytes.fromhex(self.epoch) + frame[at + 8:])


class KeepsPositions(Client):
    """Keeps its positions in another epoch."""
    fails = "read-new-epoch"
    may = "read-hole read-forgotten read-away"

    def welcome(self, m):
        last = self.last
        super().welcome(m)
        self.last = last

    def joined(self, m):
        super().joined({**m, "recovered": True})

    def replayed(self, m):
        super().replayed({**m, "complete": True})


class HidesEpoch(Client):
    """Does not say that there is another epoch."""
    fails = "read-new-epoch"

    def welcome(self, m):
        if self.epoch and m["epoch"] != self.epoch:
            self.epoch = ""
        super().welcome(m)


class IgnoresMore(Client):
    """Takes a slice of a replay for all of it."""
    fails = "read-slices"
    may = "read-hole"

    def replayed(self, m):
        super().replayed({**m, "more": False})


class HidesLoss(Client):
    """Does not say that entries are lost."""
    fails = "read-hole read-forgotten"

    def replayed(self, m):
        super().replayed({**m, "complete": True})


class HidesAbsence(Client):
    """Does not say what was forgotten while it was away."""
    fails = "read-away"

    def joined(self, m):
        if not m["recovered"]:
            self.last = m["oldest"]
        super().joined({**m, "recovered": True})


class EndsAtLoss(Client):
    """Does not go on after a loss."""
    fails = "read-hole read-forgotten"

    def replayed(self, m):
        super().replayed(m)
        if not m["complete"]:
            self.leave()


class EndsAtUnknownOps(Client):
    """Takes an op that it does not know for a failure."""
    fails = "read-newer publish-newer"

    def from_front(self, frame):
        if frame[:1] == b"{" and json.loads(frame)["op"] == "weather":
            self.leave()
        super().from_front(frame)


class EndsAtUnknownTypes(Client):
    """Takes a type byte that it does not know for a failure."""
    fails = "read-newer publish-newer"

    def from_front(self, frame):
        if 2 < frame[0] < 0x20:
            self.leave()
        super().from_front(frame)


class ComparesFlags(Client):
    """Takes no deliveries with flag bits that it does not know."""
    fails = "read-newer"

    def deliver(self, frame):
        if frame[len(self.entry_topic) + 1] < 4:
            super().deliver(frame)


class ReadsBackOnly(Client):
    """Takes deliveries from the SUB only, replays apart."""
    fails = "read-private"
    may = "read-gap-private"

    def from_front(self, frame):
        if frame.startswith(self.entry_topic) and not frame[len(self.entry_topic) + 1] & 1:
            return
        super().from_front(frame)


class ReadsFirstOfFrame(Client):
    """Takes the first entry of a frame only."""
    fails = "read-plain read-mixed"
    may = "read-gap-many"

    def deliver(self, frame):
        at = start = len(self.entry_topic) + 18
        at += 18 + frame[at + 17]                                 # up to the key
        at += 1 + frame[at]                                       # the body
        at += 4 + int.from_bytes(frame[at:at + 4], "big")
        newest = max(seq for seq, _, _ in entries(frame, start))
        super().deliver(frame[:at])
        if self.last >= next(entries(frame, start))[0]:
            self.last = max(self.last, newest)


class TakesReordered(Client):
    """Takes deliveries as they come, and sets its position back."""
    fails = "read-out-of-order read-repeated read-gap-one"
    may = REPLAYED + READ_AGAIN + "read-foreign"

    def deliver(self, frame):
        news = list(entries(frame, len(self.entry_topic) + 18))
        if not frame[len(self.entry_topic) + 1] & 1 and not self.replaying and self.ready:
            self.last = news[0][0] - 1
        super().deliver(frame)


class BearsSilence(Client):
    """Waits for ever for a broker that is silent."""
    fails = "read-silence publish-silence"
    may = "read-peers"

    def silence(self):
        pass


class TriesOneNonce(Client):
    """Waits for ever for the first `synced`."""
    fails = "read-synced-lost read-deaf"

    def sync(self):
        if not self.nonce:
            super().sync()


class TriesNoncesOnly(Client):
    """Never tries another SUB."""
    fails = "read-synced-lost read-deaf"

    def sync(self):
        self.nonces = 0
        super().sync()


class BearsDeafness(Client):
    """Does not care whether its SUB is dead."""
    fails = "read-deaf"

    def check_tail(self):
        self.timers["sync"] = float("inf")
        super().check_tail()
        del self.timers["sync"]


class AsksAtOnce(Client):
    """Asks again at once, though the broker said when."""
    fails = "read-replay-refused read-hello-refused publish-hello-refused"

    def wait(self, m):
        super().wait({**m, "wait": 0} if "re" in m else m)


class GivesReplayUp(Client):
    """Does not ask again for a replay that was refused."""
    fails = "read-replay-refused"

    def wait(self, m):
        if m.get("re") != "replay":
            super().wait(m)


class HidesLeft(Client):
    """Does not say that it lost the right to read."""
    fails = "read-revoked read-sent-out"

    def left(self, m):
        pass


class JoinsAgain(Client):
    """Asks again and again to join."""
    fails = "read-revoked read-sent-out"

    def left(self, m):
        super().left(m)
        self.after(0.05, "join")

    def error(self, m):
        if m.get("re") == "join":
            self.after(0.05, "join")
        else:
            super().error(m)


class EndsWell(Client):
    """Ends with status 0 whatever was refused."""
    fails = "read-older publish-older publish-refused publish-refused-newly read-kicked"

    def run(self):
        super().run()
        return 0


class BearsOldProto(Client):
    """Waits for ever for a broker that speaks its version."""
    fails = "read-older publish-older"

    def error(self, m):
        if m["code"] != "bad-proto":
            super().error(m)


class NeedsWho(Client):
    """Ends when the broker does not know an op."""
    fails = "read-unknown-op"

    def error(self, m):
        super().error(m)
        if m["code"] == "unknown-op":
            self.leave()


class IgnoresNoSession(Client):
    """Goes on without a session."""
    fails = "read-no-session publish-no-session"
    may = READ_AGAIN + SENT_AGAIN

    def error(self, m):
        if m["code"] != "no-session":
            super().error(m)


class EndsAtShutdown(Client):
    """Ends with the broker."""
    fails = "read-shutdown publish-shutdown"

    def bye(self, m):
        if m["reason"] == "shutdown":
            self.leave()
        else:
            super().bye(m)


class SkipsReplay(Client):
    """Goes on at the room's head after each welcome."""
    fails = "read-kill read-cut read-cut-front read-freeze read-slow"
    may = READ_AGAIN

    def joined(self, m):
        self.last = m["seq"]
        super().joined(m)


class EndsAtBytes(Client):
    """Takes a body that is no text for a failure."""
    fails = "read-mixed"

    def deliver(self, frame):
        if b"\xff\xfe" in frame:
            self.leave()
        super().deliver(frame)


class KeepsBack(Client):
    """Stays with the first back."""
    fails = "read-back-moves"
    first = None

    def listen(self):
        self.first = self.back = self.first or self.back
        super().listen()


class TakesAnyPeer(Client):
    """Goes to whatever other broker a welcome names."""
    fails = "read-peers"

    def welcome(self, m):
        super().welcome(m)
        self.servers = [self.server, *m.get("peers", ())]

    def reconnect(self):
        self.server = (getattr(self, "servers", None) or [self.server])[-1]
        super().reconnect()


class EndsWhenFull(Client):
    """Ends when the broker has too many sessions."""
    fails = "read-hello-refused publish-hello-refused"

    def error(self, m):
        super().error(m)
        if m["code"] == "too-many-sessions":
            self.status = 1
            self.leave()


class EndsWhenReplaced(Client):
    """Ends when another program has its client id."""
    fails = "read-replaced publish-replaced"

    def bye(self, m):
        if m["reason"] == "replaced":
            self.leave()
        else:
            super().bye(m)


class HidesKick(Client):
    """Does not say that it was kicked, and comes back."""
    fails = "read-kicked publish-kicked"

    def bye(self, m):
        super().bye({**m, "reason": "shutdown"})


class TakesAnyRoom(Client):
    """Takes what comes over the DEALER for its room's."""
    fails = "read-other-room"

    def from_front(self, frame):
        if frame[0] > 0x20 and frame[:1] != b"{" and not frame.startswith(self.presence_topic):
            frame = self.entry_topic + frame.partition(b"\0")[2]
        super().from_front(frame)


class SaysHelloOnce(Client):
    """Waits for ever for a welcome."""
    fails = "read-welcome-lost publish-welcome-lost"

    def greet(self):
        super().greet()
        del self.timers["greet"]


class EndsAtSecondWelcome(Client):
    """Takes a welcome that it did not wait for for a failure."""
    fails = "read-welcome-twice publish-welcome-twice"

    def welcome(self, m):
        if self.state != "greeting":
            self.leave()
        super().welcome(m)


class EndsAfterSilence(Client):
    """Ends when the broker was silent, or its session has expired."""
    fails = "read-asleep publish-asleep read-silence publish-silence read-freeze publish-freeze"

    def silence(self):
        self.leave()

    def bye(self, m):
        if m["reason"] == "expired":
            self.leave()
        super().bye(m)


class KeepsWithinWindow(Client):
    """Never sends a frame that is larger than the window."""
    fails = "publish-large"

    def send_entries(self):
        self.under_way += 1
        super().send_entries()
        self.under_way -= 1


class TakesNewIds(Client):
    """Sends again under new message ids."""
    fails = "publish-acks-lost publish-kill"
    may = SENT_AGAIN

    def welcome(self, m):
        before = list(self.unacked.values())
        self.unacked = {}
        super().welcome(m)
        for frame in before:
            self.publish(frame[2 + frame[1] + 14:].decode())


class TakesNewClientId(Client):
    """Says hello under another client id each time."""
    fails = "publish-acks-lost publish-slow"
    may = SENT_AGAIN

    def greet(self):
        self.client_id, self.token = secrets.token_hex(16), ""
        super().greet()


class SendsOnce(Client):
    """Does not send again."""
    fails = "publish-cut publish-kill"
    may = SENT_AGAIN

    def welcome(self, m):
        sent = self.sent
        super().welcome(m)
        self.sent = sent


class SendsNewestFirst(Client):
    """Sends the newest entry before what it sends again."""
    fails = "publish-order-again"
    may = SENT_AGAIN
    welcomes = 0

    def welcome(self, m):
        self.welcomes += 1
        super().welcome(m)

    def send_entries(self):
        if self.state == "live" and self.sent == 0 and len(self.unacked) > 1 and self.welcomes > 1:
            self.front.send(list(self.unacked.values())[-1])
        super().send_entries()


class AnswersOne(Client):
    """Takes an ack for one message id only."""
    fails = "publish-acks-joined"
    may = WRITTEN + SENT_AGAIN + "publish-plain publish-welcome-lost"

    def ack(self, _level, newest, _seq):
        self.answered(newest)
        tell("acked", mid=newest)
        self.send_entries()


class IgnoresWindow(Client):
    """Has as much under way as there is."""
    fails = "publish-window"

    def send_entries(self):
        self.window = 1 << 60
        super().send_entries()


class IgnoresPause(Client):
    """Publishes on when it is told to pause."""
    fails = "publish-pause"

    def wait(self, m):
        if "re" in m:
            super().wait(m)


class KnowsCodes(Client):
    """Takes a code that it does not know for nothing."""
    fails = "publish-refused-newly"

    def error(self, m):
        if m["code"] != "sun-spots":
            super().error(m)


class PublishesEarly(Client):
    """Publishes before the welcome."""
    fails = "publish-greeting publish-order-again"
    may = SENT_AGAIN

    def send_entries(self):
        state, self.state = self.state, "live" if self.state == "greeting" else self.state
        super().send_entries()
        if self.state == "live":
            self.state = state


class LeavesSilently(Client):
    """Ends without bye."""
    fails = "publish-plain"

    def quit(self):
        self.leave()


class EndsEarly(Client):
    """Ends before all is answered."""
    fails = "publish-plain"
    may = WRITTEN + SENT_AGAIN

    def send_entries(self):
        super().send_entries()
        if self.closing and self.state != "leaving":
            self.quit()


class ForgetsAtEpoch(Client):
    """Gives up what is unanswered when the epoch is another one."""
    fails = "publish-new-epoch"

    def welcome(self, m):
        if self.epoch and m["epoch"] != self.epoch:
            self.unacked = {}
        super().welcome(m)


class ForgetsAtSilence(Client):
    """Gives up what is unanswered when the broker is silent."""
    fails = "publish-silence"

    def silence(self):
        self.unacked = {}
        super().silence()


Client.may = ""  # unless a fault has others
FAULTS = {each.__name__: each for each in list(globals().values()) if isinstance(each, type) and issubclass(each, Client) and each is not Client}

if __name__ == "__main__":
    sys.exit(FAULTS[sys.argv[1]](**vars(parse(sys.argv[2:]))).run())
