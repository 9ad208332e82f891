/** What the browser remembers of the user: name, status, rooms, how far they were read, light or dark. A browser may refuse to remember. */

const KEY = "zrelay";
const ROOMS_MAX = 200; // rooms whose positions are remembered
const DEFAULTS = { nick: "", rooms: ["lobby"], current: "lobby", read: {}, epoch: "", theme: "", status: "", away: false };

export function load() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const fits = ([name, value]) => typeof value === typeof DEFAULTS[name] && Array.isArray(value) === Array.isArray(DEFAULTS[name]);
    return { ...DEFAULTS, ...Object.fromEntries(Object.entries(found).filter(fits)) };
  } catch {
    return { ...DEFAULTS };
  }
}

export function save(memory) {
  const read = Object.fromEntries(Object.entries(memory.read).slice(-ROOMS_MAX));
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...memory, read }));
  } catch {
    // without storage the page works and forgets
  }
}
