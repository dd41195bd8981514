"""SIP by its first line, and by what an answer answers."""

from __future__ import annotations

import pytest

from talkpath.apps import sip
from talkpath.apps.contract.flow_view import FlowView


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"INVITE sip:a@b SIP/2.0\r\n", "setup"),
        (b"BYE sip:a@b SIP/2.0\r\n", "close"),
        (b"REGISTER sip:b SIP/2.0\r\n", "keepalive"),
        (b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n", "setup"),
        (b"SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n", "control"),
    ],
)
def test_first_lines(line: bytes, kind: str):
    assert sip.recognise(line, FlowView(0)) == sip.FEATURES.hit(kind, "first_word", "second_word")


@pytest.mark.parametrize("data", [b"", b"INVITE", b"NOTIFY * HTTP/1.1\r\n", b"GET sip:x", bytes(30)])
def test_others(data: bytes):
    assert sip.recognise(data, FlowView(0)) is None
