"""Decodes stored records, within their bounds and without more work than a judge is built for.

Contract: these functions raise only `BundleError`, with one sentence, whatever the bytes are. Facts of a check are
validated by `measure.validate`, those of `talkpath endpoints` here: unknown apps and words, bitmaps of another length
than their series or schedule, answers to packets that never left, and cells without a flow are refused. Valid facts may
still be false, but they do not make a reader fail.

How much work facts would cause is known before any of them is unpacked: lists are skipped as bytes, and only the count
in front of each is read (MessagePack's array headers). A queue may order bundles by it. Judging keeps some numbers for
each slot of each flow: that takes memory. It simulates each slot under each mechanism, and draws conclusions from each
epoch with all before it: so an arm takes time for its slots, and for its epochs squared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from talkpath.apps import apps
from talkpath.errors import UNREADABLE, BundleError, in_place_of
from talkpath.grouping import grouped_by_key
from talkpath.measure.bounds import MOST_EPOCHS, Word
from talkpath.measure.call import Findings
from talkpath.measure.endpoint_facts import (
    EndpointFacts,
    ExpiringEpoch,
    GreetingSeries,
    MeasuredPath,
)
from talkpath.measure.facts import Facts
from talkpath.measure.question_text import stored_question
from talkpath.measure.validate import (
    NAME_PATTERN,
    ROUTER_KINDS,
    WORD_PATTERN,
    exchange_fits,
    validate_facts,
    validate_findings,
)
from talkpath.wire.control.receipt import is_hour

Decoded = TypeVar("Decoded")

SLOT_S, EPOCH_S = 0.0005, 0.004  # of judging: per slot of a schedule; per pair of epochs of one arm (measured)
FLOW_CELLS: Final = 64  # cost of a flow without packets, in slots


class Work(NamedTuple):
    """`cells`: flows times slots, over all epochs; `slots` of all schedules together; `epochs` of the arm that has
    most; `seconds` of processor time that judging takes at most, roughly: if every arm is restricted, on a machine of
    2024."""

    cells: int
    slots: int
    epochs: int
    seconds: float


class _Track(Struct, frozen=True, gc=False):
    at_ms: Raw
    size: Raw
    stage: Raw

    @property
    def slots(self) -> int:
        """Its slots, counted from the heads of the packed arrays: the longest counts."""
        return max(map(_array_length, (self.at_ms, self.size, self.stage)))


class _Epoch(Struct, frozen=True):
    app: Word
    variant: Word
    medium: Word
    up: _Track
    down: _Track
    flows: Raw

    @property
    def size(self) -> tuple[int, int]:
        """(flows, slots), both directions."""
        return _array_length(self.flows), self.up.slots + self.down.slots


class _Facts(Struct, frozen=True):
    epochs: Annotated[tuple[_Epoch, ...], Meta(max_length=MOST_EPOCHS)] = ()


_outlines = msgspec.msgpack.Decoder(_Facts)


def facts_work(data: bytes) -> Work:
    """Return the work that facts, as MessagePack, would cause; `msgspec.MsgspecError` if they are not facts."""
    every = _outlines.decode(data).epochs
    sizes = grouped_by_key(((epoch.app, epoch.variant, epoch.medium), epoch.size) for epoch in every).values()
    slots = sum(slots for epochs in sizes for _, slots in epochs)
    return Work(
        cells=sum(flows * (slots + FLOW_CELLS) for epochs in sizes for flows, slots in epochs),
        slots=slots,
        epochs=max(map(len, sizes), default=0),
        seconds=SLOT_S * slots + EPOCH_S * sum(len(epochs) ** 2 for epochs in sizes),
    )


def _array_length(raw: Raw) -> int:
    """Return how many elements an encoded array has (MessagePack: fixarray, array 16, array 32)."""
    data = bytes(memoryview(raw)[:5])
    if data[0] & 0xF0 == 0x90:
        return data[0] & 0x0F
    if data[0] in (0xDC, 0xDD):
        return int.from_bytes(data[1 : 3 if data[0] == 0xDC else 5], "big")
    raise msgspec.ValidationError("Expected `array`")


CARRIES: Final = ("call", "greeting")
STUN_FORMS: Final = ("", "stun", "classic")
SKIP_REASONS: Final = ("", "locate")
LIMITED: Final = ("", "system", "no_server", "no_call")
FLOW_CELL_LIMIT: Final = 4


def validate_endpoint_facts(facts: EndpointFacts) -> None:
    """Raise `BundleError` if no run can write such facts."""
    if not all(_require_run(facts)):
        raise BundleError("The bundle holds answers of servers that no run writes.")


def _require_run(facts: EndpointFacts) -> Iterator[bool]:
    yield all(app in apps() for app in facts.apps) and facts.family in (4, 6)
    yield is_hour(facts.started_at) and facts.schema.isprintable() and facts.limited in LIMITED
    yield all(map(exchange_fits, facts.exchanges))
    yield all(all(_require_series(series)) for series in facts.series)
    yield all(all(_require_path(path)) for path in facts.paths)
    yield len({path.host for path in facts.paths}) == len(facts.paths)
    yield all(all(_require_expiring_epoch(epoch)) for epoch in facts.epochs)
    yield len({epoch.number for epoch in facts.epochs}) == len(facts.epochs)


def _require_owner(app: str, host: str, *, neutral: bool) -> bool:
    return (app == "" if neutral else app in apps()) and host.isprintable()


def _require_series(series: GreetingSeries) -> Iterator[bool]:
    yield _require_owner(series.app, series.host, neutral=series.neutral)
    yield _are_answers(series.sent, series.answered, series.count)
    yield len(series.rtt_ms) <= series.count


def _require_path(path: MeasuredPath) -> Iterator[bool]:
    yield _require_owner(path.app, path.host, neutral=path.neutral)
    yield path.greeting in STUN_FORMS and all(hop.kind in ROUTER_KINDS for hop in path.hops)


def _require_expiring_epoch(epoch: ExpiringEpoch) -> Iterator[bool]:
    yield epoch.app in apps() and NAME_PATTERN.fullmatch(epoch.variant) is not None and epoch.medium == "voice"
    yield epoch.host.isprintable() and epoch.beside.isprintable()
    yield epoch.carries in CARRIES and epoch.why in SKIP_REASONS and epoch.router in ROUTER_KINDS
    yield WORD_PATTERN.fullmatch(epoch.missing) is not None
    yield len(epoch.at_ms) == len(epoch.size) == len(epoch.stage)
    yield all(_are_answers(flow.sent, flow.answered, len(epoch.size)) for flow in epoch.flows)
    cells = {(flow.role, flow.neutral) for flow in epoch.flows}
    yield bool(epoch.missing) or (len(cells) == FLOW_CELL_LIMIT and len(epoch.size) > 0)


def _are_answers(sent: bytes, answered: bytes, size: int) -> bool:
    """Whether both bitmaps are as long as they should be, and only what was sent was answered."""
    left, came = (int.from_bytes(bitmap, "little") for bitmap in (sent, answered))
    return len(sent) == len(answered) == (size + 7) // 8 and left >> size == 0 and came & ~left == 0


# Above the largest check: `--deep --video` of all apps, everything restricted.
MOST_FACTS_BYTES: Final = 16 << 20
MOST_ENDPOINT_BYTES: Final = 1 << 20
MOST_CELLS: Final = 20_000_000  # some 25 bytes each while it is judged
MOST_SLOTS_IN_ALL: Final = 400_000
MOST_EPOCHS_OF_AN_ARM: Final = 200
MOST_JUDGING_S: Final = 300.0

_facts = msgspec.msgpack.Decoder(Facts)
_findings = msgspec.msgpack.Decoder(Findings)
_endpoints = msgspec.msgpack.Decoder(EndpointFacts)


def decode_facts(data: bytes) -> Facts:
    """Decode the facts of a check from MessagePack."""
    require_bounded_work(data)
    with in_place_of(UNREADABLE, BundleError("The bundle holds facts that no check writes.")):
        facts = _decode_facts(data)
    validate_facts(facts)
    return facts


def _decode_facts(data: bytes) -> Facts:
    """Decode the facts; where questions are a word and a value, as `talkpath.facts/1` had them, they are converted."""
    try:
        return _facts.decode(data)
    except msgspec.ValidationError:
        stored = msgspec.msgpack.decode(data, type=dict[str, Any])
        epochs = msgspec.convert(stored.get("epochs", ()), list[dict[str, Any]])
        for epoch in epochs:
            if isinstance(epoch.get("question"), str):
                epoch["question"] = stored_question(epoch["question"], epoch.pop("value", None))
        return msgspec.convert(stored | {"epochs": epochs}, Facts)


def decode_findings(data: bytes) -> Findings:
    """Decode the findings of a recording from MessagePack."""
    if len(data) > MOST_FACTS_BYTES:
        raise BundleError("The bundle holds more findings than any recording gives.")
    findings = _readable(_findings, data, "findings that no recording gives")
    validate_findings(findings)
    return findings


def decode_endpoint_facts(data: bytes) -> EndpointFacts:
    """Decode the facts of a run of `talkpath endpoints` from MessagePack. Their bounds bound the work of judging."""
    if len(data) > MOST_ENDPOINT_BYTES:
        raise BundleError("The bundle holds more answers of servers than any run asks for.")
    facts = _readable(_endpoints, data, "answers of servers that no run writes")
    validate_endpoint_facts(facts)
    return facts


def _readable(decoder: msgspec.msgpack.Decoder[Decoded], data: bytes, else_it_holds: str) -> Decoded:
    with in_place_of(UNREADABLE, BundleError(f"The bundle holds {else_it_holds}.")):
        return decoder.decode(data)


def require_bounded_work(data: bytes) -> Work:
    """Return what judging these facts (MessagePack) would cost; `BundleError` if that is more than any check costs."""
    if len(data) > MOST_FACTS_BYTES:
        raise BundleError("The bundle holds more facts than any check writes.")
    with in_place_of(UNREADABLE, BundleError("The bundle holds facts that no check writes.")):
        work = facts_work(data)
    wide = work.cells > MOST_CELLS or work.slots > MOST_SLOTS_IN_ALL
    if wide or work.epochs > MOST_EPOCHS_OF_AN_ARM or work.seconds > MOST_JUDGING_S:
        raise BundleError("The bundle holds more epochs, flows and packets than any check has.")
    return work
