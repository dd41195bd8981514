// One check, from its first message to the result.

import { camera } from "./camera.js";
import { prepared } from "./call.js";
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

const LONGEST_MS = 150000; // from when there is a place; the server begins no round that would end later

// {done: promise of the last message, or null where there is none; stop(), stopped()}
export function run({ vpn, media, language, step }) {
  const talk = new Talk(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/check/talk`);
  const watch = new Watch();
  return {
    done: check(talk, watch, { vpn, media, language }, step),
    stop() { watch.stopped = true; talk.close(); },
    stopped: () => watch.stopped,
  };
}

// The server's welcome, or its last word; null where it never answered.
async function admitted(talk, step) {
  for (;;) {
    const message = await talk.next("welcome", "queue", "error");
    if (message?.type !== "queue") return message;
    step(say("wait", { place: message.place }));
  }
}

// Why nothing more comes.
const lost = talk => talk.trouble ?? { type: "error", code: "lost" };

async function check(talk, watch, answers, step) {
  let sound = null, film = null, watchdog;
  try {
    sound = tone();
    film = answers.media.includes("video") ? camera() : null;
    const tracks = { voice: sound.track, video: film?.track };
    const welcome = await admitted(talk, step);
    if (welcome?.type !== "welcome") return welcome;
    watchdog = setTimeout(() => talk.give("long"), LONGEST_MS);
    if (!await prepared()) return { type: "error", code: "part" };
    const nonce = [...crypto.getRandomValues(new Uint8Array(32))].map(byte => byte.toString(16).padStart(2, "0")).join("");
    talk.send({ type: "start", nonce, twins: hasTwins() ? "datagrams" : "channel", ...answers });
    for (;;) {
      const message = await talk.next("epoch", "result", "error");
      if (message?.type !== "epoch") return message ?? lost(talk);
      const names = { number: message.number + 1, most: message.most };
      const stage = name => step(say(name, names));
      const report = await new Epoch(message, talk, welcome, tracks, watch, stage).run();
      if (!report || talk.over) return lost(talk);
      step(say("step_judge"));
      talk.send({ type: "report", report });
    }
  } finally {
    clearTimeout(watchdog);
    film?.end();
    watch.end();
    talk.close();
    sound?.audio.close();
  }
}
