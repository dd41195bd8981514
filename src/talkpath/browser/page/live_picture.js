// The live picture of a check: two lines, of call packets and of packets of control traffic, which arrive of those that
// are due in each second, over all epochs that run. Where a person asked for less motion, it changes each CALM_MS only.

import { byId, setText, text } from "./text.js";

const WIDTH = 300, TOP = 2, HEIGHT = 100, SECONDS = 30; // of the picture, as check.html has it
const EACH_MS = 1000, CALM_MS = 5000;

const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class LivePicture {
  constructor() {
    this.began = performance.now();
    this.points = { calls: [], twins: [] };
    this.epochs = new Set();
    this.timer = null;
    this.clear();
    this.draw();
  }

  // Take the picture off the screen, with what it showed.
  clear() {
    byId("live").hidden = true;
    for (const kind of Object.keys(this.points)) setText(`now-${kind}`, "");
  }

  // Watch the flows of an epoch until the returned function is called.
  watch(flows, tick_ms) {
    byId("live").hidden = false;
    const epoch = { calls: flows.filter(flow => !flow.tick), twins: flows.filter(flow => flow.tick), tick_ms, before: null };
    this.epochs.add(epoch);
    this.timer ??= setInterval(() => this.look(), isCalm() ? CALM_MS : EACH_MS);
    return () => {
      this.epochs.delete(epoch);
      if (this.epochs.size || this.timer === null) return;
      clearInterval(this.timer);
      this.timer = null;
      for (const points of Object.values(this.points)) points.push(null);
    };
  }

  // Add a point to each line. An epoch's first second has gaps of its own: nothing came before it.
  look() {
    const now = performance.now(), arrived = { calls: 0, twins: 0 }, due = { calls: 0, twins: 0 };
    for (const epoch of this.epochs) {
      const counts = { calls: received(epoch.calls), twins: received(epoch.twins) }, { before } = epoch;
      for (const kind of before ? ["calls", "twins"] : []) {
        due[kind] += epoch[kind].length * (now - before.now) / epoch.tick_ms;
        arrived[kind] += counts[kind] - before[kind];
      }
      epoch.before = { now, ...counts };
    }
    for (const kind of ["calls", "twins"]) {
      if (due[kind]) this.points[kind].push([(now - this.began) / 1000, Math.min(1, arrived[kind] / due[kind])]);
    }
    this.draw();
  }

  draw() {
    const ends = Math.max((performance.now() - this.began) / 1000, SECONDS);
    for (const [kind, points] of Object.entries(this.points)) {
      byId(`live-${kind}`).setAttribute("d", line(points, ends));
      const last = points.at(-1);
      if (last) setText(`now-${kind}`, text("live_now", { share: Math.round(100 * last[1]) }));
    }
  }
}

// The packets that these flows received, as far as was read.
const received = flows => flows.reduce((total, flow) => total + (flow.polls.at(-1)?.[2] ?? 0), 0);

// The line through the points of the last seconds; a null between two is a gap.
function line(points, ends) {
  let path = "", pen = "M";
  for (const point of points) {
    if (point === null) { pen = "M"; continue; }
    const x = WIDTH * (point[0] - ends + SECONDS) / SECONDS;
    if (x < 0) continue;
    path += `${pen}${x.toFixed(1)} ${(TOP + HEIGHT * (1 - point[1])).toFixed(1)}`;
    pen = "L";
  }
  return path;
}
