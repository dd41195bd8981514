"""What a reader whose calls are held back can try, by the paths that carried a call.

Contract: an app is named only where it has a setting that sends its calls that way, and a source says so:
call_settings.json has each setting in the app's own English words, its source, and the day on which that was read.
Telegram's "Use proxy for calls" is left out: its own developers' tracker says that it has no effect
(telegramdesktop/tdesktop issue 29703, read on 2026-11-27).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from talkpath.browser.answer.calls_meaning import calls_effect, next_step
from talkpath.report.transport_table import transport_name
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import listed, say, spoken
from talkpath.report.words.sentences import app_name_of
from talkpath.verdict.model import Verdict

HELD_BACK = ("restricted", "closed")
Row = dict[str, object]


class CallSetting(Struct, frozen=True, forbid_unknown_fields=True):
    """A setting of an app that sends its calls through the app's own relays. `sends`: by which transport."""

    app: str
    setting: str
    sends: Literal["udp", "tcp", "tls"]
    source: str
    read: str


class Suggestion(Struct, frozen=True):
    """One thing to try; `source` is a link, "" for none."""

    text: str
    source: str = ""


@cache
def call_settings() -> tuple[CallSetting, ...]:
    """All settings that are known."""
    data = files("talkpath.browser.answer").joinpath("call_settings.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[CallSetting, ...])


def suggestions(verdicts: Sequence[Verdict], paths: Sequence[Row], check: CheckContext) -> list[Suggestion]:
    """What can be tried, the likeliest first; `paths` are the rows that the page shows, the direct one first."""
    steps = [step for verdict in verdicts if (step := next_step(verdict, check))]
    found = [Suggestion(step) for step in dict.fromkeys(steps)]
    held_back = [verdict for verdict in verdicts if verdict.state in HELD_BACK]
    if held_back:
        found += _of_relays(held_back, [row for row in paths[1:] if "missing" not in row])
        found.append(Suggestion(say("try", "Check again on another network, such as mobile data instead of Wi-Fi.")))
    return found


def _of_relays(held_back: Sequence[Verdict], relayed: Sequence[Row]) -> list[Suggestion]:
    """What the paths by a relay say. Each was tried for 3 s, which is too short where calls break off later."""
    if not relayed:
        return []
    if any(calls_effect(verdict) == "breaks_off" for verdict in held_back):
        text = say("try", "Calls by a relay were tried for 3 s only; whether they break off later is not known.")
        return [Suggestion(text)]
    sure = [row for row in relayed if not row["uncertain"]]
    through = [str(row["name"]) for row in sure if row["carries"]]
    if not through:
        none = say("try", "No call got through by a relay either.")
        return [Suggestion(none)] if sure == list(relayed) else []
    ways = listed(transport_name(name) for name in through)
    kinds = {name.partition("/")[0] for name in through}
    found = [Suggestion(say("try", "A call of 3 s got through by a relay: {ways}.", ways=ways))]
    fitting = [setting for setting in call_settings() if setting.sends in kinds]
    if fitting:
        found.append(Suggestion(say("try", "These apps can send calls through relays of their own, which may help:")))
    return found + [_of_setting(setting) for setting in fitting]


def _of_setting(setting: CallSetting) -> Suggestion:
    where = spoken().isolate(setting.setting)
    return Suggestion(say("try", "{app}: {setting}", app=app_name_of(setting.app), setting=where), setting.source)
