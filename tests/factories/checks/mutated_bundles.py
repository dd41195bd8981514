"""Bundles whose records were changed in their structure and signed again, as a stranger may write them."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import msgspec

from talkpath.evidence import bundle as form
from talkpath.evidence.compression import compress
from talkpath.wire.control.keys import Signer

DEEP: Any = "x"
for _ in range(60):
    DEEP = [DEEP]

NUMBERS = (0, 1, -1, 2**31, -(2**31), 2**63, 2**64 - 1, 0.0, -0.0, 1e-300, 1e308, float("nan"), float("inf"), -1.5)
TEXTS = ("", "x", "voice", "baseline", "\x1b[2J", "\n", "\u202e", "\u0663", "x" * 5000)
NASTY = (None, True, *NUMBERS, *TEXTS, b"", b"\xff" * 40, [], {}, [0], [None], {"": 0}, DEEP)


def value_paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a record."""
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += value_paths(inner, (*at, key))
    return found


def mutated_record(record: Any, draws: Random, times: int) -> Any:
    """A copy in which values were replaced, left out, doubled, moved or exchanged."""
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(record), strict=False)
    for _ in range(times):
        paths = value_paths(copy)
        *way, last = draws.choice([paths[0], *draws.choices(paths, k=3)])
        holder = copy
        for key in way:
            holder = holder[key]
        change = draws.choice(("replace", "replace", "scale", "leave out", "double", "exchange"))
        if change == "replace":
            holder[last] = _nasty_value(draws)
        elif change == "scale" and isinstance(holder[last], int | float):
            holder[last] = holder[last] * draws.choice((-1, 0, 2, 1000, 1e9, 1e-9))
        elif change == "leave out":
            del holder[last]
        elif change == "double" and isinstance(holder, list):
            holder.insert(last, holder[last])
        elif change == "exchange":
            holder[last] = draws.choice([_nasty_value(draws), _value_at(copy, draws.choice(paths))])
    return copy


def _nasty_value(draws: Random) -> Any:
    """A value of its own: what is changed in it later stays in this record."""
    return deepcopy(draws.choice(NASTY))


def _value_at(record: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        record = record[key]
    return msgspec.msgpack.decode(msgspec.msgpack.encode(record), strict=False)


def signed_bundle(kind: str, facts: Any, verdict: Any, signer: Signer, second: bytes = b"") -> bytes | None:
    """The bundle of these records, signed; None where they cannot be written at all. `second` is the bundle of a second
    test server's check."""
    try:
        parts = {form.FACTS_PART: msgspec.msgpack.encode(facts), form.VERDICT_PART: msgspec.json.encode(verdict)}
    except (OverflowError, TypeError, ValueError):
        return None
    packed = {name: compress(data) for name, data in parts.items()}
    return form._sign_parts(kind, packed | ({form.SECOND_PART: second} if second else {}), signer)
