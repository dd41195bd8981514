// The page of a call between two phones: opens or joins a room, calls the other browser, shows what both see. (An entry module.)

import { camera } from "./camera.js";
import { workerReady } from "./call.js";
import { startCheck, tone } from "./check_run.js";
import { Conditions } from "./conditions.js";
import { Connection } from "./connection.js";
import { Countdown } from "./countdown.js";
import { LivePicture } from "./live_picture.js";
import { PairedEpoch } from "./paired_epoch.js";
import { canPassOn, copy, passOn, saveFile } from "./pass_on.js";
import { bytesOf, store } from "./result_store.js";
import { momentOf, spoken } from "./result_words.js";
import { shapeElement } from "./shapes.js";
import { byId, element, setText, text } from "./text.js";

const KEPT_KEY = "talkpath between two"; // the last result, in this tab: a reload shows it again
const VPN = { no: false, yes: true, unsure: null };
const code = location.hash.slice(1), language = document.documentElement.lang;
const pageLink = `${location.origin}${location.pathname}`; // without a language: the other person may have another
let stop = () => {}, link = "";

function showSection(name) {
  for (const id of ["ask", "wait", "run", "result"]) byId(id).hidden = id !== name;
  document.body.dataset.screen = name;
}

// The first screen. Of a link that is spent it has nothing to agree to: only why, and a way on.
function ask(trouble = "", isSpent = false) {
  showSection("ask");
  document.body.dataset.screen = isSpent ? "spent" : "ask";
  byId("anew").hidden = !isSpent;
  setText("trouble", trouble);
}

async function call(answers) {
  const socket = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/check/together/talk`);
  const conditions = new Conditions();
  let stopped = false, line = null, sound = null, picture = null;
  stop = () => { stopped = true; line?.stop(); socket.close(); };
  try {
    sound = tone();
    picture = camera();
    await Promise.race([socket.opened, socket.closed]);
    socket.send(code ? { type: "join", code, language } : { type: "open", video: answers.video, language, page: pageLink });
    let message = await socket.expect("room", "paired", "error");
    if (message?.type === "room") {
      showRoom(message);
      message = await socket.expect("paired", "error");
    }
    if (message?.type !== "paired") return failure(message ?? socket.trouble, stopped);
    showSection("run");
    byId("stop").focus();
    // Each line is checked before the two call each other, so that no phone does both at once.
    line = await workerReady() ? startCheck({ vpn: answers.vpn, media: message.media, language, step: value => setText("step", text("line_step", { step: value })) }) : null;
    const own = await line?.done.catch(() => null);
    line = null;
    if (own?.type === "result") keepLine(own);
    socket.send({ type: "line", bundle: own?.bundle ?? "" });
    setText("step", text("step_other"));
    const tracks = { voice: sound.track, video: picture.track };
    message = await rounds(socket, tracks, conditions);
    if (message?.type !== "result") return failure(message ?? socket.trouble, stopped);
    return display(message);
  } finally {
    line?.stop();
    picture?.end();
    conditions.end();
    socket.close();
    sound?.audio.close();
  }
}

// Say at once that this page's link is spent, if it is: not after all is read and answered.
async function lookAtRoom() {
  const socket = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/check/together/talk`);
  await Promise.race([socket.opened, socket.closed]);
  socket.send({ type: "look", code });
  const message = await socket.next("waiting", "error");
  socket.close();
  const isUntouched = !document.body.dataset.screen && !byId("start").disabled; // else the answer is older than the call
  if (message?.code === "no_room" && isUntouched) failure(message, false);
}

// All rounds; the first message that is no further round.
async function rounds(socket, tracks, conditions) {
  const countdown = new Countdown(), live = new LivePicture();
  try {
    for (;;) {
      const order = await socket.expect("epoch", "result", "error");
      if (order?.type !== "epoch") return order;
      const { stage, stages, left_s } = order;
      countdown.set(left_s);
      setText("step", text("step_round", { stage, stages }));
      const report = await new PairedEpoch(order, socket, tracks, conditions, live).run();
      if (!report) return null;
      socket.send({ type: "report", report });
    }
  } finally {
    countdown.end();
    live.clear();
  }
}

