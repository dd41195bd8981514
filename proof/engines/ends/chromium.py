"""One end of a call in Debian's Chromium, without a window, driven over its debugging pipe by playwright.

python -m proof.engines.ends.chromium FOLDER caller|callee
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, sync_playwright

from proof.engines.ends.driver import play
from proof.engines.mailbox import Mailbox

CHROMIUM = "/usr/bin/chromium"
PAGE = Path(__file__).with_name("page.js")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


class Tab:
    """A page that runs page.js."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.add_script_tag(content=PAGE.read_text())

    def _run(self, name: str, *values: Any) -> Any:
        return self._page.evaluate(f"values => end.{name}(...values)", list(values))

    def open(self, call: dict[str, Any], sends: bool) -> None:
        """As `Peer.open`."""
        self._run("open", call, sends)

    def offer(self) -> str:
        """As `Peer.offer`."""
        return str(self._run("offer"))

    def answer(self, sdp: str) -> str:
        """As `Peer.answer`."""
        return str(self._run("answer", sdp))

    def accept(self, sdp: str) -> None:
        """As `Peer.accept`."""
        self._run("accept", sdp)

    def state(self) -> str:
        """As `Peer.state`."""
        return str(self._run("state"))

    def mute(self) -> None:
        """As `Peer.mute`."""
        self._run("mute")

    def act(self, what: str) -> bool:
        """As `Peer.act`."""
        return bool(self._run("act", what))

    def close(self) -> None:
        """As `Peer.close`."""
        self._run("close")


def main() -> None:
    """Start Chromium with a profile of its own and play this end."""
    folder, role = Path(sys.argv[1]), sys.argv[2]
    mail = Mailbox(folder, "caller" if role == "caller" else "callee")
    with sync_playwright() as playwright, TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=[flag for flag in FLAGS if not (mail.call["mdns"] and "Mdns" in flag)],
        )
        play(Tab(browser.new_page()), mail)
        browser.close()


if __name__ == "__main__":
    main()
