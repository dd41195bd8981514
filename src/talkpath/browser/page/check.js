// The page: asks for consent, runs a check, shows its result. (The entry module.)

import { workerReady } from "./call.js";
import { startCheck } from "./check_run.js";
import { showHistory } from "./history_view.js";
import { canPassOn, copy, passOn, saveFile } from "./pass_on.js";
import { bytesOf, forget, forgetAll, markRunning, share, store, stored, wasInterrupted, withdraw } from "./result_store.js";
import { show } from "./result_view.js";
import { asMessage, asText, linkOf, spoken } from "./result_words.js";
import { hasWebTransport } from "./webtransport_twin.js";
import { byId, setText, text } from "./text.js";

const TAP_MS = 700; // the second of two quick taps answers nothing

let result = null, picture = Promise.resolve(null), stop = () => {};

function showSection(name) {
  for (const id of ["ask", "vpn", "run", "result"]) byId(id).hidden = id !== name;
  document.body.dataset.screen = name;
  if (["ask", "result"].includes(name)) showHistory(historyChanged);
  else byId("earlier").hidden = true;
}

function historyChanged(what) {
  if (!stored() && result) { result = null; showSection("ask"); } else if (result) { result = spoken(stored()); show(result); }
  showHistory(historyChanged);
  setText(result ? "status" : "trouble", text(what));
}

function display(message) {
  result = window.lastResult = spoken(message);
  picture = show(message);
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
  markRunning(true);
  const running = startCheck({ vpn, media, language: document.documentElement.lang, step: value => setText("step", value) });
  stop = running.stop;
  const message = await running.done.catch(error => { console.error(error); });
  markRunning(false);
  if (message?.type === "result") {
    message.at = Date.now();
    store(spoken(message));
    display(message);
  } else ask(failure(message, running.stopped()));
}

byId("consent").onsubmit = event => {
  event.preventDefault();
  if (!navigator.onLine) { setText("trouble", text("offline")); return; }
  showSection("vpn");
  byId("vpn-question").focus();
  const answers = [...document.querySelectorAll("#vpn button")], enable = isOn => answers.forEach(each => { each.disabled = !isOn; });
  enable(false);
  setTimeout(enable, TAP_MS, true);
};
byId("vpn-no").onclick = () => start(false);
byId("vpn-unsure").onclick = () => start(null);
byId("vpn-yes").onclick = () => start(true);
byId("stop").onclick = () => stop();
byId("again").onclick = byId("back").onclick = () => ask();
byId("pass").onclick = async () => {
  const passed = await passOn(asMessage(result), linkOf(result), await picture);
  setText("status", passed ? "" : text("passed_not"));
};
byId("picture").onclick = async () => {
  const made = await picture;
  if (made) saveFile(made, "talkpath.png");
  setText("status", text(made ? "picture_saved" : "picture_not"));
};
byId("copy").onclick = async () => setText("status", text(await copy(asText(result)) ? "copied" : "copied_not"));
byId("save").onclick = () => saveFile(new Blob([bytesOf(result.bundle)], { type: "application/octet-stream" }), "check.talkpath");
byId("delete").onclick = () => {
  if (result.at) forget(result.at); else forgetAll();
  result = null;
  ask();
};
byId("share").onclick = async () => {
  const sent = await share(result).catch(() => false);
  show(result);
  showHistory(historyChanged);
  setText("status", text(sent ? "shared" : "share_later"));
};
byId("withdraw").onclick = async () => {
  const withdrawn = await withdraw(result).catch(() => false);
  show(result);
  showHistory(historyChanged);
  setText("status", text(withdrawn ? "withdrawn" : "withdraw_later"));
};

const hasCalls = "RTCPeerConnection" in globalThis;
byId("consent").hidden = !hasCalls;
byId("pass").hidden = !canPassOn();
if (/Mac|iPhone|iPad/.test(navigator.userAgent)) setText("vpn-question", text("vpn_apple"));
if (!hasCalls) setText("mode", text("no_webrtc"));
else if (!isSecureContext) setText("mode", text("no_https"));
else if (!hasWebTransport()) setText("mode", text("no_twins"));
byId("mode").hidden = byId("mode").textContent === "";
const earlier = stored(), interrupted = wasInterrupted();
showSection("ask");
try { if (earlier && !interrupted) display(earlier); } catch { forgetAll(); result = null; showSection("ask"); } // another version of the page stored it
if (isSecureContext) navigator.serviceWorker?.register("/check/offline_worker.js", { scope: "/check" }).catch(() => {});
workerReady();
document.documentElement.dataset.ready = "yes";
if (interrupted) ask(text("reloaded")); // now that the first screen is there
