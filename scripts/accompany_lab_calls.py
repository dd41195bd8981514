"""Play calls on real sockets that `talkpath listen` accompanies with control traffic; say whether its words are right.

    python scripts/accompany_lab_calls.py                          all cases, some 25 s each
    python scripts/accompany_lab_calls.py whatsapp/freeze webrtc/drop-down

Each call goes from the lab's probe host through a relay in the app's own network, with a rule that acts on that app's
addresses alone; the test server stands elsewhere. WebRTC is Chromium to aiortc (needs both); the others have their
apps' byte shapes. Needs Linux. All traffic stays in namespaces that the lab makes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from proof.relayed_calls.namespaces import start_call, start_relay
from talkpath.lab.drivers import namespace, netns
from talkpath.lab.drivers.netns import NetnsLab, Program
from talkpath.lab.drivers.run import PYTHON, link_to, respond_argv
from talkpath.lab.drivers.sim import CONTROL_PORT
from talkpath.lab.path.link import HOSTS, LAB_PROBE, RESPONDER, LabHost
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.lab.scenario import Scenario
from talkpath.verdict.bases.accompanied_call import MOST_LATE_MS

SCRIPTS = Path(__file__).parent
PORTS = ("3478", "443", "5349", "19302")
SECONDS, RTC_PORT = 20.0, 3478
READY_S, AFTER_S = 30.0, 4.0


@dataclass(frozen=True, slots=True)
class Case:
    """What the restrictor does to the app's own addresses, and the words that are right: the state, and what may be the
    first of the rules that it names as consistent."""

    rule: str
    state: str = "insufficient"
    fits: tuple[str, ...] = ("",)


CASES = {
    "nothing": Case("", "ok"),
    "freeze": Case("media.freeze,to=app,after_s=4", fits=("media.freeze",)),
    "drop-up": Case("media.drop,to=app,p=0.3,direction=up", "ok"),  # of what came: the interface sees no more
    "drop-down": Case("media.drop,to=app,p=0.3,direction=down", fits=("media.drop",)),
    "no-setup": Case("udp.block,to=app", fits=("stun.drop", "reflector.drop", "address.block")),
    "police": Case("media.police,to=app,kbps=20", fits=("media.police", "media.drop")),
}
APPS = ("telegram", "whatsapp", "signal", "webrtc")


def accompanied_call(app: str, rule: str, seconds: float = SECONDS, seed: int = 1) -> dict[str, Any]:
    """One call of the app, listened to on the caller's interface: the JSON of `listen` (its last object)."""
    relay = app_relay(app)
    scenario = Scenario.parse("clean", [f"{rule},app={app}"] if rule else [], seed)
    with TemporaryDirectory() as name, netns.netns_lab(scenario.network(), (*HOSTS, relay)) as lab:
        folder = Path(name)
        responder = lab.start(RESPONDER.name, respond_argv(folder, PORTS))
        link = link_to(responder.line('"link"'), RESPONDER.ipv4, CONTROL_PORT, CONTROL_PORT)
        listening = lab.start(LAB_PROBE.name, [*PYTHON, "listen", "-i", "eth0", link, "--json"])
        listening.line("{", READY_S)
        place: Callable[..., None] = _chromium_call if app == "webrtc" else _shaped_call
        place(lab, relay, app, seconds, folder)
        time.sleep(AFTER_S)
        outcome = listening.stop()
        health = lab.stop()
    lines = outcome.stdout.decode().splitlines()
    told: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return {"told": told, "errors": outcome.stderr.decode()[-800:], "late_ms": health.late_p99_ms}


def _shaped_call(lab: NetnsLab, relay: LabHost, app: str, seconds: float, folder: Path) -> None:
    start_call(lab, relay, app, seconds).finish()


