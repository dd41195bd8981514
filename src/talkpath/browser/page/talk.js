// The one connection to the server: JSON messages over a WebSocket, and over it the exchanges that show that TCP passes.

const PING_MS = 250;

export class Talk {
  constructor(url) {
    this.pings = this.pongs = 0;
    this.trouble = null; // the last word of a server that gave the check up
    this.waiting = new Map();
    this.backlog = new Map();
    this.socket = new WebSocket(url);
    this.closed = new Promise(done => { this.socket.onclose = this.socket.onerror = done; });
    this.opened = new Promise(done => { this.socket.onopen = done; });
    this.socket.onmessage = event => this.take(JSON.parse(event.data));
    this.timer = setInterval(() => this.ping(), PING_MS);
  }

  ping() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.pings += 1;
    this.send({ type: "ping", number: this.pings });
  }

  take(message) {
    if (message.type === "pong") { this.pongs += 1; return; }
    if (message.type === "error") this.trouble = message;
    const key = message.type === "answer" ? `answer ${message.flow}` : message.type;
    const waiting = this.waiting.get(key);
    if (waiting) { this.waiting.delete(key); waiting(message); }
    else this.backlog.set(key, message);
  }

  // The next message of any of these types; null once the connection is lost.
  next(...keys) {
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

  close() { clearInterval(this.timer); this.socket.close(); }
}
