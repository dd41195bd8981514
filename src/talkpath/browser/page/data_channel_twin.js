// A twin for browsers without WebTransport: an unreliable data channel in a connection of its own.

import { Call } from "./call.js";
import { MAX_QUEUED } from "./webtransport_twin.js";

export class DataChannelTwin extends Call {
  constructor(opening, connection, size) {
    super(opening.flow, connection, opening);
    this.size = size;
    this.withheld = new Set(opening.withheld);
    this.sent = [];
    this.received = 0;
  }

  async open() {
    this.connect();
    this.channel = this.pc.createDataChannel("", { ordered: false, maxRetransmits: 0 });
    this.channel.binaryType = "arraybuffer";
    this.channel.onmessage = () => { this.received += 1; };
    await this.offer();
  }

  get ready() { return this.dtls_ms !== null && this.channel.readyState === "open"; }

  begin(go) { this.go = go; }

  startSending() {}

  // As in WebTransportTwin. Firefox updates bufferedAmount only a moment after a message left.
  tick(slot) {
    if (this.channel?.readyState !== "open" || this.withheld.has(slot)) return;
    if (this.sent.length === 0) this.began_ms = Math.max(0, performance.now() - this.go);
    if (this.channel.bufferedAmount >= MAX_QUEUED * this.size) return;
    const datagram = crypto.getRandomValues(new Uint8Array(this.size));
    datagram[0] = slot >> 8;
    datagram[1] = slot & 255;
    this.channel.send(datagram);
    this.sent.push(slot);
  }

  poll(go) { this.polls.push([performance.now() - go, this.sent.length, this.received]); }

  endAt() {}

  end() {}

  fetchNotes() {}

  report() { return { ...super.report(), sent: this.sent }; }
}
