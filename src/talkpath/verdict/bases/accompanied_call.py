"""Judges a recorded call beside the control traffic of the same moments (basis `call`).

The control traffic goes to another server, so it is no twin: it says how the line was, not how the app's own servers
were. What becomes of a call, from the strongest doubt on:

    control traffic suffered as much                        the line: nothing is said of a rule
    one connection of it did, or they fared unlike          a line that treats connections unlike: likewise
    the losses came with delay, control's did not           a congested server or path of the app: likewise
    what seems lost may be pauses of speech                 likewise
    the losses came in spells, or in runs                   likewise: a rule that drops at random does not
    it went silent, and control connections were moved      likewise: its app's servers may not have followed
    the facts fit a rule, few connections ran beside it     likewise: the call's one may have had bad luck
    the facts fit a rule, and many did                      one call: "consistent with"
    three calls of the app were cut off alike, or policed   `restricted` (`calls_together`)

Set-up that nobody answers, and delay, are never `restricted` here: an app's outage looks the same. Nothing is known of
the other person's end: the words say so.

Whether a call that fared worse than the connections beside it just had a bad connection (basis `call`).

A call has one connection (5-tuple), and some routers forget single ones, or spread them over paths of which some are
bad. Among n + 1 connections that such a router treats alike, the one that suffers is the call's with a chance of
1 / (n + 1); those of several calls are all of the hit ones among all with 1 / C(n + calls, calls). Where control
connections show that single ones fare unlike, that explains the call.

Connections count that would have shown a loss as large as the call's.

Some translators move connections to other ports (NAT rebinding), and a device may change networks. Control traffic
goes on then, since the test server answers whatever source it heard last; a call whose relay does not (TURN binds an
allocation to one 5-tuple: RFC 8656 section 3.2) goes silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp, lgamma, log
from statistics import median

from msgspec.structs import replace

from talkpath.grouping import grouped_by_key
from talkpath.measure.call import Attempt, Call, Control, ControlFlow, ControlSecond, Findings
from talkpath.measure.pauses import is_lost_at_random, without_pauses
from talkpath.measure.silence import silence_of, streams_of
from talkpath.verdict.bases.call_outcome import share_lost
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call
from talkpath.verdict.model import Reason, Verdict

MIN_CONNECTION_PACKETS = 5
"""Of a connection with fewer packets in a direction nothing is said."""
FEWEST_LOST = 4.0
"""So many packets a connection would lose by the call's share, or it would not show that."""
NO_ACCIDENT = 3
"""Fewer lost packets are no sign of a bad connection."""
MAX_UNEVEN_CHANCE = 0.0005
"""Losses of connections that ran at the same time differ by more than chance at this probability."""


def worst_share(control: Control) -> float:
    """Return the largest share that one connection lost in one direction."""
    losses = [each for one in control.flows for each in _loss_counts(one)]
    return max((lost / sent for sent, lost in losses if lost >= NO_ACCIDENT), default=0.0)


def connections_differ(control: Control) -> bool:
    """Whether one connection lost far more than those that ran at the same time."""
    together = grouped_by_key((one.begin_s, one) for one in control.flows)
    return any(
        _is_uneven([_loss_counts(one)[direction] for one in group])
        for group in together.values()
        for direction in (0, 1)
    )


def moved_connections(control: Control) -> int:
    """Return how many came from another address or port after a while: a translator moved them, or the device went over
    to another network."""
    return sum(bool(one.moved) for one in control.flows)


def telling_connections(control: Control, call_lost: float) -> int:
    """Return how many connections carried enough each way to show losses as those of the call."""
    least = max(MIN_CONNECTION_PACKETS, FEWEST_LOST / call_lost) if call_lost else MIN_CONNECTION_PACKETS
    return sum(min(one.sent_up, one.sent_down) >= least for one in control.flows)


def chance_of_bad_luck(connections: Sequence[int]) -> float:
    """Return the chance that of all connections beside some calls none suffered, and the call's own did each time,
    where routers neglect as many as that. `connections`: those beside each call."""
    return 1 / comb(sum(connections) + len(connections), len(connections))


