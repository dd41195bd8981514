"""Judges one recorded call (basis `call`).

A recording has no twins, and a fault may lie anywhere, so nothing here accuses: the strongest result is `insufficient`
with the rules that the facts are consistent with in `alternatives`, and their parameters. `ok` needs a talk that was
long enough and had good quality in both directions to its end, and speaks of what came alone. Only packets that arrive
at this end are compared with rules: how sent packets fared is known at the other end only, since the reports that say
so (RTCP) are encrypted. A delay that is always there shows nowhere. But if the sent stream was already poor when it was
recorded, the talk is not `ok`. These contrasts inside a recording narrow the alternatives:

    media stopped arriving, this end went on sending    other packets of those seconds, the call's own replies
    losses                                               how they depend on the rate and the medium (`recorded_losses`)
    set-up never answered                                other traffic meanwhile, whether others were answered

Losses that only the packet interval shows fit a rule where they are as short as losses of single packets are, and
cannot be pauses of speech.

If the recorder itself lost packets, the sent stream misses as many, and no statement on the network is made.
"""

from __future__ import annotations

from talkpath.apps.contract.feature import SURE_CONFIDENCE
from talkpath.apps.contract.shape import Medium
from talkpath.measure.call import Attempt, Call, Flow, Second, Stream
from talkpath.measure.pauses import is_lost_singly, paused_share, without_pauses
from talkpath.measure.silence import ALONE_S, SILENT_END_S, goes_on_reporting, medium_end_of, silence_of, streams_of
from talkpath.verdict.bases.call_outcome import (
    ENOUGH_PACKETS,
    ENOUGH_S,
    call_outcome,
    frozen_s,
    is_recorders,
    may_be_nobody,
    share_lost,
    voice_quality,
)
from talkpath.verdict.bases.recorded_losses import POOR_LOSS, FittingRules, fitting_losses
from talkpath.verdict.model import Category, Number, Reason, Verdict

"""Shorter or thinner talks say nothing, whatever they look like."""

POOR_FROZEN, TALKABLE_MOS = 0.05, 3.1
"""From this share of time frozen on a direction is poor, and below this quality."""

UNNAMED_APPS = ("unknown", "rtp")
"""What no app was told of: sound that only leaves may be music, or a broadcast."""

PATIENCE_RATIO = 2.0
"""A flow that replies now and then has fallen silent after so many of its usual intervals."""

FEWEST_TRIES = 3
SIGNATURES = {"telegram": ("reflector.drop",)}
"""Rules about set-up that is no STUN, by app."""

WAITED_S = 3.0
"""Requests over so long were unanswered: STUN repeats one for longer (RFC 8489 section 6.2.1)."""

NO_FREEZES: dict[str, float | None] = {"frozen_down_pct": None, "frozen_down_s": None}
"""Figures of a call whose standstills may be pauses of speech."""

ANSWERED = "answered_silence"
"""The figure of a call that went silent while its far end still answered checks: it was there, and so was the path."""

OTHERS_RATE = 1.0
"""Packets a second of other traffic from which on the network itself was alive."""


def judge_call(call: Call) -> Verdict:
    """Judge a talk."""
    has_pauses, call = paused_share(call) is not None, without_pauses(call)
    medium: Medium = "voice" if "voice" in call.media else "video"
    heard, said = streams_of(call, "received"), streams_of(call, "sent")
    state = _State(call, heard, said)
    ends = _rules_of_silence(state)
    loss = _rules_of_losses(state)
    rules = (*ends.rules, *(rule for rule in loss.rules if rule not in ends.rules))
    reason = _why_not_ok(state, rules, has_pauses=has_pauses)
    return Verdict(
        app=call.app,
        variant="",
        medium=medium,
        state="insufficient" if reason else "ok",
        direction="down" if rules else None,
        parameters={**loss.parameters, **ends.parameters} if rules else {},
        basis="call",
        watched_s=round(call.duration_s, 3),
        call_packets=sum(stream.packets for stream in (*heard, *said)),
        flow_count=len(call.flows),
        reason=reason,
        confidence="high" if call.app_confidence >= SURE_CONFIDENCE else "low",
        alternatives=rules,
        figures=state.figures() | (NO_FREEZES if has_pauses else {}),
    )


