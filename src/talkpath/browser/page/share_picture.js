// The picture of a result that people pass on: verdict, what it does not mean, operator, hour and the page's address, drawn on a canvas. The same
// words are in the file as text.

import { withText } from "./png_text.js";
import { shapeOf } from "./shapes.js";
import { momentOf, operatorOf, pageAddress, titleOf } from "./result_words.js";

const WIDTH = 1080, HEIGHT = 1080, EDGE = 72;
const FONT = "system-ui, sans-serif";

// What the picture says, line by line: [text, size, weight].
function linesOf(result) {
  const verdicts = result.verdicts.flatMap(verdict => [
    [titleOf(verdict, result), 68, "bold"],
    [verdict.sentence, 38, "normal"],
    [verdict.means ?? "", 44, "bold"],
    [verdict.is_not ?? "", 34, "normal"],
  ]);
  const rest = [result.condition, operatorOf(result), momentOf(result)].map(line => [line ?? "", 34, "normal"]);
  const address = result.dir === "rtl" ? `\u2066${pageAddress()}\u2069` : pageAddress(); // isolated, and left to right
  const lines = [...verdicts, ...rest, [address, 40, "bold"]];
  return lines.filter(([line], place) => line && lines.findIndex(([other]) => other === line) === place); // each once
}

export async function pictureOf(result) {
  const canvas = document.createElement("canvas"), lines = linesOf(result);
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  draw(canvas.getContext("2d"), result, lines);
  const png = await new Promise(done => canvas.toBlob(done, "image/png"));
  return withText(new Uint8Array(await png.arrayBuffer()), lines.map(([line]) => line).join("\n"), result.lang ?? "");
}

function draw(ink, result, lines) {
  const { outline, sign, colour } = shapeOf(result.verdicts[0].state);
  const isRight = result.dir === "rtl", start = isRight ? WIDTH - EDGE : EDGE;
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, WIDTH, HEIGHT);
  ink.fillStyle = colour;
  ink.fillRect(0, 0, WIDTH, 24);
  ink.save();
  ink.translate(isRight ? start - 132 : start, 72);
  ink.scale(5.5, 5.5);
  ink.fill(new Path2D(outline));
  Object.assign(ink, { strokeStyle: "#fff", lineWidth: 2.2, lineCap: "round" });
  ink.stroke(new Path2D(sign));
  ink.restore();
  Object.assign(ink, { fillStyle: "#1a1a1a", textBaseline: "top", textAlign: "start", direction: isRight ? "rtl" : "ltr" });
  writeAll(ink, lines, start, largestFit(ink, lines));
}

// The largest scale at which all lines fit below the shape.
function largestFit(ink, lines) {
  let scale = 1.5;
  while (scale > 0.5 && heightOf(ink, lines, scale) > HEIGHT - 236 - EDGE) scale -= 0.05;
  return scale;
}

const stepOf = (size, scale) => size * scale * 1.3;
const gapOf = (size, scale) => size * scale * 0.35;

function heightOf(ink, lines, scale) {
  return lines.reduce((sum, line) => sum + wrapped(ink, line, scale).length * stepOf(line[1], scale) + gapOf(line[1], scale), 0);
}

function writeAll(ink, lines, start, scale) {
  let top = 236;
  for (const line of lines) {
    for (const part of wrapped(ink, line, scale)) {
      ink.fillText(part, start, top);
      top += stepOf(line[1], scale);
    }
    top += gapOf(line[1], scale);
  }
}

function wrapped(ink, [line, size, weight], scale) {
  ink.font = `${weight} ${Math.round(size * scale)}px ${FONT}`;
  const parts = [];
  for (const word of line.split(" ")) {
    const longer = parts.length ? `${parts.at(-1)} ${word}` : word;
    if (parts.length && ink.measureText(longer).width <= WIDTH - 2 * EDGE) parts[parts.length - 1] = longer;
    else parts.push(word);
  }
  return parts;
}
