"""Facts that were stored with a word and a value in place of a question are read as the same facts, digest included."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from factories.checks import random_facts
from talkpath.measure.decode import decode_facts
from talkpath.measure.facts import Facts
from talkpath.measure.facts_digest import facts_digest
from talkpath.measure.question_text import question_text
from talkpath.wire.control.question import BASELINE, Question, QuietCalls, WatchedCalls

FACTS = random_facts.plain_facts(random_facts.plain_epoch(0), random_facts.plain_epoch(1))
OLD = tuple(question for question in random_facts.QUESTIONS if not isinstance(question, QuietCalls))


def as_stored_by_1(facts: Facts, question: Question) -> bytes:
    """What `talkpath.facts/1` wrote for these facts, all of whose epochs ask that question."""
    stored = msgspec.to_builtins(facts, builtin_types=(bytes,))
    word, value = question_text(question)
    for epoch in stored["epochs"]:
        epoch.pop("question", None)
        fields: dict[str, Any] = {"question": word} if question != BASELINE else {}
        epoch.update(fields if value is None else fields | {"value": value})
    return msgspec.msgpack.encode(stored)


@pytest.mark.parametrize("question", OLD, ids=str)
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


DIGESTS = (
    "22bf707915ba30c5", "22bf707915ba30c5", "d8acba020840ceb7", "d8acba020840ceb7", "0f5421a3ba339ba4",
    "69187b33573d9441", "bfd4aaab8349db42", "c08705ba4bfe6dd5", "949a90c57624b364", "605071b98071b194",
    "b36a7d5e933d21d2", "36b930e7dc0f6956",
)  # fmt: skip


@pytest.mark.parametrize(("question", "digest"), [*zip(OLD, DIGESTS, strict=True)], ids=str)
def test_digests_are_those_that_facts_of_the_first_form_had(question: Question, digest: str) -> None:
    """So receipts that were signed before questions had types still fit them."""
    epochs = tuple(replace(epoch, question=question) for epoch in FACTS.epochs)
    assert facts_digest(epochs).hex().startswith(digest)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(epochs), type=tuple[type(FACTS.epochs[0]), ...])  # type: ignore[misc]
    assert facts_digest(stored) == facts_digest(epochs)
