// The page: asks, runs a check, shows what came of it.

import { Epoch } from "./epoch.js";
import { Talk } from "./talk.js";
import { Watch } from "./watch.js";

const by = id => document.getElementById(id);

function tone() {
  const audio = new AudioContext(), source = audio.createOscillator(), out = audio.createMediaStreamDestination();
  source.connect(out);
  source.start();
  return { audio, track: out.stream.getAudioTracks()[0] };
}

async function check() {
  const { audio, track } = tone();
  const talk = new Talk(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/check/talk`);
  const watch = new Watch();
  by("stop").onclick = () => { watch.stopped = true; talk.close(); };
  try {
    const welcome = await talk.next("welcome");
    if (!welcome) return null;
    const nonce = [...crypto.getRandomValues(new Uint8Array(32))].map(byte => byte.toString(16).padStart(2, "0")).join("");
    talk.send({ type: "start", nonce, language: document.documentElement.lang, vpn: false });
    for (;;) {
      const message = await talk.next("epoch", "result", "error");
      if (!message || message.type !== "epoch") return message;
      by("step").textContent = `Step ${message.number + 1}`;
      const report = await new Epoch(message, talk, welcome, track, watch).run();
      if (!report || watch.stopped) return null;
      talk.send({ type: "report", report });
    }
  } finally {
    watch.end();
    talk.close();
    audio.close();
  }
}

function show(result) {
  const place = by("result");
  place.replaceChildren();
  for (const verdict of result?.verdicts ?? []) {
    const head = document.createElement("h2");
    head.textContent = `${verdict.mark} ${verdict.label}`;
    const lines = [verdict.sentence, ...verdict.lines].map(text => Object.assign(document.createElement("p"), { textContent: text }));
    place.append(head, ...lines);
  }
  if (!result?.verdicts) place.textContent = result?.sentence ?? "Stopped.";
  place.hidden = false;
  place.focus();
}

by("start").onclick = async () => {
  by("ask").hidden = true;
  by("run").hidden = false;
  const result = await check();
  window.lastResult = result;
  by("run").hidden = true;
  by("ask").hidden = false;
  show(result);
};
