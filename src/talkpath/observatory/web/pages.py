"""The pages of a running observatory: its routes, and the loop that keeps what they show up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from talkpath.errors import TalkpathError
from talkpath.observatory.index import queries
from talkpath.observatory.index.store import Store
from talkpath.observatory.web.findings import Box, Lookout
from talkpath.observatory.web.indexed import HALF_YEAR_DAYS, Indexed
from talkpath.observatory.web.open_files import listed_days
from talkpath.observatory.web.routes import routes
from talkpath.observatory.web.site import Site, utc_day

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

LOOK_EVERY_S = 60.0
ASK_EVERY_S = 1.0
BOX_DAYS = 730  # a made-up country is played on a few days of a year
Hear = Callable[[str], None]


class Pages:
    """Over a store. `stands` is how far the index is: what is found is found again when it went on.

    A made-up country (`box`) has a time of its own: its last day is today.
    """

    def __init__(self, store: Store, stands: Callable[[], int], settings: Site, box: Box | None,
                 open_data: Path) -> None:  # fmt: skip
        self._store, self._stands, self._box, self._open_data = store, stands, box, open_data
        days = BOX_DAYS if box else HALF_YEAR_DAYS
        self.source = Indexed(store, box is not None, self._today, lambda: listed_days(open_data), days)
        self.site = replace(settings, today=self._today)

    def routes(self) -> list[BaseRoute]:
        """All pages, and the files of the open data."""
        from starlette.routing import Mount
        from starlette.staticfiles import StaticFiles

        files = StaticFiles(directory=self._open_data, check_dir=False)
        return [Mount("/open", files), *routes(self.source, self.site)]

    @asynccontextmanager
    async def running(self, hear: Hear = lambda said: None) -> AsyncIterator[None]:
        """Look for events as long as this lasts; `hear` is told what went wrong."""
        lookout = Lookout()
        task = asyncio.create_task(self._look(lookout, hear))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            lookout.close()

    async def _look(self, lookout: Lookout, hear: Hear) -> None:
        seen = -1
        while True:
            if (stands := self._stands()) == seen:
                await asyncio.sleep(ASK_EVERY_S)
                continue
            try:
                counts = await asyncio.to_thread(queries.day_counts, self._store)
                self.source.renew(await asyncio.to_thread(lookout.look, counts, self._box))
            except TalkpathError as error:
                hear(str(error))
            else:
                seen = stands
            await asyncio.sleep(LOOK_EVERY_S if self.source.totals().reports else ASK_EVERY_S)

    def _today(self) -> str:
        return (self._box and self.source.totals().last_day) or utc_day()
