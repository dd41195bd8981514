// What a browser owes us, but for no longer than we can wait: a strained browser may be seconds late, or never settle.

export const PATIENCE_MS = 2000;

// What comes of the promise; `otherwise` where it fails or takes too long.
export function within(promise, otherwise, patience_ms = PATIENCE_MS) {
  let watchdog;
  const late = new Promise(done => { watchdog = setTimeout(() => done(otherwise), patience_ms); });
  return Promise.race([Promise.resolve(promise).catch(() => otherwise), late]).finally(() => clearTimeout(watchdog));
}
