"""Numbers with units, as each language writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.report.words.amounts import (
    estimate_words,
    kilobits,
    measured_when,
    megabytes,
    milliseconds,
    numeral,
    odds_words,
    percent,
    seconds,
)
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.model import Number

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        (percent(0.305), "30%"),
        (percent(0.305, 1), "30.5%"),
        (seconds(2.65), "2.6 s"),
        (seconds(61, 0), "61 s"),
        (milliseconds(179.6), "180 ms"),
        (kilobits(40), "40 kbit/s"),
        (megabytes(4_000_000), "4.0 MB"),
        (numeral(1234567.8, 1), "1 234 567.8"),
    ],
)
def test_units(told: str, plain: str) -> None:
    assert told.replace(SPACE, " ") == plain


@pytest.mark.parametrize("code", language_codes())
@given(value=st.floats(0, 1e9))
def test_no_line_breaks_between_a_number_and_its_unit(code: str, value: float) -> None:
    with speaking(language(code)):
        for told in (percent(value), seconds(value), milliseconds(value), kilobits(value), megabytes(value)):
            assert " " not in told
        assert language(code).decimal in megabytes(value)


@given(st.floats(0, 4))
def test_odds_never_overstate(log10_e: float) -> None:
    told = int(odds_words(log10_e).replace(SPACE, ""))
    assert told <= 10**log10_e
    assert told >= 0.9 * 10**log10_e or told < 10
    assert len(str(told).rstrip("0")) <= 2


@pytest.mark.parametrize(
    ("low", "high", "told"), [(1.0, 3.0, "about 2 (1 to 3)"), (None, 3.0, "about 2"), (1.0, None, "about 2")]
)
def test_an_interval_stands_only_where_both_ends_are_known(low: float | None, high: float | None, told: str) -> None:
    assert estimate_words(Number(2.0, low, high), "2", numeral) == told


def test_an_interval_of_no_width_is_left_out() -> None:
    assert estimate_words(Number(2.0, 2.0, 2.0), "2", numeral) == "about 2"


@pytest.mark.parametrize(
    ("number", "tell", "step", "told"),
    [
        (Number(0.305, 0.2949, 0.3101), percent, 0.01, "about 30% (29% to 32%)"),
        (Number(4.429, 4.379, 4.479), seconds, 0.1, "about 4.4 s (4.3 s to 4.5 s)"),
        (Number(19.4, 18.6, 20.2), kilobits, 1.0, "about 19 kbit/s (18 kbit/s to 21 kbit/s)"),
        (Number(0.3, 0.29, 0.31), percent, 0.01, "about 30% (29% to 31%)"),  # 0.29 / 0.01 is 28.999… in binary
    ],
)
def test_what_is_printed_excludes_nothing_that_the_interval_holds(
    number: Number, tell: Callable[[float], str], step: float, told: str
) -> None:
    assert estimate_words(number, tell(number.estimate or 0.0), tell, step).replace(SPACE, " ") == told


def test_a_check_over_midnight_is_told_by_the_day_when_it_began() -> None:
    end = datetime.fromisoformat("2026-11-28T00:00:10+05:30")
    assert measured_when(end, 40.0) == "Measured on 2026-11-27 from 23:59 to 00:01, local time (UTC+05:30)."
