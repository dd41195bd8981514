"""Writes capture files for tests, to be read by tshark."""

import struct


def raw_ip_capture(payloads: list[bytes]) -> bytes:
    """A capture file of raw IPv4 with these UDP payloads from port 4000 to 4000."""
    made = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for number, payload in enumerate(payloads):
        size = 28 + len(payload)
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 17, 0, b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02")
        packet += struct.pack("!HHHH", 4000, 4000, 8 + len(payload), 0) + payload
        made += struct.pack("<IIII", number, 0, size, size) + packet
    return made
