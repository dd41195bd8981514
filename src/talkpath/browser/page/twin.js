// One twin: a WebTransport connection of its own, with datagrams as long and as often as a call's packets.

export const WAITING = 8; // datagrams not yet taken by the browser: room to catch up after a late tick, none for a backlog

export const hasTwins = () => "WebTransport" in globalThis;

export class Twin {
  constructor(opening, url, fingerprint, size) {
    this.flow = opening.flow;
    this.phase_ms = opening.phase_ms;
    this.opened = performance.now();
    this.url = url;
    this.fingerprint = fingerprint;
    this.size = size;
    this.withheld = new Set(opening.withheld);
    this.ready_ms = null;
    this.began_ms = 0;
    this.sent = [];
    this.left_ms = [];
    this.came = [];
    this.received = this.waiting = 0;
    this.polls = [];
  }

  async open() {
    const hashes = [{ algorithm: "sha-256", value: this.fingerprint }];
    try {
      this.transport = new WebTransport(this.url, { serverCertificateHashes: hashes });
      this.transport.closed.catch(() => {});
      await this.transport.ready;
      const { datagrams } = this.transport;
      this.writer = (datagrams.createWritable?.() ?? datagrams.writable).getWriter(); // Safari has the first alone, Chromium the other
      this.ready_ms = performance.now() - this.opened;
      this.listen();
    } catch { /* no answer: the report says so */ }
  }

  async listen() {
    const reader = this.transport.datagrams.readable.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this.received += 1;
        if (this.go !== undefined) this.came.push([value[0] << 8 | value[1], this.since()]);
      }
    } catch { /* closed */ }
  }

  get ready() { return this.ready_ms !== null; }

  begin(go) { this.go = go; }

  since() { return Math.round(10 * (performance.now() - this.go)) / 10; }

  // Slot `slot` is due. What the browser would only queue is left out, and told as not sent.
  tick(slot) {
    if (!this.writer || this.withheld.has(slot)) return;
    if (this.sent.length === 0) this.began_ms = Math.max(0, performance.now() - this.go);
    if (this.waiting >= WAITING) return;
    const datagram = new Uint8Array(this.size);
    crypto.getRandomValues(datagram);
    datagram[0] = slot >> 8;
    datagram[1] = slot & 255;
    this.waiting += 1;
    this.writer.write(datagram).catch(() => {}).finally(() => { this.waiting -= 1; });
    this.sent.push(slot);
    this.left_ms.push(this.since());
  }

  poll(go) { this.polls.push([performance.now() - go, this.sent.length, this.received]); }

  end() {}

  note() {}

  report() {
    const { flow, ready_ms, began_ms, polls, sent, left_ms, came } = this;
    return { flow, stun_ms: ready_ms, dtls_ms: ready_ms, began_ms, polls, sent, left_ms, came };
  }

  close() { try { this.transport?.close(); } catch { /* never opened */ } }
}
