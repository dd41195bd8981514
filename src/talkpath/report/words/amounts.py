"""Numbers with their units, written as the reader's language writes them."""

from __future__ import annotations

from datetime import datetime, timedelta

from talkpath.report.words.language import say, spoken
from talkpath.verdict.model import Number, Verdict

SPACE = "\N{NO-BREAK SPACE}"


def numeral(value: float, digits: int = 0) -> str:
    """A number with separated thousands and the language's decimal mark."""
    return f"{value:,.{digits}f}".replace(",", SPACE).replace(".", spoken().decimal)


def percent(share: float, digits: int = 0) -> str:
    """A share from 0 to 1, as percent."""
    return _unbroken(say("unit", "{number}%", number=numeral(100 * share, digits)))


def seconds(value: float, digits: int = 1) -> str:
    """Seconds with their unit."""
    return _unbroken(say("unit", "{number} s", number=numeral(value, digits)))


def watched_words(verdict: Verdict) -> str:
    """How long the app's calls were watched; "" where none was."""
    if not verdict.watched_s:
        return ""
    return say("table", "watched for {seconds}", seconds=seconds(verdict.watched_s, 0))


def milliseconds(value: float) -> str:
    """Milliseconds with their unit."""
    return _unbroken(say("unit", "{number} ms", number=numeral(value)))


def kilobits(value: float) -> str:
    """A rate in kilobits a second."""
    return _unbroken(say("unit", "{number} kbit/s", number=numeral(value)))


def megabytes(value: float) -> str:
    """Bytes, as megabytes."""
    return _unbroken(say("unit", "{number} MB", number=numeral(value / 1e6, 1)))


def measured_when(end: datetime, duration_s: float) -> str:
    """From when to when a check lasted, by the clock of `end`, whose time zone is told; in minutes that hold it."""
    begin, zone = end - timedelta(seconds=duration_s), f"{end:%z}"
    return say(
        "table",
        "Measured on {day} from {begin} to {end}, local time (UTC{offset}).",
        day=f"{begin:%Y-%m-%d}",
        begin=f"{begin:%H:%M}",
        end=f"{end + timedelta(seconds=59):%H:%M}",
        offset=f"{zone[:3]}:{zone[3:5]}",
    )


def estimate_words(parameter: Number, value: str, low: str, high: str) -> str:
    """An estimate with its interval; `value`, `low` and `high` are its numbers with their unit."""
    if parameter.low is None or parameter.high is None or low == high:
        return say("amount", "about {value}", value=value)
    return say("amount", "about {value} ({low} to {high})", value=value, low=low, high=high)


MOST_TOLD_LOG10 = 4
"""Longer odds are no number to quote: what is promised of a check is 1 false accusation in 10 000."""


def odds_words(log10_e: float) -> str:
    """The N of "1 in N", rounded down to two figures: the one number for odds, wherever they are told."""
    number = int(10 ** min(log10_e, MOST_TOLD_LOG10))
    scale = 10 ** max(0, len(str(number)) - 2)
    return numeral(number // scale * scale)


def _unbroken(text: str) -> str:
    """The text with spaces that no line is broken at, so that a number stays with its unit."""
    return text.replace(" ", SPACE)
