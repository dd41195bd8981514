"""Seals days: writes the open data, CC BY 4.0 (spec/tp-006).

    open/2026-11-22/manifest.json      the files, their SHA-256, how much was withheld; manifest.sig signs it
    open/2026-11-22/prompt.jsonl.gz    rows that are published when the day is sealed, 48 h after it ended
    open/2026-11-22/prompt.parquet     the same
    open/2026-11-22/delayed.…          rows that are published DELAY days after it, unless withdrawn since

A day is that on which reports came in: late ones belong to a later day. What was sealed stays as it is, except that
`delayed` follows, and the manifest that names it then. A report of a sealed day that newer rules judged again is
published once more, with the day on which they did. Sealing also closes the day's segments of the log: what was
withdrawn before is no longer in them.

Closes a segment: what was withdrawn is left out, and the rest is gzipped, in one step.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.days import is_day, later_day
from talkpath.errors import FileError, WireError, in_place_of
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.open_data import Dated, OpenRow, Ordered, Release, open_rows
from talkpath.observatory.log.records import Counted, Imported, Judged, Record, Tap, Unfit, Withdrawn
from talkpath.observatory.log.segments import LogSegment, encode_line, log_segments, read_segment
from talkpath.observatory.publication import Order, Publication
from talkpath.serving.private_files import make_folder, replace_file, replaced_file
from talkpath.serving.supervisor import write_line
from talkpath.wire.control.keys import Signer, raw_key_text

Drop = Callable[[int, Record], bool]


def close_segment(segment: LogSegment, drop: Drop) -> int:
    """Write the segment again, gzipped, without the records to drop; how many were dropped.

    The new file takes its place in one step, with everything in it on the disk; until then the old one stands.
    """
    path = segment.path if segment.sealed else segment.path.with_name(f"{segment.path.name}.gz")
    dropped = 0
    with replaced_file(path) as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        for number, record in read_segment(segment):
            if drop(number, record):
                dropped += 1
            else:
                file.write(encode_line(number, record))
    if path != segment.path:
        segment.path.unlink()
    return dropped


SCHEMA, LICENCE = "talkpath.open/1", "CC-BY-4.0"
OPEN_DATA_PREFIX = b"talkpath open data\n"  # a signature of another purpose never passes for one of this
SEAL_AFTER_DAYS = 3  # 48 h after the day's end
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
NO_SIGNING_KEY = (
    "The observatory's key.pem holds no key: put it back from a backup; without one, delete it and a new one is made, "
    "with which what is published from then on is signed."
)


class OpenFile(Struct, frozen=True):
    """One file of a day."""

    rows: int
    size_bytes: int
    sha256: str


class DayManifest(Struct, frozen=True):
    """What there is of a day. `withheld` counts rows of too few people, `waiting` those that are published later;
    `withdrawn` are reports of days that were sealed before, taken back on this one by whoever sent them, or by newer
    rules that find no evidence in them."""

    day: str
    key: str
    files: dict[str, OpenFile]
    withheld: int = 0
    waiting: int = 0
    withdrawn: tuple[str, ...] = ()
    simulated: bool = False
    released: str = ""
    licence: str = LICENCE
    schema: str = SCHEMA


class Sealer:
    """Seals the days of one log. `ordered` says where an order was in force; before `know` is called: everywhere."""

    def __init__(self, log: Log, simulated: bool, rule: Publication, ordered: Ordered = lambda *_: True) -> None:
        self._log, self._simulated, self._rule, self._ordered = log, simulated, rule, ordered
        with in_place_of(WireError, FileError(NO_SIGNING_KEY)):
            self._signer = Signer.of_file(log.folder.root / "key.pem")
        days = sealed_days(log.folder.open)
        if days and days[-1].key != raw_key_text(self._signer.public):
            write_line("key.pem is not the key that signed the last sealed day: put that back, unless you changed it.")
        log.seal_until(days[-1].day if days else "")

    def know(self, orders: Sequence[Order]) -> None:
        """Use these orders, and the operator's, from now on."""
        self._ordered = lambda country, app, day: self._rule.ordered(country, app, day, orders)

    def run(self, today: str) -> list[str]:
        """Seal what is due, and publish what has waited long enough; the days that changed."""
        changed = [day for day in self._due(today) if self._seal(day)]
        for manifest in sealed_days(self._log.folder.open):
            if not manifest.released and later_day(manifest.day, self._rule.delay_days) <= today:
                self._release(manifest, today)
                changed.append(manifest.day)
        return changed

    def _due(self, today: str) -> list[str]:
        done = {manifest.day for manifest in sealed_days(self._log.folder.open)}
        days = sorted({segment.day for segment in log_segments(self._log.folder.log)} - done)
        return [day for day in days if later_day(day, SEAL_AFTER_DAYS) <= today]

    def _seal(self, day: str) -> bool:
        """False where something of the day is not judged yet."""
        if any(known.received.day == day for known in self._log.register.waiting()):
            return False
        self._log.seal_until(day)
        self._publish(day)
        gone = {
            record.id: number
            for number, record in self._log.read()
            if isinstance(record, Withdrawn) and not record.tombstone
        }
        last = self._log.last  # stays, so that no number is given twice
        for segment in self._of(day):
            close_segment(segment, lambda number, record: number != last and number <= gone.get(record.id, 0))
        return True

    def _of(self, day: str) -> list[LogSegment]:
        return [segment for segment in log_segments(self._log.folder.log) if segment.day == day]

    def _publish(self, day: str) -> None:
        """Publish what is shown at once."""
        records, withdrawn = self._counted(day)
        dated = list(open_rows(records, self._rule, self._ordered))
        folder = self._log.folder.open / day
        make_folder(folder)
        self._sign(
            folder,
            DayManifest(
                day=day,
                key=raw_key_text(self._signer.public),
                files=_write_rows(folder, "prompt", [one.row for one in dated if one.release == "prompt"]),
                withheld=_released_count(dated, "withheld"),
                waiting=_released_count(dated, "delayed"),
                withdrawn=tuple(sorted(withdrawn)),
                simulated=self._simulated,
            ),
        )

    def _release(self, manifest: DayManifest, today: str) -> None:
        """Publish what waited, except what was published already (no order was known then) or withdrawn since."""
        folder = self._log.folder.open / manifest.day
        records = self._counted(manifest.day)[0] if manifest.waiting else []
        published = Counter(gzip.decompress((folder / "prompt.jsonl.gz").read_bytes()).splitlines())
        waited = [one.row for one in open_rows(records, self._rule, lambda *_: True) if one.release == "delayed"]
        rows = [row for row in waited if not _taken_from(published, msgspec.json.encode(row))]
        files = manifest.files | _write_rows(folder, "delayed", rows)
        self._sign(folder, replace(manifest, files=files, waiting=0, released=today))

    def _sign(self, folder: Path, manifest: DayManifest) -> None:
        text = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
        replace_file(folder / SIGNATURE, self._signer.sign(OPEN_DATA_PREFIX + text))
        replace_file(folder / MANIFEST, text)

    def _counted(self, day: str) -> tuple[list[Counted], list[str]]:
        """The day's records as they stand now with what was judged again on it, and which earlier reports were taken
        back on it."""
        found: dict[str, Counted] = {}
        withdrawn: list[str] = []
        for segment in log_segments(self._log.folder.log):
            if segment.day < day:
                continue
            for _, record in read_segment(segment):
                if isinstance(record, Judged | Tap | Imported) and _belongs_to_day(record, day, segment.day):
                    found[record.id] = record
                elif isinstance(record, Withdrawn | Unfit):
                    found.pop(record.id, None)
                    if segment.day == day and _is_marked_withdrawn(record):
                        withdrawn.append(record.id)
        sound = [record for record in found.values() if _is_publishable(record)]
        if len(sound) < len(found):
            write_line(f"{len(found) - len(sound)} records of {day} cannot be published; they are passed over.")
        return sound, withdrawn


