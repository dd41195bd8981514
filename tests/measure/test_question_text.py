"""Facts that were stored with a word and a value in place of a question are read as the same facts, digest included."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from factories.checks import random_facts
from talkpath.measure.decode import decode_facts
from talkpath.measure.facts import Facts
from talkpath.measure.facts_digest import facts_digest
from talkpath.measure.question_text import question_text
from talkpath.wire.control.question import BASELINE, Question, WatchedCalls

FACTS = random_facts.plain_facts(random_facts.plain_epoch(0), random_facts.plain_epoch(1))


def as_stored_by_1(facts: Facts, question: Question) -> bytes:
    """What `talkpath.facts/1` wrote for these facts, all of whose epochs ask that question."""
    stored = msgspec.to_builtins(facts, builtin_types=(bytes,))
    word, value = question_text(question)
    for epoch in stored["epochs"]:
        epoch.pop("question", None)
        fields: dict[str, Any] = {"question": word} if question != BASELINE else {}
        epoch.update(fields if value is None else fields | {"value": value})
    return msgspec.msgpack.encode(stored)


@pytest.mark.parametrize("question", random_facts.QUESTIONS, ids=str)
def test_old_facts_are_the_same_facts(question: Question) -> None:
    kept = (
        WatchedCalls() if isinstance(question, WatchedCalls) else question
    )  # how many twins watched calls had was not stored
    facts = replace(FACTS, epochs=tuple(replace(epoch, question=kept) for epoch in FACTS.epochs))
    assert decode_facts(as_stored_by_1(facts, kept)) == facts
    assert decode_facts(msgspec.msgpack.encode(facts)) == facts


def test_the_word_battery_is_a_baseline() -> None:
    stored = msgspec.msgpack.decode(as_stored_by_1(FACTS, BASELINE))
    for epoch in stored["epochs"]:
        epoch["question"] = "battery"
    assert {epoch.question for epoch in decode_facts(msgspec.msgpack.encode(stored)).epochs} == {BASELINE}


def test_a_digest_is_that_of_the_text_form() -> None:
    """So receipts that were signed for facts of the first form still fit them."""
    question = next(each for each in random_facts.QUESTIONS if each.kind == "rate")
    epochs = tuple(replace(epoch, question=question) for epoch in FACTS.epochs)
    told = []
    for epoch in msgspec.to_builtins(epochs, builtin_types=(bytes,)):
        for flow in epoch["flows"]:
            flow.pop("late", None)
            flow.pop("port", None)
        told.append({name: "rate" if name == "question" else field for name, field in epoch.items()})
        told[-1] = dict(_with_value(told[-1]))
    assert facts_digest(epochs) == hashlib.sha256(msgspec.msgpack.encode(told)).digest()


def _with_value(epoch: dict[str, Any]) -> Any:
    for name, field in epoch.items():
        yield name, field
        if name == "question":
            yield "value", 0.5
