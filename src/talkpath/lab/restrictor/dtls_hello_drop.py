"""`dtls.hello_drop` (M05): the DTLS ClientHello of one maker is dropped, the others' pass.

Russia filtered pion's in 2021, 2022 and 2026, browsers' never (pion/dtls 409 and 474, net4people/bbs 603).
"""

from __future__ import annotations

from talkpath.lab.hello_fingerprint import HELLOS, read_hello
from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction

HELLO = Parameter("hello", "maker", "whose ClientHello", "any", choices=HELLOS)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Looks at each datagram alone: a DTLS record of type handshake, and the ClientHello in it."""
    wanted, head = post.rule.word("hello"), flow.head

    def hello(now_s: float, packet: bytes) -> float:
        if packet[head : head + 2] != b"\x16\xfe":
            return PASS
        found = read_hello(packet[head:])
        return DROP if found is not None and wanted in ("any", found.maker) else PASS

    return hello


MECHANISM = Mechanism(
    "dtls.hello_drop",
    "a DTLS ClientHello is dropped",
    "set-up",
    gate,
    (APP, MEDIUM, direction("both"), HELLO),
)
