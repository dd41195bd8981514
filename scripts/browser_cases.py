"""Runs real checks in a real browser through the lab's simulated networks, and compares results with the ground truth.

    python scripts/browser_cases.py               all cases, some 30 s each
    python scripts/browser_cases.py none srtp-up  those alone
    python scripts/browser_cases.py --http none   the page without https
    python scripts/browser_cases.py --firefox     in Firefox instead of Chromium
    python scripts/browser_cases.py --innocent 50 networks that restrict nothing

Needs Linux, Chromium or Firefox (firefox-esr), playwright and talkpath[web]. All traffic stays in the lab's namespaces.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import browser_cases  # this file: what is pickled for the router's process must come from a module
from browser_near import NAME
from talkpath.apps.contract.shape import Direction
from talkpath.browser.web.page_texts import page_texts
from talkpath.lab.drivers import namespace, netns
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.lab.scenario import Scenario

BACKGROUNDS = (
    "ge,loss=0.02",
    "ge,loss=0.05",
    "ge,loss=0.15",
    "congestion",
    "bufferbloat",
    "reorder",
    "ecmp",
    "hash",
    "nat_evict",
    "police_all",
    "police_flow",
    "flow_loss",
    "outage",
    "nat_rebind",
    "transit_loss",
    "size_loss",
)
NEAR = Path(__file__).with_name("browser_near.py")
NEAR_FIREFOX = Path(__file__).with_name("browser_near_firefox.py")
WEB, UDP = 8443, 4434
NICE = -15
TCP, UDP_PROTOCOL = 6, 17
LONGEST_S = 400  # the page may be slow to come, and slow to end
AUTHORITY = "authority.pem"
HOUR = timedelta(hours=1)
CHROMIUM_ALONE = ("slow", "starve", "safari")  # what cannot be done to Firefox
EVERY = ("udp/4434", "udp/3478", "udp/443", "tcp/443", "tls/443")

Answer = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One network, and what may be said of it.

    `right` has the allowed verdicts (state, rule, direction), None for any; `video` those of video, () if it is not
    tried. `fitting` has the rules that must fit equally well. `paths` must carry a call, and no others; None: any. No
    TCP passes to the ports `tcp_blocked`, no QUIC handshake if `quic_blocked`, and nothing from `dead_after_s` after
    the first call on. `act` is done in the middle of the check, or before it (keep). `says` is the name of the page's
    text (web/page_texts) if there is no result.
    """

    right: tuple[Answer, ...]
    rules: tuple[str, ...] = ()
    fitting: tuple[str, ...] = ()
    background: str = "clean"
    paths: tuple[str, ...] | None = None
    tcp_blocked: tuple[int, ...] = ()
    quic_blocked: bool = False
    dead_after_s: float = 0.0
    act: str = ""
    reason: str = ""
    video: tuple[Answer, ...] = ()
    says: str = ""


def restricted_answer(rule: str, direction: str) -> tuple[str, str, str]:
    """The right answer where something restricts."""
    return "restricted", rule, direction


def silent_answer(direction: str) -> tuple[Answer, ...]:
    """All media of that way dropped: no packet tells "each one, by chance" from "from the handshake on"."""
    return restricted_answer("media.freeze", direction), restricted_answer("media.drop", direction)


NEVER_ANSWERED: tuple[Answer, ...] = (("restricted", "media.unknown", None),)
"""A browser sends nothing but STUN before that is answered, so whether all else would pass does not show."""
UNKNOWN: tuple[Answer, ...] = (("insufficient", None, None),)
INNOCENT: tuple[Answer, ...] = (*UNKNOWN, ("ok", None, None), ("impaired", None, None))

