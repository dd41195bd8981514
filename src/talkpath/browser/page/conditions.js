// Watches for what invalidates a measurement: a hidden page, a change of network, a jump of the clock. A phone's screen
// goes off by itself, often after 30 s, and hides the page; so the screen is kept on where the browser can do that.

export class Conditions {
  constructor() {
    this.stopped = this.hidden = this.changed = false;
    this.opening = 0; // epochs that are being set up now
    this.started = [performance.now(), Date.now()];
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    document.addEventListener("visibilitychange", () => { this.hidden ||= document.hidden; }, { signal });
    for (const name of ["online", "offline"]) addEventListener(name, () => { this.changed = true; }, { signal });
    // The event also reports estimates of speed, which the check itself changes: only the kind of network counts. If a
    // browser does not tell the kind, the far end still sees a change of address.
    const connection = navigator.connection, kind = connection?.type;
    connection?.addEventListener("change", () => { this.changed ||= connection.type !== kind; }, { signal });
    this.screenLock = navigator.wakeLock?.request("screen").catch(() => null); // a phone low on power may refuse
  }

  // The fields of the report.
  summary() {
    const jump = (Date.now() - this.started[1]) - (performance.now() - this.started[0]);
    return { hidden: this.hidden, network_changed: this.changed, clock_jump_s: jump / 1000 };
  }

  async end() {
    this.listeners.abort();
    await (await this.screenLock)?.release();
  }
}