def judge_attempt(attempt: Attempt) -> Verdict:
    """Judge set-up without talk: one try is little evidence, but unanswered it is consistent with some rules."""
    waited = attempt.end_s - attempt.start_s >= WAITED_S
    tries = max(attempt.requests, attempt.sent_packets)
    unanswered = waited and not attempt.answered and tries >= FEWEST_TRIES
    untold = attempt.others_answered or attempt.begun_before or may_be_nobody(attempt)
    alive = attempt.other_packets >= OTHERS_RATE * max(attempt.end_s - attempt.start_s, 1.0)
    return Verdict(
        app=attempt.app,
        variant="",
        medium="voice",
        state="insufficient",
        direction=None,
        basis="call",
        watched_s=round(attempt.end_s - attempt.start_s, 3),
        reason=Reason(
            "no_control" if unanswered else "single_request",
            {"requests": tries if unanswered else attempt.requests, "answers": attempt.answers},
        ),
        confidence="high" if attempt.app_confidence >= SURE_CONFIDENCE else "low",
        alternatives=_rules_of_set_up(attempt) if unanswered and alive and not untold else (),
    )


def _rules_of_set_up(attempt: Attempt) -> tuple[str, ...]:
    """Return the rules that fit set-up which nobody answered, by what kind of requests it had."""
    by_signature = ("stun.drop",) if attempt.requests >= FEWEST_TRIES else SIGNATURES.get(attempt.app, ())
    return (*by_signature, "address.block", "udp.block")


class _State:
    """A call's figures, each computed once."""

    def __init__(self, call: Call, heard: list[Stream], said: list[Stream]) -> None:
        self.call, self.heard, self.said = call, heard, said
        self.received, self.sent = (sum(stream.packets for stream in streams) for streams in (heard, said))
        self.loss, self.loss_sent = share_lost(heard) or 0.0, share_lost(said) or 0.0
        self.frozen_s, self.frozen_sent_s = frozen_s(call, "received"), frozen_s(call, "sent")
        self.mos, self.silence = voice_quality(call, "received"), silence_of(call)
        self.heard_until_s = max((stream.start_s + stream.duration_s for stream in heard), default=call.start_s)
        self.said_until_s = max((stream.start_s + stream.duration_s for stream in said), default=call.start_s)

    @property
    def frozen_share(self) -> float:
        """Share of the talk during which playout was frozen."""
        return self.frozen_s / self.call.duration_s if self.call.duration_s else 0.0

    @property
    def poor(self) -> bool:
        """Whether the received stream is too poor for a conversation."""
        return self.loss >= POOR_LOSS or self.frozen_share >= POOR_FROZEN or _unclear_reason(self.mos)

    @property
    def sent_poor(self) -> bool:
        """Whether the sent stream was already poor when it was recorded."""
        frozen = self.frozen_sent_s >= POOR_FROZEN * max(self.call.duration_s, ENOUGH_S)
        return self.loss_sent >= POOR_LOSS or frozen or _unclear_reason(voice_quality(self.call, "sent"))

    @property
    def is_silent(self) -> bool:
        """Whether it ended in a silence that nothing excuses: how much was lost in it is not known."""
        return self.silence is not None and not self.silence.replied

    @property
    def silence_s(self) -> float:
        """How long this end went on sending after it last received something; negative if the other end went on."""
        return self.said_until_s - self.heard_until_s if self.said else 0.0

    def whole_seconds(self) -> list[Second]:
        """The seconds in which packets were received from beginning to end."""
        begin = min((stream.start_s for stream in self.heard), default=self.call.start_s)
        inside = (moment for moment in self.call.seconds if begin < moment.at_s < int(self.heard_until_s))
        return [moment.received for moment in inside if moment.received.packets]

    def figures(self) -> dict[str, float | None]:
        """Return the numbers for the report's sentences."""
        loss, loss_sent = share_lost(self.heard), share_lost(self.said)
        return {
            "loss_down_pct": None if loss is None or self.is_silent else round(100 * loss, 2),
            "frozen_down_pct": round(100 * self.frozen_share, 2) if self.received else None,
            "frozen_down_s": round(self.frozen_s, 3) if self.received else None,
            "mos_down": self.mos,
            "loss_up_pct": None if loss_sent is None else round(100 * loss_sent, 2),
            "silence_s": round(max(self.silence_s, 0.0), 2),
            "received": float(self.received),
            "sent": float(self.sent),
            **({ANSWERED: 1.0} if self.silence is not None and self.silence.answers else {}),
        }


