// One real call of this browser to the far end: a tone or a canvas, no microphone and no camera. It speaks from `begin`
// to `end`.

import { within } from "./within.js";

let worker = null, coming = null;

const READY_MS = 15000;
const ASKED = ["in-progress", "succeeded", "failed"];
const CODECS = { audio: "audio/opus", video: "video/VP8" };

// Did the browser send a STUN request? Where it does not count them (Firefox), the pair's state tells.
const asked = pair => (pair.requestsSent ?? Number(ASKED.includes(pair.state))) > 0;

// Is the worker here that holds packets back? It comes over the network, too, and calls without it would say nothing.
export function prepared() {
  if (worker || !("RTCRtpScriptTransform" in globalThis)) return Promise.resolve(true);
  coming ??= fetched().finally(() => { coming = null; });
  return coming;
}

function fetched() {
  const made = new Worker("/check/phase.js");
  return within(new Promise((done, failed) => {
    made.onmessage = () => { worker = made; done(true); };
    made.onerror = failed;
  }), false, READY_MS).finally(() => { if (!worker) made.terminate(); });
}

export class Call {
  constructor(flow, talk, { ice = {}, phase_ms = 0, picture = 0, payload = 0, slots = 0, tick_ms = 20 } = {}) {
    Object.assign(this, { ice, phase_ms, picture, payload, slots, tick_ms });
    this.phased = this.tried = this.overdue = false;
    this.flow = flow;
    this.talk = talk;
    this.opened = performance.now();
    this.stun_ms = this.dtls_ms = null;
    this.began_ms = 0;
    this.polls = [];
    this.ports = [];
    this.noted = {};
  }

  // A camera runs from the start, since its coder takes a while; the worker lets its pictures out when it is time.
  async open(track) {
    this.track = track;
    this.connect();
    const kind = this.picture ? "video" : "audio";
    const transceiver = this.pc.addTransceiver(this.picture ? track : kind, { direction: "sendrecv" });
    this.sender = transceiver.sender;
    this.shift(transceiver);
    const codecs = RTCRtpReceiver.getCapabilities?.(kind)?.codecs.filter(codec => codec.mimeType === CODECS[kind]);
    if (codecs?.length && transceiver.setCodecPreferences) transceiver.setCodecPreferences(codecs);
    await this.offer();
  }

  shift({ sender, receiver }) {
    if (!("RTCRtpScriptTransform" in globalThis)) return;
    const { phase_ms, picture, payload, tick_ms } = this;
    for (const [end, way] of [[sender, "up"], [receiver, "down"]]) {
      const { port1, port2 } = new MessageChannel();
      end.transform = new RTCRtpScriptTransform(worker, { way, phase_ms, picture, payload, tick_ms, port: port2 }, [port2]);
      this.ports.push(port1);
    }
    this.phased = true;
  }

  connect() {
    const pc = this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...this.ice });
    pc.addEventListener("iceconnectionstatechange", () => this.moved());
    pc.addEventListener("connectionstatechange", () => this.moved());
  }

  async offer() {
    const { sdp: whole } = await this.pc.createOffer();
    // Nothing that was lost is asked for again, or the loss would not be seen.
    await this.pc.setLocalDescription({ type: "offer", sdp: whole.replace(/^a=rtcp-fb:.*\r\n/gm, "") });
    // Nothing of this device's addresses leaves the page: the far end hears where we are from our first packet.
    const sdp = this.pc.localDescription.sdp.replace(/^a=candidate:.*\r\n/gm, "");
    const answered = this.talk.hear(`answer ${this.flow}`);
    this.talk.send({ type: "offer", flow: this.flow, sdp });
    const answer = await answered;
    if (answer) await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  moved() {
    const now = performance.now() - this.opened;
    if (["connected", "completed"].includes(this.pc.iceConnectionState)) this.stun_ms ??= now;
    if (this.pc.connectionState === "connected") {
      this.stun_ms ??= now;
      this.dtls_ms ??= now;
      if (this.due !== undefined) this.speak();
    }
  }

  get ready() { return this.dtls_ms !== null; }

  // From `go` on, the common beginning of the epoch, or as soon as the call is up.
  begin(go) {
    this.due = go;
    if (this.ready) this.speak();
  }

  speak() {
    if (this.speaking) return;
    this.speaking = true;
    this.began_ms = Math.max(0, performance.now() - this.due);
    if (this.picture) this.ports[0]?.postMessage({ type: "begin", go: performance.timeOrigin + this.due, slots: this.slots });
    else this.sender.replaceTrack(this.track);
  }

  async poll(go) {
    if (this.pc.connectionState === "closed") return;
    let sent = 0, received = 0;
    const stats = await this.owed(this.pc.getStats());
    stats?.forEach(one => {
      if (one.type === "outbound-rtp") sent += one.packetsSent ?? 0;
      if (one.type === "inbound-rtp") received += one.packetsReceived ?? 0;
      if (one.type === "candidate-pair") this.tried ||= asked(one);
    });
    if (stats) this.polls.push([performance.now() - go, sent, received]);
  }

  async end() { if (this.sender) await this.owed(this.sender.replaceTrack(null).then(() => true)); }

  // null where the browser does not give it in time: then the check is void, for this device is too busy.
  async owed(promise) {
    const given = await within(promise, null);
    this.overdue ||= given === null;
    return given;
  }

  // What the worker noted: when packets left and came, in ms after `go`.
  async note(go) {
    const zero = performance.timeOrigin + go;
    const told = await Promise.all(this.ports.map(port => this.owed(new Promise(done => {
      port.onmessage = message => done(message.data);
      port.postMessage({ type: "tell" });
    }))));
    const [{ left = [], slots = [] } = {}, { came = [] } = {}] = told.map(each => each ?? {});
    const tenth = ms => Math.round(10 * (ms - zero)) / 10;
    this.noted = { sent: slots, left_ms: left.map(tenth), came: came.map(([stamp, ms]) => [stamp, tenth(ms)]) };
  }

  report() {
    const { flow, stun_ms, dtls_ms, began_ms, polls, tried, noted } = this;
    return { flow, stun_ms, dtls_ms, began_ms, polls, tried, ...noted };
  }

  close() {
    this.pc?.close();
    this.ports.forEach(port => port.close());
  }
}
