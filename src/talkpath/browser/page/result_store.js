// Stores a result in this browser alone, downloads its evidence, shares it with an observatory and withdraws it.

const STORAGE_KEY = "talkpath result";
const SAVE_MS = 60000; // for a browser that first asks where to save a file
const SEND_MS = 60000; // enough for a bundle over a bad line

export function store(result) { try { localStorage.setItem(STORAGE_KEY, JSON.stringify(result)); } catch { /* no space: it is only shown */ } }
export function stored() { try { return JSON.parse(localStorage.getItem(STORAGE_KEY)); } catch { return null; } }
export function remove() { try { localStorage.removeItem(STORAGE_KEY); } catch { /* nothing to drop */ } }

export const bytesOf = base64 => Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
const hex = bytes => [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, "0")).join("");

export function download(result) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytesOf(result.bundle)], { type: "application/octet-stream" }));
  link.download = "check.talkpath";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVE_MS);
}

const reportUrl = (base, id) => `${base === "here" ? "" : base}/v1/reports/${id}`;

// As spec/tp-006 has it: the receipt, with which a report is withdrawn, is stored before anything is sent.
export async function share(result, base) {
  const bundle = bytesOf(result.bundle), secret = crypto.getRandomValues(new Uint8Array(32));
  const id = hex(await crypto.subtle.digest("SHA-256", bundle));
  result.receipt ??= { id, secret: hex(secret) };
  store(result);
  const withdrawHash = await crypto.subtle.digest("SHA-256", Uint8Array.from(result.receipt.secret.match(/../g), pair => parseInt(pair, 16)));
  const response = await fetch(reportUrl(base, id), {
    method: "PUT",
    signal: AbortSignal.timeout(SEND_MS),
    body: bundle,
    headers: { "Content-Type": "application/vnd.talkpath.bundle", "Talkpath-Withdraw": hex(withdrawHash) },
  });
  result.shared = response.ok;
  store(result);
  return response.ok;
}

export async function withdraw(result, base) {
  const { id, secret } = result.receipt;
  const response = await fetch(reportUrl(base, id), { method: "DELETE", signal: AbortSignal.timeout(SEND_MS), headers: { "Talkpath-Secret": secret } });
  result.withdrawn = response.ok;
  store(result);
  return response.ok;
}