def _why_not_ok(state: _State, rules: tuple[str, ...], *, has_pauses: bool) -> Reason | None:
    """Return why the call is not `ok`; None if it is."""
    short = state.call.duration_s < ENOUGH_S or state.received < ENOUGH_PACKETS
    watched = {"seconds": round(state.call.duration_s, 1), "packets": state.received}
    silent = state.silence_s >= max(SILENT_END_S, ENOUGH_S)
    if rules or silent:
        return Reason("no_control", watched)
    if short or _cut_short(state):
        return Reason("short_capture", watched)
    if has_pauses or not all(map(is_lost_singly, state.heard)):
        return Reason("pauses", watched)
    one_way = not state.said or abs(state.silence_s) >= SILENT_END_S or medium_end_of(state.call, "video")
    unclear = one_way or state.sent_poor or all(stream.lost is None for stream in state.heard)
    return Reason("no_control", watched) if unclear or call_outcome(state.call).kind != "good" else None


def _unclear_reason(mos: float | None) -> bool:
    return mos is not None and mos < TALKABLE_MOS


def _cut_short(state: _State) -> bool:
    """Whether the media ended in mid-talk while the recording went on and nobody hung up, or not for long."""
    call = state.call
    end_s = call.start_s + call.duration_s
    if call.closed:
        return any((flow.last_received_s or 0.0) > end_s + ALONE_S for flow in call.flows if flow.media_received)
    return call.control_end_s - end_s > SILENT_END_S


def _rules_of_silence(state: _State) -> FittingRules:
    """Return the rules that fit media which stopped, or never came, while this end went on sending."""
    short = state.call.duration_s < ENOUGH_S or state.sent < ENOUGH_PACKETS
    if state.silence_s < SILENT_END_S or short or state.call.partly_read:
        return FittingRules()
    moments = [moment for moment in state.call.seconds if moment.at_s > state.heard_until_s]
    others = sum(moment.other_packets for moment in moments)
    if others < OTHERS_RATE * len(moments):
        return FittingRules()
    feedback = goes_on_reporting(state.call, state.heard_until_s, state.said_until_s)
    if feedback or (feedback is None and any(_may_reply(flow, state) for flow in state.call.flows)):
        return FittingRules()
    if state.silence is not None and state.silence.answers and not state.silence.hears:
        return FittingRules()  # what this end sent did not arrive, so that the other stopped
    if not state.received:
        return FittingRules(() if state.call.app in UNNAMED_APPS else ("media.drop",))
    before = [moment for moment in state.call.seconds if moment.at_s <= state.heard_until_s]
    packets = float(sum(moment.received.packets + moment.sent.packets for moment in before))
    after_s = state.heard_until_s - state.call.start_s
    carriers = [one for one in state.call.flows if one.media_received]
    beside = sum(map(_packets_beside_media, carriers))
    begun_s = min((one.start_s for one in carriers), default=state.call.start_s)
    due_s = max(stream.longest_gap_ms for stream in state.heard) / 1000
    parameters: dict[str, Number | Category] = {
        "after_packets": Number(packets, float(state.received), packets + beside),
        "after_s": Number(round(after_s, 2), round(after_s, 2), round(state.heard_until_s - begun_s + due_s, 2)),
    }
    return FittingRules(("media.freeze", "media.drop"), parameters)


def _packets_beside_media(flow: Flow) -> int:
    """Count a flow's packets of set-up, checks and reports before it fell silent. All that came is of before; this end
    goes on asking in the silence, so of what it sent as many count as were answered."""
    received = flow.packets_received - flow.media_received
    return received + min(received, flow.packets_sent - flow.media_sent)


def _may_reply(flow: Flow, state: _State) -> bool:
    """Whether a flow went on after the media, or its next reply may not be due yet: the other end may merely be
    silent. Set-up comes fast and makes the usual interval look short, so a flow is not called silent before
    SILENT_S."""
    if flow.last_received_s is None:
        return False
    replies = flow.packets_received - flow.media_received
    usual_s = (flow.last_received_s - flow.start_s) / replies if replies else 0.0
    quiet_s = state.said_until_s - flow.last_received_s
    return flow.last_received_s > state.heard_until_s + SILENT_END_S or quiet_s < max(
        SILENT_END_S, PATIENCE_RATIO * usual_s
    )


def _rules_of_losses(state: _State) -> FittingRules:
    """Return the rules that fit the losses, where these are many, single, and not of this end's own doing."""
    short = state.received < ENOUGH_PACKETS or state.call.duration_s < ENOUGH_S
    if short or not state.poor or state.loss < POOR_LOSS or not all(map(is_lost_singly, state.heard)):
        return FittingRules()
    if is_recorders(state.call):
        return FittingRules()
    return fitting_losses(state.heard, state.whole_seconds())
