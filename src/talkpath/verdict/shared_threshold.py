"""Tells whether calls are cut off after a time or after a count, where the arms of one check tell it together.

At one packet rate both fit (`media_freeze`). Arms send at rates of their own: where they agree about the one and not
about the other, one rule cuts all of them off by the one.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from talkpath.verdict.model import Number, Verdict

THRESHOLDS = ("after_s", "after_packets")


def with_shared_threshold(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts; those that tell a time and a count keep the one on which all agree, if one alone is."""
    untold = [each for each in verdicts if each.rule == "media.freeze" and set(THRESHOLDS) <= set(each.parameters)]
    agreed = [name for name in THRESHOLDS if len(untold) > 1 and _is_shared([each.parameters[name] for each in untold])]
    if len(agreed) != 1:
        return list(verdicts)
    (other,) = set(THRESHOLDS) - set(agreed)
    return [_without_parameter(each, other) if each in untold else each for each in verdicts]


def _is_shared(values: Sequence[object]) -> bool:
    """Whether one value lies within all intervals."""
    numbers = [value for value in values if isinstance(value, Number)]
    lows, highs = [each.low or 0.0 for each in numbers], [each.high for each in numbers if each.high is not None]
    return bool(highs) and max(lows) <= min(highs)


def _without_parameter(verdict: Verdict, name: str) -> Verdict:
    return replace(verdict, parameters={key: value for key, value in verdict.parameters.items() if key != name})
