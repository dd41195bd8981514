// One epoch: opens calls and twins in the order that was drawn, has them all speak at once, counts, and reports.

import { Call } from "./call.js";
import { Channel } from "./channel.js";
import { bytesOf } from "./keep.js";
import { Twin } from "./twin.js";
import { PATIENCE_MS } from "./within.js";

const POLL_MS = 250;
const sleep = ms => new Promise(done => setTimeout(done, ms));

export class Epoch {
  constructor(order, talk, welcome, tracks, watch, stage) {
    Object.assign(this, { order, talk, watch, stage });
    this.track = order.trying ? tracks.voice : tracks[order.medium];
    this.flows = order.flows.map(opening => this.flow(opening, welcome.twin));
  }

  flow(opening, twin) {
    const { order, talk } = this;
    if (opening.kind === "call") return new Call(opening.flow, talk, { ...opening, ...this.manner() });
    if (!opening.path) return new Channel(opening, talk, order.datagram);
    const url = `https://${location.hostname}:${twin.port}${opening.path}`;
    return new Twin(opening, url, bytesOf(twin.fingerprint), order.datagram);
  }

  manner() {
    const { picture, payload, slots, tick_ms } = this.order;
    return { picture, payload, slots, tick_ms };
  }

  // The report; null where the page was told to stop or lost the server.
  async run() {
    try { return await this.report(); } finally { this.close(); }
  }

  async report() {
    const { order, talk } = this;
    const pings = talk.pings, pongs = talk.pongs;
    this.stage(order.trying ? "step_paths" : "step_open");
    await this.open();
    const going = talk.next("go");
    talk.send({ type: "media" });
    if (!await going) return null;
    if (!order.trying) this.stage("step_speak");
    await this.speak(performance.now());
    await sleep(order.tail_ms);
    await this.poll();
    await Promise.all(this.flows.map(flow => flow.note(this.go)));
    return {
      number: order.number,
      flows: this.flows.map(flow => flow.report()),
      late_ms_p99: this.flows.some(flow => flow.overdue) ? Math.max(this.late_ms_p99, PATIENCE_MS) : this.late_ms_p99,
      phased: this.flows.every(flow => flow.tick || flow.phased),
      ...this.watch.seen(),
      pings: talk.pings - pings,
      pongs: talk.pongs - pongs,
    };
  }

  async open() {
    const until = performance.now() + this.order.setup_ms;
    for (const flow of this.flows) {
      flow.opened = performance.now();
      flow.open(this.track).catch(() => {});
      await sleep(this.order.gap_ms);
    }
    while (performance.now() < until && !this.talk.over && !this.flows.every(flow => flow.ready)) await sleep(50);
  }

  async speak(go) {
    this.go = go;
    const { slots, tick_ms } = this.order;
    const late = [];
    this.flows.forEach(flow => flow.begin(go));
    const polling = setInterval(() => this.poll(), POLL_MS);
    const clocks = this.flows.filter(flow => flow.tick).map(twin => new Clock(twin, go, tick_ms, slots, late));
    const end = go + slots * tick_ms;
    while (performance.now() < end && !this.talk.over) await sleep(Math.min(POLL_MS, Math.max(1, end - performance.now())));
    clocks.forEach(clock => clock.stop());
    await Promise.all(this.flows.map(flow => flow.end()));
    clearInterval(polling);
    late.sort((a, b) => a - b);
    this.late_ms_p99 = late[Math.floor(late.length * 0.99)] ?? 0;
  }

  async poll() { await Promise.all(this.flows.map(flow => flow.poll(this.go))); }

  close() { this.flows.forEach(flow => flow.close()); }
}

// Ticks one twin at its own phase. What comes late is sent at once, and told as late.
class Clock {
  constructor(twin, go, tick_ms, slots, late) {
    let next = 0;
    const beat = () => {
      const since = performance.now() - go - twin.phase_ms;
      const slot = Math.min(Math.floor(since / tick_ms + 0.25), slots - 1);
      for (; next <= slot; next++) {
        late.push(since - next * tick_ms);
        twin.tick(next);
      }
    };
    this.first = setTimeout(() => { this.rest = setInterval(beat, tick_ms); beat(); }, Math.max(0, go + twin.phase_ms - performance.now()));
  }

  stop() { clearTimeout(this.first); clearInterval(this.rest); }
}