def _loss_counts(one: ControlFlow) -> tuple[tuple[int, int], tuple[int, int]]:
    """(sent, lost) of both directions, (1, 0) where that is too little, or the far end did not report."""
    if one.arrived_up is None:
        return (1, 0), (1, 0)
    directions = (one.sent_up, one.arrived_up), (one.sent_down, one.arrived_down)
    up, down = ((sent, sent - arrived) if sent >= MIN_CONNECTION_PACKETS else (1, 0) for sent, arrived in directions)
    return up, down


def _is_uneven(losses: list[tuple[int, int]]) -> bool:
    sent, lost = sum(each for each, _ in losses), sum(each for _, each in losses)
    return any(len(losses) * _at_least(mine, lost, of / sent) <= MAX_UNEVEN_CHANCE for of, mine in losses)


def _at_least(least: int, of: int, share: float) -> float:
    """Return the chance of at least so many among `of`, each with a chance of `share` (binomial)."""
    if least <= of * share:
        return 1.0
    if share >= 1.0:
        return 1.0
    return sum(
        exp(lgamma(of + 1) - lgamma(n + 1) - lgamma(of - n + 1) + n * log(share) + (of - n) * log(1 - share))
        for n in range(least, of + 1)
    )


FEWEST_PACKETS, FEWEST_FLOWS = 100, 3
"""With less control traffic it is as if there were none."""
WELL_LOST, WELL_RATIO, WELL_LATE_MS = 0.02, 0.2, 30.0
"""Control traffic is well with at most so large a share lost, or so much of the call's share, and hardly late."""
AS_BAD_SHARE = 0.5
"""It suffered as much with this share of the call's loss."""
UNEVEN_MS, MORE_UNEVEN, MORE_UNEVEN_THAN_OWN = 15.0, 3.0, 1.5
"""Packets of the call came so much more unevenly than those of control traffic: something holds them up."""
LIKELY_LUCK = 1 / 48
"""One call is said to be consistent with a rule if a router that neglects single connections explains it with at most
this chance: beside 47 connections that were well."""
CUT_OFF = ("media.freeze", "media.drop")
LOSS_PARAMETERS = {"p", "kbps"}
"""Parameters of rules that losses tell, not a silence."""
MAX_STEADY_RATIO = 0.5
"""Losses at random take at least this share of their mean in most seconds."""
MOST_ESTIMATED = 1.3
MOST_LATE_MS = 50.0
"""Control packets that left later than that were not beside the call."""


@dataclass(frozen=True, slots=True)
class ControlShares:
    """How control traffic fared in some seconds, as shares and milliseconds; None: not known."""

    lost_down: float | None
    lost_up: float | None
    late_ms: float

    @classmethod
    def of(cls, seconds: Sequence[ControlSecond]) -> ControlShares:
        """Add up these seconds."""
        known = [one for one in seconds if one.arrived_up is not None]  # where the far end did not report, nothing is
        down, arrived = sum(one.sent_down for one in known), sum(one.arrived_down for one in known)
        up, came = sum(one.sent_up for one in known), sum(one.arrived_up or 0 for one in known)
        late = [one.late_ms for one in seconds if one.late_ms is not None]
        return cls(
            lost_down=1 - arrived / down if down >= FEWEST_PACKETS else None,
            lost_up=1 - came / up if up >= FEWEST_PACKETS else None,
            late_ms=median(late) if late else 0.0,
        )

    def is_well(self, call_lost: float) -> bool:
        """Whether nothing of what befell the call befell it."""
        most = max(WELL_LOST, WELL_RATIO * call_lost)
        known = [share for share in (self.lost_down, self.lost_up) if share is not None]
        return self.lost_down is not None and max(known) <= most and self.late_ms <= WELL_LATE_MS


def control_shares(call: Call | Attempt, controls: Sequence[Control]) -> Control | None:
    """Return the control traffic that ran beside a call or attempt, None for none."""
    begin_s, end_s = _call_span_s(call)
    beside = [(len(_seconds_inside(control, begin_s, end_s)), control) for control in controls]
    most, best = max(beside, key=lambda one: one[0], default=(0, None))
    return best if most else None


def judge_accompanied(call: Call, control: Control | None) -> Verdict:
    """Judge a call beside control traffic; without any, as `judge_call` does."""
    return _without_luck(fitted_call(call, control))


