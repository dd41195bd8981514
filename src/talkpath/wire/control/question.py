"""The questions that one epoch of a check may answer (spec/tp-001, tp-005), each with its own fields.

A question travels as itself: the planner asks it, the control channel carries it, both ends lay out its flows, and the
epoch that answers it keeps it. Bounds stand in the types, so that any bytes give a question or an error.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_QUESTION_PATHS = 32
MAX_HOPS = 64
MAX_LIMITED_HOPS = 8

HelloCode = Annotated[
    str,
    Meta(
        pattern=r"^(browser|openssl|pion|own|webrtc-1\.2|telegram-1\.2|chromium-1\.3|firefox-1\.3)"
        r"(/(up|down)(/cookie)?)?(?!\n)$"
    ),
]
"""Whose ClientHello; of calls like recorded ones also which way it is sent, and whether the server asks for a cookie
first (`apps.recorded.named_hellos`)."""
PacketStage = Literal["media", "control", "stun", "dtls", "allocate", "reflector", "setup"]
"""What a packet is of: media, what keeps a call alive (keepalives, reports), or a step of its set-up; `setup` is one
whose protocol has no name here."""
Twins = Annotated[int, Meta(ge=0, le=64)]
PathCode = Annotated[str, Meta(pattern=r"^[a-z.-]{1,20}/[0-9]{1,5}(?!\n)$")]
HopCount = Annotated[int, Meta(ge=1, le=MAX_HOPS)]


class AnyQuestion(Struct, frozen=True, tag_field="kind", omit_defaults=True):
    """What all questions have in common: a word for their kind."""

    @property
    def kind(self) -> str:
        """The word that stands for it in files, receipts and progress lines."""
        return str(self.__struct_config__.tag)


class Baseline(AnyQuestion, frozen=True, tag="baseline"):
    """The accusing test: k calls beside k random and k/2 text twins."""


class WatchedCalls(AnyQuestion, frozen=True, tag="watch"):
    """The same with calls that live longer; with `twins`, beside so many random twins and none of text."""

    twins: Twins | None = None


class RateContrast(AnyQuestion, frozen=True, tag="rate"):
    """The same at `times` the app's packet rate."""

    times: Annotated[float, Meta(ge=0.1, le=4.0)]


class HelloContrast(AnyQuestion, frozen=True, tag="hello"):
    """The same with the DTLS ClientHello of that implementation."""

    hello: HelloCode


class LongCalls(AnyQuestion, frozen=True, tag="long"):
    """k calls that live through the whole check, beside so many random twins and none of text (None: as a baseline)."""

    twins: Twins | None = None


class QuietCalls(AnyQuestion, frozen=True, tag="quiet"):
    """k calls that live through the whole check at `times` the app's packet rate, beside no twins."""

    times: Annotated[float, Meta(ge=0.001, le=1.0)]


class TcpTwins(AnyQuestion, frozen=True, tag="tcp"):
    """k random twins over TCP beside k over UDP."""


class ComparedPaths(AnyQuestion, frozen=True):
    """k calls over each of these paths (`measure.transport_quality`), from local ports that no flow there had."""

    codes: Annotated[tuple[PathCode, ...], Meta(min_length=1, max_length=MAX_QUESTION_PATHS)]


class TransportPaths(ComparedPaths, frozen=True, tag="transport"):
    """Which transports to the responder carry calls."""


class RelayPaths(ComparedPaths, frozen=True, tag="relay"):
    """Whether TURN servers ("turn-udp/3478") relay calls: first the direct path, which is all that both ends see."""


class HopLimits(AnyQuestion, frozen=True, tag="hops"):
    """Where on the path calls are lost: for each number of `hops`, k calls and k random twins whose packets of that
    stage and direction may go so many hops and no further. Of media, two thirds of the second half are limited, so that
    the flow stays alive and any middlebox has recognised it. Without numbers it is a ladder: each limited packet of
    every flow may go one hop further than the one before, 1 to LADDER (measure.facts), and again from 1."""

    stage: PacketStage
    direction: Literal["up", "down"]
    hops: Annotated[tuple[HopCount, ...], Meta(max_length=MAX_LIMITED_HOPS)] = ()


Question = (
    Baseline
    | WatchedCalls
    | RateContrast
    | HelloContrast
    | LongCalls
    | QuietCalls
    | TcpTwins
    | TransportPaths
    | RelayPaths
    | HopLimits
)
QuestionKind = type[AnyQuestion]

BASELINE = Baseline()
ACCUSING = (Baseline, WatchedCalls)
"""Only epochs of these may support `restricted`."""
LIVING = (LongCalls, QuietCalls)
"""Epochs of these run beside all others."""
COMPARING = (Baseline, WatchedCalls, RateContrast, HelloContrast)
"""Epochs of these hold k calls beside k twins over UDP."""


def is_asked(question: AnyQuestion, wanted: AnyQuestion | QuestionKind) -> bool:
    """Whether a question is the wanted one, or of the wanted kind. `WatchedCalls()` stands for any longer look."""
    if isinstance(wanted, type):
        return isinstance(question, wanted)
    return isinstance(question, type(wanted)) and wanted in (question, WatchedCalls())
