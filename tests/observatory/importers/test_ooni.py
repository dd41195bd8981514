"""OONI's measurements, as its specs describe them, become observations of their own basis, never an accusation."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talkpath.cli import cli
from talkpath.errors import WireError
from talkpath.observatory.importers.ooni import TESTS, imported_measurement
from talkpath.observatory.log.records import LoggedVerdict

TROUBLE = "single_request"


def line(test_name: str, test_keys: dict[str, Any], **others: Any) -> bytes:
    whole = {
        "annotations": {"platform": "android"}, "data_format_version": "0.2.0", "input": None,
        "measurement_start_time": "2025-08-14 10:02:41", "probe_asn": "AS64500", "probe_cc": "XY",
        "probe_ip": "127.0.0.1", "report_id": "20250814T100241Z_x", "software_name": "ooniprobe-android",
        "test_keys": test_keys, "test_name": test_name, "test_runtime": 1.5, "test_version": "0.9.0",
    }  # fmt: skip
    return json.dumps(whole | others).encode()


def whatsapp(endpoints: str | None, registration: str | None, failure: str | None = None) -> dict[str, Any]:
    return {"whatsapp_endpoints_status": endpoints, "registration_server_status": registration,
            "registration_server_failure": failure, "whatsapp_web_status": "blocked", "requests": []}  # fmt: skip


ROWS: list[tuple[str, dict[str, Any], tuple[str, str, str, str, str | None] | None]] = [
    ("whatsapp", whatsapp("ok", "ok"), ("whatsapp", "text", "ok", "signalling", None)),
    ("whatsapp", whatsapp("blocked", "ok"), ("whatsapp", "text", "insufficient", "signalling", "signalling.block")),
    ("whatsapp", whatsapp("ok", "blocked", "dns_nxdomain_error"),
     ("whatsapp", "text", "insufficient", "signalling", "dns.remove")),
    ("whatsapp", whatsapp(None, "ok"), None),
    ("telegram", {"telegram_tcp_blocking": False, "telegram_http_blocking": False, "telegram_web_status": "blocked"},
     ("telegram", "text", "ok", "signalling", None)),
    ("telegram", {"telegram_tcp_blocking": True, "telegram_http_blocking": True},
     ("telegram", "text", "insufficient", "signalling", "address.block")),
    ("telegram", {"telegram_tcp_blocking": None, "telegram_http_blocking": None}, None),
    ("signal", {"signal_backend_status": "ok", "signal_backend_failure": None},
     ("signal", "text", "ok", "signalling", None)),
    ("signal", {"signal_backend_status": "blocked", "signal_backend_failure": "connection_reset"},
     ("signal", "text", "insufficient", "signalling", "signalling.block")),
    ("facebook_messenger", {"facebook_dns_blocking": False, "facebook_tcp_blocking": False},
     ("facebook_messenger", "text", "ok", "signalling", None)),
    ("facebook_messenger", {"facebook-dns-blocking": True, "facebook-tcp-blocking": False},
     ("facebook_messenger", "text", "insufficient", "signalling", "dns.remove")),
    ("stunreachability", {"endpoint": "stun.l.google.com:19302", "failure": None},
     ("webrtc", "voice", "ok", "address", None)),
    ("stunreachability", {"endpoint": "stun.voip.signal.org:3478", "failure": "generic_timeout_error"},
     ("signal", "voice", "insufficient", "address", "stun.drop")),
    ("web_connectivity", {"blocking": "dns"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("test_name", "keys", "wanted"), ROWS)
def test_what_a_measurement_says(
    test_name: str, keys: dict[str, Any], wanted: tuple[str, str, str, str, str | None] | None
):
    record = imported_measurement(line(test_name, keys))
    if wanted is None:
        assert record is None
        return
    assert record is not None
    app, medium, state, basis, rule = wanted
    assert record.said == (LoggedVerdict(app, medium, state, basis, rule, reason="" if state == "ok" else TROUBLE),)
    assert (record.measured, record.network, record.country) == ("2025-08-14", "AS64500", "XY")


def test_signals_void_version_says_nothing():
    keys = {"signal_backend_status": "blocked", "signal_backend_failure": "ssl_unknown_authority"}
    when = "2022-11-01 00:00:00"
    assert imported_measurement(line("signal", keys, test_version="0.2.0", measurement_start_time=when)) is None
    assert imported_measurement(line("signal", keys, test_version="0.2.1", measurement_start_time=when)) is not None


@pytest.mark.parametrize("others", [{"probe_asn": "AS0"}, {"probe_cc": "ZZ"}, {"measurement_start_time": "yesterday"}])
def test_what_nobody_can_place_says_nothing(others: dict[str, str]):
    assert imported_measurement(line("whatsapp", whatsapp("ok", "ok"), **others)) is None


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TESTS)), st.dictionaries(st.sampled_from([key for _, keys, _ in ROWS for key in keys]),
       st.none() | st.booleans() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)))  # fmt: skip
def test_whatever_the_keys_hold_nothing_is_ever_restricted(test_name: str, keys: dict[str, Any]):
    record = imported_measurement(line(test_name, keys))
    assert record is None or {said.state for said in record.said} <= {"ok", "insufficient"}


@given(st.binary(max_size=60))
def test_what_is_no_measurement_is_told(data: bytes):
    with pytest.raises(WireError):
        imported_measurement(data)


def test_a_file_is_taken_once(tmp_path: Path):
    lines = [line("whatsapp", whatsapp("ok", "ok"), report_id=str(number)) for number in range(3)]
    file = tmp_path / "week.jsonl.gz"
    file.write_bytes(gzip.compress(b"\n".join([*lines, b"damaged", line("ndt", {})])))
    command = ["observe", "import", "--ooni", str(file), "--data", str(tmp_path / "data")]
    first, second = (CliRunner().invoke(cli, [*command, "--json"], standalone_mode=False) for _ in range(2))
    told = json.loads(first.stdout)
    assert (told["measurements"], told["refused"], told["others"]) == (3, 1, 1)
    told = json.loads(second.stdout)
    assert (told["measurements"], told["known"]) == (0, 3)


@pytest.mark.parametrize(
    "day", ["2026-99-99", "2026-02-30", "٢٠٢٥-٠٨-١٤", "1000-01-01", "9999-12-31", "2011-12-31", "2100-01-01"]
)
def test_a_day_that_is_none_is_no_measurement(day: str):
    start = f"{day} 10:02:41"
    assert imported_measurement(line("whatsapp", whatsapp("ok", "ok"), measurement_start_time=start)) is None
