// Shows a result: the verdict in a colour and a shape, what it means, what can be tried and what it is not; the rest is behind
// folds.

import { pictureOf } from "./share_picture.js";
import { shapeElement } from "./shapes.js";
import { basisOf, momentOf, operatorOf, titleOf, wayOf } from "./result_words.js";
import { byId, element, setText, text } from "./text.js";

export function show(result) {
  const { suggestions = [], paths = [], figures = [] } = result;
  byId("verdicts").replaceChildren(
    ...result.verdicts.map((verdict, index) => card(verdict, index, result)),
    ...about(result),
    ...section("try", suggestions.length ? [list(suggestions)] : []),
    ...section("not", unique(result.verdicts.map(verdict => verdict.is_not)).map(line => element("p", line))),
  );
  byId("more").replaceChildren(...details(result));
  // The result is in the language that the page had when it was measured.
  for (const id of ["verdicts", "more", "figures"]) Object.assign(byId(id), { lang: result.lang ?? "", dir: result.dir ?? "" });
  byId("figures").replaceChildren(...figures.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  byId("paths").replaceChildren(...joined(paths).map(pathRow));
  byId("paths-table").hidden = paths.length === 0;
  showSharing(result);
  setText("status", "");
  return pictureOf(result).catch(error => { console.error(error); return null; });
}

function showSharing(result) {
  const isShared = Boolean(result.shared), isWithdrawn = Boolean(result.withdrawn), link = byId("shared-link");
  byId("share").hidden = !result.share || isShared || !crypto.subtle;
  byId("share-note").hidden = byId("share").hidden;
  byId("withdraw").hidden = !isShared || isWithdrawn;
  link.hidden = byId("withdraw").hidden || !result.shared_url;
  if (!link.hidden) link.href = result.shared_url;
  setText("kept", text(isWithdrawn ? "kept_withdrawn" : isShared ? "kept_shared" : "kept"));
}

// What stands above the fold stands there alone: what a verdict is not, and what can be tried.
const isToldElsewhere = (line, { verdicts, suggestions = [] }) => verdicts.some(each => each.is_not === line) || suggestions.some(each => each.text === line);

const unique = lines => [...new Set(lines.filter(Boolean))];

function card(verdict, index, result) {
  const made = element("div", "", { class: "verdict", "data-state": verdict.state });
  const words = element("div", "");
  words.append(
    element("h2", titleOf(verdict, result), index === 0 ? { id: "result-title" } : {}),
    ...result.condition ? [element("p", result.condition, { class: "note" })] : [],
    element("p", verdict.sentence),
    ...verdict.means ? [element("p", verdict.means, { class: "means" })] : [],
  );
  made.append(shapeElement(verdict.state), words);
  return made;
}

// Whose network, and when.
function about(result) {
  const notes = unique([result.hosting, result.hint]).map(note => element("p", note, { class: "note" }));
  const place = [operatorOf(result), text("measured", { when: momentOf(result) })].filter(Boolean);
  return [element("p", place.join(" "), { id: "place" }), ...notes];
}

function section(name, parts) {
  return parts.length ? [element("h3", text(name)), ...parts] : [];
}

function list(suggestions) {
  const made = element("ul", "");
  made.append(...suggestions.map(suggestion));
  return made;
}

function suggestion({ text: words, source, ways = [] }) {
  const item = element("li", words);
  if (ways.length) item.append(list(ways));
  if (source) item.append(" ", element("a", text("source"), { href: source, rel: "noreferrer" }));
  return item;
}

function details(result) {
  const { others = [] } = result;
  const seen = result.verdicts.flatMap(verdict => verdict.lines).filter(line => !isToldElsewhere(line, result));
  const lines = unique([...seen, basisOf(result)]).map(line => element("p", line));
  return [...lines, ...section("others", others.map(line => element("p", line)))];
}

// The ways that were not offered for one reason are one row.
function joined(paths) {
  const alike = path => paths.filter(each => path.missing ? each.missing === path.missing : each === path);
  return paths.filter(path => alike(path)[0] === path).map(path => ({ ...path, names: alike(path).map(each => each.name) }));
}

function pathRow(path) {
  const row = document.createElement("tr");
  const mark = path.missing ? "–" : path.uncertain ? "~" : path.carries ? "✓" : "✗";
  const name = element("th", "", { scope: "row" });
  name.append(...path.names.map(each => element("bdi", each)));
  row.append(name, element("td", `${mark} ${wayOf(path)}`));
  return row;
}
