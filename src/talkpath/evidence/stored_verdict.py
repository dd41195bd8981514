"""The verdict part of a bundle: the JSON that was printed on the day (tp-004, tp-007).

It is shown where today's rules differ. Contract: `read_stored_verdict` returns the object, or raises where a field that
readers use has another type than the spec gives it (`msgspec.ValidationError`), or where any text holds characters that
a terminal would act on (`BundleError`).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from talkpath.errors import BundleError

Label = Annotated[str, Meta(max_length=200)]
UNPRINTABLE = "The bundle holds words that no check writes."


class _Verdict(Struct):
    app: Label
    medium: Label
    state: Label
    rule: Label | None = None
    direction: Label | None = None
    log10_e: float | None = None


class _Hit(Struct, forbid_unknown_fields=True):
    app: Label
    variant: Label
    medium: Label
    rule: Label
    direction: Label
    parameters: dict[Label, float | Label]


class _Truth(Struct):
    hit: list[_Hit]


class _Second(Struct):
    verdicts: list[_Verdict] = []


class _CheckJson(Struct):
    """What readers use of tp-004."""

    verdicts: list[_Verdict] = []
    truth: _Truth | None = None
    second: _Second = msgspec.field(default_factory=_Second)
    other_family: _Second = msgspec.field(default_factory=_Second)


class _Call(Struct):
    verdict: _Verdict


class _CaptureJson(Struct):
    """What readers use of tp-007."""

    calls: list[_Call] = []
    attempts: list[_Call] = []


_checks, _captures = msgspec.json.Decoder(_CheckJson), msgspec.json.Decoder(_CaptureJson)


def read_stored_verdict(kind: str, data: bytes) -> dict[str, Any]:
    """Decode and check the stored JSON of a bundle of this kind ("check", "endpoints" or "capture")."""
    stored = msgspec.json.decode(data, type=dict[str, Any])
    check_printable(stored)
    (_captures if kind == "capture" else _checks).decode(data)
    return stored


def check_printable(value: object) -> None:
    """`BundleError` where any text in a JSON value holds characters that a terminal would act on."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and not item.isprintable():
            raise BundleError(UNPRINTABLE)
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item
