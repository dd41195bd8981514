"""Plays calls between two real browsers, each behind a NAT of its own, and compares results with the truth.

    python scripts/paired_cases.py             all cases, some two minutes each
    python scripts/paired_cases.py a-srtp-up   that alone

Each phone is Chromium in a namespace of its own; Linux routes and translates, nftables restricts and disturbs. Needs
Linux, root, Chromium, coturn, playwright and talkpath[web]. All traffic stays in namespaces that this program makes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, TimeoutError, sync_playwright

from browser_cases import WEB, be_prompt, certificate_options, respond_arguments
from browser_near import CHROMIUM, FLAGS, NAME
from browser_near import be_prompt as be_prompt_browser
from talkpath.browser.far_end.far_end_group import AT_A_TIME
from talkpath.experiment.seeds import SEED_PART_BYTES
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.path.link import RESPONDER

LONGEST_S, PING_S = 300.0, 10.0
TRIES = 2  # a check of one's own line whose ends were late, as on a busy machine, says nothing: play it again
SRTP, HELLO = "@th,64,2 2", "@th,64,8 22 @th,168,8 1"  # RFC 7983 section 7; RFC 6347 section 4.2.2
STUN = "@th,96,32 0x2112a442"  # RFC 8489 section 5
RELAYED_SRTP = "@th,64,8 0x40 @th,96,2 2"  # in ChannelData, RFC 8656 section 12.4
UP, DOWN, UDP = 'iifname "in"', 'iifname "out"', "meta l4proto udp"
PLAIN_NAT, RANDOM_NAT = "masquerade", "masquerade random"
NOT_SERVER = f"ip daddr != {RESPONDER.ipv4} ip saddr != {RESPONDER.ipv4}"


@dataclass(frozen=True, slots=True)
class PairedCase:
    """What two networks do, and what may be said: `states` and `sides` allowed. `a` and `b` are rules of nftables at
    each end's router, `nat` how both translate. `routes` maps a route to its fate. `may_end`: it may break off."""

    states: tuple[str, ...]
    sides: tuple[str, ...] = ("",)
    a: tuple[str, ...] = ()
    b: tuple[str, ...] = ()
    nat: str = PLAIN_NAT
    routes: tuple[tuple[str, str], ...] = ()
    may_end: bool = False


def held_back(sides: tuple[str, ...], a: Sequence[str] = (), b: Sequence[str] = (), **more: Any) -> PairedCase:
    """A case with a restriction: a rule for each text, which drops."""
    on_a, on_b = (tuple(f"{UDP} {rule} drop" for rule in each) for each in (a, b))
    return PairedCase(("restricted",), sides, a=on_a, b=on_b, **more)


def losing(percent: int) -> str:
    """A rule by which so much of everything is lost."""
    return f"numgen random mod 100 < {percent} drop"


INNOCENT = ("ok", "impaired", "insufficient")
PAIRED_CASES = {
    "a-srtp-up": held_back(("a",), a=[f"{UP} {SRTP}"]),
    "a-srtp-down": held_back(("a",), a=[f"{DOWN} {SRTP}"]),
    "b-srtp-up": held_back(("b",), b=[f"{UP} {SRTP}"]),
    "b-srtp-both": held_back(("b",), b=[SRTP, RELAYED_SRTP]),
    "a-srtp-30": held_back(("a",), a=[f"{SRTP} numgen random mod 100 < 30"]),
    "b-hello": held_back(("b",), b=[HELLO]),
    "a-stun": held_back(("a",), a=[STUN]),
    "ab-same": held_back(("both",), a=[SRTP], b=[SRTP]),
    "ab-other": held_back(("both",), a=[f"{UP} {SRTP}"], b=[f"{UP} {HELLO}"]),
    "direct-a": held_back(
        ("between",), a=[f"{NOT_SERVER} {SRTP}"], routes=(("direct", "held_back"), ("relayed", "passes"))
    ),
    "direct-b": held_back(
        ("between",), b=[f"{NOT_SERVER} {SRTP}"], routes=(("direct", "held_back"), ("relayed", "passes"))
    ),
    "relay-b": held_back(("between",), b=[RELAYED_SRTP], routes=(("direct", "passes"), ("relayed", "held_back"))),
    "none": PairedCase(INNOCENT, routes=(("direct", "passes"), ("relayed", "passes"))),
    "symmetric": PairedCase(INNOCENT, nat=RANDOM_NAT, routes=(("direct", "not_connected"), ("relayed", "passes"))),
    "firewall": PairedCase(
        INNOCENT, b=(f"{UDP} {NOT_SERVER} drop",), routes=(("direct", "not_connected"), ("relayed", "passes"))
    ),
    "closed-a": PairedCase(INNOCENT, a=(f"{UDP} drop",), routes=(("direct", "not_connected"),)),
    "loss-2": PairedCase(INNOCENT, a=(losing(2),), b=(losing(2),)),
    "loss-5": PairedCase(INNOCENT, a=(losing(5),)),
    "loss-15": PairedCase(INNOCENT, b=(losing(15),), may_end=True),
    "loss-up": PairedCase(INNOCENT, a=(f"{UP} {losing(10)}",)),
    "symmetric-loss": PairedCase(INNOCENT, a=(losing(5),), b=(losing(5),), nat=RANDOM_NAT),
    "hash": PairedCase(INNOCENT, a=(f"{UDP} jhash ip saddr . udp sport mod 10 seed 7 < 1 drop",)),
    "police-all": PairedCase(
        INNOCENT, b=(f"{UP} {UDP} limit rate over 60 kbytes/second burst 8 kbytes drop",), may_end=True
    ),
    "private": PairedCase(INNOCENT, a=(f"{NOT_SERVER} drop",), b=(f"{NOT_SERVER} drop",)),
}


