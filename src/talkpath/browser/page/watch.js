// What would make a measurement worthless: a page that was hidden, a network that changed, a clock that jumped. A
// phone's screen goes off by itself, often after 30 s, and hides the page: where the browser can, it is kept on.

export class Watch {
  constructor() {
    this.stopped = this.hidden = this.changed = false;
    this.started = [performance.now(), Date.now()];
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    document.addEventListener("visibilitychange", () => { this.hidden ||= document.hidden; }, { signal });
    for (const name of ["online", "offline"]) addEventListener(name, () => { this.changed = true; }, { signal });
    // Its other news are estimates of speed, which the check itself moves. Where a
    // browser does not tell the kind, the far end still sees the address change.
    const line = navigator.connection, kind = line?.type;
    line?.addEventListener("change", () => { this.changed ||= line.type !== kind; }, { signal });
    this.awake = navigator.wakeLock?.request("screen").catch(() => null); // a phone low on power may refuse
  }

  seen() {
    const jump = (Date.now() - this.started[1]) - (performance.now() - this.started[0]);
    return { hidden: this.hidden, network_changed: this.changed, clock_jump_s: jump / 1000 };
  }

  async end() {
    this.listeners.abort();
    await (await this.awake)?.release();
  }
}
