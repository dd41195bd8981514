"""Makes rows by hand, like those of played checks."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from proof.scoring.row import CheckRow, RowVerdict, TrueEffect
from talkpath.experiment.plan import choose_arms

ARM = "webrtc/dtls/voice"
BATTERY = tuple(map(str, choose_arms()))
DROP = TrueEffect("media.drop", "restricted", "up", {"p": 0.2, "onset_packets": 0.0}, {"up": 1.0, "down": 0.0})
RIGHT = RowVerdict(
    ARM,
    "restricted",
    "media.drop",
    "up",
    {"p": (0.1, 0.2, 0.3)},
    {"extra_loss_up": (0.1, 0.2, 0.3)},
    8.0,
    2.0,
    2.5,
    real=(DROP,),
)
MISSED = RowVerdict(ARM, "ok", decided_at_s=9.0, real=(DROP,), wrong=("state",))
FINE = RowVerdict(ARM, "ok", figures={"extra_loss_up": (0.0, 0.0, 0.01)}, decided_at_s=5.0)


def row(said: RowVerdict = FINE, **changes: Any) -> CheckRow:
    """One arm on a clean line, in the study that its truth asks for."""
    study, hit = ("rules", (ARM,)) if said.real else ("null", ())
    made = CheckRow(
        1,
        "code",
        study,
        "sim",
        "clean",
        4,
        ("media.drop",) if hit else (),
        {},
        {ARM: said.state},
        hit,
        (said,),
        seconds=10.0,
        size_bytes=2_000_000,
    )
    return replace(made, **changes)


def battery(*states: str, **changes: Any) -> CheckRow:
    """The default battery with nothing restricted, its arms said to be so."""
    return row(arms=dict(zip(BATTERY, states, strict=True)), **changes)
