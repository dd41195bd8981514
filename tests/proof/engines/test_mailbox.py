"""Holds that signalling between the ends of a call arrives once, whole, and by its kind."""

from __future__ import annotations

import json

from proof.engines.ends.driver import candidates_of
from proof.engines.mailbox import Mailbox, events

SDP = "v=0\r\na=candidate:1 1 udp 1 192.168.77.2 1 typ host\r\na=candidate:2 1 udp 1 2001:db8:77::2 1 typ host\r\n"


def test_messages_arrive_once_and_by_their_kind(tmp_path):
    (tmp_path / "call.json").write_text(json.dumps({"seconds": 5}))
    one, other = Mailbox(tmp_path, "caller"), Mailbox(tmp_path, "callee")
    one.send("offer", sdp="a")
    one.send("ready")
    assert other.wait("ready", 5) == {"kind": "ready"}
    assert other.take("offer") == {"kind": "offer", "sdp": "a"}
    assert other.take("offer") is None
    assert one.take("ready") is None
    assert other.call == {"seconds": 5}
    one.close()
    other.close()


def test_half_a_line_is_no_message_yet(tmp_path):
    (tmp_path / "call.json").write_text("{}")
    mail = Mailbox(tmp_path, "callee")
    file = tmp_path / "caller.messages"
    file.write_text('{"kind": "by')
    assert mail.take("bye") is None
    file.write_text('{"kind": "bye"}\n')
    assert mail.take("bye") == {"kind": "bye"}
    mail.close()


def test_what_an_end_logged_is_read_back(tmp_path):
    (tmp_path / "call.json").write_text("{}")
    mail = Mailbox(tmp_path, "caller")
    mail.log("connected", how="relay")
    mail.close()
    ((event),) = events(tmp_path, "caller")
    assert (event["event"], event["how"]) == ("connected", "relay")
    assert events(tmp_path, "callee") == []


def test_candidates_of_one_version_of_ip_are_kept():
    assert [candidates_of(SDP, family).count("candidate") for family in ("", "4", "6")] == [2, 1, 1]
    assert "2001" not in candidates_of(SDP, "4")
