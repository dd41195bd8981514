"""Makes twins: flows with a call's packet lengths and bytes that match no protocol.

Random twins start with a byte outside every range of RFC 7983 and RFC 9443 (4 to 15 are unassigned). Text twins are
printable: a filter of unknown high-entropy UDP lets them pass.
"""

from __future__ import annotations

from itertools import pairwise

from talkpath.apps.contract.shape import Keystream, Schedule

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ."
PRINTABLE = bytes(ALPHABET[value & 63] for value in range(256))
SIX_BITS = bytes(ALPHABET.find(bytes([value])) & 63 for value in range(256))
FIRST_BYTE = bytes(4 + value % 12 for value in range(256))


def random_twin(schedule: Schedule, key: bytes) -> list[bytes]:
    """Return one random datagram per slot."""
    return _cut_schedule(schedule, key, printable=False)


def text_twin(schedule: Schedule, key: bytes) -> list[bytes]:
    """Return one datagram of printable characters per slot."""
    return _cut_schedule(schedule, key, printable=True)


def _cut_schedule(schedule: Schedule, key: bytes, *, printable: bool) -> list[bytes]:
    ends = schedule.ends
    stream = Keystream(key, ends[-1]).take(ends[-1])
    if printable:
        stream = stream.translate(PRINTABLE)
    else:
        firsts = bytearray(stream)
        for at in ends[:-1]:
            firsts[at] = FIRST_BYTE[firsts[at]]
        stream = bytes(firsts)
    return [stream[a:b] for a, b in pairwise(ends)]
