"""Calls that a restrictor cuts off after so many bytes: whole checks in virtual time."""

from __future__ import annotations

import pytest

import talkpath
from talkpath.verdict.model import Number

pytestmark = pytest.mark.long


@pytest.mark.parametrize(("size_bytes", "apps"), [(17_000, ["telegram", "meet"]), (9_000, ["whatsapp", "signal"])])
def test_apps_with_packets_of_unlike_sizes_tell_that_bytes_are_counted(size_bytes: int, apps: list[str]) -> None:
    """Each app alone would fit a count of packets as well, and another one for each."""
    result = talkpath.simulate(f"media.freeze,after_bytes={size_bytes}", apps=apps, seed=3)
    told = [verdict.parameters for verdict in result.verdicts if verdict.rule == "media.freeze"]
    assert len(told) == len(apps)
    assert [set(each) for each in told] == [{"after_bytes"}] * len(apps)
    assert all(holds(each["after_bytes"], size_bytes) for each in told)


def test_one_app_tells_packets_and_bytes_with_intervals_that_hold_both() -> None:
    result = talkpath.simulate("media.freeze,after_bytes=17000", apps=["webrtc"], seed=3)
    (verdict,) = result.verdicts
    assert {"after_packets", "after_bytes"} <= set(verdict.parameters)
    assert holds(verdict.parameters["after_bytes"], 17_000)


def holds(number: object, truth: float) -> bool:
    assert isinstance(number, Number)
    return (number.low or 0.0) <= truth <= (number.high or 0.0)
