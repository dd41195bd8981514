"""Which rules fit the losses of what a recorded call received.

    one share at any rate                    media.drop
    one share, from a moment on              media.police or media.drop
    the received rate has a ceiling          media.police
    one medium lost, the other not           media.size_drop or media.police

Whether the losses are a network's is decided in `recorded_call` before. Losses of few runs fit no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean, pstdev

from talkpath.measure.call import Second, Stream
from talkpath.verdict.model import Category, Number

POOR_LOSS = 0.05
"""From this share of packets lost on a direction is poor."""

FEWEST_RUNS = 5
"""Losses in fewer runs are outages, which every line has, and nothing that drops packets now and then."""

HEADERS_BYTES = 28
HARDLY_EVER = 1e-3

FLAT_SHARE, CLEARLY = 0.5, 3.0
FEWEST_SECONDS, CEILING_SPREAD, BETTER = 5, 0.2, 0.5
EVEN_SPANS, EVEN_SPREAD, SPANS_S = 12, 0.06, (1, 2)
"""A ceiling shows in that many seconds at least, all at nearly one rate, and explains losses twice as well; or the
rate is twice as even as chance would leave it, over seconds, or over two each: a second has a frame of video more or
less, which a limit takes from the next one."""


@dataclass(slots=True)
class FittingRules:
    """The rules that fit, the likeliest first, and their parameters."""

    rules: tuple[str, ...] = ()
    parameters: dict[str, Number | Category] = field(default_factory=dict)


def fitting_losses(heard: Sequence[Stream], seconds: Sequence[Second]) -> FittingRules:
    """Return the rules that fit the losses of the received streams; `seconds`: those in which packets were received
    from beginning to end."""
    if loss_runs(heard) < FEWEST_RUNS:
        return FittingRules()
    ceiling = _ceiling_kbps(seconds)
    if ceiling is not None:
        return FittingRules(("media.police", "media.drop"), {"kbps": ceiling})
    lost, received = (sum(each) for each in zip(*((one.lost or 0, one.packets) for one in heard), strict=True))
    share = _loss_interval(lost, received + lost)
    if _spares_voice(heard):
        return FittingRules(("media.size_drop", "media.police"), {"p": share})
    return FittingRules(("media.police", "media.drop") if _began_late(seconds) else ("media.drop",), {"p": share})


def _began_late(seconds: Sequence[Second]) -> bool:
    """Whether losses began so late that a rule which drops at random from the start would hardly ever do so: a bucket
    that was full at first does."""
    first = next((place for place, second in enumerate(seconds) if second.lost), len(seconds))
    spared, after = sum(second.packets for second in seconds[:first]), seconds[first:]
    lost, came = sum(second.lost or 0 for second in after), sum(second.packets for second in after)
    steady = 2 * sum(bool(second.lost) for second in after) > len(after)
    return first > 0 and steady and (1 - lost / (lost + came)) ** spared < HARDLY_EVER


def _spares_voice(heard: Sequence[Stream]) -> bool:
    """Whether video loses twice as much as voice, and more than bursts that affect both alike would explain."""
    (video, video_sent, video_burst), (voice, voice_sent, voice_burst) = (
        _lost_of_medium(heard, one) for one in ("video", "voice")
    )
    if not video_sent or not voice_sent or video < POOR_LOSS * video_sent:
        return False
    shares, together = (video / video_sent, voice / voice_sent), (video + voice) / (video_sent + voice_sent)
    error = sqrt(together * (1 - together) * (video_burst / video_sent + voice_burst / voice_sent))
    return shares[1] < FLAT_SHARE * shares[0] and shares[0] - shares[1] > CLEARLY * error


def _lost_of_medium(streams: Sequence[Stream], medium: str) -> tuple[float, float, float]:
    """Return (lost, sent, factor by which bursts widen the spread of the share) of one medium."""
    own = [stream for stream in streams if stream.medium == medium and stream.lost is not None]
    lost = sum(stream.lost or 0 for stream in own)
    runs = loss_runs(own)
    return lost, sum(stream.packets for stream in own) + lost, max(2 * lost / runs - 1, 1.0) if runs else 1.0


def loss_runs(streams: Sequence[Stream]) -> float:
    """Return the number of runs of lost packets, single losses included."""
    return sum((stream.lost or 0) / (stream.mean_burst or 1) for stream in streams)


def _ceiling_kbps(inner: Sequence[Second]) -> Number | None:
    """Estimate the rate limit, where a limit explains the losses far better than chance does.

    A policer's bucket is full at first: the seconds before its first losses, and the second of these, are left out.
    """
    first = next((place for place, second in enumerate(inner) if _second_share(second) >= POOR_LOSS), 0)
    inner = inner[first + 1 :]
    lossy = [second for second in inner if _second_share(second) >= POOR_LOSS]
    if len(lossy) < FEWEST_SECONDS:
        return None
    rates = [_ip_kbps(second) for second in lossy]
    ceiling = sum(rates) / len(rates)
    spread = pstdev(rates, ceiling)
    if not (_explains_losses(inner, ceiling, spread) or _too_even(lossy, rates, ceiling)):
        return None
    half = 2 * spread / sqrt(len(rates))
    return Number(round(ceiling, 1), round(ceiling - half, 1), round(ceiling + half, 1))


def _explains_losses(inner: Sequence[Second], ceiling: float, spread: float) -> bool:
    """Whether a rate limit explains the losses: under a limit c an offered rate r loses 1 - c/r; under chance all lose
    one share."""
    shares = [(_second_share(second), _ip_kbps(second) / (1 - _second_share(second))) for second in inner]
    chance = sum(share for share, _ in shares) / len(shares)
    by_chance = sum((share - chance) ** 2 for share, _ in shares)
    by_ceiling = sum((share - max(0.0, 1 - ceiling / offered)) ** 2 for share, offered in shares if offered)
    return by_ceiling <= BETTER * by_chance and spread <= CEILING_SPREAD * ceiling


def _too_even(lossy: Sequence[Second], rates: Sequence[float], ceiling: float) -> bool:
    """Whether the received rate is too even for chance: random loss leaves a rate that varies, a limit hardly does.
    Spans of two seconds overlap by half, so two in three say something of their own."""
    by_chance = sum(sqrt(_second_share(second) / second.packets) for second in lossy) / len(lossy)
    spans = {size: [fmean(rates[at : at + size]) for at in range(len(rates) - size + 1)] for size in SPANS_S}
    return any(
        2 * len(own) >= (size + 1) * EVEN_SPANS
        and pstdev(own, ceiling) <= min(BETTER * by_chance / sqrt(size), EVEN_SPREAD) * ceiling
        for size, own in spans.items()
    )


def _ip_kbps(second: Second) -> float:
    """Return the rate as a policer counts it, with IPv4 and UDP headers."""
    return second.kbps + 8e-3 * HEADERS_BYTES * second.packets


def _second_share(second: Second) -> float:
    lost = second.lost or 0
    return lost / (second.packets + lost) if second.packets + lost else 0.0


def _loss_interval(lost: int, sent: int) -> Number:
    """Return the share lost with Wilson's 95 % interval; losses come in bursts, so the true interval is wider."""
    z, share = 1.96, lost / sent
    middle = (share + z * z / (2 * sent)) / (1 + z * z / sent)
    half = z * sqrt(share * (1 - share) / sent + z * z / (4 * sent * sent)) / (1 + z * z / sent)
    return Number(round(share, 4), round(middle - half, 4), round(middle + half, 4))
