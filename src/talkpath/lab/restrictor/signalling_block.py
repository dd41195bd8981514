"""`signalling.block` (M13): a TCP connection whose TLS ClientHello names a host of an app gets no further.

The name alone decides, wherever the connection goes (with `to=app`: to the app's own addresses). What ends the
ClientHello is dropped, or answered with a reset, and so is everything that the client sends afterwards.
"""

from __future__ import annotations

from talkpath.lab.path.link import PacketFilter
from talkpath.lab.restrictor.app_networks import app_of_name
from talkpath.lab.restrictor.client_hello import ACT, UP, hello_filter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import APP, Mechanism, RuleState, never_drawn


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Reads the name in the client's ClientHello; None for other protocols, and for what servers send."""
    app = state.rule.word("app")
    return hello_filter(state, flow, up, lambda hello: app_of_name(hello.name) in ({app} if app else set(APP.choices)))


MECHANISM = Mechanism(
    id="signalling.block",
    meaning="a TCP connection whose TLS ClientHello names an app's host gets no further",
    scope="any",
    packet_filter=packet_filter,
    drawing=never_drawn("no call shows it; it is drawn among the questions to an app's own servers"),
    parameters=(UP, APP, ACT),
)
