// The page: asks, runs a check, shows what came of it.

import { prepared } from "./call.js";
import { given, prepare } from "./consent.js";
import { run } from "./run.js";
import { drop, keep, kept, save, share, takeBack } from "./keep.js";
import { copy, plain, show } from "./show.js";
import { hasTwins } from "./twin.js";
import { by, say, tell } from "./words.js";

let result = null, stop = () => {};

function place(name) {
  for (const id of ["ask", "run", "result"]) by(id).hidden = id !== name;
}

function display(found) {
  result = window.lastResult = found;
  show(found);
  place("result");
  by("result").focus();
}

// To the questions again, with what there is to say.
function ask(trouble = "") {
  place("ask");
  by("start").focus();
  tell("trouble", trouble);
}

// What a server says that gave up; else what became of it.
function ending(found, stopped) {
  if (stopped) return say("stopped");
  if (found?.type === "error") return say(`error_${found.code}`);
  return say(found === undefined ? "error_unread" : "no_server");
}

async function start({ vpn, media }) {
  place("run");
  by("stop").focus();
  const running = run({ vpn, media, language: document.documentElement.lang, step: text => tell("step", text) });
  stop = running.stop;
  const found = await running.done.catch(error => { console.error(error); });
  if (found?.type === "result") { keep(found); display(found); }
  else ask(ending(found, running.stopped()));
}

by("consent").onsubmit = event => {
  event.preventDefault();
  const consent = given();
  if (!consent) return;
  if (!navigator.onLine) tell("trouble", say("offline"));
  else start(consent);
};
by("stop").onclick = () => stop();
by("again").onclick = () => ask();
by("copy").onclick = async () => tell("said", say(await copy(plain(result)) ? "copied" : "copied_not"));
by("save").onclick = () => save(result);
by("delete").onclick = () => { drop(); result = null; ask(); };
by("share").onclick = async () => {
  const sent = await share(result, result.share).catch(() => false);
  show(result);
  tell("said", say(sent ? "shared" : "share_later"));
};
by("withdraw").onclick = async () => {
  const gone = await takeBack(result, result.share).catch(() => false);
  show(result);
  tell("said", say(gone ? "withdrawn" : "withdraw_later"));
};

const calls = "RTCPeerConnection" in globalThis;
prepare();
by("consent").hidden = !calls; // before anybody answers questions for nothing
if (!calls) tell("mode", say("no_webrtc"));
else if (!isSecureContext) tell("mode", say("no_https"));
else if (!hasTwins()) tell("mode", say("no_twins"));
by("mode").hidden = by("mode").textContent === "";
const before = kept();
try { if (before) display(before); } catch { drop(); place("ask"); } // another release of this page kept it
if (isSecureContext) navigator.serviceWorker?.register("/check/worker.js", { scope: "/check" }).catch(() => {});
prepared();
document.documentElement.dataset.ready = "yes";
