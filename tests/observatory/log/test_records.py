"""The summary row: small, whatever a check found."""

from __future__ import annotations

from talkpath.observatory.log.records import Judged, LoggedTransports, LoggedVerdict
from talkpath.observatory.log.segments import encode_line

MOST_BYTES = 2048
APPS = ("facebook_messenger", "telegram", "whatsapp", "signal", "meet", "max", "webrtc", "snapchat")


def test_a_check_that_finds_everything_restricted_has_a_row_of_two_kilobytes():
    p = (0.4885, 0.3416, 0.6433)
    said = tuple(
        LoggedVerdict(app, "voice", "restricted", "shape", "media.size_drop", "both", -12.07, {"p": p}, "", 4)
        for app in APPS
    )
    carries, fails = ("tcp/443", "tls/443", "wss/443"), ("udp/3478", "udp/443", "udp/50000")
    carried = tuple(LoggedTransports(app, "voice", carries, fails) for app in APPS)
    row = Judged("f" * 64, "2026-11-24", "2026-11-24", "12", "browser", said, carried, "AS4294967295", "XX",
                 "responder", "k" * 43, "hosting", True, 2**63 - 1, 2**63 - 1)  # fmt: skip
    assert len(encode_line(10**9, row)) <= MOST_BYTES
