// The page: asks, runs a check, shows what came of it.

import { given, prepare } from "./consent.js";
import { run } from "./run.js";
import { drop, keep, kept, save, share } from "./keep.js";
import { plain, show } from "./show.js";
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

async function start({ vpn, media }) {
  place("run");
  const running = run({ vpn, media, language: document.documentElement.lang, step: text => tell("step", text) });
  stop = running.stop;
  const found = await running.done;
  if (found?.type === "result") { keep(found); display(found); return; }
  place("ask");
  tell("trouble", found?.sentence ?? say(running.stopped() ? "stopped" : "no_server"));
}

by("consent").onsubmit = event => {
  event.preventDefault();
  const consent = given();
  if (!consent) return;
  if (!("RTCPeerConnection" in globalThis)) tell("trouble", say("no_webrtc"));
  else if (!navigator.onLine) tell("trouble", say("offline"));
  else start(consent);
};
by("stop").onclick = () => stop();
by("again").onclick = () => { place("ask"); by("start").focus(); };
by("copy").onclick = async () => { await navigator.clipboard?.writeText(plain(result)); tell("said", say("copied")); };
by("save").onclick = () => save(result);
by("delete").onclick = () => { drop(); result = null; place("ask"); };
by("share").onclick = async () => {
  const sent = await share(result, result.share).catch(() => false);
  tell("said", say(sent ? "shared" : "share_later"));
  by("share").hidden = sent;
};

prepare();
if (!isSecureContext) tell("mode", say("no_https"));
else if (!hasTwins()) tell("mode", say("no_twins"));
by("mode").hidden = by("mode").textContent === "";
const before = kept();
if (before) display(before);
if (isSecureContext) navigator.serviceWorker?.register("/check/worker.js", { scope: "/check" }).catch(() => {});
document.documentElement.dataset.ready = "yes";
