// The connection to the server: JSON messages over one WebSocket. Its pings also show whether TCP gets through.
// No wait is endless: the check is given up if the server is silent, or if a step takes too long.

const PING_MS = 250;
const SILENT_MS = 30000; // several hundred pongs are due in this time; even a bad line delivers one
const STEP_MS = 60000; // the longest step of a server that still answers pings

// Answers belong to a flow and starts to an epoch, since two epochs may run beside each other.
const keyOf = ({ type, number, flow }) => ({ answer: `answer ${number} ${flow}`, offer: `offer ${number} ${flow}`, go: `go ${number}` })[type] ?? type;

export class Connection {
  constructor(url) {
    this.pings = this.pongs = 0;
    this.trouble = null; // the error message that ended the check
    this.over = false;
    this.waiting = new Map();
    this.backlog = new Map();
    this.heardAt = performance.now();
    this.closed = new Promise(done => { this.end = done; });
    this.socket = new WebSocket(url);
    this.opened = new Promise(done => { this.socket.onopen = done; });
    this.socket.onclose = this.socket.onerror = () => this.close();
    this.socket.onmessage = event => this.receive(JSON.parse(event.data));
    this.timer = setInterval(() => this.ping(), PING_MS);
  }

  ping() {
    if (performance.now() - this.heardAt > SILENT_MS) this.giveUp("lost");
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.pings += 1;
    this.send({ type: "ping", number: this.pings });
  }

  receive(message) {
    this.heardAt = performance.now();
    if (message.type === "pong") { this.pongs += 1; return; }
    if (message.type === "error") this.trouble ??= message;
    const key = keyOf(message);
    const resolve = this.waiting.get(key);
    if (resolve) { this.waiting.delete(key); resolve(message); }
    else this.backlog.set(key, message);
  }

  // The next message of any of these types; null if the connection is lost or the step takes too long.
  next(...keys) {
    const timer = setTimeout(() => this.giveUp("long"), STEP_MS);
    return this.expect(...keys).finally(() => clearTimeout(timer));
  }

  // The same without a limit of time, as long as the connection lasts.
  expect(...keys) {
    for (const key of keys) {
      const message = this.backlog.get(key);
      if (message) { this.backlog.delete(key); return Promise.resolve(message); }
    }
    const arrived = new Promise(done => keys.forEach(key => this.waiting.set(key, message => {
      keys.forEach(each => this.waiting.delete(each));
      done(message);
    })));
    return Promise.race([arrived, this.closed.then(() => null)]);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // End the check with this error.
  giveUp(code) {
    this.trouble ??= { type: "error", code };
    this.close();
  }

  // Ends at once: on a dead line a browser waits long for the closing handshake.
  close() {
    if (this.over) return;
    this.over = true;
    clearInterval(this.timer);
    this.socket.close();
    this.end();
  }
}
