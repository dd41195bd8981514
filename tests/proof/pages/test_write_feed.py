"""The feed of corrections is what the page says."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from proof.pages import write_feed
from talkpath.observatory.claims.rows import load_claims
from talkpath.observatory.feeds.publish import ATOM_NAMESPACE as NAMESPACE

PAGE = """# Corrections

Words.

## 2026-12-02: C99 said <too> much

It was wrong since August.

C100 supersedes it.

## 2026-11-24: the list begins

Nothing.
"""
ATOM = f"{{{NAMESPACE}}}"


def test_the_feed_is_current():
    page = write_feed.PAGE.read_text(encoding="utf-8")
    assert write_feed.FEED.read_text(encoding="utf-8") == write_feed.corrections_feed(page)


def test_every_superseded_claim_is_told():
    page = write_feed.PAGE.read_text(encoding="utf-8")
    assert [claim.supersedes for claim in load_claims() if claim.supersedes and claim.supersedes not in page] == []


def test_each_heading_is_an_entry():
    root = ElementTree.fromstring(write_feed.corrections_feed(PAGE))
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["C99 said <too> much", "the list begins"]
    assert entries[0].findtext(f"{ATOM}content") == "It was wrong since August.\n\nC100 supersedes it."
    assert root.findtext(f"{ATOM}updated") == entries[0].findtext(f"{ATOM}updated") == "2026-12-02T00:00:00Z"


def test_an_entry_keeps_its_id_when_others_come():
    before, after = write_feed.corrections_feed(PAGE[PAGE.index("## 2026-11") :]), write_feed.corrections_feed(PAGE)
    (first,) = ElementTree.fromstring(before).findall(f"{ATOM}entry/{ATOM}id")
    ids = [found.text for found in ElementTree.fromstring(after).findall(f"{ATOM}entry/{ATOM}id")]
    assert ids[-1] == first.text
    assert len(set(ids)) == 2


@pytest.mark.parametrize("heading", ["## Some day: no", "## 2027-01-01: too new to be last", "## 2026-13-01: no day"])
def test_other_headings_are_refused(heading: str):
    with pytest.raises(ValueError):
        write_feed.corrections_feed(f"{PAGE}\n{heading}\n\nNo.\n")
