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
  tell("trouble", "");
  const asked = by("quiz").hidden ? [] : Object.keys(RIGHT);
  const open = [...asked, "vpn"].filter(name => answer(name) === undefined);
  let wrong = false;
  for (const name of asked) {
    const miss = answer(name) !== undefined && answer(name) !== RIGHT[name];
    tell(`wrong-${name}`, miss ? say(`wrong_${name}`) : "");
    wrong ||= miss;
  }
  tell("wrong-vpn", answer("vpn") === "yes" ? say("vpn_on") : "");
  if (open.length) {
    tell("trouble", say("answer_all"));
    document.querySelector(`input[name="${open[0]}"]`).focus();
  }
  if (wrong || open.length || answer("vpn") === "yes") return null;
  remember();
  by("quiz").hidden = true;
  const media = answer("media") === "video" ? ["voice", "video"] : ["voice"];
  return { vpn: { no: false, unsure: null }[answer("vpn")], media };
}
