"""Text from outside, such as a file's name, made safe to print."""

from __future__ import annotations

import re

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of text, line separators, and bytes that are no text."""


def printable(text: str) -> str:
    """Return the text with control characters and direction marks written as escapes, so that it can neither steer a
    terminal nor pass for other text."""
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
