/** Where a client may go when a broker names its back: SECURITY.md, "A hostile broker". */

const TCP = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]{1,255}):([0-9]{1,5})$/;
const IPC = "ipc://";

/** The host in one form, or undefined. */
function hostOf(endpoint) {
  const [, host, port] = TCP.exec(endpoint) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65535) return undefined;
  if (!host.startsWith("[")) return host.toLowerCase();
  try {
    return new URL(`http://${host}`).hostname; // the shortest form of the address
  } catch {
    return undefined;
  }
}

/** The first byte of an IPv4 address, also of one within IPv6; undefined for others. */
function firstByte(host) {
  const plain = /^([0-9]{1,3})\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/.exec(host);
  if (plain) return Number(plain[1]);
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):[0-9a-f]{1,4}\]$/.exec(host);
  return mapped ? parseInt(mapped[1], 16) >> 8 : undefined;
}

/** An address that a peer can have, or a name. No resolver takes a last label that begins with a letter for a number, such as 0x7f000001. */
function isUsual(host) {
  const first = firstByte(host);
  if (first !== undefined) return first > 0 && first < 256;
  if (host.startsWith("[")) return host === "[::1]" || !/^\[::([0-9a-f]{1,4}(:[0-9a-f]{1,4})?)?\]$/.test(host);
  return /^[a-z]/.test(host.split(".").at(-1));
}

const isLoopback = (host) =>
  firstByte(host) === 127 || ["[::1]", "localhost", "ip6-localhost", "ip6-loopback"].includes(host) || host.endsWith(".localhost");

const isLocal = (endpoint, host) => endpoint.startsWith(IPC) || host === "localhost" || host === "[::1]" || firstByte(host ?? "") === 127;

const folderOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

/** Why a client of `front` does not connect to `back`, which a broker names; undefined: it does. */
export function backFault(front, back) {
  if (typeof back !== "string" || back.length > 256 || /[\x00-\x20\x7f;*]/.test(back)) return "the broker names a back that is no endpoint";
  if (back.startsWith(IPC)) {
    const [path, own] = [back.slice(IPC.length), front.slice(IPC.length)];
    const same = front.startsWith(IPC) && folderOf(path) === folderOf(own) && path.startsWith("@") === own.startsWith("@");
    return same && !["", ".."].includes(path.slice(folderOf(path).length)) ? undefined : "the broker names a back in another directory than its front's";
  }
  const [host, own] = [hostOf(back), hostOf(front)];
  if (host !== undefined && host === own) return undefined;
  if (host === undefined || !isUsual(host)) return "the broker names a back that is no address";
  if (isLocal(front, own) && !isLoopback(host)) return "the broker is on this machine and names a back on another; connect to it by that other address";
  if (!isLocal(front, own) && isLoopback(host)) return "the broker is on another machine and names a back on this one";
  return undefined;
}
