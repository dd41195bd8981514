"""Numbers with their units, as the language writes them."""

from __future__ import annotations

from talkpath.report.words.language import say, spoken
from talkpath.verdict.model import Number

SPACE = "\N{NO-BREAK SPACE}"
MOST_LOG10 = 9.0  # beyond this odds mean nothing more to anybody


def numeral(value: float, digits: int = 0) -> str:
    """Thousands apart, the language's decimal mark."""
    return f"{value:,.{digits}f}".replace(",", SPACE).replace(".", spoken().decimal)


def percent(share: float, digits: int = 0) -> str:
    """A share from 0 to 1."""
    return _whole(say("unit", "{number}%", number=numeral(100 * share, digits)))


def seconds(value: float, digits: int = 1) -> str:
    """Seconds."""
    return _whole(say("unit", "{number} s", number=numeral(value, digits)))


def milliseconds(value: float) -> str:
    """Milliseconds."""
    return _whole(say("unit", "{number} ms", number=numeral(value)))


def kilobits(value: float) -> str:
    """Kilobits a second."""
    return _whole(say("unit", "{number} kbit/s", number=numeral(value)))


def megabytes(value: float) -> str:
    """Bytes, told in millions."""
    return _whole(say("unit", "{number} MB", number=numeral(value / 1e6, 1)))


def about(parameter: Number, value: str, low: str, high: str) -> str:
    """An estimate with its interval, all told with the same unit; "" where there is no estimate."""
    if parameter.low is None or parameter.high is None or low == high:
        return say("amount", "about {value}", value=value)
    return say("amount", "about {value} ({low} to {high})", value=value, low=low, high=high)


def odds(log10_e: float) -> str:
    """N of "1 of N", rounded down to two figures."""
    found = int(10 ** min(log10_e, MOST_LOG10))
    scale = 10 ** max(0, len(str(found)) - 2)
    return numeral(found // scale * scale)


def _whole(text: str) -> str:
    """No line may end between a number and its unit."""
    return text.replace(" ", SPACE)
