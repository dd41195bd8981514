"""The browser's end of a case: Chromium without a window opens /check, presses Start and waits for the result.

    python scripts/browser_near.py ORIGIN FILE voice|video [hide|network|keep|safari|slow|starve]

`hide` and `network` hide the page or change its network in the middle. `keep`: the browser keeps calls off the
network, as a company's policy or an add-on does. `safari`: the browser has and lacks what Safari 26.4 to 27.2 does, by
MDN's tables. `slow`: the page's thread is SLOWER times as slow. `starve_chromium`: all processes of the browser are
stopped most of the time, in turns of STILL_S and RUN_S. Writes FILE: {"text": what a person reads with its fold open,
"" if the check never ended, "result": the page's own}. Only the check goes over the network.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, TimeoutError, sync_playwright

from talkpath.lab.path.link import RESPONDER

CHROMIUM = "/usr/bin/chromium"
NAME = "test-server.example"  # the test server's in the lab, where nobody answers for names
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    f"--host-resolver-rules=MAP {NAME} {RESPONDER.ipv4}",
    "--autoplay-policy=no-user-gesture-required",
]
DISTURB_AFTER_MS = 3000
SETTLED_MS = 300
SLOWER = 6  # times: what browsers' own tools call a cheap phone
STILL_S, RUN_S = 0.06, 0.04
HIDE = """() => { Object.defineProperty(document, "hidden", { value: true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange")); }"""
NETWORK = "() => dispatchEvent(new Event('online'))"
SAFARI = """(() => {
  const datagrams = WebTransportDatagramDuplexStream.prototype;
  const { get } = Object.getOwnPropertyDescriptor(datagrams, "writable");
  delete datagrams.writable;
  datagrams.createWritable = function () { return get.call(this); };
  delete Navigator.prototype.connection;
  const exactly = performance.now.bind(performance);
  performance.now = () => Math.floor(exactly());
})();"""
KEEPS_CALLS = {"webrtc": {"ip_handling_policy": "disable_non_proxied_udp"}}
PATIENCE_MS = 260_000  # the page gives a check up after 200 s, once there was a place


def start_page_check(page: Page, media: str = "voice") -> None:
    """Choose the calls, press Start, and answer that no VPN is on."""
    page.evaluate("document.getElementById('options').open = true")
    page.check(f'input[name="media"][value="{media}"]')
    page.click("#start")
    page.click("#vpn-no")


def run_page_check(page: Page, origin: str, media: str, act: str) -> dict[str, object]:
    """One check."""
    page.goto(f"{origin}/check?lang=en", timeout=PATIENCE_MS)
    page.wait_for_selector("html[data-ready]")
    start_page_check(page, media)
    page.wait_for_timeout(SETTLED_MS)  # its threads are there by now
    be_prompt()
    if act == "starve":
        threading.Thread(target=starve_chromium, daemon=True).start()
    disturb_page(page, act)
    with contextlib.suppress(TimeoutError):  # it never ended: then it has no text, either
        page.wait_for_selector("#result:not([hidden]), #ask:not([hidden]) #trouble:not(:empty)", timeout=PATIENCE_MS)
    if not page.is_visible("#result"):
        return {"text": page.inner_text("#trouble"), "result": {"paths": []}}
    page.evaluate("document.getElementById('details').open = true")
    return {"text": page.inner_text("#result"), "result": page.evaluate("window.lastResult")}


def disturb_page(page: Page, act: str) -> None:
    """Hide the page, or change its network, while calls run; or have it run slowly from the start."""
    if act == "slow":
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    if act in ("hide", "network"):
        page.wait_for_timeout(DISTURB_AFTER_MS)
    if act == "hide":
        page.evaluate(HIDE)
    elif act == "network":
        page.evaluate(NETWORK)


def starve_chromium() -> None:
    """Let Chromium run for RUN_S, then stand still for STILL_S, again and again, as long as this process lasts."""
    pids = [
        pid for pid in _child_processes() if b"chromium" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    ]
    while True:
        for sent, for_s in ((signal.SIGSTOP, STILL_S), (signal.SIGCONT, RUN_S)):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sent)
            time.sleep(for_s)


def _child_processes() -> list[int]:
    own, parents = os.getpid(), {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return [pid for pid in parents if _is_descendant(pid, own, parents)]


def be_prompt() -> None:
    """Give all processes and threads of Chromium this process's priority.

    Where the kernel groups sessions that is done by autogroup (sched(7)), else by each thread's own niceness, which
    Chromium sets itself.
    """
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    for pid in _child_processes():
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)


def _is_descendant(pid: int, own: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != own:
        pid = parents[pid]
    return pid == own


def main() -> None:
    """Start Chromium with a profile of its own, which trusts whatever certificate the lab has."""
    origin, file, media, act = sys.argv[1], Path(sys.argv[2]), sys.argv[3], "".join(sys.argv[4:5])
    with sync_playwright() as playwright, TemporaryDirectory() as profile:
        if act == "keep":
            Path(profile, "Default").mkdir()
            Path(profile, "Default", "Preferences").write_text(json.dumps(KEEPS_CALLS))
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
        )
        page = browser.new_page()
        if act == "safari":
            page.add_init_script(SAFARI)
        be_prompt()
        page.on("pageerror", lambda error: sys.stderr.write(f"{error}\n"))
        file.write_text(json.dumps(run_page_check(page, origin, media, act)))
        browser.close()


if __name__ == "__main__":
    main()
