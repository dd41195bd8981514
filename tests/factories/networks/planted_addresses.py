"""Every form in which an address or a name may lie in a file: what to plant, and how to look for it.

A look goes into zips, gzip parts and Parquet columns too.
"""

from __future__ import annotations

import base64
import gzip
import io
import ipaddress
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet

COOKIE = 0x2112A442  # STUN's magic cookie (RFC 8489 section 14.2): the mapping of IPv4, and of the first third of IPv6


def address_forms(text: str) -> dict[str, bytes]:
    """Form -> bytes to look for."""
    address = ipaddress.ip_address(text)
    packed = address.packed
    mapped = (int.from_bytes(packed[:4], "big") ^ COOKIE).to_bytes(4, "big")  # the rest is mapped with a random number
    forms = {
        "text": str(address).encode(),
        "long text": address.exploded.encode(),
        "hex": packed.hex().encode(),
        "hex, capitals": packed.hex().upper().encode(),
        "hex with colons": packed.hex(":").encode(),
        "packed": packed,
        "packed, little-endian": packed[::-1],
        "xor-mapped": mapped,
        "xor-mapped, hex": mapped.hex().encode(),
        "number": str(int(address)).encode(),
        "escaped": repr(packed)[2:-1].encode(),
    }
    return forms | _base64_forms(str(address).encode(), "text") | _base64_forms(packed, "packed")


def name_forms(text: str) -> dict[str, bytes]:
    """The same for a host name."""
    raw = text.encode()
    labels = b"".join(bytes([len(label)]) + label for label in raw.split(b"."))
    forms = {
        "text": raw,
        "capitals": raw.upper(),
        "labels": labels,
        "hex": raw.hex().encode(),
        "utf-16": text.encode("utf-16-le"),
        "first label": raw.split(b".")[0],
    }
    return forms | _base64_forms(raw, "text")


def _base64_forms(data: bytes, what: str) -> dict[str, bytes]:
    """The characters that `data` gives at each of the three places in base64, without those shared with neighbours."""
    found = {}
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + data)
        first = -(-shift * 8 // 6)
        whole = text[first : (shift + len(data)) * 8 // 6]
        if len(whole) >= 5:
            found[f"base64 of {what}, {shift}"] = whole
            found[f"base64url of {what}, {shift}"] = whole.replace(b"+", b"-").replace(b"/", b"_")
    return found


def unpacked_layers(data: bytes) -> Iterator[bytes]:
    """A file's bytes, and those of all that is packed into it."""
    yield data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from unpacked_layers(archive.read(name))
    elif data[:2] == b"\x1f\x8b":
        yield from unpacked_layers(gzip.decompress(data))
    elif data[:4] == b"PAR1":
        for column in pyarrow.parquet.read_table(pyarrow.BufferReader(data)).columns:
            for chunk in column.chunks:
                yield from (buffer.to_pybytes() for buffer in chunk.buffers() if buffer is not None)


def planted_found_in(what: dict[str, dict[str, bytes]], named: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """(where, what, form) of everything planted that is in anything of `named`."""
    return [
        (where, plant, form)
        for where, data in named.items()
        for layer in unpacked_layers(data)
        for plant, forms in what.items()
        for form, needle in forms.items()
        if needle in layer
    ]


def written_files(folder: Path, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Every file below the folder but those that were put there, and under one key all of their names."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    names = "\n".join(path.name for path in paths).encode()
    return {"names": names} | {str(path.relative_to(folder)): path.read_bytes() for path in paths}