@contextmanager
def two_homes(case: PairedCase) -> Iterator[Mapping[str, Namespace]]:
    """The namespaces "server", "a" and "b": two phones, each behind a router, and a test server, at one exchange."""
    with ExitStack() as undo:
        names = ("server", "exchange", "router-a", "router-b", "a", "b")
        made = {name: Namespace.new(name) for name in names}
        for each in made.values():
            undo.callback(each.close)
        _join(
            made["exchange"],
            made["server"],
            "to-server",
            "eth0",
            f"{RESPONDER.ipv4.rpartition('.')[0]}.1",
            RESPONDER.ipv4,
        )
        for end, network in (("a", 1), ("b", 2)):
            outside = f"203.0.113.{network * 16 + 1}", f"203.0.113.{network * 16 + 2}"
            _join(made["exchange"], made[f"router-{end}"], f"to-{end}", "out", *outside, width=28)
            _join(made[f"router-{end}"], made[end], "in", "eth0", f"192.168.{network}.1", f"192.168.{network}.2")
            _make_router(made[f"router-{end}"], case.a if end == "a" else case.b, case.nat)
        _forward(made["exchange"])
        yield made


def _join(
    near: Namespace, far: Namespace, name: str, far_name: str, near_ip: str, far_ip: str, width: int = 24
) -> None:
    """A cable; the far end's default route leads over it."""
    near.ip(
        f"link add {name} type veth peer name {far_name} netns {far.path}", f"addr add {near_ip}/{width} dev {name}"
    )
    near.ip(f"link set {name} up")
    far.ip(f"addr add {far_ip}/{width} dev {far_name}", f"link set {far_name} up", f"route add default via {near_ip}")


def _make_router(router: Namespace, rules: Sequence[str], nat: str) -> None:
    chains = (
        'chain out {\ntype nat hook postrouting priority srcnat;\noifname "out" ' + nat + "\n}\n"
        # As home routers do; else what comes unasked would keep a port from the phone (conntrack).
        'chain in {\ntype filter hook input priority 0;\niifname "out" drop\n}\n'
        "chain on {\ntype filter hook forward priority 0;\n" + "\n".join(rules) + "\n}\n"
    )
    _run_inside(router, "nft", "-f", "-", text=f"table ip home {{\n{chains}}}\n")
    _forward(router)


def _forward(place: Namespace) -> None:
    with place.inside():
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _run_inside(place: Namespace, *command: str, text: str = "") -> None:
    with place.inside():
        program = str(namespace.system_tool(command[0]))
        subprocess.run([program, *command[1:]], input=text, text=True, capture_output=True, check=True)


