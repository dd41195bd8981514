// Stores results in this browser alone: the last one whole, of the MOST_KEPT last ones what a list shows and what taking them
// back needs. Shares a result with an observatory and withdraws it.

const STORAGE_KEY = "talkpath result", HISTORY_KEY = "talkpath history", RUNNING_KEY = "talkpath running";
const MOST_KEPT = 20;
const SEND_MS = 60000; // enough for a bundle over a bad line

function write(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* no space: it is only shown */ } }
function read(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } }
function drop(key) { try { localStorage.removeItem(key); } catch { /* nothing to drop */ } }

// -- the last result, and all of them -------------------------------------------------------------------------------

const entryOf = ({ at, lang, dir, verdicts, operator, receipt, share, shared, shared_url, withdrawn }) => ({
  at, lang, dir, operator, receipt, share, shared, shared_url, withdrawn,
  verdicts: verdicts.map(({ state, mark, label, medium }) => ({ state, mark, label, medium })),
});

export const stored = () => read(STORAGE_KEY);

// -- a check that is under way -------------------------------------------------------------------------------------

// Remember in this tab that a check runs, or that it has ended.
export function markRunning(isRunning) {
  try { if (isRunning) sessionStorage.setItem(RUNNING_KEY, "yes"); else sessionStorage.removeItem(RUNNING_KEY); } catch { /* a reload stays silent */ }
}

// Was this tab loaded anew while a check ran? Whoever asks is told once.
export function wasInterrupted() {
  let was = false;
  try { was = sessionStorage.getItem(RUNNING_KEY) !== null; } catch { /* not known */ }
  markRunning(false);
  return was;
}

export function history() {
  const kept = read(HISTORY_KEY);
  return Array.isArray(kept) ? kept : [];
}

function keep(entry) {
  const others = history().filter(each => each.at !== entry.at);
  write(HISTORY_KEY, [entry, ...others].sort((a, b) => b.at - a.at).slice(0, MOST_KEPT));
}

// Keep a result, or what has changed of it.
export function store(result) {
  write(STORAGE_KEY, result);
  if (result.at) keep(entryOf(result));
}

// Forget one result, by its moment.
export function forget(at) {
  write(HISTORY_KEY, history().filter(each => each.at !== at));
  if (stored()?.at === at) drop(STORAGE_KEY);
}

export function forgetAll() {
  drop(HISTORY_KEY);
  drop(STORAGE_KEY);
}

// -- the observatory ------------------------------------------------------------------------------------------------

export const bytesOf = base64 => Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
const hex = bytes => [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, "0")).join("");
const baseOf = share => share === "here" ? "" : share;
const reportUrl = (share, id) => `${baseOf(share)}/v1/reports/${id}`;

// As spec/tp-006 has it: the receipt, with which a report is withdrawn, is stored before anything is sent.
export async function share(result) {
  const bundle = bytesOf(result.bundle), secret = crypto.getRandomValues(new Uint8Array(32));
  const id = hex(await crypto.subtle.digest("SHA-256", bundle));
  result.receipt ??= { id, secret: hex(secret) };
  store(result);
  const withdrawHash = await crypto.subtle.digest("SHA-256", Uint8Array.from(result.receipt.secret.match(/../g), pair => parseInt(pair, 16)));
  const response = await fetch(reportUrl(result.share, id), {
    method: "PUT",
    signal: AbortSignal.timeout(SEND_MS),
    body: bundle,
    headers: { "Content-Type": "application/vnd.talkpath.bundle", "Talkpath-Withdraw": hex(withdrawHash) },
  });
  result.shared = response.ok;
  result.shared_url = `${baseOf(result.share)}/report/${id}`;
  store(result);
  return response.ok;
}

// `kept` is a result, or its entry in the history.
export async function withdraw(kept) {
  const { id, secret } = kept.receipt;
  const response = await fetch(reportUrl(kept.share, id), { method: "DELETE", signal: AbortSignal.timeout(SEND_MS), headers: { "Talkpath-Secret": secret } });
  kept.withdrawn = response.ok;
  const last = stored();
  if (last && last.at === kept.at) store({ ...last, withdrawn: kept.withdrawn });
  else keep(kept);
  return response.ok;
}
