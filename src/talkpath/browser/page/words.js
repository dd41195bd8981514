// The page's words, as the server put them into it, and ways to place them.

const words = JSON.parse(document.getElementById("words").textContent);

export const by = id => document.getElementById(id);

export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export function tell(id, text) { by(id).textContent = text; }

export function element(kind, text, attributes = {}) {
  const made = document.createElement(kind);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
