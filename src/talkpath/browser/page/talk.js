// The one connection to the server: JSON messages over a WebSocket, and over it the exchanges that show that TCP passes.
// Nothing waits for ever: a server that falls silent, or lets a step wait too long, has given the check up.

const PING_MS = 250;
const SILENT_MS = 30000; // even a bad line lets something of its many answers through by then
const STEP_MS = 60000; // what a server that still answers may take for one step

export class Talk {
  constructor(url) {
    this.pings = this.pongs = 0;
    this.trouble = null; // the last word of a server that gave the check up
    this.over = false;
    this.waiting = new Map();
    this.backlog = new Map();
    this.heard = performance.now();
    this.closed = new Promise(done => { this.end = done; });
    this.socket = new WebSocket(url);
    this.socket.onclose = this.socket.onerror = () => this.close();
    this.socket.onmessage = event => this.take(JSON.parse(event.data));
    this.timer = setInterval(() => this.ping(), PING_MS);
  }

  ping() {
    if (performance.now() - this.heard > SILENT_MS) this.give("lost");
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.pings += 1;
    this.send({ type: "ping", number: this.pings });
  }

  take(message) {
    this.heard = performance.now();
    if (message.type === "pong") { this.pongs += 1; return; }
    if (message.type === "error") this.trouble ??= message;
    const key = message.type === "answer" ? `answer ${message.flow}` : message.type;
    const waiting = this.waiting.get(key);
    if (waiting) { this.waiting.delete(key); waiting(message); }
    else this.backlog.set(key, message);
  }

  // The next message of any of these types; null once the connection is lost, or the step took too long.
  next(...keys) {
    const watchdog = setTimeout(() => this.give("long"), STEP_MS);
    return this.hear(...keys).finally(() => clearTimeout(watchdog));
  }

  // The same, for as long as the connection lasts.
  hear(...keys) {
    for (const key of keys) {
      const message = this.backlog.get(key);
      if (message) { this.backlog.delete(key); return Promise.resolve(message); }
    }
    const heard = new Promise(done => keys.forEach(key => this.waiting.set(key, message => {
      keys.forEach(each => this.waiting.delete(each));
      done(message);
    })));
    return Promise.race([heard, this.closed.then(() => null)]);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // Give the check up.
  give(code) {
    this.trouble ??= { type: "error", code };
    this.close();
  }

  // At once, whatever becomes of the connection: on a dead line a browser waits long for the other end's goodbye.
  close() {
    if (this.over) return;
    this.over = true;
    clearInterval(this.timer);
    this.socket.close();
    this.end();
  }
}
