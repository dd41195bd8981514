"""Numbers with their units, written as the reader's language writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil, floor

from talkpath.report.words.language import count, say, spoken
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


def byte_count(value: float) -> str:
    """A number of bytes."""
    return count("unit", "{number} byte", "{number} bytes", round(value))


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


def began_words(text: str) -> str:
    """In which hour a check began, as its facts have it: evidence has nothing more precise."""
    return say("page", "Begun in the hour of {day}, {time} UTC.", day=text[:10], time=f"{text[11:13]}:00")


def estimate_words(number: Number, value: str, tell: Callable[[float], str], step: float = 1.0) -> str:
    """An estimate, written as `value`, with its interval. `tell` writes a bound; the last digit that it writes is worth
    `step`, to which bounds are rounded outward: what is told excludes nothing that the interval holds."""
    known = number.low is not None and number.high is not None
    low, high = map(tell, rounded_outward(number.low or 0.0, number.high or 0.0, step)) if known else ("", "")
    if low == high:
        return say("amount", "about {value}", value=value)
    return say("amount", "about {value} ({low} to {high})", value=value, low=low, high=high)


def count_with_interval(value: float, low: float, high: float) -> str:
    """A count with its interval, whose ends are rounded outward; the count alone where the interval is no wider."""
    least, most = map(numeral, rounded_outward(low, high, 1.0))
    told = say("amount", "{value} ({low}–{high})", value=numeral(value), low=least, high=most)
    return numeral(value) if least == most else told


def rounded_outward(low: float, high: float, step: float) -> tuple[float, float]:
    """Both ends of an interval as multiples of `step` that enclose it. (What is nearer than a millionth of a step is
    that multiple, whatever is left of it in binary.)"""
    return floor(low / step + 1e-6) * step, ceil(high / step - 1e-6) * step


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
