// One end of a call in Node with @roamhq/wrtc:  node node.js FOLDER caller|callee    (NODE_PATH: where wrtc is)
'use strict';
const fs = require('fs'), path = require('path');
const wrtc = require('@roamhq/wrtc');
const {RTCAudioSource, RTCVideoSource} = wrtc.nonstandard;
const [folder, role] = process.argv.slice(2);
const other = role === 'caller' ? 'callee' : 'caller';
const call = JSON.parse(fs.readFileSync(path.join(folder, 'call.json')));
const send = (kind, body = {}) =>
  fs.appendFileSync(path.join(folder, role + '.messages'), JSON.stringify({kind, ...body}) + '\n');
const log = (event, facts = {}) => fs.appendFileSync(
  path.join(folder, role + '.log'), JSON.stringify({at_s: Date.now() / 1000, event, ...facts}) + '\n');
const pause = ms => new Promise(done => setTimeout(done, ms));
const taken = new Set();
function take(kind) {
  const file = path.join(folder, other + '.messages');
  if (!fs.existsSync(file)) return null;
  const lines = fs.readFileSync(file, 'utf8').split('\n').slice(0, -1);
  for (let at = 0; at < lines.length; at++) {
    const message = JSON.parse(lines[at]);
    if (message.kind === kind && !taken.has(at)) { taken.add(at); return message; }
  }
  return null;
}
async function wait(kind, seconds) {
  for (const until = Date.now() + 1000 * seconds; Date.now() < until; await pause(5)) {
    const message = take(kind);
    if (message) return message;
  }
  return null;
}
let muted = false;
function voice() {
  const source = new RTCAudioSource(), samples = new Int16Array(480);
  let at = 0, loud = 0.3, pitch = 140, due = Date.now();
  const frame = () => {
    if (at % 11 === 0) { loud = 0.05 + 0.5 * Math.random(); pitch = 100 + 150 * Math.random(); }
    for (let i = 0; i < 480; i++)
      samples[i] = muted ? 0 : 20000 * loud * (((at * 480 + i) * pitch / 48000) % 1 - 0.5 + 0.1 * Math.random());
    source.onData({samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480});
    at++; due += 10;
    setTimeout(frame, Math.max(0, due - Date.now()));
  };
  frame();
  return source.createTrack();
}
function picture() {
  const source = new RTCVideoSource(), data = new Uint8ClampedArray(320 * 240 * 1.5), blocks = [];
  setInterval(() => {
    for (let i = 0; i < 40 * 30; i++) blocks[i] = 256 * Math.random();
    for (let i = 0; i < 320 * 240; i++) data[i] = blocks[(i % 320 >> 3) + 40 * (i / 320 >> 3)];
    data.fill(128, 320 * 240);
    source.onFrame({width: 320, height: 240, data});
  }, 66);
  return source.createTrack();
}
(async () => {
  const pc = new wrtc.RTCPeerConnection({...call.configuration,
    iceTransportPolicy: call.relays.includes(role) ? 'relay' : 'all'});
  const stream = new wrtc.MediaStream();
  if (!call.receives_only.includes(role)) {
    if (call.media.includes('voice')) pc.addTrack(voice(), stream);
    if (call.media.includes('video')) pc.addTrack(picture(), stream);
  }
  const gathered = async () => {
    for (const until = Date.now() + call.gather_ms; pc.iceGatheringState !== 'complete' && Date.now() < until;)
      await pause(5);
    return pc.localDescription.sdp;
  };
  const fits = sdp => sdp.split('\n').filter(line => !call.family || !line.startsWith('a=candidate:') ||
    line.split(' ')[4].includes(':') === (call.family === '6')).join('\n');
  log('engine', {name: 'wrtc', version: require('@roamhq/wrtc/package.json').version});
  log('open'); send('ready'); await wait('ready', 60);
  if (role === 'caller') {
    await pc.setLocalDescription(await pc.createOffer());
    send('offer', {sdp: await gathered()});
    const answer = await wait('answer', 60);
    await pc.setRemoteDescription({type: 'answer', sdp: fits(answer.sdp)});
  } else {
    const offer = await wait('offer', 60);
    await pc.setRemoteDescription({type: 'offer', sdp: fits(offer.sdp)});
    await pc.setLocalDescription(await pc.createAnswer());
    send('answer', {sdp: await gathered()});
  }
  let up = 0;
  const began = Date.now();
  for (;;) {
    if (!up && ['connected', 'completed'].includes(pc.iceConnectionState)) { up = Date.now(); log('connected'); }
    if (!up && Date.now() > began + 1000 * call.setup_s) { log('never connected'); break; }
    if (up && call.mutes === role && !muted && Date.now() > up + 1000 * call.mutes_after_s) { muted = true; log('muted'); }
    if (up && Date.now() > up + 1000 * (call.seconds + (call.hangs_up === role ? 0 : 5))) break;
    if (take('bye')) break;
    await pause(20);
  }
  pc.close(); log('closed'); send('bye');
  await pause(500);
  process.exit(0);
})().catch(error => { log('failed', {error: String(error)}); process.exit(1); });
