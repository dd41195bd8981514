"""Which transports still carry calls: the questions to be asked for arms that are restricted or closed.

Calls over each last longer than the arm's calls lived, where these were cut off: a transport that was watched for less
is not known to carry a call. Where nothing came through TLS at all, it is asked again with a browser's ClientHello in
place of OpenSSL's: some networks hold one of them back (rule `tls.hello_drop`).

The questions about TURN servers that the user named: whether calls that they relay get through. Last of a check.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import ArmPlan, Epoch, Facts
from talkpath.measure.relay_results import relay_arms
from talkpath.measure.transport_quality import TransportQuality, is_inside_tls, path_qualities, with_browser_hello
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.flows.long_calls import cut_offs
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.question import RelayPaths, TransportPaths

RELAY_CALLS = 2  # by each TURN server, and as many directly at the same time
MIN_RELAY_PACKETS = 12


def next_relay_arm(facts: Facts) -> ArmPlan | None:
    """The first of them that was not asked about; None where all were, or the responder offers no path over UDP."""
    asked = {epoch.arm for epoch in facts.epochs if isinstance(epoch.question, RelayPaths)}
    if direct_path(facts) is None:
        return None
    return next((planned for planned in relay_arms(facts.plan) if planned.arm not in asked), None)


def direct_path(facts: Facts) -> str | None:
    """The path over UDP that relayed calls take in the end, such as "udp/3478"."""
    return next((path for path in facts.paths if path.startswith("udp/")), None)


def relay_question(facts: Facts, planned: ArmPlan, codes: tuple[str, ...]) -> PlannedEpoch:
    """Ask for calls by these TURN servers, beside as many that go directly."""
    packets = max(MIN_RELAY_PACKETS, round(planned.packet_rate * facts.plan.path_s))
    question = RelayPaths((direct_path(facts) or "", *codes))
    return PlannedEpoch(planned.arm, question, k=RELAY_CALLS, packets=packets, why="relays")


PATH_FLOWS = 2
MIN_PATH_PACKETS = 12
OUTLAST_S, MOST_PATH_S = 2.0, 12.0  # longer than calls lived that were cut off, and no longer than that in all


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


@remember_result
def _inside_tls(epoch: Epoch) -> list[TransportQuality]:
    return path_qualities([epoch], is_inside_tls)


def _lived_s(facts: Facts, arm: ArmPlan) -> float:
    """How long calls of a restricted arm lived that went silent while twins went on; 0 where at most one did."""
    assessment = assess_arm(facts, arm)
    cut = cut_offs(assessment.view)
    return cut.by_s if assessment.state == "restricted" and cut.ended > 1 else 0.0


def _path_question(facts: Facts, arm: ArmPlan, codes: Sequence[str]) -> PlannedEpoch:
    seconds = max(facts.plan.path_s, min(MOST_PATH_S, _lived_s(facts, arm) + OUTLAST_S))
    packets = max(MIN_PATH_PACKETS, round(arm.packet_rate * seconds))
    return PlannedEpoch(arm.arm, TransportPaths(tuple(codes)), k=PATH_FLOWS, packets=packets, why="paths")
