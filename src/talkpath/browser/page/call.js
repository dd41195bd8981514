// One real call of this browser to the far end: a tone or a canvas, no microphone and no camera. It sends from `begin`
// to `end`.

import { withTimeout } from "./timeout.js";

let worker = null, loading = null;

const READY_MS = 15000;
const TRIED_STATES = ["in-progress", "succeeded", "failed"];
const CODECS = { audio: "audio/opus", video: "video/VP8" };

// Whether the browser sent a STUN request. Firefox does not count them, but the pair's state shows it.
const wasTried = pair => (pair.requestsSent ?? Number(TRIED_STATES.includes(pair.state))) > 0;

// Resolves to whether the worker that paces packets has been loaded. Without it calls cannot be compared.
export function workerReady() {
  if (worker || !("RTCRtpScriptTransform" in globalThis)) return Promise.resolve(true);
  loading ??= loadWorker().finally(() => { loading = null; });
  return loading;
}

function loadWorker() {
  const made = new Worker("/check/pacing_worker.js");
  return withTimeout(new Promise((done, failed) => {
    made.onmessage = () => { worker = made; done(true); };
    made.onerror = failed;
  }), false, READY_MS).finally(() => { if (!worker) made.terminate(); });
}

export class Call {
  constructor(flow, connection, { number = 0, ice = {}, phase_ms = 0, picture = 0, payload = 0, slots = 0, tick_ms = 20 } = {}) {
    Object.assign(this, { number, ice, phase_ms, picture, payload, slots, tick_ms });
    this.phased = this.tried = this.overdue = false;
    this.flow = flow;
    this.connection = connection;
    this.opened = performance.now();
    this.stun_ms = this.dtls_ms = null;
    this.began_ms = 0;
    this.polls = [];
    this.ports = [];
    this.notes = {};
  }

  // A video track is sent from the start, since its encoder takes a while; the worker holds its frames until `begin`.
  async open(track) {
    this.track = track;
    this.connect();
    const kind = this.picture ? "video" : "audio";
    const transceiver = this.pc.addTransceiver(this.picture ? track : kind, { direction: "sendrecv" });
    this.sender = transceiver.sender;
    this.pace(transceiver);
    const codecs = RTCRtpReceiver.getCapabilities?.(kind)?.codecs.filter(codec => codec.mimeType === CODECS[kind]);
    if (codecs?.length && transceiver.setCodecPreferences) transceiver.setCodecPreferences(codecs);
    await this.offer();
  }

  // Put the worker between the encoder and the network, in both directions.
  pace({ sender, receiver }) {
    if (!("RTCRtpScriptTransform" in globalThis)) return;
    const { phase_ms, picture, payload, tick_ms } = this;
    for (const [end, direction] of [[sender, "up"], [receiver, "down"]]) {
      const { port1, port2 } = new MessageChannel();
      end.transform = new RTCRtpScriptTransform(worker, { direction, phase_ms, picture, payload, tick_ms, port: port2 }, [port2]);
      this.ports.push(port1);
    }
    this.phased = true;
  }

  connect() {
    const pc = this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...this.ice });
    pc.addEventListener("iceconnectionstatechange", () => this.stateChanged());
    pc.addEventListener("connectionstatechange", () => this.stateChanged());
  }

  async offer() {
    const { sdp: whole } = await this.pc.createOffer();
    // No retransmission of lost packets, which would hide the loss.
    await this.pc.setLocalDescription({ type: "offer", sdp: whole.replace(/^a=rtcp-fb:.*\r\n/gm, "") });
    // No address of this device is sent: the far end learns the address from the first packet.
    const sdp = this.pc.localDescription.sdp.replace(/^a=candidate:.*\r\n/gm, "");
    const { number, flow } = this;
    const answered = this.connection.expect(`answer ${number} ${flow}`);
    this.connection.send({ type: "offer", number, flow, sdp });
    const answer = await answered;
    if (answer) await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  stateChanged() {
    const now = performance.now() - this.opened;
    if (["connected", "completed"].includes(this.pc.iceConnectionState)) this.stun_ms ??= now;
    if (this.pc.connectionState === "connected") {
      this.stun_ms ??= now;
      this.dtls_ms ??= now;
      if (this.due !== undefined) this.startSending();
    }
  }

  get ready() { return this.dtls_ms !== null; }

  // Send from `go` on, the common start of the epoch, or as soon as the call is set up.
  begin(go) {
    this.due = go;
    if (this.ready) this.startSending();
  }

  startSending() {
    if (this.sending) return;
    this.sending = true;
    this.began_ms = Math.max(0, performance.now() - this.due);
    if (this.picture) this.ports[0]?.postMessage({ type: "begin", go: performance.timeOrigin + this.due, slots: this.slots });
    else this.sender.replaceTrack(this.track);
  }

  async poll(go) {
    if (this.pc.connectionState === "closed") return;
    let sent = 0, received = 0;
    const stats = await this.awaited(this.pc.getStats());
    stats?.forEach(entry => {
      if (entry.type === "outbound-rtp") sent += entry.packetsSent ?? 0;
      if (entry.type === "inbound-rtp") received += entry.packetsReceived ?? 0;
      if (entry.type === "candidate-pair") this.tried ||= wasTried(entry);
    });
    if (stats) this.polls.push([performance.now() - go, sent, received]);
  }

  // Send so many packets in all.
  endAt(slots) {
    this.slots = slots;
    if (this.picture && this.sending) this.ports[0]?.postMessage({ type: "end", slots });
  }

  async end() { if (this.sender) await this.awaited(this.sender.replaceTrack(null).then(() => true)); }

  // null if the browser is too slow; then the epoch counts for nothing, because this device is too busy.
  async awaited(promise) {
    const value = await withTimeout(promise, null);
    this.overdue ||= value === null;
    return value;
  }

  // Fetch the worker's notes: when packets left and arrived, in ms after `go`.
  async fetchNotes(go) {
    const zero = performance.timeOrigin + go;
    const replies = await Promise.all(this.ports.map(port => this.awaited(new Promise(done => {
      port.onmessage = message => done(message.data);
      port.postMessage({ type: "notes" });
    }))));
    const [{ left = [], slots = [] } = {}, { came = [] } = {}] = replies.map(each => each ?? {});
    const tenth = ms => Math.round(10 * (ms - zero)) / 10;
    this.notes = { sent: slots, left_ms: left.map(tenth), came: came.map(([stamp, ms]) => [stamp, tenth(ms)]) };
  }

  report() {
    const { flow, stun_ms, dtls_ms, began_ms, polls, tried, notes } = this;
    return { flow, stun_ms, dtls_ms, began_ms, polls, tried, ...notes };
  }

  close() {
    this.pc?.close();
    this.ports.forEach(port => port.close());
  }
}
