// The questions before a check: three about what it does, at the first use, and whether a VPN is on.

import { byId, setText, text } from "./text.js";

const CORRECT = { mic: "no", seen: "yes", app: "no" };
const REMEMBERED = "talkpath understood";

function remembered() { try { return localStorage.getItem(REMEMBERED) === "yes"; } catch { return false; } }
function remember() { try { localStorage.setItem(REMEMBERED, "yes"); } catch { /* a private window asks again */ } }

const answer = name => document.querySelector(`input[name="${name}"]:checked`)?.value;

export function prepare() { byId("quiz").hidden = remembered(); }

// {vpn: false, or null for "I do not know"; media: the kinds of call to place}; null if an answer is missing or wrong.
export function consent() {
  const asked = byId("quiz").hidden ? [] : Object.keys(CORRECT);
  const missing = [...asked, "vpn"].filter(name => answer(name) === undefined);
  const wrong = asked.filter(name => !missing.includes(name) && answer(name) !== CORRECT[name]);
  for (const name of asked) setText(`wrong-${name}`, wrong.includes(name) ? text(`wrong_${name}`) : "");
  const vpnOn = answer("vpn") === "yes" ? ["vpn"] : [];
  setText("wrong-vpn", vpnOn.length ? text("vpn_on") : "");
  setText("trouble", missing.length ? text("answer_all") : "");
  const [first] = [...wrong, ...missing, ...vpnOn];
  if (first) {
    document.querySelector(`input[name="${first}"]`).focus();
    return null;
  }
  remember();
  byId("quiz").hidden = true;
  const media = answer("media") === "video" ? ["voice", "video"] : ["voice"];
  return { vpn: { no: false, unsure: null }[answer("vpn")], media };
}
