"""Which transports still carry calls: the questions to be asked for arms that are restricted or closed.

Where nothing came through TLS at all, it is asked again with a browser's ClientHello in place of OpenSSL's: some
networks hold one of them back (rule `tls.hello_drop`).
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import ArmPlan, Epoch, Facts
from talkpath.measure.transport_code import is_inside_tls, with_browser_hello
from talkpath.measure.transport_quality import TransportQuality, path_qualities
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.question import TransportPaths

PATH_FLOWS = 2
MIN_PATH_PACKETS = 12


def open_paths(facts: Facts, pending: Sequence[PlannedEpoch] = ()) -> list[PlannedEpoch]:
    """All transports side by side, one epoch an arm: for the restricted and closed arms, or for all where the plan says
    so, in the plan's order; then those that are asked again. Without those asked before or pending."""
    if facts.plan.locate:
        return []
    again = [] if any(isinstance(each.question, TransportPaths) for each in pending) else _asked_again(facts)
    asked = {epoch.arm for epoch in facts.epochs if isinstance(epoch.question, TransportPaths)}
    asked |= {planned.arm for planned in pending if isinstance(planned.question, TransportPaths)}
    arms = [each for each in facts.plan.arms if facts.paths and each.arm not in asked]
    first = [
        _path_question(facts, arm, facts.paths)
        for arm in arms
        if facts.plan.transports or assess_arm(facts, arm).state in ("restricted", "closed")
    ]
    return [*first, *again]


def _asked_again(facts: Facts) -> list[PlannedEpoch]:
    """The questions with the other ClientHello, for arms of which nothing came through TLS, one question an arm."""
    epochs = [epoch for epoch in facts.epochs if isinstance(epoch.question, TransportPaths) and not epoch.missing]
    asked = [quality for epoch in epochs for quality in _inside_tls(epoch)]
    over = {each.arm for each in asked if each.hello == "browser"}
    silent = [each for each in asked if each.silent and each.arm not in over]
    asked_of = [(arm, [each.transport for each in silent if each.arm == arm.arm]) for arm in facts.plan.arms]
    return [_path_question(facts, arm, list(map(with_browser_hello, codes))) for arm, codes in asked_of if codes]


@per_epoch
def _inside_tls(epoch: Epoch) -> list[TransportQuality]:
    return path_qualities([epoch], is_inside_tls)


def _path_question(facts: Facts, arm: ArmPlan, codes: Sequence[str]) -> PlannedEpoch:
    packets = max(MIN_PATH_PACKETS, round(arm.packet_rate * facts.plan.path_s))
    return PlannedEpoch(arm.arm, TransportPaths(tuple(codes)), k=PATH_FLOWS, packets=packets, why="paths")
