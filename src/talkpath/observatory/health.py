"""Whether an observatory works: everything that an operator has to mend, each in a sentence (/health)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from typing import NamedTuple

from talkpath.errors import TalkpathError
from talkpath.observatory.clock import ServerClock
from talkpath.observatory.index.store import Store
from talkpath.observatory.log.committer import Committer
from talkpath.observatory.log.log import Log
from talkpath.serving.supervisor import Supervisor

LEAST_FREE_BYTES, LEAST_FREE_SHARE = 256 << 20, 0.05


class HealthCheck(NamedTuple):
    """Looks at every part of an observatory that can fail while it runs."""

    log: Log
    committer: Committer
    store: Store
    clock: ServerClock
    supervisor: Supervisor

    async def problems(self) -> list[str]:
        """A sentence for each thing that is wrong; empty where all is well."""
        return [sentence async for sentence in self._problems()]

    async def _problems(self) -> AsyncIterator[str]:
        try:
            await asyncio.to_thread(self.store.query, "SELECT count() FROM country_day")
        except TalkpathError as error:
            yield str(error)
        if self.log.trouble:
            yield self.log.trouble
        if not self.committer.running:
            yield "Nothing is written into the log any more; start the observatory again."
        disk = shutil.disk_usage(self.log.folder.root)
        if disk.free < min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * disk.total):
            yield "The disk of the observatory's folder is full or nearly so; make room."
        if self.clock.set:
            yield "The clock was set since the start; no day is sealed until the observatory was started again."
        for sentence in self.supervisor.failing():
            yield sentence
