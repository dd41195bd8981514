// One round of a call between two browsers: an epoch whose flows lead to the other browser, directly or through the relay. The end
// that opened the room offers, the other one answers; both send and count on every flow.

import { Call } from "./call.js";
import { DataChannelTwin } from "./data_channel_twin.js";
import { Epoch } from "./epoch.js";

const GATHER_MS = 1500; // how long a browser may look for its own addresses

// A flow whose two ends are browsers: each offer and each answer has the addresses at which it can be reached.
const between = Flow => class extends Flow {
  async offer() {
    const { number, flow, connection } = this;
    const answered = connection.expect(`answer ${number} ${flow}`);
    const { sdp } = await this.pc.createOffer();
    // No retransmission of lost packets, which would hide the loss.
    await this.tell({ type: "offer", sdp: sdp.replace(/^a=rtcp-fb:.*\r\n/gm, "") });
    const answer = await answered;
    if (answer) await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  // The other end's offer, once it comes.
  async offered() {
    const offer = await this.connection.expect(`offer ${this.number} ${this.flow}`);
    if (!offer) throw new Error("The connection was lost.");
    await this.pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
  }

  async answer() {
    const { sdp } = await this.pc.createAnswer();
    await this.tell({ type: "answer", sdp });
  }

  async tell(description) {
    const { pc, number, flow } = this;
    const gathered = new Promise(done => {
      pc.addEventListener("icegatheringstatechange", () => { if (pc.iceGatheringState === "complete") done(); });
      setTimeout(done, GATHER_MS);
    });
    await pc.setLocalDescription(description);
    if (pc.iceGatheringState !== "complete") await gathered;
    this.connection.send({ type: description.type, number, flow, sdp: pc.localDescription.sdp });
  }

  // What this end counted. `tried`: the browser sent requests to set the flow up.
  async counts() {
    const stats = await this.awaited(this.pc.getStats());
    let tried = this.tried;
    stats?.forEach(entry => { if (entry.type === "candidate-pair") tried ||= (entry.requestsSent ?? 0) > 0 || entry.state !== "frozen" && entry.state !== "waiting"; });
    const [, sent, received] = this.polls.at(-1) ?? [0, 0, 0];
    return { setup_ms: this.dtls_ms, sent, received, tried };
  }
};

class PairedCall extends between(Call) {
  async open(track) {
    if (this.caller) return super.open(track);
    this.track = track;
    this.connect();
    await this.offered();
    const transceiver = this.pc.getTransceivers()[0];
    transceiver.direction = "sendrecv";
    this.sender = transceiver.sender;
    if (this.picture) await this.sender.replaceTrack(track);
    this.pace(transceiver);
    return this.answer();
  }
}

class PairedTwin extends between(DataChannelTwin) {
  async open() {
    if (this.caller) return super.open();
    this.connect();
    this.pc.ondatachannel = ({ channel }) => {
      this.channel = channel;
      channel.binaryType = "arraybuffer";
      channel.onmessage = () => { this.received += 1; };
    };
    await this.offered();
    return this.answer();
  }

  get ready() { return this.dtls_ms !== null && this.channel?.readyState === "open"; }
}

export class PairedEpoch extends Epoch {
  constructor(order, connection, tracks, conditions, live) {
    super(order, connection, {}, tracks, conditions, { setStep() {}, live });
  }

  flow(opening) {
    const { order, connection } = this;
    const made = opening.kind === "call"
      ? new PairedCall(opening.flow, connection, { ...opening, ...this.format() })
      : new PairedTwin({ ...opening, number: order.number }, connection, order.datagram);
    made.caller = order.caller;
    return made;
  }

  async report(beside) {
    const report = await super.report(beside);
    return report && { number: this.order.number, flows: await Promise.all(this.flows.map(flow => flow.counts())) };
  }
}
