"""What must hold of a cluster, judged from the logs of its clients and from its final history alone. It imports nothing of the broker.

A log is a list of events, in the order in which its client saw them:
  sent    id [expect]     the client asks the broker to store this body; `expect`: over the key's value with that seq
  acked   id [seq]        the broker stored it
  refused id code         it did not
  read    seq id [epoch]  the client read this entry
  lost                    the client was told of a loss
`history` is the room read after everything: [{"seq", "id", "key"}], in its order."""


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


def _faults_of_epoch(logs):
    epochs = {event["epoch"] for events in logs.values() for event in events if event.get("epoch")}
    if len(epochs) > 1:
        yield f"epoch: the log has several: {sorted(epochs)}"


def faults(logs, history):
    """`logs`: the events by the client's name. Returns what does not hold, a sentence each."""
    at = {entry["id"]: entry["seq"] for entry in history}
    found = [*_faults_of_history(history), *_faults_of_compare_and_set(logs, history), *_faults_of_epoch(logs)]
    for name, events in logs.items():
        found += [*_faults_of_acks(name, events, at), *_faults_of_order(name, events, at)]
        if any(event["event"] == "read" for event in events):
            found += _faults_of_reader(name, events, history)
    return found
