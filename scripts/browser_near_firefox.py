"""The near end of a browser case in Firefox: as scripts/browser_near.py, which does it in Chromium.

    python scripts/browser_near_firefox.py ORIGIN FILE voice|video [hide|network|keep]

Debian's Firefox, driven by WebDriver BiDi (W3C) over a WebSocket on loopback: nothing beside Firefox is needed.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from websockets.sync.client import ClientConnection, connect

from browser_near import DISTURB_AFTER_MS, HIDE, NETWORK, PATIENCE_MS, SETTLED_MS, be_prompt
from talkpath.lab.path.link import RESPONDER

FIREFOX = "/usr/bin/firefox-esr"
SETTINGS = {
    "network.dns.forceResolve": RESPONDER.ipv4,
    # what a new profile asks of others
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
KEEPS_CALLS = {"media.peerconnection.ice.proxy_only": True}
TRUST = """Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64("{der}", "C,,")"""
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
LARGEST_BYTES = 64 << 20
POLL_S = 0.1
READY = "document.documentElement.dataset.ready === 'yes'"
ENDED = """!document.getElementById("result").hidden ||
  !document.getElementById("ask").hidden && document.getElementById("trouble").textContent !== "" """


class Tab:
    """Firefox's one tab. Scripts run as if a person had just touched it, so that a tone may sound."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        self.send("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": False}})
        self._context = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params: Any) -> Any:
        """The result of a command; what Firefox tells unasked is passed over."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(PATIENCE_MS / 1000))
            if message.get("id") == self._number:
                break
        if message["type"] == "error":
            raise RuntimeError(f"{method}: {message['message']}")
        return message["result"]

    def trust(self, authority: Path) -> None:
        """Take certificates of that authority, as a person may add one: a relay's, too, which Firefox takes from nobody
        else."""
        der = base64.b64encode(load_pem_x509_certificate(authority.read_bytes()).public_bytes(Encoding.DER)).decode()
        window = self.send("browsingContext.getTree", **{"moz:scope": "chrome"})["contexts"][0]["context"]
        self._evaluate(window, TRUST.format(der=der))

    def go(self, address: str) -> None:
        """Load a page."""
        self.send("browsingContext.navigate", context=self._context, url=address, wait="interactive")

    def run(self, expression: str) -> Any:
        """The value of an expression, brought over as JSON."""
        return json.loads(self._evaluate(self._context, f"JSON.stringify({expression})").get("value", "null"))

    def _evaluate(self, context: str, expression: str) -> Any:
        found = self.send(
            "script.evaluate",
            expression=expression,
            awaitPromise=True,
            target={"context": context},
            userActivation=True,
        )
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return found["result"]

    def wait(self, expression: str) -> None:
        """Until it is true."""
        until_s = time.monotonic() + PATIENCE_MS / 1000
        while not self.run(f"Boolean({expression})"):
            if time.monotonic() > until_s:
                raise TimeoutError(f"never came true: {expression}")
            time.sleep(POLL_S)


@contextmanager
def start_firefox(settings: Mapping[str, object]) -> Iterator[Tab]:
    """Firefox without a window, with a profile of its own."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        said = Path(profile, "said")
        prefs = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in settings.items())
        Path(profile, "user.js").write_text("".join(prefs))
        command = [
            FIREFOX,
            "--headless",
            "--no-remote",
            "--remote-debugging-port=0",
            "--remote-allow-system-access",
            "--profile",
            profile,
        ]
        with said.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            try:
                with connect(f"{_remote_address(said)}/session", max_size=LARGEST_BYTES, proxy=None) as socket:
                    yield Tab(socket)
            finally:
                process.kill()


def _remote_address(said: Path) -> str:
    until_s = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until_s:
        if found := LISTENS.search(said.read_text(errors="replace")):
            return found[1]
        time.sleep(POLL_S)
    raise TimeoutError("Firefox never listened")


def run_page_check(tab: Tab, origin: str, media: str, act: str) -> dict[str, object]:
    """One check."""
    tab.go(f"{origin}/check?lang=en")
    tab.wait(READY)
    tab.run(f"""document.querySelector('input[name="media"][value="{media}"]').click()""")
    tab.run("document.getElementById('start').click()")
    tab.wait("!document.getElementById('vpn-no').disabled")
    tab.run("document.getElementById('vpn-no').click()")
    time.sleep(SETTLED_MS / 1000)
    be_prompt()
    if act in ("hide", "network"):
        time.sleep(DISTURB_AFTER_MS / 1000)
        tab.run(f"({HIDE if act == 'hide' else NETWORK})()")
    with suppress(TimeoutError):
        tab.wait(ENDED)
    if tab.run("document.getElementById('result').hidden"):
        return {"text": tab.run("document.getElementById('trouble').innerText"), "result": {"paths": []}}
    tab.run("document.getElementById('details').open = true")
    text = tab.run("document.getElementById('result').innerText")
    return {"text": text, "result": tab.run("window.lastResult")}


def main() -> None:
    """Start Firefox, run one check, write what came of it."""
    origin, file, media, act = sys.argv[1], Path(sys.argv[2]), sys.argv[3], "".join(sys.argv[4:5])
    with start_firefox(SETTINGS | (KEEPS_CALLS if act == "keep" else {})) as tab:
        be_prompt()
        if (authority := file.with_name("authority.pem")).exists():
            tab.trust(authority)
        file.write_text(json.dumps(run_page_check(tab, origin, media, act)))


if __name__ == "__main__":
    main()
