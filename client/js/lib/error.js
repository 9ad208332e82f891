/**
 * A request or an entry failed. `code` is for programs: a code of PROTOCOL.md, section 9, or one of
 * `interrupted`, `closed`, `queue-full`, `timed-out`, `ended`. `message` is for people.
 * Where it fits, `room`, `key` and `seq` say what it is about; `seq` of a `conflict` is the position of the newer value.
 */
export class ZrelayError extends Error {
  constructor(code, text, { room, key, seq } = {}) {
    super(text);
    this.name = "ZrelayError";
    Object.assign(this, { code, room, key, seq });
  }
}