def _is_publishable(record: Counted) -> bool:
    """Whether its days are days: one that is none must not keep all others from being published."""
    return is_day(record.day) and is_day(record.measured)


def _belongs_to_day(record: Counted, day: str, segment_day: str) -> bool:
    """Whether a record came in on the day, or was judged again on it."""
    return record.day == day or (segment_day == day and isinstance(record, Judged) and record.again)


def _is_marked_withdrawn(record: Withdrawn | Unfit) -> bool:
    """Whether a report that may be published already is taken back."""
    return record.tombstone if isinstance(record, Withdrawn) else record.again


def sealed_days(folder: Path) -> list[DayManifest]:
    """The manifests of all sealed days, in order of days. A day without a manifest is not sealed. `FileError`."""
    return [_read_manifest(path) for path in sorted(folder.iterdir()) if (path / MANIFEST).is_file()]


def _read_manifest(folder: Path) -> DayManifest:
    with in_place_of(
        msgspec.MsgspecError, FileError(f"open/{folder.name} is damaged; move it away: it is made again.")
    ):
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=DayManifest)


# -- files ---------------------------------------------------------------------------------------------------------


def _write_rows(folder: Path, name: str, rows: Sequence[OpenRow]) -> dict[str, OpenFile]:
    """Write the same rows as JSONL and as Parquet, in an order that tells nothing of which came together: beside a row
    of too few people stood others of its report, which name the network."""
    rows = sorted(rows, key=msgspec.json.encode)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    replace_file(folder / f"{name}.jsonl.gz", gzip.compress(lines, mtime=0))
    replace_file(folder / f"{name}.parquet", _parquet_rows(rows))
    return {
        path.name: _file_entry(path, len(rows)) for path in (folder / f"{name}.jsonl.gz", folder / f"{name}.parquet")
    }


def _parquet_rows(rows: Sequence[OpenRow]) -> bytes:
    """The rows as Parquet: plain strings and lists; parameters as JSON, since each rule has its own."""
    import pyarrow
    from pyarrow import parquet

    text, flag, day = pyarrow.string(), pyarrow.bool_(), pyarrow.date32()
    others = {
        "log10_e": pyarrow.float64(),
        "family": pyarrow.int8(),
        "listed": flag,
        "simulated": flag,
        "received": day,
        "measured": day,
        "transports": pyarrow.list_(text),
        "transports_tried": pyarrow.list_(text),
    }
    kinds = {name: others.get(name, text) for name in OpenRow.__struct_fields__}
    columns = [
        pyarrow.array([_plain_value(name, getattr(row, name)) for row in rows], kind) for name, kind in kinds.items()
    ]
    table = pyarrow.Table.from_arrays(columns, schema=pyarrow.schema(list(kinds.items())))
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _plain_value(name: str, value: Any) -> Any:
    if name == "parameters":
        return msgspec.json.encode(value).decode()
    return date.fromisoformat(value) if name in ("received", "measured") else value


def _file_entry(path: Path, rows: int) -> OpenFile:
    data = path.read_bytes()
    return OpenFile(rows, len(data), hashlib.sha256(data).hexdigest())


def _taken_from(lines: Counter[bytes], line: bytes) -> bool:
    """Take one line out of these; false where it is not among them. Rows of too few people look alike, so lines are
    counted."""
    if lines[line] <= 0:
        return False
    lines[line] -= 1
    return True


def _released_count(dated: Sequence[Dated], release: Release) -> int:
    return sum(one.release == release for one in dated)
