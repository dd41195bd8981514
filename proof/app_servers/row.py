"""Defines a row: one case that was played, what was true of it, and what was said.

Contract: rows are frozen and hold no address. They stand in a file of their own, as those of checks do in theirs.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from proof.scoring.row import KeptRows, code_digest

Study = Literal[
    "innocent", "ruled", "poor", "hello innocent", "hello ruled", "name ruled", "calls innocent", "calls ruled"
]
"""Questions to an app's call servers: without a rule; with one on a clean line, and on any that methods were tuned to.
TLS hosts asked with two ClientHellos, and by name. Three accompanied calls at a time."""

OWN_ROW_ROOMS = (
    "wire",
    "apps",
    "capture",
    "listening",
    "measure",
    "experiment",
    "verdict",
    "probe",
    "responder",
    "lab",
)
OWN_ROW_WRITERS = ("lab/country/", "lab/demo/")
OWN_ROW_PROOF = (
    "accompanied_calls/",
    "relayed_calls/",
    *(f"app_servers/{name}.py" for name in ("cases", "drawing", "hellos", "long_messages", "row", "run", "score")),
)


class OwnRow(Struct, frozen=True, omit_defaults=True):
    """One case. `truth` is the rule's id, "" without one, `bound` what it is bound to (of a ClientHello: whose, and to
    what), `at` the router before which it acts; `trouble` what else is amiss, `hosts` how many TLS hosts the app has.
    Then what was said: state, reason, rule, binding, direction, and the first and last hop. `strays` are packets other
    than greetings that reached a server. Of calls: how many there were (`calls`), of how many a rule was said to fit
    (`fitting`), and whether one of the right ones was named first (`first`); `state` is what three of them prove
    together."""

    seed: int
    code: str
    study: Study
    background: str
    app: str
    driver: Literal["own"] = "own"
    answers_per_s: float = 0.0
    trouble: str = "none"
    truth: str = ""
    bound: str = ""
    at: int = 0
    state: str = ""
    why: str = ""
    rule: str = ""
    said_bound: str = ""
    direction: str = ""
    hop: tuple[float, float] = (0.0, 0.0)
    strays: int = 0
    most_greetings: int = 0
    seconds: float = 0.0
    size_bytes: int = 0
    hosts: int = 0
    calls: int = 0
    fitting: int = 0
    first: int = 0

    @property
    def right(self) -> bool:
        """Whether the rule and what it is bound to are right; of addresses alone, as what fits."""
        said = (self.why or self.state, self.rule, self.said_bound)
        return said == ("routes" if self.bound == "address" else "restricted", self.truth, self.bound)


class OwnRows(KeptRows[OwnRow]):
    """The file of these rows."""

    def newest(self) -> list[OwnRow]:
        """Return of each study the rows of the code that played it last: no study waits for another."""
        every = list(self._read())
        last = {row.study: row.code for row in every}
        return [row for row in every if row.code == last[row.study]]


def own_row_digest() -> str:
    """Return a digest of all code that determines the contents of a row."""
    return code_digest(OWN_ROW_ROOMS, OWN_ROW_WRITERS, OWN_ROW_PROOF)
