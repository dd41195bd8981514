"""A campaign is what its organiser signed: a changed bit, a bound that does not hold, or another's key is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from talkpath.errors import WireError
from talkpath.wire.control.campaign import CAMPAIGN_SCHEME, Campaign, campaign_text, read_campaign
from talkpath.wire.control.keys import Signer, raw_key_text

SIGNER = Signer.of_seed(bytes(range(32)))
MADE = Campaign(
    by="Anna's class", key="", link="talkpath://192.0.2.1:4433/#" + "A" * 43, apps=("telegram", "whatsapp"), a_day=2,
    begins="2026-11-30T08:00Z", ends="2026-12-04T08:00Z",
)  # fmt: skip
TEXT = campaign_text(MADE, SIGNER)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_it_is_read_as_it_was_signed() -> None:
    assert read_campaign(f"  {TEXT}\n") == replace(MADE, key=raw_key_text(SIGNER.public))


@pytest.mark.parametrize(
    ("now", "checks", "left_s"),
    [
        ("2026-11-01T00:00", 8, 2880000),
        ("2026-11-30T08:00", 8, 345600),
        ("2026-12-03T09:00", 2, 82800),
        ("2026-12-05T00:00", 0, 0),
    ],
)
def test_checks_are_counted_from_its_beginning_or_from_now(now: str, checks: int, left_s: float) -> None:
    assert (MADE.checks_left(at(now)), MADE.left_s(at(now))) == (checks, pytest.approx(left_s, abs=0.0))


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="ascii"))
def test_any_changed_letter_is_refused(place: int, letter: str) -> None:
    changed = TEXT[:place] + letter + TEXT[place + 1 :]
    if changed.strip() == TEXT:
        return
    try:
        found = read_campaign(changed)
    except WireError:
        return
    assert found == read_campaign(TEXT)  # base64 has letters whose last bits say nothing


def test_another_key_signs_for_nobody_else() -> None:
    body = msgspec.json.encode(replace(MADE, key=raw_key_text(SIGNER.public)))
    forged = Signer.of_seed(bytes(32)).sign(b"talkpath campaign\n" + body)
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (body, forged)]
    with pytest.raises(WireError, match="changed"):
        read_campaign(CAMPAIGN_SCHEME + ".".join(parts))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends": "2027-01-01T08:00Z"},
        {"ends": "2026-11-30T08:00Z"},
        {"by": ""},
        {"by": "a\x1b[2Jb"},
        {"by": "x" * 81},
        {"a_day": 13},
        {"apps": ("Te le",)},
        {"apps": ("telegram",) * 17},
        {"begins": "yesterday"},
        {"link": "x" * 1001},
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_signed_by_nobody_here(wrong: dict[str, object]) -> None:
    with pytest.raises(WireError):
        campaign_text(replace(MADE, **wrong), SIGNER)
