"""`tls.hello_drop` (M21): a TCP connection whose TLS ClientHello was written by one implementation gets no further.

Since May 2026 one client's ClientHello is held back towards an address that another's passes to (telegramdesktop issues
30733 and 30788). What ends the ClientHello is dropped, and so is everything that the client sends afterwards: it may
try again as often as it likes.
"""

from __future__ import annotations

from talkpath.lab.matchers.tls_hello import MAKERS, Opening
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import tcp_segment
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.drawing import never
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Mechanism, RuleState
from talkpath.wire.ip.packets import TCP

HELLO = Setting("hello", "maker", "whose ClientHello", "any", choices=MAKERS)
UP = Setting("direction", "direction", "seen from the user", "up", choices=("up",))


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Reads the beginning of the client's stream; None for other protocols, and for what servers send."""
    if not up or flow.protocol != TCP:
        return None
    wanted, opening = state.rule.word("hello"), Opening()

    def hello(now_s: float, packet: bytes) -> float:
        sequence, payload = tcp_segment(packet)
        if not payload:
            return PASS
        if not opening.over:
            opening.add(sequence, payload)
        return DROP if opening.hello is not None and wanted in ("any", opening.hello.maker) else PASS

    return hello


MECHANISM = Mechanism(
    id="tls.hello_drop",
    meaning="a TCP connection with one client's TLS ClientHello gets no further",
    scope="any",
    packet_filter=packet_filter,
    drawing=never("no call of UDP shows it; it is drawn among the questions to an app's own servers"),
    parameters=(UP, HELLO),
)
