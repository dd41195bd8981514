"""A time or a count: what each arm alone cannot tell, several rates can."""

from __future__ import annotations

import pytest

from talkpath.verdict.judge import with_shared_threshold
from talkpath.verdict.model import Category, Number, Verdict


def frozen(seconds: tuple[float, float], packets: tuple[float, float], rule: str = "media.freeze") -> Verdict:
    numbers = {name: Number(sum(ends) / 2, *ends) for name, ends in (("after_s", seconds), ("after_packets", packets))}
    return Verdict(app="x", variant="", medium="voice", state="restricted", rule=rule, parameters=numbers)


def counted(packets: tuple[float, float], size: tuple[float, float], *, handshake: bool = False) -> Verdict:
    """Of calls whose packets are of one size; `handshake`: that ends about there."""
    numbers = {name: Number(sum(ends) / 2, *ends) for name, ends in (("after_packets", packets), ("after_bytes", size))}
    word = {"after": Category("handshake")} if handshake else {}
    return Verdict(
        app="x", variant="", medium="voice", state="restricted", rule="media.freeze", parameters=numbers | word
    )


def every(packets: tuple[float, float] | None, size: tuple[float, float] | None) -> Verdict:
    """Of a rule on all UDP."""
    spans = {"after_packets": packets, "after_bytes": size}
    numbers = {name: Number(sum(ends) / 2, *ends) for name, ends in spans.items() if ends}
    return Verdict(app="x", variant="", medium="voice", state="closed", rule="udp.freeze", parameters=numbers)


def told(*verdicts: Verdict) -> list[set[str]]:
    return [set(each.parameters) for each in with_shared_threshold(verdicts)]


BOTH = {"after_s", "after_packets"}


@pytest.mark.parametrize(
    ("verdicts", "names"),
    [
        ([frozen((3.9, 4.1), (302, 304)), frozen((3.95, 4.2), (557, 559))], [{"after_s"}] * 2),
        ([frozen((2.8, 2.9), (399, 402)), frozen((3.6, 3.7), (399, 401))], [{"after_packets"}] * 2),
        ([frozen((3.9, 4.1), (399, 401)), frozen((3.95, 4.2), (398, 402))], [BOTH] * 2),  # one rate
        ([frozen((3.9, 4.1), (302, 304)), frozen((5.0, 5.2), (557, 559))], [BOTH] * 2),  # two rules
        ([frozen((3.9, 4.1), (302, 304))], [BOTH]),
        ([frozen((3.9, 4.1), (302, 304)), frozen((3.9, 4.1), (557, 559), "udp.freeze")], [BOTH] * 2),
        ([every((400, 401), None), every((399, 402), (9000, 9400))], [{"after_packets"}] * 2),
        ([every((400, 401), None), every(None, (67000, 68000))], [set()] * 2),  # neither: a time
        ([every((400, 401), (9000, 9400)), every((230, 231), (9200, 9500))], [{"after_bytes"}] * 2),
        ([every((400, 401), None)], [{"after_packets"}]),
        ([counted((263, 265), (36000, 36700)), counted((156, 158), (35900, 36800))], [{"after_bytes"}] * 2),
        ([counted((128, 130), (19000, 19200)), counted((127, 131), (30100, 30500))], [{"after_packets"}] * 2),
        (
            [counted((29, 31), (6000, 6400), handshake=True), counted((44, 46), (5900, 6300))],
            [{"after_bytes"}] * 2,
        ),
        (
            [
                counted((29, 31), (6000, 6400), handshake=True),
                counted((14, 16), (2000, 2200), handshake=True),
            ],
            [{"after"}] * 2,
        ),
    ],
)
def test_arms_that_agree_about_one_alone_tell_which_it_is(verdicts: list[Verdict], names: list[set[str]]) -> None:
    assert told(*verdicts) == names