CASES = {
    "none": Case((("ok", None, None),), paths=EVERY),
    "stun": Case(NEVER_ANSWERED, ("stun.drop",), fitting=("flow.block", "stun.drop")),
    "hello": Case((restricted_answer("dtls.hello_drop", "up"),), ("dtls.hello_drop",)),
    "srtp-up": Case(silent_answer("up"), ("media.drop,p=1,direction=up",)),
    "srtp-down": Case(silent_answer("down"), ("media.drop,p=1,direction=down",)),
    "srtp-both": Case(silent_answer("both"), ("media.drop,p=1",)),
    "drop30-up": Case((restricted_answer("media.drop", "up"),), ("media.drop,p=0.3,direction=up",)),
    "drop10": Case((restricted_answer("media.drop", "both"),), ("media.drop,p=0.1",)),
    "police": Case((restricted_answer("media.police", "both"),), ("media.police,kbps=24",)),
    "video": Case((("ok", None, None),), video=(("ok", None, None),)),
    "video-police": Case(
        (("ok", None, None),), ("media.police,kbps=200",), video=(restricted_answer("media.police", "both"),)
    ),
    "delay": Case((restricted_answer("media.delay", "both"),), ("media.delay,ms=150",)),
    "video-freeze-late": Case(
        (restricted_answer("media.freeze", "both"),),
        ("media.freeze,after_s=8",),
        video=(restricted_answer("media.freeze", "both"),),
    ),
    "freeze-late": Case((restricted_answer("media.freeze", "both"),), ("media.freeze,after_s=8",)),
    "freeze": Case((restricted_answer("media.freeze", "both"),), ("media.freeze,after_s=4",)),
    "freeze-18": Case((restricted_answer("media.freeze", "both"),), ("media.freeze,after_s=18",)),
    "stun-from-20": Case(NEVER_ANSWERED, ("stun.drop,from_s=20",), fitting=("flow.block", "stun.drop")),
    "drop50-from-18": Case((restricted_answer("media.drop", "both"),), ("media.drop,p=0.5,from_s=18",)),
    "udp-block": Case((("closed", "udp.block", None),), ("udp.block",), paths=("tcp/443", "tls/443")),
    "turn-udp-only": Case(
        (("closed", None, None),), ("port.block,port=4434",), paths=("udp/3478", "udp/443"), tcp_blocked=(443,)
    ),
    "tcp-only": Case((("closed", "udp.block", None),), background="corporate", paths=("tcp/443", "tls/443")),
    "quic-block": Case((("ok", None, None),), quic_blocked=True),
    "nat-rebind": Case(UNKNOWN, background="nat_rebind", reason="network_changed"),
    "bad-wifi": Case(INNOCENT, background="ge,loss=0.1", video=INNOCENT),
    "congestion": Case(INNOCENT, background="congestion", video=INNOCENT),
    "bufferbloat": Case(INNOCENT, background="bufferbloat", video=INNOCENT),
    "network-change": Case(UNKNOWN, act="network", reason="network_changed"),
    "kept-back": Case(UNKNOWN, act="keep", reason="no_control"),
    "dead-line": Case((), dead_after_s=5.0, says="error_lost"),
    "safari": Case((("ok", None, None),), act="safari", video=(("ok", None, None),), paths=EVERY),
    "safari-drop30-up": Case(
        (restricted_answer("media.drop", "up"),), ("media.drop,p=0.3,direction=up",), act="safari"
    ),
    "slow-page": Case(INNOCENT, act="slow", video=INNOCENT),
    "slow-page-srtp-up": Case((*silent_answer("up"), *UNKNOWN), ("media.drop,p=1,direction=up",), act="slow"),
    "slow-page-drop30-up": Case(
        (restricted_answer("media.drop", "up"), *UNKNOWN), ("media.drop,p=0.3,direction=up",), act="slow"
    ),
    "starved": Case(INNOCENT, act="starve", video=INNOCENT),
    "starved-srtp-up": Case((*silent_answer("up"), *UNKNOWN), ("media.drop,p=1,direction=up",), act="starve"),
    "hidden": Case(UNKNOWN, act="hide", reason="hidden"),
}


