"""Reads and writes the predicate of a claim: what it says about app, medium, place, time and basis (spec/tp-009).

    RESTRICTED(voice of whatsapp, telegram in RU since 2025-08-13) and OK(text of whatsapp in RU since 2025-08-13)

`parse_predicate` reads it and `str()` writes it; `parse_predicate(str(p)) == p` for every predicate. Text that is no
predicate raises a `UsageError` of one sentence: where it stopped making sense, and what would have made some.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Literal, get_args

from msgspec import Struct, convert

from talkpath.apps.contract.shape import Direction
from talkpath.errors import UsageError
from talkpath.verdict.model import Basis

Word = Literal["OK", "RESTRICTED", "DEGRADED", "BLOCKED", "CLOSED", "MIXED", "BEGAN", "ENDED", "WORSE", "UNLIKE"]
MediumWord = Literal["call", "voice", "video", "text"]
Share = Literal["any", "most", "every"]

WORDS, MEDIA, SHARES, BASES, WAYS = (get_args(kind) for kind in (Word, MediumWord, Share, Basis, Direction))
APP, PLACE, RULE, DAY = r"[a-z][a-z0-9_]*", r"[A-Z]{2}|AS[0-9]+", r"[a-z0-9_]+(?:\.[a-z0-9_]+)?", r"\d{4}-\d\d-\d\d"
CLAUSES = ("in", "outside", "on", "from", "since", "as", "way", "by")
RESERVED = frozenset((*CLAUSES, "of", "than", "to", "and", "or", "not", "network", "networks"))
TOKEN = re.compile(r"\s*(?:([(),])|([A-Za-z0-9_.:-]+))")
MAX_DEPTH = 20


class Proposition(Struct, frozen=True):
    """One proposition about calls: which word holds of which media and apps, where and when.

    Several apps and media are all meant: `whatsapp, telegram` is both. `than` is the app that WORSE compares with. An
    empty `share` is the word's own. `until` None: since `begin`, without end. Empty `places`: anywhere.
    """

    word: Word
    media: tuple[MediumWord, ...]
    apps: tuple[str, ...]
    begin: str
    until: str | None = None
    than: str = ""
    places: tuple[str, ...] = ()
    outside: bool = False
    share: Share | Literal[""] = ""
    rules: tuple[str, ...] = ()
    way: Direction | Literal[""] = ""
    bases: tuple[Basis, ...] = ()

    def __str__(self) -> str:
        clauses = (
            (f"than {self.than}", self.than),
            (f"{'outside' if self.outside else 'in'} {', '.join(self.places)}", self.places),
            (f"on {self.share} {_network(self.share)}", self.share),
            (f"since {self.begin}" if self.until is None else f"from {self.begin} to {self.until}", True),
            (f"as {', '.join(self.rules)}", self.rules),
            (f"way {self.way}", self.way),
            (f"by {', '.join(self.bases)}", self.bases),
        )
        said = [f"{', '.join(self.media)} of {', '.join(self.apps)}", *(text for text, there in clauses if there)]
        return f"{self.word}({' '.join(said)})"


class Not(Struct, frozen=True):
    """The negation of a predicate."""

    part: Predicate

    def __str__(self) -> str:
        return f"not {_bracketed(self.part, And, Or)}"


class And(Struct, frozen=True):
    """The conjunction of two or more predicates."""

    parts: tuple[Predicate, ...]

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, And, Or) for part in self.parts)


class Or(Struct, frozen=True):
    """The disjunction of two or more predicates."""

    parts: tuple[Predicate, ...]

    def __str__(self) -> str:
        return " or ".join(_bracketed(part, Or) for part in self.parts)


Predicate = Proposition | Not | And | Or


def parse_predicate(text: str) -> Predicate:
    """The predicate of a text; `UsageError` where it is none."""
    reader = _Reader(text)
    predicate = reader.either(0)
    if reader.next:
        raise reader.lost("`and`, `or` or the end")
    return predicate


def propositions(predicate: Predicate) -> Iterator[Proposition]:
    """Every proposition in a predicate."""
    if isinstance(predicate, Proposition):
        yield predicate
        return
    for part in (predicate.part,) if isinstance(predicate, Not) else predicate.parts:
        yield from propositions(part)


def _network(share: str) -> str:
    return "networks" if share == "most" else "network"


def _bracketed(part: Predicate, *kinds: type) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)


class _Reader:
    """A recursive-descent parser; one method for each line of the grammar in spec/tp-009."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.next = ""
        self._step()

    def _step(self) -> str:
        """Take the word that is next and look at the one after it."""
        taken = self.next
        found = TOKEN.match(self.text, self.at)
        if found is None and self.text[self.at :].strip():
            self.next = self.text[self.at :].strip()[0]
            self.at = self.text.index(self.next, self.at) + 1
            raise self.lost("a word, a comma or a bracket")
        self.next = (found[1] or found[2]) if found else ""
        self.at = found.end() if found else len(self.text)
        return taken

    def lost(self, wanted: str) -> UsageError:
        """The one kind of error: the position, what is there, and what was expected."""
        where = f"at character {max(0, self.at - len(self.next)) + 1}" if self.next else "at the end"
        there = f"{self.next!r}" if self.next else "nothing"
        return UsageError(f"The predicate makes no sense {where}: {there} where {wanted} should be (spec tp-009).")

    # -- the grammar -------------------------------------------------------------------------------------------

    def either(self, depth: int) -> Predicate:
        """predicate = all *( "or" all )"""
        parts = [self._all(depth)]
        while self._skip("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self, depth: int) -> Predicate:
        """all = part *( "and" part )"""
        parts = [self._part(depth)]
        while self._skip("and"):
            parts.append(self._part(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _part(self, depth: int) -> Predicate:
        """part = "not" part / "(" predicate ")" / held"""
        if depth > MAX_DEPTH:
            raise self.lost("a predicate that is less deep")
        if self._skip("not"):
            return Not(self._part(depth + 1))
        if self._skip("("):
            inner = self.either(depth + 1)
            self._need(")")
            return inner
        return self._held()

    def _held(self) -> Proposition:
        """held = word "(" media "of" apps *clause ")" """
        word = self._one_of(WORDS)
        self._need("(")
        media = self._list(lambda: self._one_of(MEDIA))
        self._need("of")
        apps = self._list(lambda: self._match(APP, "the id of an app"))
        said: dict[str, object] = {"than": self._match(APP, "the id of an app")} if self._skip("than") else {}
        if (word == "WORSE") != ("than" in said):
            raise self.lost("`than` and an app" if word == "WORSE" else f"what {word} needs, which is no `than`")
        while self.next in CLAUSES:
            for name, value in self._clause().items():
                if name in said:
                    raise self.lost("a clause that was not said before")
                said[name] = value
        if "begin" not in said:
            raise self.lost("a time (`since DAY` or `from DAY to DAY`)")
        self._need(")")
        return convert({"word": word, "media": media, "apps": apps, **said}, Proposition)

    def _clause(self) -> dict[str, object]:
        clause = self._step()
        if clause in ("in", "outside"):
            places = self._list(lambda: self._match(PLACE, "a country (RU) or a network (AS12389)"))
            return {"places": places, "outside": clause == "outside"}
        if clause in ("from", "since"):
            return self._time(clause)
        if clause == "on":
            share = self._one_of(SHARES)
            self._need(_network(share))
            return {"share": share}
        if clause == "as":
            return {"rules": self._list(lambda: self._match(RULE, "the id of a rule (spec tp-002)"))}
        if clause == "way":
            return {"way": self._one_of(WAYS)}
        return {"bases": self._list(lambda: self._one_of(BASES))}

    def _time(self, clause: str) -> dict[str, object]:
        begin = self._day()
        if clause == "since":
            return {"begin": begin, "until": None}
        self._need("to")
        if self.next < begin:
            raise self.lost(f"a day not before {begin}")
        return {"begin": begin, "until": self._day()}

    # -- words -------------------------------------------------------------------------------------------------

    def _skip(self, word: str) -> bool:
        if self.next != word:
            return False
        self._step()
        return True

    def _need(self, word: str) -> None:
        if not self._skip(word):
            raise self.lost(f"`{word}`")

    def _one_of(self, words: Sequence[str]) -> str:
        if self.next not in words:
            raise self.lost("one of " + ", ".join(words))
        return self._step()

    def _match(self, pattern: str, wanted: str) -> str:
        if self.next in RESERVED or not re.fullmatch(pattern, self.next, re.ASCII):
            raise self.lost(wanted)
        return self._step()

    def _day(self) -> str:
        try:
            date.fromisoformat(self.next if re.fullmatch(DAY, self.next, re.ASCII) else "")
        except ValueError:
            raise self.lost("a day as 2025-08-13") from None
        return self._step()

    def _list(self, read: Callable[[], str]) -> tuple[str, ...]:
        """list = item *( "," item ), each item once."""
        items = [read()]
        while self._skip(","):
            if self.next in items:
                raise self.lost("a word that is not in the list yet")
            items.append(read())
        return tuple(items)
