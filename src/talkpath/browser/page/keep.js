// What is kept of a result, in this browser alone, until somebody saves, shares or deletes it.

const PLACE = "talkpath result";
const READ_MS = 60000; // a browser may ask first where to save it
const SEND_MS = 60000; // a bundle over a bad line

export function keep(result) { try { localStorage.setItem(PLACE, JSON.stringify(result)); } catch { /* no room: it stays on screen */ } }
export function kept() { try { return JSON.parse(localStorage.getItem(PLACE)); } catch { return null; } }
export function drop() { try { localStorage.removeItem(PLACE); } catch { /* nothing to drop */ } }

export const bytesOf = base64 => Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
const hex = bytes => [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, "0")).join("");

export function save(result) {
  const made = document.createElement("a");
  made.href = URL.createObjectURL(new Blob([bytesOf(result.bundle)], { type: "application/octet-stream" }));
  made.download = "check.talkpath";
  made.click();
  setTimeout(() => URL.revokeObjectURL(made.href), READ_MS);
}

const place = (base, id) => `${base === "here" ? "" : base}/v1/reports/${id}`;

// spec/tp-006: the receipt that withdraws it is kept before anything is sent.
export async function share(result, base) {
  const bundle = bytesOf(result.bundle), secret = crypto.getRandomValues(new Uint8Array(32));
  const id = hex(await crypto.subtle.digest("SHA-256", bundle));
  result.receipt ??= { id, secret: hex(secret) };
  keep(result);
  const sealed = await crypto.subtle.digest("SHA-256", Uint8Array.from(result.receipt.secret.match(/../g), pair => parseInt(pair, 16)));
  const answered = await fetch(place(base, id), {
    method: "PUT",
    signal: AbortSignal.timeout(SEND_MS),
    body: bundle,
    headers: { "Content-Type": "application/vnd.talkpath.bundle", "Talkpath-Withdraw": hex(sealed) },
  });
  result.shared = answered.ok;
  keep(result);
  return answered.ok;
}

export async function takeBack(result, base) {
  const { id, secret } = result.receipt;
  const answered = await fetch(place(base, id), { method: "DELETE", signal: AbortSignal.timeout(SEND_MS), headers: { "Talkpath-Secret": secret } });
  result.withdrawn = answered.ok;
  keep(result);
  return answered.ok;
}
