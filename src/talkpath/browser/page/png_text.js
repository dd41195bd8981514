// Puts a text into a PNG (an iTXt chunk of the PNG specification), so that the picture says in words what it shows.

const AFTER_HEADER = 33; // the signature and the chunk IHDR

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ value >>> 1 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ crc >>> 8;
  return (crc ^ 0xffffffff) >>> 0;
}

// The PNG with the text under the keyword "Description", in that language.
export function withText(png, value, language) {
  const body = new TextEncoder().encode(`iTXtDescription\0\0\0${language}\0\0${value}`);
  const chunk = new Uint8Array(body.length + 8), view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return new Blob([png.slice(0, AFTER_HEADER), chunk, png.slice(AFTER_HEADER)], { type: "image/png" });
}
