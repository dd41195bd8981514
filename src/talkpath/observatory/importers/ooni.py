"""OONI's measurements as records of the log: whatsapp, telegram, signal, facebook_messenger, stunreachability.

Contract: one line of OONI's JSONL (df-000) becomes one `Imported`, or None where it is of another test, names no
network, or is void. Basis is `signalling` (the app's own servers, medium text) or `address` (one STUN request, medium
voice). What failed once is `insufficient (single_request)` with the rule that it is consistent with, never
`restricted`: there was nothing to compare it with. Sources: OONI's spec, ts-018, ts-019, ts-020, ts-025, ts-029,
df-007.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from talkpath.errors import UNREADABLE, FileError, WireError, in_place_of
from talkpath.observatory.events.record import UNKNOWN_COUNTRY
from talkpath.observatory.log.records import Imported, LoggedVerdict
from talkpath.observatory.log.segments import DAMAGED_GZIP

ORIGIN = "ooni"
MAX_OONI_LINE_BYTES = 32 << 20  # bodies of web pages are in it
NETWORK, COUNTRY, DAY = re.compile(r"AS[1-9][0-9]{0,9}"), re.compile(r"[A-Z]{2}"), re.compile(r"[0-9]{4}(-[0-9]{2}){2}")
YEARS = range(2012, 2100)  # OONI began in 2012
SIGNALLING, DNS, ADDRESS, STUN = "signalling.block", "dns.remove", "address.block", "stun.drop"
STUN_HOSTS = {
    "stun.fbsbx.com": "facebook_messenger",
    "stun.voip.signal.org": "signal",
    "turn.voip.signal.org": "signal",
}
SIGNAL_VOID = ("0.2.0", "2022-10-19")  # ts-029: that version's results after that day cannot be trusted
Keys = Mapping[str, Any]


class Measurement(Struct, frozen=True):
    """The fields that are read of a line (df-000)."""

    test_name: str
    test_keys: dict[str, Any]
    measurement_start_time: str
    probe_asn: str
    probe_cc: str
    report_id: str | None = ""
    input: str | None = None
    test_version: str = ""


_decoder = msgspec.json.Decoder(Measurement)


def read_ooni(path: Path) -> Iterator[Imported | WireError | None]:
    """Each line of a file, which may be gzipped: a record, None for another kind, `WireError` for a damaged one.

    `FileError` where the file cannot be read; what came before stands.
    """
    with (
        in_place_of(DAMAGED_GZIP, FileError(f"{path.name} cannot be read, or its end is missing.")),
        gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file,
    ):
        while line := file.readline(MAX_OONI_LINE_BYTES):
            try:
                yield imported_measurement(line) if line.strip() else None
            except WireError as error:
                yield error


def imported_measurement(line: bytes) -> Imported | None:
    """The record of one measurement; `WireError` for a line that is no measurement of df-000."""
    try:
        found = _decoder.decode(line)
    except UNREADABLE:
        raise WireError("a line is no measurement of OONI's") from None
    read = TESTS.get(found.test_name)
    day = found.measurement_start_time[:10]
    placed = (
        NETWORK.fullmatch(found.probe_asn) and COUNTRY.fullmatch(found.probe_cc) and found.probe_cc != UNKNOWN_COUNTRY
    )
    if read is None or not placed or not _is_day(day):
        return None
    said = read(found, {name.replace("-", "_"): value for name, value in found.test_keys.items()})
    if said is None:
        return None
    return Imported(
        id=_measurement_id(found),
        day="",
        measured=day,
        origin=ORIGIN,
        network=found.probe_asn,
        country=found.probe_cc,
        said=(said,),
    )


def _is_day(text: str) -> bool:
    try:
        return DAY.fullmatch(text) is not None and date.fromisoformat(text).year in YEARS
    except ValueError:
        return False


def _measurement_id(found: Measurement) -> str:
    """The id of a measurement: the same however its line is written."""
    parts = (found.report_id, found.test_name, found.input, found.measurement_start_time, found.probe_asn)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _text_verdict(app: str, failed: bool | None, rule: str = SIGNALLING) -> LoggedVerdict | None:
    """The verdict on an app's own servers; None where nothing is known."""
    if failed is None:
        return None
    if not failed:
        return LoggedVerdict(app, "text", "ok", "signalling")
    return LoggedVerdict(
        app=app, medium="text", state="insufficient", basis="signalling", rule=rule, reason="single_request"
    )


def _whatsapp_verdict(found: Measurement, keys: Keys) -> LoggedVerdict | None:
    """WhatsApp's endpoints and registration; its web client is not counted."""
    states = [keys.get("whatsapp_endpoints_status"), keys.get("registration_server_status")]
    if not all(state in ("ok", "blocked") for state in states):
        return None
    dns = str(keys.get("registration_server_failure") or "").startswith("dns_") and states[0] == "ok"
    return _text_verdict("whatsapp", "blocked" in states, DNS if dns else SIGNALLING)


def _telegram_verdict(found: Measurement, keys: Keys) -> LoggedVerdict | None:
    """Telegram's access points; its web client is not counted."""
    ways = [keys.get("telegram_tcp_blocking"), keys.get("telegram_http_blocking")]
    if not all(isinstance(way, bool) for way in ways):
        return None
    return _text_verdict("telegram", any(ways), ADDRESS if ways[0] else SIGNALLING)


def _signal_verdict(found: Measurement, keys: Keys) -> LoggedVerdict | None:
    state = keys.get("signal_backend_status")
    void = found.test_version == SIGNAL_VOID[0] and found.measurement_start_time > SIGNAL_VOID[1]
    if state not in ("ok", "blocked") or void:
        return None
    dns = str(keys.get("signal_backend_failure") or "").startswith("dns_")
    return _text_verdict("signal", state == "blocked", DNS if dns else SIGNALLING)


def _facebook_verdict(found: Measurement, keys: Keys) -> LoggedVerdict | None:
    dns, tcp = keys.get("facebook_dns_blocking"), keys.get("facebook_tcp_blocking")
    if not isinstance(dns, bool) and not isinstance(tcp, bool):
        return None
    return _text_verdict("facebook_messenger", bool(dns or tcp), DNS if dns and not tcp else SIGNALLING)


def _stun_verdict(found: Measurement, keys: Keys) -> LoggedVerdict | None:
    """One STUN Binding Request; servers that are no messenger's stand for WebRTC."""
    endpoint, failure = str(keys.get("endpoint") or found.input or ""), keys.get("failure")
    host = endpoint.removeprefix("stun://").rpartition(":")[0]
    app = STUN_HOSTS.get(host, "webrtc")
    if not host or "failure" not in keys or not isinstance(failure, str | None):
        return None
    if failure is None:
        return LoggedVerdict(app, "voice", "ok", "address")
    rule = DNS if failure.startswith("dns_") else STUN
    return LoggedVerdict(
        app=app, medium="voice", state="insufficient", basis="address", rule=rule, reason="single_request"
    )


TESTS: Mapping[str, Callable[[Measurement, Keys], LoggedVerdict | None]] = {
    "whatsapp": _whatsapp_verdict,
    "telegram": _telegram_verdict,
    "signal": _signal_verdict,
    "facebook_messenger": _facebook_verdict,
    "stunreachability": _stun_verdict,
    "stun_reachability": _stun_verdict,
}
