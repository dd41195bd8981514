// Limits the wait for a promise, since a browser under load may settle it seconds late, or never.

export const TIMEOUT_MS = 2000;

// Resolves to the promise's value, or to `fallback` if it fails or takes too long.
export function withTimeout(promise, fallback, timeout_ms = TIMEOUT_MS) {
  let timer;
  const late = new Promise(done => { timer = setTimeout(() => done(fallback), timeout_ms); });
  return Promise.race([Promise.resolve(promise).catch(() => fallback), late]).finally(() => clearTimeout(timer));
}
