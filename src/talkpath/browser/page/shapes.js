// The colour and the shape of each verdict, for the page (SVG) and for the picture (canvas). A shape is drawn in a square of
// 24: its outline is filled with the colour, its sign is a line.

const CIRCLE = "M12 1a11 11 0 1 0 0 22a11 11 0 1 0 0-22z";
const OCTAGON = "M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9z";
const SQUARE = "M2 2h20v20H2z";
const TRIANGLE = "M12 1L23.5 22H.5z";
const DIAMOND = "M12 .5L23.5 12L12 23.5L.5 12z";

const SHAPES = {
  ok: { outline: CIRCLE, sign: "M6.5 12.5l4 4l7.5-8.5", colour: "#0a6b3d" },
  restricted: { outline: OCTAGON, sign: "M8 8l8 8M16 8l-8 8", colour: "#a3190f" },
  closed: { outline: SQUARE, sign: "M6 12h12", colour: "#6b2c8f" },
  impaired: { outline: TRIANGLE, sign: "M12 8.5v6M12 17.5v1.5", colour: "#8a5200" },
  unreachable: { outline: DIAMOND, sign: "M9 9.5a3 3 0 1 1 4 2.8q-1 .4-1 2M12 16.5v1.2", colour: "#4d5560" },
};

export const shapeOf = state => SHAPES[state] ?? SHAPES.unreachable;

export function shapeElement(state) {
  const { outline, sign } = shapeOf(state);
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawn.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("aria-hidden", "true");
  for (const [name, d] of [["outline", outline], ["sign", sign]]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", name);
    path.setAttribute("d", d);
    drawn.append(path);
  }
  return drawn;
}
