"""The claims of a made-up country: the article's sentences, played there, and what its own made-up speakers say.

What real people said is tested on no made-up number: it would judge them by what nobody measured.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.errors import FileError
from talkpath.observatory.claims.grammar import parse_predicate
from talkpath.observatory.claims.ledger import moved_to
from talkpath.observatory.claims.rows import Claim, Kind, load_claims

SAID_FILE = "said.jsonl"
ARTICLE, SPEAKERS = "S", "M"  # the first letter of the ids
SOURCE = "SIMULATED: the scenario"


class _Said(Struct, frozen=True):
    """One line of said.jsonl, as `talkpath lab country` writes it."""

    day: str
    who: str
    kind: Kind
    says: str
    predicate: str = ""


def made_up_claims(folder: Path | None, country: str) -> list[Claim]:
    """All claims that are tested in the made-up country that was played into the folder."""
    sentences = [moved_claim(claim, country) for claim in load_claims() if is_article(claim.id)]
    return [*sentences, *(_read_speakers(folder / SAID_FILE) if folder else ())]


def is_article(name: str) -> bool:
    """Whether the id is that of a sentence of the article."""
    return name.startswith(ARTICLE)


def moved_claim(claim: Claim, country: str) -> Claim:
    """The claim, as if said of another country."""
    if not claim.predicate:
        return claim
    return replace(claim, predicate=str(moved_to(parse_predicate(claim.predicate), country)))


def _read_speakers(file: Path) -> list[Claim]:
    lines = file.read_bytes().splitlines() if file.is_file() else []
    try:
        said = [msgspec.json.decode(line, type=_Said) for line in lines]
        return [_made_up_claim(number, one) for number, one in enumerate(said, 1) if one.predicate]
    except msgspec.MsgspecError as error:
        raise FileError(f"{file.name} is not as `talkpath lab country` writes it: {error}.") from None


def _made_up_claim(number: int, said: _Said) -> Claim:
    return Claim(
        id=f"{SPEAKERS}{number:02}",
        date=said.day,
        who=said.who,
        kind=said.kind,
        statement=said.says,
        source=SOURCE,
        credibility="A" if said.kind in ("official", "company") else "C",
        predicate=str(parse_predicate(said.predicate)),
    )
