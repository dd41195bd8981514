"""Reads a file of an app's own statistics, with bounds on all that is read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec

from talkpath.capture.app_stats import signal_log, webrtc_internals
from talkpath.capture.app_stats.calls import PeerConnection, attempt_of, call_of
from talkpath.errors import FileError
from talkpath.measure.bounds import MOST_COUNT
from talkpath.measure.call import Attempt, Call, Findings, Source
from talkpath.wire.pcap.window import ByteSource

MOST_STATISTICS_BYTES = 64 << 20
LEFT_OUT_REASON = "call whose numbers no call can have"
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class AppStatistics:
    """The facts that an app's statistics hold. `begun_ns`: ns since 1970 of the first reading, None if not known."""

    findings: Findings
    begun_ns: int | None = None

    def endpoints(self, _call: int) -> tuple[()]:
        """No address of a call is read."""
        return ()


def read_app_stats(file: ByteSource) -> AppStatistics | None:
    """Read a dump of webrtc-internals or a debug log of Signal, also gzipped; None if it is neither. `FileError` where
    it is one of them and cannot be used."""
    data = _unpacked_file(file)
    if data is None:
        return None
    if data.lstrip()[:1] == b"{":
        dump = webrtc_internals.internals_connections(data)
        return None if dump is None else _app_statistics("webrtc_internals", dump, True)
    text = data.decode("utf-8", "replace")
    is_log = signal_log.STATS_LINE.search(text)
    return _app_statistics("signal_log", *signal_log.signal_connections(text)) if is_log else None


def _unpacked_file(file: ByteSource) -> bytes | None:
    """The whole file, unpacked; None where it cannot be unpacked."""
    data = bytearray()
    while len(data) <= MOST_STATISTICS_BYTES and (piece := file.read(MOST_STATISTICS_BYTES + 1 - len(data))):
        data += piece
    if data[:2] == GZIP_MAGIC:
        try:
            data = bytearray(zlib.decompressobj(wbits=31).decompress(data, MOST_STATISTICS_BYTES + 1))
        except zlib.error:
            return None
    if len(data) > MOST_STATISTICS_BYTES:
        raise FileError(
            f"A file of statistics may have {MOST_STATISTICS_BYTES >> 20} MiB; cut out the calls in question."
        )
    return bytes(data)


def _is_sound(record: Call | Attempt) -> bool:
    """Are all numbers such as a call can have (the bounds of the record's types)?"""
    try:
        msgspec.convert(msgspec.to_builtins(record), type(record))
    except msgspec.ValidationError:
        return False
    return True


def _app_statistics(source: Source, connections: list[PeerConnection], is_clock_known: bool) -> AppStatistics:
    if not connections:
        return AppStatistics(Findings(packets=0, duration_s=0.0, unread={}, calls=(), attempts=(), source=source))
    base_s = min(connection.first_s for connection in connections)
    end_s = max(connection.end_s for connection in connections)
    calls = [call for one in connections if (call := call_of(one, base_s, end_s)) is not None]
    idle = [one for one in connections if not one.packets]
    attempts = [attempt for one in idle if (attempt := attempt_of(one, base_s)) is not None]
    sound_calls = [call for call in calls if _is_sound(call)]
    sound_attempts = [attempt for attempt in attempts if _is_sound(attempt)]
    left_out = len(calls) + len(attempts) - len(sound_calls) - len(sound_attempts)
    findings = Findings(
        packets=min(sum(connection.packets for connection in connections), MOST_COUNT),
        duration_s=round(end_s - base_s, 6),
        unread={LEFT_OUT_REASON: left_out} if left_out else {},
        calls=tuple(sorted(sound_calls, key=lambda call: call.start_s)),
        attempts=tuple(sorted(sound_attempts, key=lambda attempt: attempt.start_s)),
        source=source,
    )
    return AppStatistics(findings, round(1e9 * base_s) if is_clock_known else None)