def play_paired_case(case: PairedCase, video: bool = False) -> dict[str, Any]:
    """One call: what each phone shows, {"a": {"text", "result"}, "b": …}."""
    with TemporaryDirectory() as scratch, two_homes(case) as places:
        server = places["server"].start(
            [sys.executable, *respond_arguments(scratch), *certificate_options(scratch)], stdout=subprocess.PIPE
        )
        assert server.stdout is not None
        while b"link" not in (line := server.stdout.readline()):
            assert line, "the test server ended"
        holder = places["exchange"].start([sys.executable, __file__, "--hold"], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        holder.stdout.readline()
        near = [sys.executable, __file__, "--near", scratch]
        ends = [places[end].start([*near, end, *["video"] * video]) for end in ("a", "b")]
        try:
            for each in ends:
                each.wait(LONGEST_S + 60)
        finally:
            for each in (*ends, holder, server):
                each.terminate()
                each.wait(20)
        found = {end: Path(scratch, f"{end}.json") for end in ("a", "b")}
        return {end: json.loads(file.read_text()) if file.exists() else {} for end, file in found.items()}


async def hold_places() -> None:
    """Begin checks and leave them at that, so that the test server has one place left: on a machine of two cores each
    phone checks its own line alone, one after the other."""
    from websockets.asyncio.client import connect
    from websockets.typing import Origin

    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    address = f"{RESPONDER.ipv4}:{WEB}"
    origin = Origin(f"https://{address}")
    start = {"type": "start", "nonce": secrets.token_hex(SEED_PART_BYTES), "media": ["voice"], "vpn": False}
    async with AsyncExitStack() as held:
        sockets = [
            await held.enter_async_context(connect(f"wss://{address}/check/talk", ssl=trusting, origin=origin))
            for _ in range(AT_A_TIME - 1)
        ]
        for each in sockets:
            await each.recv()
            await each.send(json.dumps(start))
        sys.stdout.write("held\n")
        sys.stdout.flush()
        while True:
            await asyncio.gather(*(each.send(json.dumps({"type": "ping", "number": 1})) for each in sockets))
            await asyncio.sleep(PING_S)


def run_near(scratch: Path, end: str, video: bool) -> None:
    """One phone: the first makes a link, the second opens it; write what it shows."""
    with sync_playwright() as playwright, TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS
        )
        page = context.new_page()
        page.on("pageerror", lambda error: sys.stderr.write(f"{error}\n"))
        link = scratch / "link"
        page.goto(_link_of(link) if end == "b" else f"https://{NAME}:{WEB}/check/together?lang=en", timeout=60_000)
        page.wait_for_selector("html[data-ready]")
        page.check('input[name="vpn"][value="no"]')
        if video and end == "a":
            page.check('input[name="video"]')
        page.click("#start")
        page.wait_for_timeout(300)
        be_prompt_browser()
        if end == "a":
            page.wait_for_selector("#wait:not([hidden])")
            link.with_suffix(".new").write_text(page.get_attribute("#room-link", "href") or "")
            link.with_suffix(".new").rename(link)
        (scratch / f"{end}.json").write_text(json.dumps(_shown(page)))
        context.close()


def _link_of(file: Path) -> str:
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.2)
    return file.read_text()


def _shown(page: Page) -> dict[str, Any]:
    with suppress(TimeoutError):
        page.wait_for_selector(
            "#result:not([hidden]), #ask:not([hidden]) #trouble:not(:empty)", timeout=1000 * LONGEST_S
        )
    if not page.is_visible("#result"):
        return {"text": page.inner_text("#trouble"), "result": None}
    return {"text": page.inner_text("#result"), "result": page.evaluate("window.lastResult")}


def is_paired_right(case: PairedCase, found: Mapping[str, Any]) -> bool:
    """Do both phones tell what may be told? A call that broke off on a bad network tells nothing wrong."""
    results = [found[end].get("result") for end in ("a", "b")]
    if None in results:
        return "restricted" not in case.states and case.may_end
    document = results[0]["json"]
    fates = {(one["route"], one["fate"]) for one in document["routes"]}
    told = document["state"] in case.states and document["side"] in case.sides
    return told and document == results[1]["json"] and set(case.routes) <= fates


def is_too_busy(found: Mapping[str, Any]) -> bool:
    """Was a line's own check void since this machine was too busy?"""
    document = (found["a"].get("result") or {}).get("json", {})
    reasons = [document.get(end, {}).get("reason") or {} for end in ("a", "b")]
    return any(reason.get("code") in ("late", "no_control") for reason in reasons)


def main() -> None:
    """Play what was asked for; one JSON object a line. `busy`: in none of all tries did the machine keep up."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cases", nargs="*", metavar="CASE")
    options.add_argument("--video", action="store_true")
    options.add_argument("--near", metavar="FOLDER", help="be one phone; for this program itself")
    options.add_argument("--hold", action="store_true", help="hold places at the test server; for this program itself")
    chosen = options.parse_args()
    if chosen.hold:
        asyncio.run(hold_places())
        return
    if chosen.near:
        run_near(Path(chosen.near), chosen.cases[0], "video" in chosen.cases)
        return
    if unknown := sorted(set(chosen.cases) - PAIRED_CASES.keys()):
        options.error(f"there is no case {unknown[0]}; there are: {', '.join(PAIRED_CASES)}")
    be_prompt()
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    namespace.enter_namespace()
    for name in chosen.cases or PAIRED_CASES:
        case = PAIRED_CASES[name]
        for _ in range(TRIES):
            found = play_paired_case(case, chosen.video)
            busy = is_too_busy(found)
            if not busy:
                break
        row = {"case": name, "right": is_paired_right(case, found), "busy": busy, **found}
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