// The check of this end's own line is a result of its own: the page for one shows it, whatever becomes of the call.
function keepLine(own) {
  own.at = Date.now();
  store(spoken(own));
  byId("own-line").hidden = false;
}

function failure(message, stopped) {
  if (stopped) return ask(text("stopped"));
  if (message?.code === "no_room") return ask(text("error_no_room"), true);
  const name = message?.code ? `error_${message.code}` : "no_server";
  return ask(text(["error_rooms_full", "error_partner", "error_full", "error_long"].includes(name) ? name : message ? "error_lost" : "no_server"));
}

function showRoom({ code: made, qr }) {
  link = `${pageLink}#${made}`;
  byId("room-link").textContent = byId("room-link").href = link;
  byId("scan").hidden = !qr;
  if (qr) byId("room-qr").src = qr;
  showSection("wait");
  byId("wait-title").focus();
}

// What is copied.
const asText = result => [
  `${result.mark} ${result.title}`, ...result.sentences, result.is_not, text("measured", { when: momentOf(result) }),
  ...result.rows.map(({ name, says }) => `${name}: ${says}`), text("own_words"),
].join("\n");

function keep(result) {
  try { sessionStorage.setItem(KEPT_KEY, JSON.stringify({ code, result })); } catch { /* no space: it is only shown */ }
}

// The result that this tab has of this link, or of the one that it made; null for none.
function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT_KEY));
    return found?.code === code ? found.result : null;
  } catch { return null; }
}

function display(message) {
  const result = window.lastResult = spoken(message);
  result.at ??= Date.now();
  keep(result);
  const made = element("div", "", { class: "verdict", "data-state": result.state }), words = element("div", "");
  words.append(element("h2", result.title, { id: "result-title" }), ...result.sentences.map(line => element("p", line)));
  made.append(shapeElement(result.state), words);
  const when = element("p", text("measured", { when: momentOf(result) }));
  byId("verdicts").replaceChildren(made, element("p", result.is_not), when);
  byId("copy-result").onclick = async () => setText("status", text(await copy(asText(result)) ? "copied" : "copied_not"));
  byId("rows").replaceChildren(...result.rows.map(({ name, says, fate }) => {
    const row = element("tr", "", { "data-fate": fate });
    row.append(element("th", name, { scope: "row" }), element("td", says));
    return row;
  }));
  byId("save").onclick = () => saveFile(new Blob([bytesOf(result.bundle)], { type: "application/octet-stream" }), "call-between-two.talkpath");
  showSection("result");
  byId("result").focus();
}

byId("consent").onsubmit = event => {
  event.preventDefault();
  if (!navigator.onLine) { setText("trouble", text("offline")); return; }
  const form = new FormData(event.target);
  setText("trouble", "");
  byId("start").disabled = true;
  call({ vpn: VPN[form.get("vpn")], video: form.get("video") !== null })
    .catch(error => { console.error(error); ask(text("error_unread")); })
    .finally(() => { byId("start").disabled = false; });
};
byId("stop").onclick = () => stop();
byId("cancel").onclick = () => stop();
byId("anew").onclick = byId("again").onclick = () => { sessionStorage.removeItem(KEPT_KEY); location.hash = ""; location.reload(); };
byId("pass").onclick = () => passOn(text("invite"), link, null);
byId("copy").onclick = async () => setText("copied", text(await copy(link) ? "copied" : "copied_not"));
byId("pass").hidden = !canPassOn();
byId("called").hidden = !code;
byId("with-video").hidden = Boolean(code);
if (code) setText("start", text("join"));
const hasCalls = "RTCPeerConnection" in globalThis;
byId("consent").hidden = !hasCalls;
if (!hasCalls) setText("trouble", text("no_webrtc"));
workerReady();
const earlier = kept();
if (earlier) display(earlier);
else if (code && hasCalls) lookAtRoom();
document.documentElement.dataset.ready = "yes";
