// The live picture of an epoch: two lines, of call packets and of packets of control traffic, which arrive of those that
// are due in each second. Where a person asked for less motion, it changes each CALM_MS only.

import { byId, setText, text } from "./text.js";

const WIDTH = 300, TOP = 2, HEIGHT = 100, SECONDS = 30; // of the picture, as check.html has it
const EACH_MS = 1000, CALM_MS = 5000;

const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class LivePicture {
  constructor() {
    this.began = performance.now();
    this.points = { calls: [], twins: [] };
    this.draw();
  }

  // Watch the flows of an epoch until the returned function is called.
  watch(flows, tick_ms) {
    byId("live").hidden = false;
    const kinds = { calls: flows.filter(flow => !flow.tick), twins: flows.filter(flow => flow.tick) };
    let before = null, at = 0; // the first second has gaps of its own: nothing came before it
    const look = () => {
      const now = performance.now(), counts = this.counts(kinds);
      for (const kind of ["calls", "twins"]) {
        const due = kinds[kind].length * (now - at) / tick_ms;
        if (before && due) this.points[kind].push([(now - this.began) / 1000, Math.min(1, (counts[kind] - before[kind]) / due)]);
      }
      [before, at] = [counts, now];
      this.draw();
    };
    const timer = setInterval(look, isCalm() ? CALM_MS : EACH_MS);
    return () => {
      clearInterval(timer);
      for (const points of Object.values(this.points)) points.push(null);
    };
  }

  counts(kinds) {
    const sum = flows => flows.reduce((total, flow) => total + (flow.polls.at(-1)?.[2] ?? 0), 0);
    return { calls: sum(kinds.calls), twins: sum(kinds.twins) };
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
