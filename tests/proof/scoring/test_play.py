"""What a row tells of the truth of its check."""

from __future__ import annotations

import pytest

from proof.scoring.play import droppable_shares
from talkpath.apps import shapes
from talkpath.lab.restrictor import parse_rule


def test_what_a_rule_could_drop_of_a_call() -> None:
    """Not what passes before it acts, and less of a short call than of a long one; nothing the other way."""
    arm = next(arm for arm in shapes() if str(arm) == "webrtc/firefox/voice")  # few checks among its media

    def share(rule: str, *packets: int) -> float:
        return droppable_shares(parse_rule(rule), arm, {"up": packets, "down": packets})["up"]

    assert share("media.drop,p=0.3", 25, 25) == pytest.approx(1.0, abs=0.1)
    late = [share("media.drop,p=0.3,onset_packets=40", packets) for packets in (10, 25, 100)]
    assert late == sorted(late)
    assert late[0] == 0.0
    assert 0.1 < late[1] < 0.5
    assert late[2] < share("media.drop,p=0.3", 100) <= 1.0
    assert share("media.drop,direction=down", 25) == 0.0
    assert droppable_shares(parse_rule("media.freeze"), arm, {"up": [25], "down": [25]}) == {}
