"""Keeps the index up to date with the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.index.fill import fill_index
from talkpath.observatory.index.store import Store
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.records import Record
from talkpath.serving.supervisor import write_line

LOG = "log"
OnProgress = Callable[[int], None]


class _Progress(Struct, frozen=True):
    log: str
    position: int
    version: int


class Loader:
    """Reads the log from where the index stands. What a crash makes it read twice counts once."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store, self._log = store, log
        found = store.query("SELECT max(position) FROM progress WHERE log = {log:String}", log=LOG)
        self.passed_over = 0
        """How many records and rows could not be loaded since the start."""
        self.position = int(found[0][0])
        """The number of the last record that every answer counts."""
        if self.position > log.last:
            raise UsageError("The index is of another log; `talkpath observe rebuild` makes it again from this one.")

    def load(self, progress: OnProgress = lambda count: None) -> int:
        """Load everything up to the log's end; how many records there were."""
        end = self._log.last
        if end == self.position:
            return 0
        count, passed_over = fill_index(self._store, _records_until(self._log.read(self.position), end, progress))
        self._store.insert("progress", [_Progress(LOG, end, end)])
        self.position = end
        self.passed_over += passed_over
        if passed_over:
            write_line(f"{passed_over} records of the log cannot be loaded into the index; they are passed over.")
        return count


def _records_until(
    records: Iterator[tuple[int, Record]], end: int, progress: OnProgress
) -> Iterator[tuple[int, Record]]:
    for count, (number, record) in enumerate(records, 1):
        if number > end:
            return
        yield number, record
        progress(count)


def rebuild_index(store: Store, log: Log, progress: OnProgress = lambda count: None) -> int:
    """Throw the index away and make it again from the log."""
    store.drop()
    count = Loader(store, log).load(progress)
    store.tidy()
    return count
