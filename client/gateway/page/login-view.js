/** The dialog that asks for a name, and for a token where the relay wants one. */
import { find } from "./dom.js";

const ADVICE = {
  "nick-in-use": "Somebody else has this name now; choose another.",
  "bad-nick": "The relay does not take this name: use letters and digits, without blanks.",
  "login-required": "This relay lets in only people with a token.",
  "login-failed": "The relay does not know this name with this token.",
};

/** Asks until the form is sent; gives `{ nick, token }`. `fault` is why the last answer did not do. */
export function askName(nick, fault) {
  const dialog = find("login");
  find("nick").value = nick;
  find("login-fault").textContent = fault ? (ADVICE[fault.code] ?? fault.message) : "";
  if (fault?.code?.startsWith("login")) find("login-more").open = true;
  dialog.showModal();
  return new Promise((resolve) => {
    const submit = (event) => {
      event.preventDefault();
      find("login-form").removeEventListener("submit", submit);
      dialog.close();
      resolve({ nick: find("nick").value.trim().normalize("NFC"), token: find("token").value });
    };
    find("login-form").addEventListener("submit", submit);
    dialog.oncancel = (event) => event.preventDefault(); // there is no page without a name
  });
}
