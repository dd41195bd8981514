// Runs one check, from its first message to the result.

import { camera } from "./camera.js";
import { workerReady } from "./call.js";
import { Epoch } from "./epoch.js";
import { Connection } from "./connection.js";
import { hasWebTransport } from "./webtransport_twin.js";
import { Conditions } from "./conditions.js";
import { Countdown } from "./countdown.js";
import { LivePicture } from "./live_picture.js";
import { text } from "./text.js";

export function tone() {
  const audio = new AudioContext(), source = audio.createOscillator(), out = audio.createMediaStreamDestination();
  source.connect(out);
  source.start();
  audio.resume();
  return { audio, track: out.stream.getAudioTracks()[0] };
}

const LONGEST_MS = 200000; // from the server's welcome on; the server starts no round that would end later

// {done: a promise of the last message, or null if there is none; stop(); stopped()}
export function startCheck({ vpn, media, language, step }) {
  const connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/check/talk`);
  const conditions = new Conditions();
  return {
    done: check(connection, conditions, { vpn, media, language }, step),
    stop() { conditions.stopped = true; connection.close(); },
    stopped: () => conditions.stopped,
  };
}

// The server's welcome, or its error; null if it never answered.
async function admission(connection, step) {
  for (;;) {
    const message = await connection.next("welcome", "queue", "error");
    if (message?.type !== "queue") return message;
    step(text("wait", { place: message.place }));
  }
}

// The error message of a check that ended early.
const lost = connection => connection.trouble ?? { type: "error", code: "lost" };

async function check(connection, conditions, answers, step) {
  const countdown = new Countdown(), live = new LivePicture();
  let sound = null, picture = null, beside = null, timer;
  try {
    sound = tone();
    picture = answers.media.includes("video") ? camera() : null;
    const tracks = { voice: sound.track, video: picture?.track };
    const welcome = await admission(connection, step);
    if (welcome?.type !== "welcome") return welcome;
    timer = setTimeout(() => connection.giveUp("long"), LONGEST_MS);
    if (!await workerReady()) return { type: "error", code: "part" };
    const nonce = [...crypto.getRandomValues(new Uint8Array(32))].map(byte => byte.toString(16).padStart(2, "0")).join("");
    connection.send({ type: "start", nonce, twins: hasWebTransport() ? "datagrams" : "channel", ...answers });
    const epoch = (order, setStep) => new Epoch(order, connection, welcome, tracks, conditions, { setStep, live });
    for (;;) {
      const message = await connection.next("epoch", "finish", "result", "error");
      if (!["epoch", "finish"].includes(message?.type)) return message ?? lost(connection);
      const { stage, stages } = message;
      countdown.set(message.left_s);
      const setStep = name => step(text(name, { stage, stages }));
      if (message.beside) {
        beside?.close();
        beside = epoch(message.beside);
      }
      if (message.type === "finish") setStep("step_watch");
      const report = await (message.type === "finish" ? beside.finish(message.slots) : epoch(message, setStep).run(message.beside && beside));
      if (!report || connection.over) return lost(connection);
      step(text("step_judge"));
      connection.send({ type: "report", report });
    }
  } finally {
    clearTimeout(timer);
    countdown.end();
    live.clear();
    picture?.end();
    beside?.close();
    conditions.end();
    connection.close();
    sound?.audio.close();
  }
}
