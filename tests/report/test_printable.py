"""Text from outside can neither steer a terminal nor pass for other text."""

from __future__ import annotations

import pytest

from talkpath.report.printable import printable


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("call.pcap", "call.pcap"),
        ("звонок — 电话 📞.pcap", "звонок — 电话 📞.pcap"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("pacp.\u202efdp", "pacp.\\u202efdp"),
        ("a\u2066b\u2069\u200f", "a\\u2066b\\u2069\\u200f"),
        ("a\u2028b\x85\x9b", "a\\u2028b\\x85\\x9b"),
        ("a\udcffb", "a\\udcffb"),
        ("", ""),
    ],
)
def test_text(text: str, printed: str):
    assert printable(text) == printed
    printable(text).encode()
