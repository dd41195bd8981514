"""What the far end says is checked before it is believed: sizes, ports, and words that may be shown.

Contract: `PeerError` for an answer that no talkpath gives. What passes here cannot make the rest of the check fail.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from talkpath.errors import PeerError
from talkpath.experiment.layout import Layout
from talkpath.experiment.seeds import SEED_PART_BYTES
from talkpath.measure.validate import ROUTER_KINDS
from talkpath.wire.control import messages
from talkpath.wire.control.messages import FlowReport, Refusal, Welcome
from talkpath.wire.control.receipt import ADDRESS_CLASSES

MOST_PORTS = 64
MAX_SHOWN_CHARACTERS = 200
SHAPES_REFUSED = "The test server takes no shapes of recorded calls (it runs with --no-shapes); ask for another link."


def checked_welcome(found: Welcome, shape: bytes = b"") -> Welcome:
    """The welcome, its free text cut to what is known. `shape` is the recorded one that the far end has to take."""
    if found.version != messages.PROTOCOL_VERSION:
        raise PeerError(_their_versions(str(found.version)))
    every = (*found.ports, *found.tcp_ports, *found.tls_ports, *found.wss_ports)
    sound = found.ports and len(every) <= MOST_PORTS and all(0 < port < 65536 for port in every)
    if not sound or len(found.seed) != SEED_PART_BYTES or found.max_bytes <= 0 or found.control_flows <= 0:
        raise PeerError("The test server's welcome makes no sense; is it talkpath? Ask for another link.")
    if found.shape_bytes < len(shape):
        raise PeerError(SHAPES_REFUSED)
    known = found.responder_class if found.responder_class in ADDRESS_CLASSES else "unknown"
    return msgspec.structs.replace(found, responder_class=known)


def refusal_sentence(found: Refusal) -> str:
    """One sentence for people. The far end's own words are shown without anything that a terminal would act on."""
    if found.versions:
        return _their_versions(", ".join(str(version) for version in found.versions[:4]))
    words = "".join(letter for letter in found.sentence[:MAX_SHOWN_CHARACTERS] if letter.isprintable())
    return f"The test server refused: {words}"


def is_report_of(flows: Sequence[FlowReport], layout: Layout) -> None:
    """Is it about this epoch's flows: a report for each, each bitmap as long as the schedule, no bit beyond it?"""
    down, up = len(layout.down.slots), len(layout.up.slots)
    sound = len(flows) == len(layout.flows) and all(
        _is_bitmap(flow.sent, down) and _is_bitmap(flow.arrived, up) for flow in flows
    )
    limited = len(layout.down.limited)
    counted = all(0 <= flow.exceeded <= limited and flow.added >= 0 and flow.router in ROUTER_KINDS for flow in flows)
    if not (sound and counted):
        raise PeerError("The test server reported another epoch than the one it was asked about; is it talkpath?")


def checked_late(bitmaps: Sequence[bytes], layout: Layout) -> tuple[bytes, ...]:
    """The bitmaps of what came to the far end after an epoch's cut, () where they are not this epoch's."""
    slots = len(layout.up.slots)
    sound = len(bitmaps) == len(layout.flows) and all(_is_bitmap(bitmap, slots) for bitmap in bitmaps)
    return tuple(bitmaps) if sound else ()


def _is_bitmap(bitmap: bytes, slots: int) -> bool:
    """Whether it is as long as the schedule, with no bit beyond it: facts with such a bit cannot be read again."""
    return len(bitmap) == (slots + 7) // 8 and not int.from_bytes(bitmap, "little") >> slots


def _their_versions(theirs: str) -> str:
    return (
        f"The test server speaks version {theirs} of the control protocol, this talkpath version "
        f"{messages.PROTOCOL_VERSION}; use the same talkpath at both ends."
    )
