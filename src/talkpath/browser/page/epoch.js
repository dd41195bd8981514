// One epoch: opens calls and twins in the order that was drawn, has them all speak at once, counts, and reports.

import { Call } from "./call.js";
import { Channel } from "./channel.js";
import { bytesOf } from "./keep.js";
import { Twin } from "./twin.js";

const POLL_MS = 250;
const sleep = ms => new Promise(done => setTimeout(done, ms));

export class Epoch {
  constructor(order, talk, welcome, track, watch, stage) {
    Object.assign(this, { order, talk, track, watch, stage });
    this.flows = order.flows.map(opening => this.flow(opening, welcome.twin));
  }

  flow(opening, twin) {
    const { order, talk } = this;
    if (opening.kind === "call") return new Call(opening.flow, talk, opening.ice);
    if (!opening.path) return new Channel(opening.flow, talk, order.datagram, opening.withheld);
    const url = `https://${location.hostname}:${twin.port}${opening.path}`;
    return new Twin(opening.flow, url, bytesOf(twin.fingerprint), order.datagram, opening.withheld);
  }

  // The report; null where the page was told to stop or lost the server.
  async run() {
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
    const report = {
      number: order.number,
      flows: this.flows.map(flow => flow.report()),
      late_ms_p99: this.late_ms_p99,
      ...this.watch.seen(),
      pings: talk.pings - pings,
      pongs: talk.pongs - pongs,
    };
    this.close();
    return report;
  }

  async open() {
    const until = performance.now() + this.order.setup_ms;
    for (const flow of this.flows) {
      flow.opened = performance.now();
      flow.open(this.track).catch(() => {});
      await sleep(this.order.gap_ms);
    }
    while (performance.now() < until && !this.watch.stopped && !this.flows.every(flow => flow.ready)) await sleep(50);
  }

  async speak(go) {
    this.go = go;
    const { slots, tick_ms } = this.order;
    const late = [];
    const twins = this.flows.filter(flow => flow.tick);
    this.flows.forEach(flow => flow.begin(go));
    const polling = setInterval(() => this.poll(), POLL_MS);
    for (let slot = 0; slot < slots && !this.watch.stopped; slot++) {
      const due = go + slot * tick_ms;
      if (performance.now() < due) await sleep(due - performance.now());
      late.push(performance.now() - due);
      for (const twin of shuffled(twins)) twin.tick(slot);
    }
    await Promise.all(this.flows.map(flow => flow.end()));
    clearInterval(polling);
    late.sort((a, b) => a - b);
    this.late_ms_p99 = late[Math.floor(late.length * 0.99)] ?? 0;
  }

  async poll() { await Promise.all(this.flows.map(flow => flow.poll(this.go))); }

  close() { this.flows.forEach(flow => flow.close()); }
}

function shuffled(list) {
  const found = [...list];
  for (let i = found.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [found[i], found[j]] = [found[j], found[i]];
  }
  return found;
}
