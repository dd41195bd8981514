"""`reflector.drop` (M06): Telegram's pings to its reflectors (relays) are dropped, so a call never finds one.

The rule matches twelve bytes FF at offset 16, after the peer tag (ReflectorPort.cpp of tgcalls; libtgvoip's pings and
answers have them too).
"""

from __future__ import annotations

from talkpath.lab.matchers.signatures import TAG_MARK
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Drawing, Mechanism, RuleState, direction_setting


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Examines bytes 16 to 27 of each UDP payload; packets without the mark pass."""
    first = flow.head + 16
    end = first + len(TAG_MARK)

    def reflector(now_s: float, packet: bytes) -> float:
        return DROP if packet[first:end] == TAG_MARK else PASS

    return reflector


MECHANISM = Mechanism(
    id="reflector.drop",
    meaning="Telegram's reflector pings are dropped",
    scope="set-up",
    packet_filter=packet_filter,
    drawing=Drawing(order=3),
    parameters=(APP, MEDIUM, direction_setting("both")),
)
