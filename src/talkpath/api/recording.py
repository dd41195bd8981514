"""Reads a capture file and gives the calls in it: their streams, their seconds and their verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from io import SEEK_END, IOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from msgspec.structs import replace

from talkpath.errors import FileError, UsageError, WireError, file_read
from talkpath.measure.call import Attempt, Call, Control, Findings, Paired, Stream
from talkpath.wire.ip.address import bracketed_host

if TYPE_CHECKING:
    import pyarrow

    from talkpath.api.arrow_tables import TableName
    from talkpath.capture.app_stats.reading import AppStatistics
    from talkpath.capture.calls.records import MeasuredCapture
    from talkpath.capture.scan import ScanLimits
    from talkpath.report.recordings.clock import RecordingClock
    from talkpath.verdict.bases.calls_together import JudgedRecording
    from talkpath.verdict.model import Verdict
    from talkpath.wire.pcap.window import ByteSource

NAMELESS, EMPTY_FILE = "-", "the file is empty; record the call again, or copy it anew"
"""The name of a recording that was not read from a file with a name."""


@dataclass(frozen=True)
class Recording:
    """The calls of one capture file. No record holds an address; times are seconds from the file's first packet."""

    name: str
    measured: MeasuredCapture | AppStatistics = field(repr=False)
    """The packets behind the facts, for the tables of this package. Not part of the public interface."""
    controls: tuple[Control, ...] = ()
    """The control traffic that ran beside calls (`talkpath listen` with a link)."""

    pairs: tuple[Paired, ...] | None = None
    """What the other end's recording shows of the calls (`beside`)."""

    @cached_property
    def findings(self) -> Findings:
        """All facts of the file (the records of spec/tp-007)."""
        return replace(self.measured.findings, controls=self.controls, pairs=self.pairs)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls, in order of time. Each has its `streams` and its `seconds`."""
        return self.findings.calls

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Calls that were set up but carried no talk."""
        return self.findings.attempts

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The RTP streams of all calls, those of the first call first."""
        return tuple(stream for call in self.calls for stream in call.streams)

    @property
    def clock(self) -> RecordingClock:
        """The recording's clock, for the words of reports. Not part of the public interface."""
        from talkpath.report.recordings.clock import RecordingClock

        return RecordingClock(self.measured.begun_ns, self.findings.duration_s)

    @cached_property
    def judged(self) -> JudgedRecording:
        """The calls with what is said of each. Not part of the public interface."""
        from talkpath.report.recordings.both_ends import judge_both_ends

        return judge_both_ends(self.findings)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the facts say of each call, in the order of `calls`."""
        return tuple(one.verdict for one in self.judged.calls)

    @property
    def record(self) -> dict[str, Any]:
        """The JSON object that `talkpath capture --json` prints (spec/tp-007)."""
        import msgspec

        from talkpath.report.recordings import capture_json

        encoded = msgspec.json.encode(capture_json.capture_result(NAMELESS, self.judged))
        plain: dict[str, Any] = msgspec.json.decode(encoded)  # what a reader of the JSON gets
        return plain

    def to_arrow(self, table: TableName = "seconds") -> pyarrow.Table:
        """One table of the file: a row a call, a stream, a second and direction, or a media packet.

        `table` is "calls", "streams", "seconds" or "packets". Every recording gives the same columns, also one without
        a call, so the tables of many files can be joined. `UsageError` where the library pyarrow is not installed.
        """
        from talkpath.api.arrow_tables import arrow_table

        return arrow_table(self, table)

    def endpoints(self, call: int) -> list[str]:
        """The endpoints of a call's flows as "ip:port-ip:port/udp", the local end first. `call` counts from 0."""
        flows = self.measured.endpoints(call)
        return [
            f"{_endpoint_text(*near.reveal())}-{_endpoint_text(*far.reveal())}/{protocol}"
            for near, far, protocol in flows
        ]

    def html(self) -> str:
        """A report with a picture of each call, as one HTML page that loads nothing else."""
        from talkpath.report.recordings.capture_page import capture_page

        return capture_page(self.judged, self.clock)

    def write_parquet(self, path: str | Path) -> None:
        """Write all media packets into a Parquet file; `UsageError` where the library pyarrow is not installed."""
        from talkpath.capture.table import write_parquet

        write_parquet(self.packets(), Path(path))

    def paired_with(self, other: Recording) -> tuple[Paired, ...]:
        """Compare the calls with the same calls recorded at the other end: which packets did not arrive there."""
        from talkpath.capture.calls.pairing import paired_calls

        return paired_calls(self.packets(), other.packets())

    def beside(self, other: Recording) -> Recording:
        """This recording with what the same calls' recording at the other end shows of them: in its verdicts, its
        record, its report and its bundle."""
        return dataclasses.replace(self, pairs=self.paired_with(other))

    def packets(self) -> MeasuredCapture:
        """The packets behind the facts; `UsageError` where there are none. Not part of the public interface."""
        from talkpath.capture.calls.records import MeasuredCapture

        if not isinstance(self.measured, MeasuredCapture):
            raise UsageError("An app's own statistics hold no packets; this needs a recording of the call.")
        return self.measured

    def bundle(self) -> bytes:
        """A signed bundle of the facts (spec/tp-003). The file's name is not in it."""
        import msgspec

        from talkpath.evidence.bundle import write_capture
        from talkpath.report.recordings import capture_json
        from talkpath.wire.control.keys import Signer

        record = msgspec.to_builtins(capture_json.capture_result(NAMELESS, self.judged))
        return write_capture(self.findings, record, Signer.fresh())


