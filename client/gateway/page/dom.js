/** Elements from text only: nothing here reads markup, so no text of a peer becomes any. */

export const find = (id) => document.getElementById(id);

/** An element with `properties` (of the element; `data` and `aria` as attributes) and children, which are elements or texts. */
export function make(tag, { data = {}, aria = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A name's circle with its first letter, in the name's colour. */
export function avatar(nick, hue) {
  return make("span", { className: `avatar hue-${hue}`, aria: { hidden: "true" } }, [...nick][0]?.toUpperCase() ?? "?");
}
