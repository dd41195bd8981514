// A worker between a call's encoder and the network (RTCRtpScriptTransform), in both directions.
// It delays each voice packet by the phase drawn for its call, and lets out one video frame a tick, at the call's phase.
// It makes all of them equally long. Without phases all calls of a page would send at the same instant, and conditions
// that change within a tick would affect them alike. It notes when each packet left and when each arrived.

const MAX_STORED = 8; // video frames: enough while the encoder stalls
const EARLY = 0.25; // the part of a tick by which a timer may be early

self.onrtctransform = event => {
  const { readable, writable, options } = event.transformer;
  const made = options.direction === "down" ? new Arrivals() : options.picture ? new VideoPacer(options) : new VoicePacer(options);
  options.port.onmessage = message => made.handle(message.data, options.port);
  readable.pipeThrough(new TransformStream(made)).pipeTo(writable).catch(() => {});
};

const now = () => performance.timeOrigin + performance.now();

// Cut or fill up data to the size of a twin's: encoders differ at a constant rate. Nobody hears the content.
function fitted(data, size) {
  const made = crypto.getRandomValues(new Uint8Array(size));
  made.set(new Uint8Array(data).subarray(0, size));
  return made.buffer;
}

class VoicePacer {
  constructor({ phase_ms, payload }) { Object.assign(this, { phase_ms, payload, left: [] }); }

  transform(frame, controller) {
    frame.data = fitted(frame.data, this.payload);
    setTimeout(() => { this.left.push(now()); controller.enqueue(frame); }, this.phase_ms);
  }

  handle(message, port) { if (message.type === "notes") port.postMessage({ left: this.left, slots: [] }); }
}

class VideoPacer {
  constructor(options) { Object.assign(this, options, { left: [], slots: [], store: [], next: 0 }); }

  transform(frame, controller) {
    this.out = controller;
    this.store.push(frame);
    if (this.store.length > MAX_STORED) this.store.shift();
  }

  handle(message, port) {
    if (message.type === "notes") port.postMessage({ left: this.left, slots: this.slots });
    if (message.type === "end") this.slots_due = message.slots;
    if (message.type === "begin") {
      this.go = message.go + this.phase_ms;
      this.slots_due = message.slots;
      this.next = Math.max(0, Math.ceil((now() - this.go) / this.tick_ms));
      this.schedule();
    }
  }

  schedule() {
    const wait = this.go + this.next * this.tick_ms - now();
    if (this.next >= this.slots_due) return;
    setTimeout(() => this.sendDue(), Math.max(0, wait));
  }

  // Send all frames that are due, also those that a late timer missed.
  sendDue() {
    const due = Math.floor((now() - this.go) / this.tick_ms + EARLY);
    for (; this.next <= due && this.next < this.slots_due; this.next++) this.send(this.next);
    this.schedule();
  }

  send(slot) {
    const frame = this.store.shift();
    if (!frame) return;
    frame.data = crypto.getRandomValues(new Uint8Array(this.picture)).buffer;
    this.left.push(now());
    this.slots.push(slot);
    this.out.enqueue(frame);
  }
}

class Arrivals {
  constructor() { this.came = []; }

  transform(frame, controller) {
    this.came.push([frame.getMetadata?.().rtpTimestamp ?? frame.timestamp, now()]);
    controller.enqueue(frame);
  }

  handle(message, port) { if (message.type === "notes") port.postMessage({ came: this.came }); }
}

self.postMessage("ready");
