"""The grammar of predicates (spec/tp-009)."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.errors import UsageError
from talkpath.observatory.claims.grammar import (
    BASES,
    MEDIA,
    RESERVED,
    SHARES,
    WORDS,
    And,
    Not,
    Or,
    Proposition,
    parse_predicate,
    propositions,
)

ids = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z").filter(lambda word: word not in RESERVED)
places = st.one_of(st.sampled_from(["RU", "XX", "AE"]), st.integers(1, 4_200_000_000).map("AS{}".format))
rules = st.sampled_from(["media.drop", "stun.drop", "allowlist", "signalling.block"])


def lists(items: st.SearchStrategy[str], at_least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, min_size=at_least, max_size=3, unique=True).map(tuple)


@st.composite
def held(draw: st.DrawFn) -> Proposition:
    word = draw(st.sampled_from(WORDS))
    days = sorted(draw(st.tuples(st.dates(date(2000, 1, 1)), st.dates(date(2000, 1, 1)))))
    found = draw(lists(places))
    return Proposition(
        word=word,
        media=draw(lists(st.sampled_from(MEDIA), 1)),
        apps=draw(lists(ids, 1)),
        begin=days[0].isoformat(),
        until=draw(st.sampled_from([None, days[1].isoformat()])),
        than=draw(ids) if word == "WORSE" else "",
        places=found,
        outside=bool(found) and draw(st.booleans()),
        share=draw(st.sampled_from(["", *SHARES])),
        rules=draw(lists(rules)),
        way=draw(st.sampled_from(["", "up", "down"])),
        bases=draw(lists(st.sampled_from(BASES))),
    )


def combined(inner: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(inner.map(Not), several.map(And), several.map(Or))


predicates = st.recursive(held(), combined, max_leaves=6)


def complaint(text: str) -> str:
    """What is wrong with it, or nothing."""
    try:
        parse_predicate(text)
    except UsageError as error:
        return str(error)
    return ""


@given(predicates)
def test_what_is_written_is_read_back(predicate):
    assert parse_predicate(str(predicate)) == predicate


@given(predicates, st.integers(0, 10_000))
def test_white_space_between_words_means_nothing(predicate, at):
    said = str(predicate).split(" ")
    at %= len(said)
    assert parse_predicate(" ".join(said[:at]) + " \n\t " + " ".join(said[at:])) == predicate


@given(st.one_of(st.text(), st.text("OKof(),. voice,since2-andnotRU"), predicates.map(lambda p: str(p)[:-1])))
def test_anything_else_is_one_error_of_one_sentence(text):
    said = complaint(text)
    assert not said or re.fullmatch(r"The predicate makes no sense at .* should be \(spec tp-009\)\.", said, re.DOTALL)


def test_deep_brackets_are_refused_and_not_followed():
    with pytest.raises(UsageError, match="less deep"):
        parse_predicate("(" * 10_000)
    with pytest.raises(UsageError, match="less deep"):
        parse_predicate("not " * 10_000 + "OK(call of max since 2025-01-01)")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "at the end: nothing where one of OK, RESTRICTED"),
        ("FINE(call of telegram since 2025-08-13)", "at character 1: 'FINE' where one of OK"),
        ("OK(chat of telegram since 2025-08-13)", "at character 4: 'chat' where one of call, voice, video, text"),
        ("OK(call of Telegram since 2025-08-13)", "at character 12: 'Telegram' where the id of an app"),
        ("OK(call of telegram)", "at character 20: ')' where a time"),
        ("OK(call of telegram since August)", "at character 27: 'August' where a day as 2025-08-13"),
        ("OK(call of telegram since 2025-02-30)", "at character 27: '2025-02-30' where a day"),
        ("OK(call of telegram from 2025-08-13 to 2025-08-01)", "'2025-08-01' where a day not before 2025-08-13"),
        ("OK(call of telegram in Russia since 2025-08-13)", "'Russia' where a country (RU) or a network (AS12389)"),
        ("OK(call of telegram in RU in AE since 2025-08-13)", "where a clause that was not said before"),
        ("OK(call, call of telegram since 2025-08-13)", "'call' where a word that is not in the list yet"),
        ("WORSE(voice of telegram since 2025-08-13)", "where `than` and an app should be"),
        ("OK(voice of telegram than whatsapp since 2025-08-13)", "where what OK needs, which is no `than`"),
        ("OK(call of telegram since 2025-08-13) OK", "at character 39: 'OK' where `and`, `or` or the end"),
        ("OK(call of telegram; since 2025-08-13)", "at character 20: ';' where a word, a comma or a bracket"),
        ("OK(call of telegram on most network since 2025-08-13)", "'network' where `networks` should be"),
    ],
)
def test_the_error_says_where_and_what_was_wanted(text, where):
    with pytest.raises(UsageError) as caught:
        parse_predicate(text)
    assert where in str(caught.value)


def test_and_binds_closer_than_or():
    one, two, three = ("OK(call of max since 2025-01-01)", "OK(text of max since 2025-01-01)",
                       "CLOSED(call of max since 2025-01-01)")  # fmt: skip
    assert parse_predicate(f"{one} or {two} and {three}") == Or(
        (parse_predicate(one), And((parse_predicate(two), parse_predicate(three))))
    )
    assert list(propositions(parse_predicate(f"not ({one} or {two})"))) == [parse_predicate(one), parse_predicate(two)]