def fitted_call(call: Call, control: Control | None) -> Verdict:
    """Return what a call fits, though its one connection may have had bad luck."""
    if control is None or not _is_usable(control):
        return judge_call(call)
    verdict = judge_call(_with_others(call, control))
    call = without_pauses(call)
    is_silent = silence_of(call) is not None and not LOSS_PARAMETERS & judge_call(call).parameters.keys()
    shares = ControlShares.of(_troubled_seconds(call, control, is_silent))
    verdict = replace(verdict, figures=verdict.figures | _control_figures(control, shares))
    if _is_overestimated(call):
        verdict = replace(verdict, alternatives=(), parameters={}, direction=None)
    if verdict.state == "ok" or (verdict.reason is not None and verdict.reason.code == "short_capture"):
        return verdict
    lost = 1.0 if is_silent else _usual_loss(call)
    if verdict.alternatives[-1:] == ("media.drop",) and "p" in verdict.parameters and _comes_in_bursts(call, lost):
        verdict = replace(verdict, alternatives=(), parameters={}, direction=None)
    return _compare_with_control(verdict, shares, lost, control, held_up=not is_silent and _is_held_up(call, shares))


def judge_accompanied_attempt(attempt: Attempt, control: Control | None) -> Verdict:
    """Judge set-up without talk beside control traffic: UDP as such was not blocked where that passed."""
    verdict = judge_attempt(attempt)
    if control is None or not _is_usable(control):
        return verdict
    shares = ControlShares.of(_seconds_inside(control, *_call_span_s(attempt)))
    others = attempt.other_packets + sum(one.arrived_down for one in _seconds_inside(control, *_call_span_s(attempt)))
    verdict = judge_attempt(replace(attempt, other_packets=min(others, (1 << 31) - 1)))
    verdict = replace(verdict, figures=verdict.figures | _control_figures(control, shares))
    rules = tuple(rule for rule in verdict.alternatives if rule != "udp.block")
    return _without_luck(
        _compare_with_control(replace(verdict, alternatives=rules), shares, 1.0, control, held_up=False)
    )


def call_verdicts(findings: Findings) -> tuple[Verdict, ...]:
    """Return a verdict for each call, beside the control traffic that ran then."""
    return tuple(judge_accompanied(call, control_shares(call, findings.controls)) for call in findings.calls)


def attempt_verdicts(findings: Findings) -> tuple[Verdict, ...]:
    """The same for each attempt."""
    controls = findings.controls
    return tuple(judge_accompanied_attempt(one, control_shares(one, controls)) for one in findings.attempts)


def _without_luck(verdict: Verdict) -> Verdict:
    """Say nothing of a rule where too few connections ran beside the call's one."""
    if verdict.reason is None or verdict.reason.code != "one_call" or not verdict.alternatives:
        return verdict
    if chance_of_bad_luck([connections_beside(verdict)]) <= LIKELY_LUCK:
        return verdict
    return _no_rule(verdict, replace(verdict.reason, code="few_connections"))


def connections_beside(verdict: Verdict) -> int:
    """Return how many connections beside the call would have shown what befell it."""
    return int(verdict.reason.values.get("connections") or 0) if verdict.reason else 0


def _usual_loss(call: Call) -> float:
    """Return the share that was lost of what came to this end, in most seconds in which anything came: a pause that is
    taken for losses does not count."""
    whole = share_lost(streams_of(call, "received")) or 0.0
    seconds = [moment.received for moment in call.seconds if moment.received.packets]
    shares = [one.lost / (one.packets + one.lost) for one in seconds if one.lost is not None]
    return min(whole, median(shares)) if shares else whole


def _comes_in_bursts(call: Call, usual_loss: float) -> bool:
    """Whether a rule that drops packets at random would have to spare most of the call's seconds, or drop them in runs:
    a crowded line loses so, and a translator that moves flows to other ports."""
    heard = streams_of(call, "received")
    return usual_loss < MAX_STEADY_RATIO * (share_lost(heard) or 0.0) or not all(map(is_lost_at_random, heard))


