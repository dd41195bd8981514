// The words of a result that several parts of the page use: title, operator, hour, and the whole as text.

import { text } from "./text.js";

const DIGITS = { fa: "fa-u-ca-gregory-nu-latn", ar: "ar-u-nu-latn" }; // as in every number beside it

// The result in the words of the page's language, where it has them; else in those that it was told in first.
export const spoken = result => Object.assign(result, result.told?.[document.documentElement.lang]);

// The verdict's label, with the medium if there are several.
export const titleOf = (verdict, { verdicts }) => `${verdict.label}${verdicts.length > 1 ? ` (${verdict.medium})` : ""}`;

// Where others see the result once it is shared; before that, where they run a check of their own.
export function linkOf({ shared, shared_url, withdrawn }) {
  return shared && shared_url && !withdrawn ? new URL(shared_url, location.origin).href : `${location.origin}/check`;
}

// The page's address, as people type it.
export const pageAddress = () => `${location.host}/check`;

export function operatorOf({ operator }) {
  if (!operator) return "";
  return text("operator", { name: operator.name ? `${operator.name} (${operator.network})` : operator.network });
}

// When it was measured, in local time; a result without that moment has its hour only.
export function momentOf(result) {
  const language = result.lang ?? document.documentElement.lang, form = { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(DIGITS[language] ?? language, form).format(result.at ?? Date.parse(result.json.started_at));
}

// What was measured, unless the browser did not send its calls.
export const basisOf = result => result.real === false ? "" : text("real");

export function wayOf(path) {
  if (path.missing) return text(`missing_${path.missing}`);
  return text(path.uncertain ? "carries_unsure" : path.carries ? "carries" : "carries_not");
}

const headOf = (verdict, result) => [`${verdict.mark} ${titleOf(verdict, result)}`, verdict.sentence, verdict.means];

// The few lines that go with a link.
export function asMessage(result) {
  const lines = result.verdicts.flatMap(verdict => [...headOf(verdict, result), verdict.is_not]);
  return [...new Set(lines), result.condition, operatorOf(result), momentOf(result)].filter(Boolean).join("\n");
}

export function asText(result) {
  const { suggestions = [], others = [], paths = [], figures = [] } = result;
  const tries = suggestions.flatMap(each => [each, ...each.ways ?? []]), tried = new Set(tries.map(each => each.text));
  const lines = result.verdicts.flatMap(verdict => [...headOf(verdict, result), ...verdict.lines.filter(line => !tried.has(line)), ""]);
  return [
    ...lines,
    result.condition, result.hosting, result.hint, operatorOf(result), text("measured", { when: momentOf(result) }), basisOf(result),
    ...tries.map(each => [each.text, each.source].filter(Boolean).join(" ")),
    ...others.length ? [text("others"), ...others] : [],
    ...paths.map(path => `${path.name}: ${wayOf(path)}`),
    ...figures.map(([name, value]) => `${name}: ${value}`),
    linkOf(result),
  ].filter(line => line !== undefined && line !== null).join("\n").replace(/\n{3,}/g, "\n\n");
}
