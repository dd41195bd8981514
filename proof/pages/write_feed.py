"""Writes CORRECTIONS.atom (RFC 4287) from CORRECTIONS.md: an entry for each heading of a day.

    .venv/bin/python -m proof.pages.write_feed

The feed is never edited by hand; tests/proof/pages/test_write_feed.py fails when it is not current.
"""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import NamedTuple

from talkpath.observatory.feeds.publish import AtomEntry, atom_document

ROOT = Path(__file__).resolve().parents[2]
PAGE, FEED = ROOT / "CORRECTIONS.md", ROOT / "CORRECTIONS.atom"
HEADING = re.compile(r"^## (\d{4}-\d\d-\d\d): (.+)$", re.MULTILINE)


class Correction(NamedTuple):
    """One heading of the page, and the paragraphs below it."""

    day: str
    title: str
    text: str


def page_corrections(page: str) -> list[Correction]:
    """In the order of the page; `ValueError` where a heading's day is none, or days do not go backwards."""
    pieces = HEADING.split(page)[1:]
    found = [Correction(*(piece.strip() for piece in pieces[at : at + 3])) for at in range(0, len(pieces), 3)]
    days = [date.fromisoformat(correction.day) for correction in found]
    if len(found) != len(re.findall("^## ", page, re.MULTILINE)) or days != sorted(days, reverse=True):
        raise ValueError("CORRECTIONS.md: each heading is `## DAY: what was wrong`, the newest first.")
    return found


def corrections_feed(page: str) -> str:
    """The whole document."""
    found = page_corrections(page)
    entries = [AtomEntry(f"{one.day} {one.title}", one.title, f"{one.day}T00:00:00Z", one.text) for one in found]
    return atom_document("corrections", "talkpath: corrections", entries, "")


def main() -> int:
    """Write it."""
    try:
        FEED.write_text(corrections_feed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.write(f"wrote {FEED.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
