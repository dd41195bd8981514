"""The text form of a question: a word and a value, as digests hold it and facts of `talkpath.facts/1` were stored."""

from __future__ import annotations

from typing import Any

from talkpath.wire.control.question import (
    BASELINE,
    ComparedPaths,
    HelloContrast,
    HopLimits,
    LongCalls,
    Question,
    QuietCalls,
    RateContrast,
)

OLD_WORDS = {"battery": BASELINE.kind}

Value = float | str | None


def question_text(question: Question) -> tuple[str, Value]:
    """Return the word and the value of a question."""
    value: Value = None
    match question:
        case ComparedPaths():
            value = ",".join(question.codes)
        case HopLimits():
            value = f"{question.stage}/{question.direction}/{','.join(map(str, question.hops)) or '*'}"
        case RateContrast() | QuietCalls():
            value = question.times
        case HelloContrast():
            value = question.hello
        case LongCalls():
            value = -1.0 if question.twins is None else float(question.twins)
    return question.kind, value


def stored_question(word: str, value: Value) -> dict[str, Any]:
    """Return the stored form of the question of that word and value. The types of the fields say whether it is one."""
    kind = OLD_WORDS.get(word, word)
    return {"kind": kind, **_fields(kind, value)}


def _fields(kind: str, value: Value) -> dict[str, Any]:
    if kind in ("transport", "relay"):
        return {"codes": str(value).split(",")}
    if kind == "hops":
        stage, direction, numbers = [*str(value).split("/"), "", ""][:3]
        hops = [] if numbers == "*" else [int(part[:4]) for part in numbers.split(",") if part.isdecimal()]
        return {"stage": stage, "direction": direction, "hops": hops}
    if kind in ("watch", "long"):
        return {} if not isinstance(value, int | float) or value < 0 else {"twins": int(value)}
    return {"rate": {"times": value}, "hello": {"hello": value}}.get(kind, {})