def read_capture(source: str | Path | BinaryIO, *, progress: Callable[[int], None] | None = None) -> Recording:
    """Read a pcap or pcapng file, also a gzipped one, and find the calls in it.

    A dump of webrtc-internals and a debug log of Signal hold calls too, as the app itself counted them
    (`findings.source`).

    `source` is a path, or a file that was opened for binary reading. `progress` is called with the number of packets
    that were read, from time to time. `FileError` where the file cannot be opened or is no capture file; a file that
    is damaged or cut off is read as far as it goes, and `findings.unread` counts what was left out.
    """
    if not isinstance(source, str | Path):
        return _measured_recording(NAMELESS, cast("ByteSource", source), progress)
    path = Path(source)
    with file_read(path), path.open("rb", buffering=0) as file:
        return _measured_recording(path.name, file, progress)


def read_stream(name: str, source: ByteSource, limits: ScanLimits | None = None) -> Recording:
    """Read a capture that still arrives, to its end. Nothing of it waits in a file; None: within the limits of one."""
    return _measured_recording(name, source, None, in_memory=True, limits=limits)


def _endpoint_text(host: str, port: int) -> str:
    return f"{bracketed_host(host)}:{port}"


def _measured_recording(
    name: str,
    source: ByteSource,
    progress: Callable[[int], None] | None,
    *,
    in_memory: bool = False,
    limits: ScanLimits | None = None,
) -> Recording:
    from talkpath.capture.calls.records import measure_calls
    from talkpath.capture.scan import FILE_LIMITS, scan_capture

    try:
        return Recording(
            name, measure_calls(scan_capture(source, progress, in_memory=in_memory, limits=limits or FILE_LIMITS))
        )
    except WireError as error:
        if (statistics := _read_statistics(name, source)) is not None:
            return statistics
        holds_any = not isinstance(source, IOBase) or not source.seekable() or source.seek(0, SEEK_END) > 0
        raise error if name == NAMELESS else FileError(f"{name}: {error if holds_any else EMPTY_FILE}") from None


def _read_statistics(name: str, source: ByteSource) -> Recording | None:
    """Read what is no capture as an app's own statistics; None where it is none of these either."""
    from talkpath.capture.app_stats.reading import read_app_stats

    if not isinstance(source, IOBase) or not source.seekable():
        return None
    source.seek(0)
    statistics = read_app_stats(source)
    return None if statistics is None else Recording(name, statistics)
