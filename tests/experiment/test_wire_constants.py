"""Twenty sessions laid out: no byte of ours is constant at any offset beyond the app's own signature."""

from __future__ import annotations

from collections import defaultdict

import pytest

from talkpath.apps import shapes
from talkpath.apps.shape import Arm
from talkpath.experiment.layout import Layout, lay_out
from talkpath.wire.control import Begin

PORTS = tuple(range(3000, 3016))
RUNS = 20
# Where a media packet's own header ends: RTP with a one-byte extension (RFC 3550 section 5.1, RFC 8285 section 4.2);
# the same inside a reflector's 24 bytes; Meet's extension has seven words (stun_google_meet__a.pcapng); libtgvoip and
# tgcalls send no constant byte at all.
HEADER_BYTES = {"libtgvoip": 0, "tgcalls": 0, "reflector": 24 + 28, "sfu": 12 + 4 + 28}
RTP_BYTES = 28


def layouts(arm: Arm) -> list[Layout]:
    return [lay_out(bytes([run] * 32), Begin(0, str(arm), 2, 12, 0, 120), PORTS) for run in range(RUNS)]


def constants(packets: list[bytes]) -> set[int]:
    """Offsets at which all packets that reach so far have one value; those that only few reach are left out."""
    seen: dict[int, set[int]] = defaultdict(set)
    count: dict[int, int] = defaultdict(int)
    for packet in packets:
        for offset, value in enumerate(packet):
            seen[offset].add(value)
            count[offset] += 1
    return {offset for offset, values in seen.items() if len(values) == 1 and count[offset] >= 10 * RUNS}


@pytest.mark.parametrize("arm", sorted(shapes()), ids=str)
def test_calls_have_constants_in_their_headers_only(arm: Arm) -> None:
    media = [
        flow.datagrams[index]
        for layout in layouts(arm)
        for flow in layout.flows
        if flow.role == "call"
        for index, slot in enumerate(layout.schedule.slots)
        if slot.stage == "media"
    ]
    assert max(constants(media), default=-1) < HEADER_BYTES.get(arm.variant, RTP_BYTES)


@pytest.mark.parametrize("kind", ["random", "text"])
def test_twins_have_none(kind: str) -> None:
    arm = sorted(shapes())[0]
    packets = [
        datagram
        for layout in layouts(arm)
        for flow in layout.flows
        if flow.twin_kind == kind
        for datagram in flow.datagrams
    ]
    assert constants(packets) == set()


@pytest.mark.parametrize("arm", sorted(shapes()), ids=str)
def test_sessions_and_flows_share_no_bytes_that_could_number_them(arm: Arm) -> None:
    """Beyond the headers no eight bytes stand in two flows: no session id, no flow number, no padding of ours."""
    start = HEADER_BYTES.get(arm.variant, RTP_BYTES)
    owners: dict[bytes, tuple[int, int]] = {}
    for run, layout in enumerate(layouts(arm)[:5]):
        for flow in layout.flows:
            for index, slot in enumerate(layout.schedule.slots):
                if slot.stage != "media":
                    continue
                body = flow.datagrams[index][start:]
                for at in range(0, len(body) - 8, 8):
                    owner = owners.setdefault(body[at : at + 8], (run, flow.number))
                    assert owner == (run, flow.number)
