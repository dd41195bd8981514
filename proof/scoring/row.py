"""Defines a row (one check that was played, with everything that the tables need) and the file that keeps rows.

Contract: rows are frozen and hold no address. The file is appended to and never rewritten. A row is valid only for the
code that produced it (`row_digest`): an interrupted run continues where it stopped; after a change of code it starts
again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

from proof.other_methods import Comparison
from talkpath import version
from talkpath.errors import FileError

RowDriver = Literal["sim", "netns", "peers"]
LowEstimateHigh = tuple[float | None, float | None, float | None]  # low, estimate, high

DECIDING_ROOMS = ("wire", "apps", "measure", "experiment", "verdict", "probe", "responder", "conduct", "lab")
"""Rooms of the product whose code determines what a row says."""
DECIDING_PROOF = ("other_methods/", *(f"scoring/{name}.py" for name in ("draw", "late_onsets", "settings", "play")))
"""The same of `proof`. All else there counts, writes and draws pictures, or plays what no check does."""
WRITING_CODE = ("lab/country/", "lab/demo/")
# No check with a test server uses these: questions to an app's own servers, and what several means say together.
OWN_SERVER_CODE = (
    "lab/own_addresses/",
    "probe/own_addresses/",
    "verdict/bases/own_addresses/",
    "verdict/bases/joined_means.py",
)
# No check uses these: they are for recordings and for `locate` (contracts in pyproject.toml).
CAPTURE_CODE = (
    *(f"verdict/bases/{name}.py" for name in ("call_outcome", "recorded_call", "recorded_losses")),
    *(f"verdict/bases/{name}.py" for name in ("accompanied_call", "calls_together")),
    *(f"measure/{name}.py" for name in ("call", "pauses", "silence", "spells")),
    "wire/pcap/",
)
LOCATING_CODE = ("verdict/bases/hops.py", "verdict/bases/hops.py", "conduct/hop_questions.py")
PRODUCT, PROOF = Path(version.__file__).parent, Path(__file__).parents[1]
ROW_BEGINS = b'{"seed":'


class TrueEffect(Struct, frozen=True, omit_defaults=True):
    """A true effect on an arm: the rule, the state that a verdict should have, direction and parameters. `shares`: the
    share of the packets sent in each direction that the rule could drop; empty where that is not known."""

    rule: str
    state: str
    direction: str
    parameters: dict[str, float | str] = {}
    shares: dict[str, float] = {}


class RowVerdict(Struct, frozen=True, omit_defaults=True):
    """The verdict about one app and medium, and the ground truth; `wrong` as in lab/ground_truth/score. `figures` are
    the bounds of extra loss and delay, by name; `parameters` are those of the rule that was named."""

    arm: str
    state: str
    rule: str | None = None
    direction: str | None = None
    parameters: dict[str, LowEstimateHigh | str] = {}
    figures: dict[str, LowEstimateHigh] = {}
    log10_e: float | None = None
    known_at_s: float | None = None
    decided_at_s: float | None = None
    reason: str = ""
    real: tuple[TrueEffect, ...] = ()
    wrong: tuple[str, ...] = ()


class CheckRow(Struct, frozen=True, omit_defaults=True):
    """One check. `arms` has the state of every arm; `unit` is the index of the verdict about the arm that the row was
    drawn for. `blocks` counts the media slots of its accusing test until it was decided. `failed` is the error's
    sentence where the check could not be played. `lateness` and `onset_s` are those of study "late". Driver "peers" has
    a `look` (other methods) and no verdict."""

    seed: int
    code: str
    study: str
    driver: RowDriver
    background: str
    family: int
    rules: tuple[str, ...] = ()
    settings: dict[str, float | str] = {}
    arms: dict[str, str] = {}
    hit: tuple[str, ...] = ()
    said: tuple[RowVerdict, ...] = ()
    unit: int = 0
    seconds: float = 0.0
    size_bytes: int = 0
    blocks: int | None = None
    failed: str = ""
    look: Comparison | None = None
    lateness: str = ""
    onset_s: float = 0.0

    @property
    def about(self) -> RowVerdict:
        """The verdict about the unit."""
        return self.said[self.unit]

    @property
    def kind(self) -> str:
        """The kind of background, without its settings."""
        return self.background.partition(",")[0]


def row_digest() -> str:
    """Returns a digest of all code that determines the contents of a row."""
    left_out = WRITING_CODE + CAPTURE_CODE + LOCATING_CODE + OWN_SERVER_CODE
    return code_digest(DECIDING_ROOMS, left_out, DECIDING_PROOF)


def code_digest(rooms: tuple[str, ...], left_out: tuple[str, ...], proof: tuple[str, ...]) -> str:
    """Returns a digest of the code in rooms of the product, without some of it, and in some files of `proof`."""
    product = {name: path for name, path in _modules_below(PRODUCT) if name.split("/")[0] in rooms}
    chosen = [path for name, path in product.items() if not name.startswith(left_out)]
    chosen += [path for name, path in _modules_below(PROOF) if name.startswith(proof)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in chosen)).hexdigest()[:16]


def _modules_below(root: Path) -> Iterator[tuple[str, Path]]:
    """Every module below, by its path there, in order."""
    yield from sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*.py"))


class StoredRow(Protocol):
    """What the file needs to know of a row."""

    @property
    def driver(self) -> str:
        """How it was played."""

    @property
    def seed(self) -> int:
        """What was played."""

    @property
    def code(self) -> str:
        """The digest of the code that played."""


AnyRow = TypeVar("AnyRow", bound=StoredRow)


class KeptRows(Generic[AnyRow]):
    """The file of rows of one kind. `played` are the rows of this code, by driver and seed."""

    def __init__(self, path: Path, code: str, kind: type[AnyRow]) -> None:
        self._path, self.code, self._mend, self._kind = path, code, b"", kind
        self.played = {(row.driver, row.seed): row for row in self._read() if row.code == code}

    def add(self, row: AnyRow) -> None:
        """Appends the row at once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(self._mend + msgspec.json.encode(row) + b"\n")
        self._mend = b""
        self.played[row.driver, row.seed] = row

    def of(self, driver: str, seeds: Iterable[int]) -> list[AnyRow]:
        """Returns the rows of these seeds, in order."""
        return [self.played[driver, seed] for seed in seeds if (driver, seed) in self.played]

    def _read(self) -> Iterator[AnyRow]:
        """Reads the rows. It skips a line that begins like a row but does not parse: an interrupted run cut it off."""
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.exists() else []
        self._mend = b"\n" if lines and not lines[-1].endswith(b"\n") else b""
        decode = msgspec.json.Decoder(self._kind).decode
        for number, line in enumerate(lines, 1):
            try:
                yield decode(line)
            except msgspec.MsgspecError:
                if not line.startswith(ROW_BEGINS):
                    raise FileError(f"Line {number} of {self._path.name} is no row: move the file away.") from None


class RowFile(KeptRows[CheckRow]):
    """The file of rows of checks."""

    def __init__(self, path: Path, code: str) -> None:
        super().__init__(path, code, CheckRow)
