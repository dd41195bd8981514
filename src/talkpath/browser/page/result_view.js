// Shows a result: label, sentence and three lines, which paths carry a call, and the numbers behind a fold.

import { byId, element, setText, text } from "./text.js";

export function show(result) {
  const notes = [result.hint, basis(result), measured(result), result.note].filter(Boolean);
  byId("verdicts").replaceChildren(...result.verdicts.flatMap(verdictElements), ...othersElements(result.others ?? []),
    ...notes.map(note => element("p", note)));
  // The result is in the language that the page had when it was measured.
  for (const id of ["verdicts", "figures"]) Object.assign(byId(id), { lang: result.lang ?? "", dir: result.dir ?? "" });
  byId("figures").replaceChildren(...result.figures.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  byId("paths").replaceChildren(...result.paths.map(pathRow));
  byId("paths-fold").hidden = result.paths.length === 0;
  byId("paths-fold").open = result.paths.length > 0;
  byId("share").hidden = !result.share || Boolean(result.shared) || !crypto.subtle;
  byId("share-note").hidden = byId("share").hidden;
  byId("withdraw").hidden = !result.shared || Boolean(result.withdrawn);
  setText("kept", text(result.withdrawn ? "kept_withdrawn" : result.shared ? "kept_shared" : "kept"));
  setText("status", "");
}

// What was measured, unless the browser did not send its calls.
const basis = result => result.real === false ? "" : text("real");

// When it was measured, to the hour, as in the bundle.
function measured({ json }) {
  return text("measured", { when: json.started_at.slice(0, 16).replace("T", " ") });
}

// The verdict's label, with the medium if there are several.
const title = (verdict, { length }) => `${verdict.mark} ${verdict.label}${length > 1 ? ` (${verdict.medium})` : ""}`;

function verdictElements(verdict, index, all) {
  const head = element("h2", title(verdict, all), index === 0 ? { id: "result-title" } : {});
  return [head, element("p", verdict.sentence), ...verdict.lines.map(line => element("p", line))];
}

function othersElements(sentences) {
  return sentences.length ? [element("h3", text("others")), ...sentences.map(sentence => element("p", sentence))] : [];
}

function pathRow(path) {
  const row = document.createElement("tr");
  const mark = path.missing ? "–" : path.uncertain ? "~" : path.carries ? "✓" : "✗";
  const name = element("th", "", { scope: "row" });
  name.append(element("bdi", path.name));
  row.append(name, element("td", `${mark} ${pathText(path)}`));
  return row;
}

function pathText(path) {
  if (path.missing) return text(`missing_${path.missing}`);
  return text(path.uncertain ? "carries_unsure" : path.carries ? "carries" : "carries_not");
}

export function asText(result) {
  const lines = result.verdicts.flatMap((verdict, _, all) => [title(verdict, all), verdict.sentence, ...verdict.lines, ""]);
  const paths = result.paths.map(path => `${path.name}: ${pathText(path)}`);
  const others = result.others?.length ? [text("others"), ...result.others, ""] : [];
  const figures = result.figures.map(([name, value]) => `${name}: ${value}`);
  const notes = [result.hint, basis(result)].filter(Boolean);
  return [...lines, ...others, ...notes, ...paths, ...figures, measured(result)].join("\n");
}

// Copy to the clipboard; resolves to whether that worked. Without https a page must select text and ask for a copy.
export async function copy(value) {
  if (navigator.clipboard) return navigator.clipboard.writeText(value).then(() => true, () => copySelected(value));
  return copySelected(value);
}

function copySelected(value) {
  const area = element("textarea", value, { readonly: "", "aria-hidden": "true" });
  byId("result").append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  byId("copy").focus();
  return copied;
}
