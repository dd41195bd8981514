// Passes a result on: by the device's own dialogue, as a file, or by the clipboard.

import { byId, element } from "./text.js";

const SAVE_MS = 60000; // for a browser that first asks where to save a file

export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVE_MS);
}

export const canPassOn = () => "share" in navigator;

// Resolves to whether it was passed on. With the picture where the device takes files, else as words.
export async function passOn(message, url, picture) {
  const words = { text: message, url };
  const files = picture ? [new File([picture], "talkpath.png", { type: "image/png" })] : [];
  const whole = files.length && navigator.canShare?.({ files }) ? { ...words, files } : words;
  return navigator.share(whole).then(() => true, () => false);
}

// Copy to the clipboard; resolves to whether that worked. Without https a page must select text and ask for a copy.
export async function copy(value) {
  if (navigator.clipboard) return navigator.clipboard.writeText(value).then(() => true, () => copySelected(value));
  return copySelected(value);
}

function copySelected(value) {
  const area = element("textarea", value, { readonly: "", "aria-hidden": "true" });
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  byId("copy").focus();
  return copied;
}
