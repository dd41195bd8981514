// The page's texts, which the server wrote into it, and functions that put text into elements.

const texts = JSON.parse(document.getElementById("words").textContent);

export const byId = id => document.getElementById(id);

// In right-to-left text a value is isolated (U+2068, U+2069), so that it moves nothing around it.
const isolated = value => document.documentElement.dir === "rtl" ? `\u2068${value}\u2069` : value;

export function text(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (whole, key) => key in values ? isolated(values[key]) : whole);
}

export function setText(id, value) { byId(id).textContent = value; }

export function element(kind, value, attributes = {}) {
  const made = document.createElement(kind);
  made.textContent = value;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
