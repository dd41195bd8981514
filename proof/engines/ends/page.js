// One end of a call in a browser or in Node: the same program for Chromium, Firefox and wrtc. `media` gives the streams.
// Signalling is text that the caller of these functions carries.
async function tracks(wanted) {
  const found = [];
  if (globalThis.fake) {
    const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: wanted.includes('video')});
    return stream.getTracks().filter(track => wanted.includes(track.kind === 'audio' ? 'voice' : 'video'));
  }
  if (wanted.includes('voice')) {
    const audio = new AudioContext(), tone = audio.createOscillator(), swell = audio.createGain();
    const out = audio.createMediaStreamDestination();
    tone.type = 'sawtooth'; tone.frequency.value = 140;
    tone.connect(swell); swell.connect(out); tone.start();
    setInterval(() => {
      swell.gain.value = 0.05 + 0.5 * Math.random(); tone.frequency.value = 100 + 150 * Math.random();
    }, 110);
    audio.resume();
    found.push(out.stream.getTracks()[0]);
  }
  if (wanted.includes('video')) {
    const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
    canvas.width = 320; canvas.height = 240;
    let turn = 0;
    setInterval(() => { for (let i = 0; i < 40; i++) {
      pen.fillStyle = `hsl(${(turn * 7 + i * 9) % 360} 80% 50%)`;
      pen.fillRect((turn * 3 + i * 31) % 320, (i * 47 + turn) % 240, 40, 30); } turn++; }, 60);
    found.push(canvas.captureStream(15).getTracks()[0]);
  }
  return found;
}
const end = {
  async open(call, sends) {
    const pc = this.pc = new RTCPeerConnection({...call.configuration,
      iceTransportPolicy: call.relays.includes(call.role) ? 'relay' : 'all'});
    this.call = call;
    this.senders = [];
    if (sends)
      for (const track of await tracks(call.media)) this.senders.push(pc.addTrack(track, new MediaStream([track])));
    else if (call.role === 'caller')
      for (const kind of call.media)
        pc.addTransceiver(kind === 'video' ? 'video' : 'audio', {direction: 'recvonly'});
    if (call.role === 'caller')
      for (let i = 0; i < (call.more || 0); i++)
        for (const kind of call.media) pc.addTransceiver(kind === 'video' ? 'video' : 'audio', {direction: 'recvonly'});
    if (call.data && call.role === 'caller') {
      const channel = pc.createDataChannel('words');
      channel.onopen = () => setInterval(() => channel.readyState === 'open' && channel.send('x'.repeat(200)), 2000);
    }
  },
  prefer() {
    if (!this.call.codec || !this.pc.getTransceivers) return;
    for (const one of this.pc.getTransceivers()) {
      const known = RTCRtpReceiver.getCapabilities('video').codecs;
      if (one.receiver.track.kind === 'video')
        one.setCodecPreferences(known.filter(c => c.mimeType === this.call.codec)
          .concat(known.filter(c => /rtx/.test(c.mimeType))));
    }
  },
  async gathered() {
    const pc = this.pc;
    await Promise.race([
      new Promise(done => pc.iceGatheringState === 'complete' ? done() :
        pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done())),
      new Promise(done => setTimeout(done, this.call.gather_ms))]);
    return pc.localDescription.sdp;
  },
  async offer() {
    this.prefer();
    await this.pc.setLocalDescription(await this.pc.createOffer());
    return await this.gathered();
  },
  async answer(sdp) {
    await this.pc.setRemoteDescription({type: 'offer', sdp});
    this.prefer();
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    return await this.gathered();
  },
  async accept(sdp) { await this.pc.setRemoteDescription({type: 'answer', sdp}); return true; },
  mute() {  // most apps send silence; one that puts a call on hold sends nothing
    for (const sender of this.senders) this.call.holds ? sender.replaceTrack(null) : sender.track.enabled = false;
    return true;
  },
  async act(what) {  // true where a new offer is needed
    if (what === 'hold') {
      this.kept = this.senders.map(sender => sender.track);
      for (const sender of this.senders) await sender.replaceTrack(null);
    } else if (what === 'resume') {
      for (const [at, sender] of this.senders.entries()) await sender.replaceTrack(this.kept[at]);
    } else if (what === 'mute') {
      this.mute();
    } else if (what === 'restart') {
      this.pc.restartIce();
    } else {
      const [track] = await tracks(['video']);
      this.senders.push(this.pc.addTrack(track, new MediaStream([track])));
    }
    return what === 'restart' || what === 'film';
  },
  state() { return this.pc.connectionState || this.pc.iceConnectionState; },
  close() { this.pc.close(); return true; },
};
globalThis.end = end;
