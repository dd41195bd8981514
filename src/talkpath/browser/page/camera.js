// The camera: a canvas that changes all the time. Nobody is filmed.

const SIDE = 96, EVERY_MS = 15;

export function camera() {
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = canvas.height = SIDE;
  canvas.className = "camera";
  canvas.setAttribute("aria-hidden", "true");
  document.body.append(canvas); // WebKit films no canvas that is not in the page
  let turn = 0;
  const draw = () => {
    turn = (turn + 7) % 360;
    pen.fillStyle = `hsl(${turn} 50% 50%)`;
    pen.fillRect(0, 0, SIDE, SIDE);
  };
  draw();
  const drawing = setInterval(draw, EVERY_MS);
  // No rate is asked for: each change is a picture. Of 60 a second Firefox gives 35, and of all of them 60.
  const [track] = canvas.captureStream().getVideoTracks();
  return { track, end() { clearInterval(drawing); track.stop(); canvas.remove(); } };
}
