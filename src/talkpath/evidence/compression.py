"""Gzip members of a bundle: written without a time, read up to a bound."""

from __future__ import annotations

import zlib

from talkpath.errors import BundleError

GZIP_WINDOW_BITS = zlib.MAX_WBITS | 16
UNKNOWN_SYSTEM = b"\xff"


def compress(data: bytes) -> bytes:
    """Compress to one gzip member without a time, its operating system 255, "unknown" (RFC 1952 section 2.3)."""
    member = zlib.compress(data, 9, wbits=GZIP_WINDOW_BITS)
    return member[:9] + UNKNOWN_SYSTEM + member[10:]


def decompress(data: bytes, max_bytes: int) -> bytes:
    """Decompress one gzip member of at most `max_bytes`; `BundleError` for anything else.

    No more than `max_bytes` are ever laid out, whatever the member claims to hold.
    """
    stream = zlib.decompressobj(GZIP_WINDOW_BITS)
    try:
        content = stream.decompress(data, max_bytes)
    except zlib.error as error:
        raise BundleError("A part of the bundle cannot be unpacked.") from error
    if not stream.eof or stream.unused_data:
        raise BundleError("A part of the bundle is not whole, or larger than any check's.")
    return content
