"""Whose word a bundle is, in the reader's language."""

from __future__ import annotations

import pytest

from talkpath.report.words.language import language, language_codes, speaking
from talkpath.report.words.verification import verification_lines

ELSEWHERE = {"network": "AS0", "country": "ZZ"}
RECEIPT = {**ELSEWHERE, "ended_at": "", "operator": "", "responder": "", "epochs": 3, "binds": "all"}
RECORD = {"key": "k", "written_by": "talkpath/1", "kind": "check", "simulated": False}


@pytest.mark.parametrize("code", language_codes()[1:])
def test_what_is_not_known_is_told_in_the_readers_language(code: str) -> None:
    for network in ("home", "hosting", "unknown"):
        with speaking(language(code)):
            told = " ".join(verification_lines({**RECORD, "receipt": {**RECEIPT, "class": network}}))
        assert "unknown" not in told
        assert network not in told
