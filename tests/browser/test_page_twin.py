"""The page's twin on whatever WebTransport a browser has: each has its own way to write datagrams."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

WRITABLE = "get writable() { return out; }"  # Chromium, Firefox before 155
CREATE = "createWritable() { return out; }"  # Safari, Firefox from 155 on
SIZE = 60

TWIN = """async ([ways, size]) => {
  const { WebTransportTwin } = await import("/check/webtransport_twin.js");
  const wrote = [], out = { getWriter: () => ({ write: async datagram => { wrote.push(datagram.length); } }) };
  const readable = { getReader: () => ({ read: () => new Promise(() => {}) }) };
  const datagrams = new Function("out", "readable", `return { readable, ${ways} }`)(out, readable);
  globalThis.WebTransport = class { ready = Promise.resolve(); closed = new Promise(() => {}); datagrams = datagrams; };
  const opening = { flow: 1, phase_ms: 0, withheld: [2], path: "/twin" };
  const twin = new WebTransportTwin(opening, "https://here/twin", new Uint8Array(32), size);
  await twin.open();
  twin.begin(performance.now());
  for (const slot of [1, 2, 3]) twin.tick(slot);
  return { ready: twin.ready, wrote, sent: twin.report().sent };
}"""


@pytest.mark.parametrize("ways", [WRITABLE, CREATE, f"{WRITABLE}, {CREATE}"])
def test_a_twin_speaks_in_every_browser_s_way(browser: Browser, origin: str, ways: str):
    context = browser.new_context(bypass_csp=True, service_workers="block")  # for the made-up browser's own code
    page = context.new_page()
    page.goto(f"{origin}/check?lang=en")
    assert page.evaluate(TWIN, [ways, SIZE]) == {"ready": True, "wrote": [SIZE, SIZE], "sent": [1, 3]}
    context.close()


def test_a_twin_that_cannot_write_is_not_taken_for_one_that_is_up(browser: Browser, origin: str):
    context = browser.new_context(bypass_csp=True, service_workers="block")
    page = context.new_page()
    page.goto(f"{origin}/check?lang=en")
    assert page.evaluate(TWIN, ["maxDatagramSize: 9", SIZE]) == {"ready": False, "wrote": [], "sent": []}
    context.close()
