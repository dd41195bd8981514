"""`dtls.hello_drop` (M05): the DTLS ClientHello of one implementation is dropped, those of others pass.

Russia filtered pion's in 2021, 2022 and 2026, but never a browser's (pion/dtls 409 and 474, net4people/bbs 603).
"""

from __future__ import annotations

from random import Random

from talkpath.lab.matchers.hellos import DTLS_HELLO_MAKERS, read_hello
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import (
    APP,
    MEDIUM,
    Drawing,
    DrawnCall,
    DrawnSettings,
    Mechanism,
    RuleState,
    direction_setting,
)

HELLO = Setting("hello", "maker", "whose ClientHello", "any", choices=DTLS_HELLO_MAKERS)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Examines each datagram by itself: a DTLS record of type handshake, and the ClientHello in it."""
    wanted, head = state.rule.word("hello"), flow.head

    def hello(now_s: float, packet: bytes) -> float:
        if packet[head : head + 2] != b"\x16\xfe":
            return PASS
        client_hello = read_hello(packet[head:])
        return DROP if client_hello is not None and wanted in ("any", client_hello.maker) else PASS

    return hello


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws any ClientHello, or a browser's."""
    return {"hello": rng.choice(("any", "browser"))}


MECHANISM = Mechanism(
    id="dtls.hello_drop",
    meaning="a DTLS ClientHello is dropped",
    scope="set-up",
    packet_filter=packet_filter,
    drawing=Drawing(order=2, settings=draw),
    parameters=(APP, MEDIUM, direction_setting("both"), HELLO),
)
