"""The page of a campaign, /check/campaign: what it will do, when it ends, how many take part, and a button to begin.

The operator of the test server names the one campaign that it serves (`respond --campaign`). Whoever takes part checks
their line by the page of one's own; nothing of them is passed on to the organiser.

Contract: no address is kept, but for one day a digest of its block, under a key of that day that is written nowhere. Of
whole days alone it is told how many took part, with noise that is drawn once (`geometric_noise`): one more or one fewer
changes the odds of any number told by a factor of e^PARTICIPANT_EPSILON at most. Below MIN_TOLD_PARTICIPANTS no number
is told.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from math import floor, log
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from talkpath.browser.web.admission_queue import is_own_origin
from talkpath.browser.web.page_files import page_answer
from talkpath.browser.web.page_texts import most_mb
from talkpath.report.watch_report import campaign_lines, stop_rule
from talkpath.report.words.language import language, listed, say, speaking
from talkpath.report.words.sentences import app_name_of
from talkpath.serving.connections import host_block
from talkpath.wire.control.campaign import Campaign

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PARTICIPANT_EPSILON = 0.5
MIN_TOLD_PARTICIPANTS = 5
MAX_COUNTED_PARTICIPANTS = 100_000  # a day


class ParticipantCount:
    """How many address blocks took part, day by day."""

    def __init__(self, rng: Random | None = None) -> None:
        self._rng = rng or SystemRandom()
        self._day, self._key, self._seen = "", b"", set[bytes]()
        self._told: tuple[str, int] | None = None

    def add(self, block: bytes, day: str) -> None:
        """Count a block, once a day."""
        self._begin_day(day)
        if len(self._seen) < MAX_COUNTED_PARTICIPANTS:
            self._seen.add(blake2b(block, key=self._key, digest_size=16).digest())

    def last_day(self, day: str) -> tuple[str, int] | None:
        """The last whole day on which the page was asked for, and its number with noise."""
        self._begin_day(day)
        return self._told

    def _begin_day(self, day: str) -> None:
        if day == self._day:
            return
        if self._day:  # a day on which nobody took part is told too: else the first one is known
            self._told = self._day, len(self._seen) + geometric_noise(self._rng)
        self._day, self._key, self._seen = day, secrets.token_bytes(32), set()


def geometric_noise(rng: Random) -> int:
    """Draw n with a probability in proportion to exp(-PARTICIPANT_EPSILON |n|) (Ghosh and others 2009)."""
    first, second = (floor(-log(1.0 - rng.random()) / PARTICIPANT_EPSILON) for _ in range(2))
    return first - second


class CampaignPage:
    """The page of one campaign, and who takes part by it."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign, self._count = campaign, ParticipantCount()

    async def show(self, request: Request) -> Response:
        """Answer with the page; a form's POST counts whoever takes part, and leads to the check."""
        from starlette.responses import RedirectResponse

        now = datetime.now(UTC)
        if request.method == "POST" and self._campaign.is_running(now) and is_own_origin(request.headers):
            self._count.add(host_block(request.client.host if request.client else None), f"{now:%Y-%m-%d}")
            return RedirectResponse(f"/check?campaign=1&{request.url.query}", 303)
        return page_answer(request, lambda code: self._texts(code, now))

    async def show_check(self, request: Request) -> Response:
        """Answer with the page of a check, with the stop rule beside its result where somebody comes from here."""

        def rule(code: str) -> Mapping[str, str]:
            with speaking(language(code)):
                told = f"{say('campaign', 'This check is part of a campaign.')} {stop_rule(self._campaign)}"
            return {"campaign_rule": told if "campaign" in request.query_params else ""}

        return page_answer(request, rule)

    def _texts(self, code: str, now: datetime) -> Mapping[str, str]:
        campaign = self._campaign
        with speaking(language(code)):
            by, _, often, rule, seen = campaign_lines(campaign, now, round(most_mb("voice") * 1e6))
            return {
                "title": say("campaign", "A campaign: many people check their lines"),
                "about": by,
                "by": by,
                "often": often,
                "rule": rule,
                "seen": seen,
                "apps": self._apps_text(listed(app_name_of(name.partition("/")[0]) for name in campaign.apps)),
                "many": self._count_text(f"{now:%Y-%m-%d}"),
                "danger": say("campaign", "Do not take part if that could bring you into danger."),
                "stop_any_time": say("campaign", "You can stop at any time: close the page, and do not come back."),
                "state": self._state_text(now),
                "take_part": say("campaign", "I understand, take part: check this line now"),
                "closed": "" if campaign.is_running(now) else "hidden",
            }

    @staticmethod
    def _apps_text(apps: str) -> str:
        browser = say("campaign", "A browser places calls of its own kind. No app is tested on this page.")
        if not apps:
            return browser
        asked = say(
            "campaign", "The apps asked for ({apps}) are checked on a computer, by `talkpath watch`.", apps=apps
        )
        return f"{browser} {asked}"

    def _count_text(self, today: str) -> str:
        found = self._count.last_day(today)
        if found is None:
            return say("campaign", "How many take part is told when a first day is over.")
        day, number = found
        if number < MIN_TOLD_PARTICIPANTS:
            return say("campaign", "On {day} fewer than about five lines took part by this page.", day=day)
        return say(
            "campaign",
            "On {day} about {number} lines took part by this page: a random number was added, so that nobody can be "
            "told from it.",
            day=day,
            number=number,
        )

    def _state_text(self, now: datetime) -> str:
        if self._campaign.waits_s(now):
            return say("campaign", "It has not begun.")
        return "" if self._campaign.left_s(now) else say("campaign", "It is over. Thank you.")
