"""`tls.hello_drop` (M21): a TCP connection whose TLS ClientHello was written by one implementation gets no further.

Since May 2026 one client's ClientHello is held back towards an address that another's passes to (telegramdesktop issues
30733 and 30788). What ends the ClientHello is dropped, or answered with a reset, and so is everything that the client
sends afterwards: it may try again as often as it likes.
"""

from __future__ import annotations

from talkpath.lab.matchers.hellos import TLS_HELLO_MAKERS
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import PacketFilter
from talkpath.lab.restrictor.client_hello import ACT, UP, hello_filter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Mechanism, RuleState, never_drawn

HELLO = Setting("hello", "maker", "whose ClientHello", "any", choices=TLS_HELLO_MAKERS)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Reads the beginning of the client's stream; None for other protocols, and for what servers send."""
    wanted = state.rule.word("hello")
    return hello_filter(state, flow, up, lambda hello: wanted in ("any", hello.maker))


MECHANISM = Mechanism(
    id="tls.hello_drop",
    meaning="a TCP connection with one client's TLS ClientHello gets no further",
    scope="any",
    packet_filter=packet_filter,
    drawing=never_drawn("no call of UDP shows it; it is drawn among the questions to an app's own servers"),
    parameters=(UP, HELLO, ACT),
)
