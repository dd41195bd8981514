"""The result as the page shows it: words of `report`, in the reader's language."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from talkpath.measure.facts import Facts
from talkpath.report import words
from talkpath.report.language import codes, language, speaking
from talkpath.report.result import result


def told(facts: Facts, code: str) -> dict[str, Any]:
    """The message "result": the verdicts in words, beside them their JSON, and the facts to keep."""
    with speaking(language(code if code in codes() else "en")):
        verdicts, plain = result(facts)
        return {
            "type": "result",
            "verdicts": [
                {
                    "state": verdict.state,
                    "mark": words.MARKS[verdict.state],
                    "label": words.label(verdict),
                    "medium": words.medium(verdict.medium),
                    "sentence": words.sentence(verdict),
                    "lines": words.lines(verdict),
                }
                for verdict in verdicts
            ],
            "note": words.translation_note(),
            "json": plain,
            "facts": base64.b64encode(msgspec.msgpack.encode(facts)).decode(),
        }
