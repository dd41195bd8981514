// One real call of this browser to the far end: a tone, no microphone. It speaks from `begin` to `end`.

let worker = null;

export class Call {
  constructor(flow, talk, { ice = {}, phase_ms = 0 } = {}) {
    Object.assign(this, { ice, phase_ms });
    this.phased = false;
    this.flow = flow;
    this.talk = talk;
    this.opened = performance.now();
    this.stun_ms = this.dtls_ms = null;
    this.began_ms = 0;
    this.polls = [];
  }

  async open(track) {
    this.track = track;
    this.connect();
    const transceiver = this.pc.addTransceiver("audio", { direction: "sendrecv" });
    this.sender = transceiver.sender;
    this.shift();
    const opus = RTCRtpReceiver.getCapabilities?.("audio")?.codecs.filter(codec => codec.mimeType === "audio/opus");
    if (opus?.length && transceiver.setCodecPreferences) transceiver.setCodecPreferences(opus);
    await this.offer();
  }

  shift() {
    if (!("RTCRtpScriptTransform" in globalThis)) return;
    worker ??= new Worker("/check/phase.js");
    this.sender.transform = new RTCRtpScriptTransform(worker, { phase_ms: this.phase_ms });
    this.phased = true;
  }

  connect() {
    const pc = this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...this.ice });
    pc.addEventListener("iceconnectionstatechange", () => this.moved());
    pc.addEventListener("connectionstatechange", () => this.moved());
  }

  async offer() {
    await this.pc.setLocalDescription(await this.pc.createOffer());
    // Nothing of this device's addresses leaves the page: the far end hears where we are from our first packet.
    const sdp = this.pc.localDescription.sdp.replace(/^a=candidate:.*\r\n/gm, "");
    const answered = this.talk.next(`answer ${this.flow}`);
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
    this.sender.replaceTrack(this.track);
  }

  async poll(go) {
    if (this.pc.connectionState === "closed") return;
    let sent = 0, received = 0;
    (await this.pc.getStats()).forEach(one => {
      if (one.type === "outbound-rtp") sent += one.packetsSent ?? 0;
      if (one.type === "inbound-rtp") received += one.packetsReceived ?? 0;
    });
    this.polls.push([performance.now() - go, sent, received]);
  }

  async end() { await this.sender?.replaceTrack(null); }

  report() {
    const { flow, stun_ms, dtls_ms, began_ms, polls } = this;
    return { flow, stun_ms, dtls_ms, began_ms, polls, sent: [] };
  }

  close() { this.pc?.close(); }
}
