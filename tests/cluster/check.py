"""What must hold of a cluster, judged from the logs of its clients and from its final history alone. It imports nothing of the broker.

A log is a list of events, in the order in which its client saw them. Each has `epoch`, the one that the client knew then, and `at`, the time in seconds:
  epoch               the client came to know the epoch
  sent     id [expect]  the client asks the broker to store this body; `expect`: over the key's value with that seq
  acked    id [seq]   the broker stored it
  refused  id code    it did not
  read     seq id     the client read this entry
  lost                the client was told of a loss
  handed   id         the worker got this entry of the group
  settled  id         it says that the entry is done, or that it rejects it
  done     id         the broker confirmed the one
  rejected id         or the other
  left     id code    or the entry was not with this worker any more
`history` is the room read after everything: [{"seq", "id", "key"}], in its order. `dead` are the ids in the group's room for dead entries."""


def _faults_of_history(history):
    seqs = [entry["seq"] for entry in history]
    for before, after in zip(seqs, seqs[1:]):
        if after <= before:
            yield f"order: seq {after} stands behind {before} in the history"
    seen = {}
    for entry in history:
        if entry["id"] in seen:
            yield f"double: {entry['id']} is stored at {seen[entry['id']]} and at {entry['seq']}"
        seen[entry["id"]] = entry["seq"]


def _faults_of_acks(name, events, at):
    for event in events:
        if event["event"] == "acked" and event["id"] not in at:
            yield f"loss: {event['id']} of {name} was acked and is not in the history"
        elif event["event"] == "acked" and event.get("seq") is not None and at[event["id"]] != event["seq"]:
            yield f"position: {event['id']} was acked at {event['seq']} and is stored at {at[event['id']]}"
        elif event["event"] == "refused" and event["id"] in at:
            yield f"refusal: {event['id']} was refused ({event['code']}) and is stored all the same"


def _faults_of_order(name, events, at):
    """A client's own entries are stored in the order in which it sent them."""
    seqs = [at[event["id"]] for event in events if event["event"] == "sent" and event["id"] in at]
    for before, after in zip(seqs, seqs[1:]):
        if after <= before:
            yield f"order: {name} sent the entry at {after} after the one at {before}"


def _faults_of_reader(name, events, history):
    """It reads everything, once and in the one order; or it was told of a loss, and then reads some of it in that order."""
    read = [(event["seq"], event["id"]) for event in events if event["event"] == "read"]
    stored = [(entry["seq"], entry["id"]) for entry in history]
    if not any(event["event"] == "lost" for event in events):
        if read != stored:
            wrong = next((index for index, pair in enumerate(zip(read, stored)) if pair[0] != pair[1]), min(len(read), len(stored)))
            yield (f"reading: {name} read {len(read)} entries of {len(stored)}; the first that differs is {read[wrong:wrong + 1]} "
                   f"where the history has {stored[wrong:wrong + 1]}")
        return
    places = {pair: index for index, pair in enumerate(stored)}
    found = [places.get(pair) for pair in read]
    if None in found or any(after <= before for before, after in zip(found, found[1:])):
        yield f"reading: {name} was told of a loss, and read what the history has not, or in another order"


def _faults_of_compare_and_set(logs, history):
    """Each value replaced the one that its writer had expected."""
    expected = {event["id"]: event["expect"] for events in logs.values() for event in events if event["event"] == "sent" and "expect" in event}
    current = {}
    for entry in history:
        if entry.get("key") is None:
            continue
        if entry["id"] in expected and expected[entry["id"]] != current.get(entry["key"], 0):
            yield (f"compare-and-set: {entry['id']} expected seq {expected[entry['id']]} and replaced the value at "
                   f"{current.get(entry['key'], 0)}")
        current[entry["key"]] = entry["seq"]


def _faults_of_workers(logs):
    """Once a worker's `done` is confirmed, nobody gets the entry again. And that worker had it alone, from when it got it on."""
    got, settled = {}, {}  # by the entry: the times and workers; the last time at which its worker got it, the time of the answer, the worker
    for name, events in logs.items():
        last = {}
        for event in events:
            if event["event"] == "handed":
                last[event["id"]] = event["at"]
                got.setdefault(event["id"], []).append((event["at"], name))
            elif event["event"] in ("done", "rejected"):
                if event["id"] in settled:
                    yield f"again: {event['id']} was settled by {settled[event['id']][2]}, and then by {name}"
                settled[event["id"]] = (last.get(event["id"], event["at"]), event["at"], name)
    for entry, (since, answered, name) in settled.items():
        for time, other in got.get(entry, ()):
            if time > answered:
                yield f"again: {entry} was settled by {name}, and {other} got it {time - answered:.2f} s later"
            elif time > since and other != name:
                yield f"twice: {entry} was with {name}, and {other} got it {time - since:.2f} s later"


def _faults_of_dead(logs, history, dead):
    """In the end each entry is done or dead; and dead only if a worker rejected it."""
    events = [event for events in logs.values() for event in events]
    if not any(event["event"] == "handed" for event in events):
        return
    said = {event["id"] for event in events if event["event"] == "settled"}
    confirmed = {event["id"] for event in events if event["event"] == "rejected"}
    for entry in history:
        if entry["id"] not in said and entry["id"] not in dead:
            yield f"undone: {entry['id']} is neither done nor dead"
        if entry["id"] in confirmed and entry["id"] not in dead:
            yield f"undone: {entry['id']} was rejected, and is not with the dead"
    for entry in dead:
        if entry not in said:
            yield f"dead: no worker rejected {entry}"
        if dead.count(entry) > 1:
            yield f"dead: {entry} is there {dead.count(entry)} times"


def _epochs(events):
    return [event["epoch"] for event in events if event.get("epoch")]


def _faults_of_epoch(logs):
    epochs = {epoch for events in logs.values() for epoch in _epochs(events)}
    if len(epochs) > 1:
        yield f"epoch: the log has several: {sorted(epochs)}"


def _faults_of_silence(logs):
    """The database lost entries that it had confirmed: each client hears of the new epoch."""
    first = next((_epochs(events)[0] for events in logs.values() if _epochs(events)), None)
    last = {name: _epochs(events)[-1] for name, events in logs.items() if _epochs(events)}
    for name, epoch in last.items():
        if epoch == first:
            yield f"silence: {name} was not told of a new epoch"
    if len(set(last.values())) > 1:
        yield f"silence: the clients know several epochs: {last}"


def _since_the_loss(logs):
    """What was said of the last epoch. What was said of another one is void, but for what the clients themselves said."""
    last = {name: _epochs(events)[-1] for name, events in logs.items() if _epochs(events)}
    return {name: [event for event in events if event["event"] in ("sent", "settled") or event.get("epoch") == last[name]]
            for name, events in logs.items() if name in last}


def faults(logs, history, dead=(), lost=False):
    """`logs`: the events by the client's name. `lost`: the database lost entries that it had confirmed, and so the epoch must change.
    Returns what does not hold, a sentence each."""
    at = {entry["id"]: entry["seq"] for entry in history}
    found = [*(_faults_of_silence(logs) if lost else _faults_of_epoch(logs))]
    if lost:
        logs = _since_the_loss(logs)
    found += [*_faults_of_history(history), *_faults_of_compare_and_set(logs, history), *_faults_of_workers(logs),
              *_faults_of_dead(logs, history, list(dead))]
    for name, events in logs.items():
        found += [*_faults_of_acks(name, events, at), *_faults_of_order(name, events, at)]
        if any(event["event"] == "read" for event in events):
            found += _faults_of_reader(name, events, history)
    return found
