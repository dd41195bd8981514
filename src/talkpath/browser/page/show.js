// The result: label, sentence and three lines, what gets through, numbers behind a fold.

import { by, element, say, tell } from "./words.js";

export function show(result) {
  by("told").replaceChildren(...result.verdicts.flatMap(told), ...others(result.others ?? []),
    ...[result.hint, real(result), measured(result), result.note].filter(Boolean).map(text => element("p", text)));
  // It was told in the language that the page had then.
  for (const id of ["told", "figures"]) Object.assign(by(id), { lang: result.lang ?? "", dir: result.dir ?? "" });
  by("figures").replaceChildren(...result.figures.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  by("ways").replaceChildren(...result.paths.map(row));
  by("matrix").hidden = result.paths.length === 0;
  by("matrix").open = result.paths.length > 0;
  by("share").hidden = !result.share || Boolean(result.shared) || !crypto.subtle;
  by("tells").hidden = by("share").hidden;
  by("withdraw").hidden = !result.shared || Boolean(result.withdrawn);
  tell("kept", say(result.withdrawn ? "kept_withdrawn" : result.shared ? "kept_shared" : "kept"));
  tell("said", "");
}

// Not where the browser kept its calls to itself.
const real = result => result.real === false ? "" : say("real");

// The hour, for the bundle tells no more.
function measured({ json }) {
  return say("measured", { when: json.started_at.slice(0, 16).replace("T", " ") });
}

// The label, with the medium where there are several.
const title = (verdict, { length }) => `${verdict.mark} ${verdict.label}${length > 1 ? ` (${verdict.medium})` : ""}`;

function told(verdict, index, all) {
  const head = element("h2", title(verdict, all), index === 0 ? { id: "result-title" } : {});
  return [head, element("p", verdict.sentence), ...verdict.lines.map(line => element("p", line))];
}

function others(sentences) {
  return sentences.length ? [element("h3", say("others")), ...sentences.map(text => element("p", text))] : [];
}

function row(path) {
  const made = document.createElement("tr");
  const mark = path.missing ? "–" : path.carries ? "✓" : "✗";
  const name = element("th", "", { scope: "row" });
  name.append(element("bdi", path.name));
  made.append(name, element("td", `${mark} ${through(path)}`));
  return made;
}

function through(path) {
  return say(path.missing ? `missing_${path.missing}` : path.carries ? "carries" : "carries_not");
}

export function plain(result) {
  const lines = result.verdicts.flatMap((verdict, _, all) => [title(verdict, all), verdict.sentence, ...verdict.lines, ""]);
  const paths = result.paths.map(path => `${path.name}: ${through(path)}`);
  const known = result.others?.length ? [say("others"), ...result.others, ""] : [];
  const figures = result.figures.map(([name, value]) => `${name}: ${value}`);
  const hint = [result.hint, real(result)].filter(Boolean);
  return [...lines, ...known, ...hint, ...paths, ...figures, measured(result)].join("\n");
}

// Did it reach the clipboard? Without https a page has to mark text and ask for it.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => marked(text));
  return marked(text);
}

function marked(text) {
  const area = element("textarea", text, { readonly: "", "aria-hidden": "true" });
  by("result").append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  by("copy").focus();
  return copied;
}
