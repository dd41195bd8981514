// One twin: a WebTransport connection of its own, which sends datagrams of a call's size at a call's rate.

export const MAX_QUEUED = 8; // datagrams in the browser's queue: enough after a late tick, too few for a backlog

export const hasWebTransport = () => "WebTransport" in globalThis;

export class WebTransportTwin {
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
    this.received = this.queued = 0;
    this.polls = [];
  }

  async open() {
    const hashes = [{ algorithm: "sha-256", value: this.fingerprint }];
    try {
      this.transport = new WebTransport(this.url, { serverCertificateHashes: hashes });
      this.transport.closed.catch(() => {});
      await this.transport.ready;
      const { datagrams } = this.transport;
      this.writer = (datagrams.createWritable?.() ?? datagrams.writable).getWriter(); // Safari has only the first, Chromium only the second
      this.ready_ms = performance.now() - this.opened;
      this.listen();
    } catch { /* no answer: ready_ms stays null */ }
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

  // Send the datagram of this slot. If the browser's queue is full, the slot is left out and reported as not sent.
  tick(slot) {
    if (!this.writer || this.withheld.has(slot)) return;
    if (this.sent.length === 0) this.began_ms = Math.max(0, performance.now() - this.go);
    if (this.queued >= MAX_QUEUED) return;
    const datagram = new Uint8Array(this.size);
    crypto.getRandomValues(datagram);
    datagram[0] = slot >> 8;
    datagram[1] = slot & 255;
    this.queued += 1;
    this.writer.write(datagram).catch(() => {}).finally(() => { this.queued -= 1; });
    this.sent.push(slot);
    this.left_ms.push(this.since());
  }

  poll(go) { this.polls.push([performance.now() - go, this.sent.length, this.received]); }

  endAt() {}

  end() {}

  fetchNotes() {}

  report() {
    const { flow, ready_ms, began_ms, polls, sent, left_ms, came } = this;
    return { flow, stun_ms: ready_ms, dtls_ms: ready_ms, began_ms, polls, sent, left_ms, came };
  }

  close() { try { this.transport?.close(); } catch { /* never opened */ } }
}