GAVE_UP = ("error_lost", "error_long", "error_part", "no_server")  # what may be said on a bad line


class CutOffError(Exception):
    """The browser's end got no result, not even a page: on a bad line that is no verdict."""


class Blocked:
    """A network through which no TCP to some ports passes, or no QUIC, or after a while nothing."""

    def __init__(self, network: LabNetwork, case: Case) -> None:
        self._network, self._case, self.dropped = network, case, network.dropped
        self._called_s: float | None = None

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """As `Network.offer`."""
        at = (packet[0] & 15) * 4
        ends = struct.unpack_from("!HH", packet, at)
        if self._is_dead(now_s, ends) or (packet[9] == TCP and set(ends) & set(self._case.tcp_blocked)):
            return []
        if packet[9] == UDP_PROTOCOL and self._case.quic_blocked and packet[at + 8 : at + 9] >= b"\xc0":
            return []
        return self._network.offer(now_s, direction, packet)

    def _is_dead(self, now_s: float, ends: tuple[int, ...]) -> bool:
        if self._called_s is None and UDP in ends:
            self._called_s = now_s
        called_s, after_s = self._called_s, self._case.dead_after_s
        return bool(after_s) and called_s is not None and now_s > called_s + after_s


def certificate_options(folder: str) -> list[str]:
    """Options of `respond_arguments` for a certificate of an authority that only the lab's browsers know
    (authority.pem)."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _signed_certificate("the lab", authority, authority, x509.BasicConstraints(ca=True, path_length=0))
    chain = _signed_certificate("a test server", own, authority, x509.SubjectAlternativeName([x509.DNSName(NAME)]))
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path(folder, AUTHORITY).write_bytes(root.public_bytes(Encoding.PEM))
    Path(folder, "chain.pem").write_bytes(chain.public_bytes(Encoding.PEM))
    Path(folder, "key.pem").write_bytes(key)
    return ["--web-cert", f"{folder}/chain.pem", "--web-key", f"{folder}/key.pem"]


def respond_arguments(folder: str) -> list[str]:
    """Python's arguments for a test server that leaves the ports of TURN to the relay."""
    options = f"--json --ports 5000 --host {RESPONDER.ipv4} --key-file {folder}/key --web {WEB} --web-udp {UDP}"
    return ["-m", "talkpath", "respond", *options.split(), "--tcp-ports", "", "--tls-ports", ""]


def _signed_certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
) -> x509.Certificate:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the lab")]),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
        key.public_key(),
        x509.random_serial_number(),
        now - HOUR,
        now + 24 * HOUR,
    )
    return made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints)).sign(
        issuer, hashes.SHA256()
    )


def play_case(case: Case, seed: int = 1, *, secure: bool = True, near: Path = NEAR) -> dict[str, Any]:
    """One check: {"text", "result", "late_p99_ms" of the lab's router}. Not `secure`: the page comes by http. `near`:
    what drives the browser."""
    network = Blocked(Scenario.parse(case.background, case.rules, seed).network(), case)
    with TemporaryDirectory() as scratch, netns.netns_lab(network) as lab:
        far = [sys.executable, *respond_arguments(scratch), *(certificate_options(scratch) if secure else [])]
        lab.start(RESPONDER.name, far).line("link")
        file = Path(scratch, "near.json")
        # Without https by address: of a page with a name browsers try https first.
        origin = f"https://{NAME}:{WEB}" if secure else f"http://{RESPONDER.ipv4}:{WEB}"
        outcome = lab.start(
            LAB_PROBE.name, [sys.executable, str(near), origin, str(file), "video" if case.video else "voice", case.act]
        ).finish(LONGEST_S)
        health = lab.stop()
        if outcome.exit_code:
            raise CutOffError(outcome.stderr.decode()[-600:])
        return {**json.loads(file.read_text()), "late_p99_ms": health.late_p99_ms}


