// The result: label, sentence and three lines, what gets through, numbers behind a fold.

import { by, element, say, tell } from "./words.js";

export function show(result) {
  by("told").replaceChildren(...result.verdicts.flatMap(told), ...others(result.others ?? []),
    ...[result.hint, say("real"), result.note].filter(Boolean).map(text => element("p", text)));
  by("figures").replaceChildren(...result.figures.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  by("ways").replaceChildren(...result.paths.map(row));
  by("matrix").hidden = result.paths.length === 0;
  by("matrix").open = result.paths.length > 0;
  by("share").hidden = !result.share || Boolean(result.shared) || !crypto.subtle;
  tell("said", "");
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
  const name = element("th", path.name, { scope: "row" });
  name.dir = "ltr";
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
  return [...lines, ...known, say("real"), ...paths, ...result.figures.map(([name, value]) => `${name}: ${value}`), result.json.started_at].join("\n");
}
