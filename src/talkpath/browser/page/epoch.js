// One epoch: opens calls and twins in the order that was drawn, sends on all of them at once, counts, and reports.
// Beside the usual ones runs another, of a call and its twin that live on until the server ends them (`begin`, `finish`).

import { Call } from "./call.js";
import { DataChannelTwin } from "./data_channel_twin.js";
import { bytesOf } from "./result_store.js";
import { WebTransportTwin } from "./webtransport_twin.js";
import { TIMEOUT_MS } from "./timeout.js";

const POLL_MS = 250;
// Without the time of each packet: of calls that are watched only what arrived counts, and the report stays short.
const untimed = ({ left_ms, came, ...report }) => report;
const sleep = ms => new Promise(done => setTimeout(done, ms));

export class Epoch {
  // `screen` shows how far it is: {setStep(name of a text), live: a LivePicture}.
  constructor(order, connection, welcome, tracks, conditions, screen) {
    Object.assign(this, { order, connection, conditions, slots: order.slots, closed: false, ...screen });
    this.unwatch = () => {};
    this.track = order.trying ? tracks.voice : tracks[order.medium];
    this.flows = order.flows.map(opening => this.flow(opening, welcome.twin));
  }

  flow(opening, twin) {
    const { order, connection } = this;
    if (opening.kind === "call") return new Call(opening.flow, connection, { ...opening, ...this.format() });
    if (!opening.path) return new DataChannelTwin({ ...opening, number: order.number }, connection, order.datagram);
    const url = `https://${location.hostname}:${twin.port}${opening.path}`;
    return new WebTransportTwin(opening, url, bytesOf(twin.fingerprint), order.datagram);
  }

  // What the packets of a call are like.
  format() {
    const { number, picture, payload, slots, tick_ms } = this.order;
    return { number, picture, payload, slots, tick_ms };
  }

  // The report; null if the check was stopped or the server was lost. `beside` begins once all flows here were opened.
  async run(beside = null) {
    try { return await this.report(beside); } finally { this.close(); }
  }

  // Run beside other epochs, without a word on the screen.
  begin() {
    this.setStep = () => {};
    this.reported ??= this.run().catch(() => null);
  }

  // End what `begin` began after so many packets of each flow; its report.
  finish(slots) {
    this.slots = slots;
    this.flows.forEach(flow => flow.endAt(slots));
    return this.reported;
  }

  async report(beside) {
    const { order, connection } = this;
    const pings = connection.pings, pongs = connection.pongs;
    this.setStep(order.trying ? "step_paths" : "step_open");
    this.conditions.opening += 1;
    await this.open(beside).finally(() => { this.conditions.opening -= 1; });
    const started = this.reported ? connection.expect(`go ${order.number}`) : connection.next(`go ${order.number}`);
    connection.send({ type: "media", number: order.number });
    if (!await started) return null;
    if (!order.trying) this.setStep(order.watching ? "step_watch" : "step_speak");
    await this.send(performance.now());
    await sleep(order.tail_ms);
    await this.poll();
    await Promise.all(this.flows.map(flow => flow.fetchNotes(this.go)));
    return {
      number: order.number,
      flows: this.flows.map(flow => order.watching ? untimed(flow.report()) : flow.report()),
      late_ms_p99: this.flows.some(flow => flow.overdue) ? Math.max(this.late_ms_p99, TIMEOUT_MS) : this.late_ms_p99,
      phased: this.flows.every(flow => flow.tick || flow.phased),
      ...this.conditions.summary(),
      // Those of its time are reported by the epochs beside it.
      pings: this.reported ? 0 : connection.pings - pings,
      pongs: this.reported ? 0 : connection.pongs - pongs,
    };
  }

  async open(beside) {
    const until = performance.now() + this.order.setup_ms;
    for (const flow of this.flows) {
      flow.opened = performance.now();
      flow.open(this.track).catch(() => {});
      await sleep(this.order.gap_ms);
    }
    beside?.begin();
    while (performance.now() < until && !this.connection.over && !this.flows.every(flow => flow.ready)) await sleep(50);
  }

  async send(go) {
    this.go = go;
    const { order } = this, { tick_ms } = order;
    const late = [];
    this.flows.forEach(flow => flow.begin(go));
    const polling = setInterval(() => this.poll(), POLL_MS);
    if (!order.trying) this.unwatch = this.live.watch(this.flows, tick_ms);
    const clocks = this.flows.filter(flow => flow.tick).map(twin => new Clock(twin, this, late));
    const left = () => go + this.slots * tick_ms - performance.now();
    while (left() > 0 && !this.closed && !this.connection.over) await sleep(Math.min(POLL_MS, Math.max(1, left())));
    clocks.forEach(clock => clock.stop());
    await Promise.all(this.flows.map(flow => flow.end()));
    clearInterval(polling);
    this.unwatch();
    late.sort((a, b) => a - b);
    this.late_ms_p99 = late[Math.floor(late.length * 0.99)] ?? 0;
  }

  async poll() { await Promise.all(this.flows.map(flow => flow.poll(this.go))); }

  close() {
    this.closed = true;
    this.unwatch();
    this.flows.forEach(flow => flow.close());
  }
}

// Ticks one twin of an epoch at its own phase. A tick that is late is sent at once and counted as late; not that of a twin which
// lives on while other flows are set up, since that keeps a phone busy, and no times are compared there.
class Clock {
  constructor(twin, epoch, late) {
    const { go, order: { tick_ms } } = epoch;
    let next = 0;
    const tick = () => {
      const since = performance.now() - go - twin.phase_ms;
      const slot = Math.min(Math.floor(since / tick_ms + 0.25), epoch.slots - 1);
      for (; next <= slot; next++) {
        if (!epoch.reported || !epoch.conditions.opening) late.push(since - next * tick_ms);
        twin.tick(next);
      }
    };
    this.first = setTimeout(() => { this.rest = setInterval(tick, tick_ms); tick(); }, Math.max(0, go + twin.phase_ms - performance.now()));
  }

  stop() { clearTimeout(this.first); clearInterval(this.rest); }
}
