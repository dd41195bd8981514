// What must be said before anything is sent: three questions on first use, and whether a VPN is on.

import { by, say, tell } from "./words.js";

const RIGHT = { mic: "no", seen: "yes", app: "no" };
const KNOWN = "talkpath understood";

function remembered() { try { return localStorage.getItem(KNOWN) === "yes"; } catch { return false; } }
function remember() { try { localStorage.setItem(KNOWN, "yes"); } catch { /* a private window asks again */ } }

const answer = name => document.querySelector(`input[name="${name}"]:checked`)?.value;

export function prepare() { by("quiz").hidden = remembered(); }

// null while something is amiss, else {vpn: false, true, or null for "I do not know"; media: which calls to place}.
export function given() {
  const asked = by("quiz").hidden ? [] : Object.keys(RIGHT);
  const open = [...asked, "vpn"].filter(name => answer(name) === undefined);
  const wrong = asked.filter(name => !open.includes(name) && answer(name) !== RIGHT[name]);
  for (const name of asked) tell(`wrong-${name}`, wrong.includes(name) ? say(`wrong_${name}`) : "");
  const tunnel = answer("vpn") === "yes" ? ["vpn"] : [];
  tell("wrong-vpn", tunnel.length ? say("vpn_on") : "");
  tell("trouble", open.length ? say("answer_all") : "");
  const [first] = [...wrong, ...open, ...tunnel];
  if (first) {
    document.querySelector(`input[name="${first}"]`).focus();
    return null;
  }
  remember();
  by("quiz").hidden = true;
  const media = answer("media") === "video" ? ["voice", "video"] : ["voice"];
  return { vpn: { no: false, unsure: null }[answer("vpn")], media };
}
