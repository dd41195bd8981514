// One check, from its first message to the result.

import { camera } from "./camera.js";
import { Epoch } from "./epoch.js";
import { Talk } from "./talk.js";
import { hasTwins } from "./twin.js";
import { Watch } from "./watch.js";
import { say } from "./words.js";

function tone() {
  const audio = new AudioContext(), source = audio.createOscillator(), out = audio.createMediaStreamDestination();
  source.connect(out);
  source.start();
  audio.resume();
  return { audio, track: out.stream.getAudioTracks()[0] };
}

// {done: promise of the last message or null, stop(), stopped()}
export function run({ vpn, media, language, step }) {
  const talk = new Talk(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/check/talk`);
  const watch = new Watch();
  return {
    done: check(talk, watch, { vpn, media, language }, step),
    stop() { watch.stopped = true; talk.close(); },
    stopped: () => watch.stopped,
  };
}

async function check(talk, watch, answers, step) {
  let sound = null, film = null;
  try {
    sound = tone();
    film = answers.media.includes("video") ? camera() : null;
    const tracks = { voice: sound.track, video: film?.track };
    const welcome = await talk.next("welcome", "error");
    if (welcome?.type !== "welcome") return welcome;
    const nonce = [...crypto.getRandomValues(new Uint8Array(32))].map(byte => byte.toString(16).padStart(2, "0")).join("");
    talk.send({ type: "start", nonce, twins: hasTwins() ? "datagrams" : "channel", ...answers });
    for (;;) {
      const message = await talk.next("epoch", "queue", "result", "error");
      if (message?.type === "queue") { step(say("wait", { place: message.place })); continue; }
      if (message?.type !== "epoch") return message;
      const names = { number: message.number + 1, most: message.most };
      const stage = name => step(say(name, names));
      const report = await new Epoch(message, talk, welcome, tracks, watch, stage).run();
      if (!report || watch.stopped) return watch.stopped ? null : talk.trouble;
      step(say("step_judge"));
      talk.send({ type: "report", report });
    }
  } finally {
    film?.end();
    watch.end();
    talk.close();
    sound?.audio.close();
  }
}
