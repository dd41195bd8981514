"""Any rule can have a timetable: from when on, and when it is in force."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.path.link import DROP, LAB_PROBE, PASS, RESPONDER
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter

PACKET = UdpWriter(Address.of(LAB_PROBE.ipv4, 40000), Address.of(RESPONDER.ipv4, 3478)).packet(bytes(40))
WEBRTC = Arm("webrtc", "dtls", "voice")


def dropped(rule: str, first_s: float = 100.0) -> list[int]:
    """The seconds after the first packet in which a packet a second is dropped."""
    restrictor = Restrictor((parse_rule(rule),), 1)
    fates = [restrictor.fate(first_s + second, True, PACKET) for second in range(20)]
    assert set(fates) <= {DROP, PASS}
    return [second for second, fate in enumerate(fates) if fate == DROP]


@pytest.mark.parametrize(
    ("rule", "seconds"),
    [
        ("udp.block", range(20)),
        ("udp.block,from_s=6", range(6, 20)),
        ("udp.block,from_s=6,active_s=3", range(6, 9)),
        ("udp.block,from_s=4,cycle_s=5,active_s=2", [4, 5, 9, 10, 14, 15, 19]),
    ],
)
def test_when_it_is_in_force(rule: str, seconds: range | list[int]) -> None:
    assert dropped(rule) == list(seconds)


def test_the_truth_is_that_of_the_rule_once_it_is_in_force() -> None:
    always, later = (rule_hits([parse_rule(text)], [WEBRTC]) for text in ("stun.drop", "stun.drop,from_s=50"))
    assert always == later
