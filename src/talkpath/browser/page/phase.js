// A worker between a call's coder and the network, both ways. What the page's phases and pictures need of it:
// each packet of voice leaves later by the phase that was drawn for its call; of a camera one picture leaves each tick,
// at the call's phase. Both are made as long as every other. Without phases all calls of a page speak at one instant,
// and fare alike in weather that changes within a tick. It notes when each packet left, and when each came in.

const WAITING = 8; // pictures kept in store: enough to last while the camera stutters
const SHARE = 0.25; // of a tick: a timer may come early by that

self.onrtctransform = event => {
  const { readable, writable, options } = event.transformer;
  const made = options.way === "down" ? new Ear() : options.picture ? new Camera(options) : new Voice(options);
  options.port.onmessage = message => made.hear(message.data, options.port);
  readable.pipeThrough(new TransformStream(made)).pipeTo(writable).catch(() => {});
};

const now = () => performance.timeOrigin + performance.now();

// As long as its twin's: coders differ in what they make of a constant rate. Nobody hears it.
function fitted(data, size) {
  const made = crypto.getRandomValues(new Uint8Array(size));
  made.set(new Uint8Array(data).subarray(0, size));
  return made.buffer;
}

class Voice {
  constructor({ phase_ms, payload }) { Object.assign(this, { phase_ms, payload, left: [] }); }

  transform(frame, controller) {
    frame.data = fitted(frame.data, this.payload);
    setTimeout(() => { this.left.push(now()); controller.enqueue(frame); }, this.phase_ms);
  }

  hear(message, port) { if (message.type === "tell") port.postMessage({ left: this.left, slots: [] }); }
}

class Camera {
  constructor(options) { Object.assign(this, options, { left: [], slots: [], store: [], next: 0 }); }

  transform(frame, controller) {
    this.out = controller;
    this.store.push(frame);
    if (this.store.length > WAITING) this.store.shift();
  }

  hear(message, port) {
    if (message.type === "tell") port.postMessage({ left: this.left, slots: this.slots });
    if (message.type === "begin") {
      this.go = message.go + this.phase_ms;
      this.slots_due = message.slots;
      this.next = Math.max(0, Math.ceil((now() - this.go) / this.tick_ms));
      this.clock();
    }
  }

  clock() {
    const wait = this.go + this.next * this.tick_ms - now();
    if (this.next >= this.slots_due) return;
    setTimeout(() => this.beat(), Math.max(0, wait));
  }

  // What is due leaves; what is due since longer, because a timer was late, leaves with it.
  beat() {
    const due = Math.floor((now() - this.go) / this.tick_ms + SHARE);
    for (; this.next <= due && this.next < this.slots_due; this.next++) this.show(this.next);
    this.clock();
  }

  show(slot) {
    const frame = this.store.shift();
    if (!frame) return;
    frame.data = crypto.getRandomValues(new Uint8Array(this.picture)).buffer;
    this.left.push(now());
    this.slots.push(slot);
    this.out.enqueue(frame);
  }
}

class Ear {
  constructor() { this.came = []; }

  transform(frame, controller) {
    this.came.push([frame.getMetadata?.().rtpTimestamp ?? frame.timestamp, now()]);
    controller.enqueue(frame);
  }

  hear(message, port) { if (message.type === "tell") port.postMessage({ came: this.came }); }
}

self.postMessage("ready");
