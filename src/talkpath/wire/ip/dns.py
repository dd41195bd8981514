"""One DNS question and its answer (RFC 1035): enough to ask one resolver for the addresses of one name."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from talkpath.errors import WireError
from talkpath.wire.ip.address import Address

A, AAAA = 1, 28  # types (RFC 1035 section 3.2.2, RFC 3596)
IN = 1
RESPONSE, RECURSION_DESIRED = 0x8000, 0x0100
NO_ERROR, NAME_ERROR, REFUSED = 0, 3, 5  # response codes (RFC 1035 section 4.1.1)
MOST_LABELS = 128  # of a name; this ends loops of pointers

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")


@dataclass(frozen=True, slots=True)
class DnsResponse:
    """The answer: `code` is the response code; `addresses` are those of the type asked for, possibly none."""

    id: int
    code: int
    addresses: tuple[Address, ...] = ()


def encode_query(name: str, number: int, kind: int = A) -> bytes:
    """Encode the question for one name, with recursion; `number` is 16 unpredictable bits. `WireError` for an invalid
    name."""
    try:
        labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    except UnicodeEncodeError:
        raise WireError("A name of the DNS is written in ASCII; write it in its xn-- form.") from None
    if any(not 0 < len(label) < 64 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        raise WireError("That is no name of the DNS: a part is empty or too long.")
    question = b"".join(bytes((len(label),)) + label for label in labels) + b"\0" + struct.pack("!HH", kind, IN)
    return _HEADER.pack(number, RECURSION_DESIRED, 1, 0, 0, 0) + question


def decode_answer(data: bytes, kind: int = A) -> DnsResponse:
    """Decode the answer in a datagram; `WireError` for anything else."""
    try:
        number, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
        if not flags & RESPONSE:
            raise WireError("A DNS message that is no answer.")
        at = _HEADER.size
        for _ in range(questions):
            at = _skip_name(data, at) + 4
        found = []
        for _ in range(answers):
            at = _skip_name(data, at)
            record, _, _, size = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            if record == kind and size == (4 if kind == A else 16) and len(data) >= at + size:
                found.append(Address(data[at : at + size]))
            at += size
    except (struct.error, IndexError):
        raise WireError("A DNS answer that is cut off.") from None
    return DnsResponse(number, flags & 15, tuple(found))


def _skip_name(data: bytes, at: int) -> int:
    """Return the offset behind a name (RFC 1035 section 4.1.4: a pointer ends it)."""
    for _ in range(MOST_LABELS):
        size = data[at]
        if size >= 0xC0:
            return at + 2
        at += 1 + size
        if not size:
            return at
    raise WireError("A DNS name that does not end.")
