"""One end of a call in Debian's Firefox, without a window, driven by WebDriver BiDi (W3C) over a WebSocket on loopback.

python -m proof.engines.ends.firefox FOLDER caller|callee
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.sync.client import ClientConnection, connect

from proof.engines.ends.chromium import PAGE
from proof.engines.ends.driver import play
from proof.engines.mailbox import Mailbox

FIREFOX = "/usr/bin/firefox-esr"
SETTINGS = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.devices.insecure.enabled": True,
    "media.getusermedia.insecure.enabled": True,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
PATIENCE_S = 60.0
LARGEST_BYTES = 16 << 20


class Tab:
    """Firefox's one tab, which runs page.js."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        self._send("session.new", capabilities={})
        self._context = self._send("browsingContext.getTree")["contexts"][0]["context"]
        self._evaluate(PAGE.read_text() + "; globalThis.fake = true; 1")

    def _send(self, method: str, **params: Any) -> Any:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(PATIENCE_S))
            if message.get("id") == self._number:
                break
        if message["type"] == "error":
            raise RuntimeError(f"{method}: {message['message']}")
        return message["result"]

    def _evaluate(self, expression: str) -> Any:
        found = self._send(
            "script.evaluate",
            expression=expression,
            awaitPromise=True,
            target={"context": self._context},
            userActivation=True,
        )
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return found["result"].get("value")

    def _run(self, name: str, *values: Any) -> Any:
        return self._evaluate(f"end.{name}(...{json.dumps(values)})")

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


@contextmanager
def firefox(mdns: bool = False) -> Iterator[Tab]:
    """Firefox with a profile of its own."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        said = Path(profile, "said")
        prefs = (
            f'user_pref("{name}", {json.dumps(value)});\n'
            for name, value in (SETTINGS | {"media.peerconnection.ice.obfuscate_host_addresses": mdns}).items()
        )
        Path(profile, "user.js").write_text("".join(prefs))
        command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile]
        with said.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            try:
                with connect(f"{_address(said)}/session", max_size=LARGEST_BYTES, proxy=None) as socket:
                    yield Tab(socket)
            finally:
                process.kill()


def _address(said: Path) -> str:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        if found := LISTENS.search(said.read_text(errors="replace")):
            return found[1]
        time.sleep(0.1)
    raise TimeoutError("Firefox never listened")


def main() -> None:
    """Start Firefox and play this end."""
    folder, role = Path(sys.argv[1]), sys.argv[2]
    mail = Mailbox(folder, "caller" if role == "caller" else "callee")
    with firefox(mail.call["mdns"]) as tab:
        play(tab, mail)


if __name__ == "__main__":
    main()
