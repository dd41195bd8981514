// The picture of a video call: a canvas that changes all the time. No camera is used.

const SIZE_PX = 96, EVERY_MS = 15;

export function camera() {
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = canvas.height = SIZE_PX;
  canvas.className = "camera";
  canvas.setAttribute("aria-hidden", "true");
  document.body.append(canvas); // WebKit captures no canvas outside the page
  let turn = 0;
  const draw = () => {
    turn = (turn + 7) % 360;
    pen.fillStyle = `hsl(${turn} 50% 50%)`;
    pen.fillRect(0, 0, SIZE_PX, SIZE_PX);
  };
  draw();
  const drawing = setInterval(draw, EVERY_MS);
  // Without a frame rate each change of the canvas is a frame. Asked for 60 a second, Firefox gives 35; without, 60.
  const [track] = canvas.captureStream().getVideoTracks();
  return { track, end() { clearInterval(drawing); track.stop(); canvas.remove(); } };
}
