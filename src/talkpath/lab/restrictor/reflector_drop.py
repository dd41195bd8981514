"""`reflector.drop` (M06): Telegram's pings to its reflectors are dropped, so a call never finds one.

The match is the peer tag's neighbour: twelve bytes FF at offset 16 (ReflectorPort.cpp of tgcalls; libtgvoip's pings
and answers have them too).
"""

from __future__ import annotations

from talkpath.lab.matchers import TAG_MARK
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Looks at bytes 16 to 27 of each UDP payload; all without the mark pass."""
    first = flow.head + 16
    end = first + len(TAG_MARK)

    def reflector(now_s: float, packet: bytes) -> float:
        return DROP if packet[first:end] == TAG_MARK else PASS

    return reflector


MECHANISM = Mechanism(
    "reflector.drop", "Telegram's reflector pings are dropped", "set-up", gate, (APP, MEDIUM, direction("both"))
)
