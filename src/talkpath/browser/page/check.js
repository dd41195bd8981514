// The page: asks for consent, runs a check, shows its result. (The entry module.)

import { workerReady } from "./call.js";
import { startCheck } from "./check_run.js";
import { download, remove, share, store, stored, withdraw } from "./result_store.js";
import { asText, copy, show } from "./result_view.js";
import { hasWebTransport } from "./webtransport_twin.js";
import { byId, setText, text } from "./text.js";

let result = null, stop = () => {};

function showSection(name) {
  for (const id of ["ask", "vpn", "run", "result"]) byId(id).hidden = id !== name;
}

function display(message) {
  result = window.lastResult = message;
  show(message);
  showSection("result");
  byId("result").focus();
}

// Go back to the first screen, and say why.
function ask(trouble = "") {
  showSection("ask");
  byId("start").focus();
  setText("trouble", trouble);
}

// The sentence for a check that ended without a result.
function failure(message, stopped) {
  if (stopped) return text("stopped");
  if (message?.type === "error") return text(`error_${message.code}`);
  return text(message === undefined ? "error_unread" : "no_server");
}

// vpn: whether one is on; null for "I do not know".
async function start(vpn) {
  const chosen = document.querySelector('input[name="media"]:checked').value;
  const media = chosen === "video" ? ["voice", "video"] : ["voice"];
  showSection("run");
  byId("stop").focus();
  const running = startCheck({ vpn, media, language: document.documentElement.lang, step: value => setText("step", value) });
  stop = running.stop;
  const message = await running.done.catch(error => { console.error(error); });
  if (message?.type === "result") { store(message); display(message); }
  else ask(failure(message, running.stopped()));
}

byId("consent").onsubmit = event => {
  event.preventDefault();
  if (!navigator.onLine) { setText("trouble", text("offline")); return; }
  showSection("vpn");
  byId("vpn-no").focus();
};
byId("vpn-no").onclick = () => start(false);
byId("vpn-unsure").onclick = () => start(null);
byId("vpn-yes").onclick = () => ask(text("vpn_on"));
byId("stop").onclick = () => stop();
byId("again").onclick = () => ask();
byId("copy").onclick = async () => setText("status", text(await copy(asText(result)) ? "copied" : "copied_not"));
byId("save").onclick = () => download(result);
byId("delete").onclick = () => { remove(); result = null; ask(); };
byId("share").onclick = async () => {
  const sent = await share(result, result.share).catch(() => false);
  show(result);
  setText("status", text(sent ? "shared" : "share_later"));
};
byId("withdraw").onclick = async () => {
  const withdrawn = await withdraw(result, result.share).catch(() => false);
  show(result);
  setText("status", text(withdrawn ? "withdrawn" : "withdraw_later"));
};

const hasCalls = "RTCPeerConnection" in globalThis;
byId("consent").hidden = !hasCalls;
if (/Mac|iPhone|iPad/.test(navigator.userAgent)) setText("vpn-question", text("vpn_apple"));
if (!hasCalls) setText("mode", text("no_webrtc"));
else if (!isSecureContext) setText("mode", text("no_https"));
else if (!hasWebTransport()) setText("mode", text("no_twins"));
byId("mode").hidden = byId("mode").textContent === "";
const earlier = stored();
try { if (earlier) display(earlier); } catch { remove(); showSection("ask"); } // another version of the page stored it
if (isSecureContext) navigator.serviceWorker?.register("/check/offline_worker.js", { scope: "/check" }).catch(() => {});
workerReady();
document.documentElement.dataset.ready = "yes";
