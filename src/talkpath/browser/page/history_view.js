// The list of this device's earlier results.

import { forget, forgetAll, history, withdraw } from "./result_store.js";
import { momentOf, operatorOf, titleOf } from "./result_words.js";
import { byId, element, text } from "./text.js";

// `changed` is called with what happened, once the list is up to date.
export function showHistory(changed) {
  const entries = history();
  byId("earlier").hidden = entries.length === 0;
  byId("history").replaceChildren(...entries.map(entry => row(entry, changed)));
  byId("forget").onclick = () => { forgetAll(); changed("forgotten"); };
}

function row(entry, changed) {
  const item = element("li", "", { lang: entry.lang ?? "", dir: entry.dir ?? "" });
  const labels = entry.verdicts.map(verdict => element("b", `${verdict.mark} ${titleOf(verdict, entry)}`));
  const place = [momentOf(entry), operatorOf(entry)].filter(Boolean).map(line => element("small", line));
  const words = element("div", "");
  words.append(...labels, ...place);
  item.append(words);
  const remove = element("button", text("delete"), { type: "button" });
  remove.onclick = () => { forget(entry.at); changed("deleted"); };
  if (entry.shared && !entry.withdrawn) item.append(takeBack(entry, changed));
  item.append(remove);
  return item;
}

function takeBack(entry, changed) {
  const button = element("button", text("withdraw"), { type: "button" });
  button.onclick = async () => changed(await withdraw(entry).catch(() => false) ? "withdrawn" : "withdraw_later");
  return button;
}
