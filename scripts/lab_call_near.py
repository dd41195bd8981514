"""The near end of a lab call: headless Chromium, controlled over its debugging pipe.

    python scripts/lab_call_near.py FOLDER SECONDS voice|video 4|6

Offers a call (a tone; for video a moving picture), writes the offer to FOLDER/offer.json, reads the answer from
FOLDER/answer.json and sends for so long. Only the call itself goes over the network. At the end Chromium's own counts
are in FOLDER/near.json.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]

OFFER = """async video => {
  const pc = window.pc = new RTCPeerConnection();
  const audio = new AudioContext(), tone = audio.createOscillator(), out = audio.createMediaStreamDestination();
  tone.connect(out); tone.start();
  pc.addTrack(out.stream.getTracks()[0], out.stream);
  if (video) {
    const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
    canvas.width = 320; canvas.height = 240;
    let turn = 0;
    setInterval(() => { for (let i = 0; i < 40; i++) {
      pen.fillStyle = `hsl(${(turn * 7 + i * 9) % 360} 80% 50%)`;
      pen.fillRect((turn * 3 + i * 31) % 320, (i * 47 + turn) % 240, 40, 30); } turn++; }, 60);
    const stream = canvas.captureStream(15);
    pc.addTrack(stream.getTracks()[0], stream);
  }
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise(done => pc.iceGatheringState == 'complete' ? done() :
    pc.onicegatheringstatechange = () => pc.iceGatheringState == 'complete' && done());
  return pc.localDescription.sdp; }"""

STATS = """async () => { const all = [];
  (await pc.getStats()).forEach(one => { if (one.type == 'inbound-rtp' || one.type == 'outbound-rtp')
    all.push({type: one.type, kind: one.kind, ssrc: one.ssrc, lost: one.packetsLost ?? null,
              packets: one.packetsReceived ?? one.packetsSent}); });
  return {state: pc.connectionState, streams: all}; }"""


def place_call(page: Page, folder: Path, seconds: float, video: bool, family: str) -> None:
    """One call, from the offer to Chromium's counts."""
    sdp = page.evaluate(OFFER, video)
    (folder / "offer.part").write_text(json.dumps({"type": "offer", "sdp": of_family(sdp, family)}))
    (folder / "offer.part").rename(folder / "offer.json")
    while not (folder / "answer.json").exists():
        time.sleep(0.05)
    answer = json.loads((folder / "answer.json").read_text())
    answer["sdp"] = of_family(answer["sdp"], family)
    page.evaluate("answer => pc.setRemoteDescription(answer)", answer)
    time.sleep(seconds)
    (folder / "near.json").write_text(json.dumps(page.evaluate(STATS)))
    page.evaluate("() => pc.close()")


def of_family(sdp: str, family: str) -> str:
    """The description with UDP candidates of one IP family only."""
    return "".join(line for line in sdp.splitlines(keepends=True) if _fits_family(line, family))


def _fits_family(line: str, family: str) -> bool:
    if not line.startswith("a=candidate:"):
        return True
    words = line.split()
    return words[2].lower() == "udp" and (":" in words[4]) == (family == "6")


def main() -> None:
    """Start Chromium with a profile of its own and call."""
    folder, seconds, medium, family = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]
    with sync_playwright() as playwright, TemporaryDirectory() as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS
        )
        place_call(browser.new_page(), folder, seconds, medium == "video", family)
        browser.close()


if __name__ == "__main__":
    main()