def _chromium_call(lab: NetnsLab, relay: LabHost, app: str, seconds: float, folder: Path) -> None:
    """Chromium to aiortc, which stands behind the relay: each is told of no other address than the relay's."""
    near, far = folder / "near", folder / "far"
    near.mkdir()
    far.mkdir()
    lab.start(relay.name, [sys.executable, str(SCRIPTS / "lab_call_far.py"), str(far), "voice"]).line("ready", READY_S)
    caller = lab.start(
        LAB_PROBE.name, [sys.executable, str(SCRIPTS / "lab_call_near.py"), str(near), str(seconds), "voice", "4"]
    )
    offer = _wait_for_file(caller, near / "offer.json")
    _put_description(far / "offer.json", offer | {"sdp": "".join(_replaced_line(offer["sdp"], "a=candidate", ""))})
    answer = _wait_for_file(caller, far / "answer.json")
    port = next(line.split()[5] for line in answer["sdp"].splitlines() if line.startswith("a=candidate"))
    start_relay(lab, relay, (RTC_PORT,), int(port), relay.ipv4)
    candidate = f"a=candidate:1 1 udp 2130706431 {relay.ipv4} {RTC_PORT} typ host\r\n"
    _put_description(
        near / "answer.json", answer | {"sdp": "".join(_replaced_line(answer["sdp"], "a=candidate", candidate))}
    )
    caller.finish(seconds + READY_S)


def _replaced_line(sdp: str, prefix: str, instead: str) -> list[str]:
    """The description with one line in place of the first that begins so, and without the others."""
    lines, given = [], False
    for line in sdp.splitlines(keepends=True):
        if not line.startswith(prefix):
            lines.append(line)
        elif not given:
            lines.append(instead)
            given = True
    return lines


def _wait_for_file(program: Program, file: Path) -> dict[str, Any]:
    until_s = time.monotonic() + READY_S
    while not file.exists() and time.monotonic() < until_s:
        if program.ended(0.05):
            raise SystemExit(f"The caller ended: {program.last_error_line()}")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _put_description(file: Path, description: dict[str, Any]) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps(description))
    part.rename(file)


def said_words(told: dict[str, Any]) -> tuple[str, str, str]:
    """The state of the call or attempt, the rule that is named or fits first, and the reason's code."""
    every = [*told.get("calls", ()), *told.get("attempts", ())]
    verdicts = [each["verdict"] for each in every if each.get("verdict")]
    if not verdicts:
        return "", "", "no call was seen"
    worst = next((each for each in verdicts if each["state"] != "ok"), verdicts[0])
    rule = worst["rule"] or next(iter(worst["alternatives"]), "")
    return worst["state"], rule, (worst["reason"] or {}).get("code", "")


def is_right(case: Case, told: dict[str, Any]) -> bool:
    """Whether the words are those of the case."""
    state, rule, _ = said_words(told)
    return state == case.state and (case.state == "ok" or rule in case.fits)


def is_void(told: dict[str, Any]) -> bool:
    """Whether this machine sent control traffic too late to be beside the call: then nothing is right or wrong."""
    late_ms = [each["late_ms_p99"] or 0.0 for each in told.get("controls", ())]
    return max(late_ms, default=0.0) > MOST_LATE_MS


def main() -> int:
    """Play what was asked for."""
    namespace.enter_namespace()
    names = sys.argv[1:] or [f"{app}/{name}" for app in APPS for name in CASES]
    wrong = 0
    for name in names:
        app, _, kind = name.partition("/")
        found = accompanied_call(app, CASES[kind].rule)
        good = is_right(CASES[kind], found["told"])
        label = "void" if is_void(found["told"]) else "right" if good else "WRONG"
        wrong += label == "WRONG"
        state, rule, code = said_words(found["told"])
        sys.stdout.write(f"{label:5}  {name:20} {state:13} {rule:14} {code:16}")
        sys.stdout.write(
            f" late p99 {found['late_ms']:.1f} ms\n" + (f"{found['errors']}\n" if label == "WRONG" else "")
        )
        sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
