"""What `capture` tells of a call in words. Never more than "consistent with"."""

from __future__ import annotations

from msgspec.structs import replace

from talkpath.apps import apps
from talkpath.measure.call import Attempt, Call, Paired
from talkpath.report import words
from talkpath.verdict.model import Verdict

PATHS = {"p2p": "directly between the two phones", "relay": "through a server", "unknown": "on a path of unknown kind"}
NEXT = {
    "short_capture": "Record a longer call, from before it rings until after it ends.",
    "no_control": "Record the same call at the other end too (--peer), or run `talkpath check` on this network now.",
    "single_request": "Try the call again while recording, or run `talkpath check` on this network now.",
}
MEDIA = {"voice": "voice call", "video": "video call"}


ASSUMPTIONS = (
    "Voice quality is the E-model's (ITU-T G.107) from losses and their bursts alone, for a codec that conceals "
    "losses, without echo and with 100 ms from mouth to ear; what left this end is counted before the network had it."
)


def app_name(app: str) -> str:
    """The app as people write it."""
    known = apps().get(app)
    return known.name if known else "an app that is not known"


def kind(call: Call) -> str:
    """Voice or video call."""
    return MEDIA["video" if "video" in call.media else "voice"]


def sentence(call: Call, verdict: Verdict) -> str:
    """One sentence on how the call went."""
    name = f"{app_name(call.app)} {kind(call)}, {PATHS[call.transport]}"
    if verdict.state == "ok":
        return f"{name}: {_quality(verdict)}; nothing points to a restriction on the way to this end."
    if verdict.alternatives:
        return f"{name}: {_quality(verdict)}; that is consistent with {mechanisms(verdict)}, and with a poor line."
    if verdict.reason and verdict.reason.code == "short_capture":
        return f"{name}: {_quality(verdict)}; what was recorded of it is too short to tell more."
    return f"{name}: {_quality(verdict)}; there is nothing to compare it with."


def mechanisms(verdict: Verdict) -> str:
    """The rules that fit, in words."""
    told = [words.mechanism(replace(verdict, rule=rule)) for rule in verdict.alternatives]
    return " or ".join(f"a rule by which {one}" for one in told)


def advice(verdict: Verdict) -> str:
    """What would change a result that could not tell."""
    return NEXT.get(verdict.reason.code, "") if verdict.reason else ""


def attempt_sentence(attempt: Attempt, verdict: Verdict) -> str:
    """One sentence on set-up without talk."""
    name = f"{app_name(attempt.app)} set up a call from {attempt.start_s:.1f} s on"
    if attempt.answered:
        return f"{name}; servers answered, but nobody talked in this recording."
    if verdict.alternatives:
        fits = mechanisms(verdict)
        return f"{name} and nothing answered {attempt.requests} requests; that is consistent with {fits}."
    return f"{name} and nothing answered."


def pair_lines(pair: Paired) -> list[str]:
    """What the other end's recording adds."""
    out = []
    for name, way in (("from here to the other end", pair.up), ("from the other end to here", pair.down)):
        if way is None:
            out.append(f"{name}: the two recordings share no packet, a server may write them anew")
        else:
            lost = f"{way.lost} of {way.sent} packets vanished ({way.loss_pct:.1f} %)"
            since = f", the first at {way.first_lost_s:.1f} s" if way.first_lost_s is not None else ""
            out.append(f"{name}: {lost}{since}, at most {way.longest_run} in a row")
    return out


def _quality(verdict: Verdict) -> str:
    """What arrived here, in numbers."""
    loss, frozen, mos, silence = (
        verdict.figures.get(name) for name in ("loss_down_pct", "frozen_down_pct", "mos_down", "silence_s")
    )
    if loss is None:
        return "nothing of the other side arrived here"
    parts = [f"{loss:.1f} % of what was sent to this end did not arrive"]
    if frozen:
        parts.append(f"it stood still for {frozen:.0f} % of the time")
    if mos is not None:
        parts.append(f"voice quality {mos:.1f} of 4.5")
    if silence and silence >= 3:
        parts.append(f"for its last {silence:.0f} s nothing came")
    return ", ".join(parts)
