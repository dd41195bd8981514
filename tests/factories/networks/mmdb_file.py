"""A small file in MaxMind's DB format (its specification, version 2.0), so that no real data is needed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

MARKER = b"\xab\xcd\xefMaxMind.com"
Value = str | int | dict[str, "Value"] | list["Value"]


STRING, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11
KINDS = {"node_count": UINT32, "autonomous_system_number": UINT32, "build_epoch": UINT64}


def _control_byte(kind: int, size: int) -> bytes:
    length = bytes([size - 29]) if size >= 29 else b""
    first = min(size, 29)
    return (bytes([kind << 5 | first]) if kind < 8 else bytes([first, kind - 7])) + length


def _encode_value(value: Value, kind: int = UINT16) -> bytes:
    if isinstance(value, str):
        return _control_byte(STRING, len(value.encode())) + value.encode()
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _control_byte(kind, len(raw)) + raw
    if isinstance(value, list):
        return _control_byte(ARRAY, len(value)) + b"".join(map(_encode_value, value))
    pairs = (_encode_value(key) + _encode_value(inner, KINDS.get(key, UINT16)) for key, inner in value.items())
    return _control_byte(MAP, len(value)) + b"".join(pairs)


def mmdb_bytes(networks: Mapping[str, dict[str, Value]], version: int = 6) -> bytes:
    """The file's bytes, for networks in CIDR notation. IPv4 lies at ::/96, as in the public files."""
    nodes: list[list[int | bytes | None]] = [[None, None]]
    for text, value in networks.items():
        network = ipaddress.ip_network(text)
        size = 128 if version == 6 else 32
        bits = f"{int(network.network_address):0{size}b}"[: network.prefixlen + size - network.max_prefixlen]
        at = 0
        for bit in bits[:-1]:
            if not isinstance(nodes[at][int(bit)], int):
                nodes.append([None, None])
                nodes[at][int(bit)] = len(nodes) - 1
            following = nodes[at][int(bit)]
            assert isinstance(following, int)
            at = following
        nodes[at][int(bits[-1])] = _encode_value(value)
    data, tree = b"", b""
    for node in nodes:
        for record in node:
            number = len(nodes) + 16 + len(data) if isinstance(record, bytes) else len(nodes)
            data += record if isinstance(record, bytes) else b""
            tree += (record if isinstance(record, int) else number).to_bytes(3, "big")
    about: dict[str, Value] = {
        "node_count": len(nodes),
        "record_size": 24,
        "ip_version": version,
        "database_type": "made",
        "languages": [],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "description": {},
    }
    return tree + bytes(16) + data + MARKER + _encode_value(about)
