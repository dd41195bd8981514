"""Makes the small recordings of the default tests: short calls, one end each, the sound itself cut away.

What is sealed tells nothing: of RTP only its header and extension are kept, of other traffic the first bytes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proof.engines import pcap
from proof.engines.cases import Case
from proof.engines.path import Trouble, media_of, protocol

RTP_BYTES = 12
OTHER_BYTES = 60
TCP = 6
CHANNEL = b"\x40\x00"
MOST_BYTES = 60_000
SECONDS = 6.5
ENDS = {
    "tg_voice_direct": "ab",
    "tg_voice_reflector": "a",
    "tg_video_direct": "a",
    "tg_voice_turn_otherrealm": "a",
    "tg_voice_muted": "b",
    "tg_voice_down_blocked": "a",
    "tg_voice_dead_direct": "a",
    "cr_voice_direct": "ab",
    "cr_video_direct": "b",
    "cr_voice_turn_udp": "a",
    "cr_voice_turn_tcp": "a",
    "cr_voice_down_blocked": "a",
    "cr_voice_recvonly": "a",
    "ff_voice_direct": "b",
    "wrtc_voice": "a",
    "aiortc_cr_voice": "a",
    "sip_voice": "b",
    "no_game": "a",
    "no_quic": "a",
    "no_wireguard": "a",
    "no_utp": "b",
    "no_dns": "a",
}


def short(case: Case) -> Case:
    """Return the case as a call of a few seconds: trouble after three, and time enough to tell a silence."""
    troubles = tuple(_early(trouble) for trouble in case.troubles)
    seconds = 13.0 if troubles else 10.0 if case.mutes else SECONDS
    return replace(case, seconds=seconds, troubles=troubles, mutes_after_s=4.0)


def _early(trouble: Trouble) -> Trouble:
    return trouble if trouble.after_s is None else replace(trouble, after_s=3.0)


def keep(source: Path, target: Path, ends: Mapping[str, str] = ENDS) -> None:
    """Copy what the golden recordings need of one recorded in full, from all that `source` holds."""
    target.mkdir(parents=True, exist_ok=True)
    for name, letters in ends.items():
        for letter in letters:
            link, frames = pcap.read(source / f"{name}.{letter}.pcap")
            made = target / f"{name}.{letter}.pcap"
            pcap.write(made, link, [_cut(frame, link, name.startswith("no_")) for frame in frames])
            packed = gzip.compress(made.read_bytes(), 9, mtime=0)
            made.unlink()
            made.with_suffix(".pcap.gz").write_bytes(packed)
            if len(packed) > MOST_BYTES:
                raise ValueError(f"{made.name} has {len(packed)} bytes, more than {MOST_BYTES}: record a shorter call")
        truth = json.loads((source / f"{name}.json").read_text())
        (target / f"{name}.json").write_text(json.dumps(truth, indent=1) + "\n")


def _cut(frame: pcap.Frame, link: int, cuts_rest: bool) -> pcap.Frame:
    """Return a packet without what is sealed in it."""
    head = pcap.LINK_BYTES[link]
    media = media_of(frame.data[head:])
    if protocol(frame.data[head:]) == TCP:
        return replace(frame, data=_blanked(frame.data, head))
    if media and not 192 <= media[1] <= 223:
        size = len(frame.data) - len(media) + RTP_BYTES + _extension_bytes(media)
    elif media or not cuts_rest:
        return frame
    else:
        size = head + OTHER_BYTES
    return pcap.Frame(frame.seconds, frame.micros, frame.data[:size], frame.length)


def _blanked(frame: bytes, head: int) -> bytes:
    """Return a TCP segment with zeros for what is sealed in its ChannelData (RFC 8656 section 12.4), if it has any."""
    at = head + (4 * (frame[head] & 15) if frame[head] >> 4 == 4 else 40)
    at += 4 * (frame[at + 12] >> 4)
    made = bytearray(frame)
    while at + 4 + RTP_BYTES <= len(frame) and frame[at : at + 2] == CHANNEL:
        size = int.from_bytes(frame[at + 2 : at + 4], "big")
        media = frame[at + 4 : at + 4 + size]
        if media and media[0] >> 6 == 2 and not 192 <= media[1] <= 223:
            sealed = RTP_BYTES + _extension_bytes(media)
            made[at + 4 + sealed : at + 4 + size] = bytes(len(media[sealed:]))
        at += 4 + (size + 3) // 4 * 4
    return bytes(made)


def _extension_bytes(packet: bytes) -> int:
    sources = 4 * (packet[0] & 15)
    if not packet[0] & 16:
        return sources
    at = RTP_BYTES + sources
    return sources + 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