def be_prompt() -> None:
    """Before others on this machine, where that is allowed: a check whose ends are late is void."""
    with contextlib.suppress(OSError):
        os.setsid()  # a scheduling group of our own (sched(7), autogroup)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        Path("/proc/self/autogroup").write_text(str(NICE))


def is_right(case: Case, text: str, result: dict[str, Any]) -> bool:
    """Is it one of the right answers, and do the right paths carry a call?"""
    if "json" not in result:  # the page gave up, and said so
        words = (case.says,) if case.says else GAVE_UP if case.right == INNOCENT else ()
        return text in [page_texts("en")[word] for word in words]
    verdict, *others = result["json"]["verdicts"]
    told = _is_told(case.right, verdict) and all(_is_told(case.video, other) for other in others)
    carried = {path["name"] for path in result["paths"] if path.get("carries")}
    why = (verdict["reason"] or {}).get("code", "")
    offered = {path["name"] for path in result["paths"] if not path.get("missing")}
    paths = case.paths is None or carried == set(case.paths) & offered
    fitting = not case.fitting or tuple(sorted(verdict["alternatives"])) == case.fitting
    return told and paths and fitting and (not case.reason or why == case.reason)


def _is_told(right: Sequence[Answer], verdict: dict[str, Any]) -> bool:
    found = verdict["state"], verdict["rule"], verdict["direction"]
    return any(all(want in (None, have) for want, have in zip(one, found, strict=True)) for one in right)


def case_rows(names: Sequence[str], seed: int, secure: bool, near: Path) -> Iterator[dict[str, Any]]:
    """One row a case."""
    for name in names:
        found = play_case(CASES[name], seed, secure=secure, near=near)
        yield {
            "case": name,
            "seed": seed,
            "secure": secure,
            "right": is_right(CASES[name], found["text"], found["result"]),
            **found,
        }


def play_innocent_networks(runs: int, near: Path) -> Iterator[dict[str, Any]]:
    """Networks that restrict nothing, each as bad as its seed has it."""
    for number in range(runs):
        turn, kind = divmod(number, len(BACKGROUNDS))
        case = Case(INNOCENT, background=BACKGROUNDS[kind], video=() if turn else INNOCENT)
        row = {"case": case.background, "seed": 100 + number}
        try:
            found = play_case(case, 100 + number, near=near)
        except CutOffError as error:
            yield row | {"right": True, "result": {"paths": []}, "late_p99_ms": 0.0, "text": str(error)}
            continue
        yield row | {"right": is_right(case, found["text"], found["result"]), **found}


def main() -> None:
    """Play what was asked for; one JSON object a line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cases", nargs="*", metavar="CASE")
    options.add_argument("--innocent", type=int, default=0, metavar="RUNS")
    options.add_argument("--http", action="store_true", help="the page without https: data channels as twins")
    options.add_argument("--firefox", action="store_true", help="in Firefox (Debian's firefox-esr)")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    if unknown := sorted(set(chosen.cases) - CASES.keys()):
        options.error(f"there is no case {unknown[0]}; there are: {', '.join(CASES)}")
    if chosen.firefox and any(CASES[name].act in CHROMIUM_ALONE for name in chosen.cases):
        options.error("only Chromium can be slowed or made like another browser; leave --firefox away")
    be_prompt()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(NEAR.parent), os.environ.get("PYTHONPATH"))))
    namespace.enter_namespace()
    near = NEAR_FIREFOX if chosen.firefox else NEAR
    every = [name for name, case in CASES.items() if not (chosen.firefox and case.act in CHROMIUM_ALONE)]
    names = chosen.cases or ([] if chosen.innocent else every)
    for row in chain(
        case_rows(names, chosen.seed, not chosen.http, near), play_innocent_networks(chosen.innocent, near)
    ):
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    browser_cases.main()