def _compare_with_control(
    verdict: Verdict, shares: ControlShares, lost: float, control: Control, *, held_up: bool
) -> Verdict:
    """Say what the control traffic of the same moments makes of a call that was not well."""
    values = {"control_lost": shares.lost_down if shares.lost_down is not None else shares.lost_up, "call_lost": lost}
    as_bad = max(WELL_LOST, AS_BAD_SHARE * lost)
    if shares.lost_down is None:
        up_as_bad = shares.lost_up is not None and shares.lost_up >= as_bad
        return _no_rule(verdict, Reason("line", values)) if up_as_bad else verdict
    if max(shares.lost_down, shares.lost_up or 0.0) >= as_bad or shares.late_ms > WELL_LATE_MS:
        return _no_rule(verdict, Reason("line", values))
    worst = worst_share(control)
    if worst >= as_bad or connections_differ(control):
        return _no_rule(verdict, Reason("unlike", values | {"worst_lost": worst}))
    if not shares.is_well(lost):
        return _no_rule(verdict, Reason("control_poor", values))
    if held_up and lost:
        return _no_rule(verdict, Reason("congested", values))
    if not verdict.alternatives:
        return verdict
    moved = moved_connections(control)
    if moved and verdict.alternatives[0] in CUT_OFF and not LOSS_PARAMETERS & verdict.parameters.keys():
        return _no_rule(verdict, Reason("rebinding", values | {"moved": moved}))
    return replace(verdict, reason=Reason("one_call", values | {"connections": telling_connections(control, lost)}))


def _no_rule(verdict: Verdict, reason: Reason) -> Verdict:
    return replace(verdict, reason=reason, alternatives=(), parameters={}, direction=None)


def _is_held_up(call: Call, shares: ControlShares) -> bool:
    """Whether what arrived of the call came unevenly, and clearly more so than what this end sent before any network
    had it (WhatsApp's packets come by turns 60 and 120 ms apart), while control traffic did not."""
    uneven_ms, own_ms = (
        max((one.uneven_ms or 0.0 for one in streams_of(call, direction)), default=0.0)
        for direction in ("received", "sent")
    )
    return uneven_ms >= max(UNEVEN_MS, MORE_UNEVEN * shares.late_ms, MORE_UNEVEN_THAN_OWN * own_ms)


def _is_overestimated(call: Call) -> bool:
    """Whether losses that were estimated by the packet interval would mean that the far end sends far more packets than
    this one does."""
    heard, said = streams_of(call, "received"), streams_of(call, "sent")
    estimated = [one for one in heard if one.loss_basis == "cadence" and one.lost]
    came, own = sum(one.packets + (one.lost or 0) for one in heard), sum(one.packets for one in said)
    return bool(estimated) and silence_of(call) is None and came > MOST_ESTIMATED * own


def _is_usable(control: Control) -> bool:
    late = control.late_ms_p99 is not None and control.late_ms_p99 > MOST_LATE_MS
    return len(control.flows) >= FEWEST_FLOWS and not late


def _troubled_seconds(call: Call, control: Control, is_silent: bool) -> list[ControlSecond]:
    """Return the control traffic of the moments that the call's words are about: its silence, else all of it."""
    silence = silence_of(call)
    begin_s, end_s = _call_span_s(call)
    if is_silent and silence is not None:
        begin_s, end_s = silence.since_s, silence.since_s + silence.lasts_s
    return _seconds_inside(control, begin_s, end_s)


def _seconds_inside(control: Control, begin_s: float, end_s: float) -> list[ControlSecond]:
    return [one for one in control.seconds if begin_s - 1 < one.at_s < end_s]


def _call_span_s(call: Call | Attempt) -> tuple[float, float]:
    end_s = call.start_s + call.duration_s if isinstance(call, Call) else call.end_s
    return call.start_s, end_s


def _with_others(call: Call, control: Control) -> Call:
    """Return the call with control packets that arrived counted among the other packets of its seconds."""
    arrived = {one.at_s: one.arrived_down for one in control.seconds}
    seconds = (
        replace(moment, other_packets=moment.other_packets + arrived.get(moment.at_s, 0)) for moment in call.seconds
    )
    return replace(call, seconds=tuple(seconds))


def _control_figures(control: Control, shares: ControlShares) -> dict[str, float | None]:
    def share(value: float | None) -> float | None:
        return None if value is None else round(100 * value, 2)

    return {
        "control_flows": float(len(control.flows)),
        "control_lost_down_pct": share(shares.lost_down),
        "control_lost_up_pct": share(shares.lost_up),
        "control_late_ms": round(shares.late_ms, 2),
    }
