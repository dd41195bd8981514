"""DTLS records to bytes, for tests that compare them with datagrams."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from talkpath.wire.rtc.dtls import DtlsRecord

_RECORD = struct.Struct("!BHHHIH")


def encode_records(records: Sequence[DtlsRecord]) -> bytes:
    """`records` as one datagram."""
    return b"".join(
        _RECORD.pack(r.type, r.version, r.epoch, r.sequence >> 32, r.sequence & 0xFFFFFFFF, len(r.fragment))
        + r.fragment
        for r in records
    )
