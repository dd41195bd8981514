"""Files of apps' own statistics, made here in the forms that the apps write."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

BEGIN_S = 1_700_000_000.0
Counter = Callable[[int], object]
"""What a counter says in the n-th second."""


def iso_time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def stats_report(
    stats_type: str, name: str, seconds: int, *, stamps: bool = True, **counters: Counter
) -> dict[str, Any]:
    """The series of one report of getStats."""
    times = [BEGIN_S + 1.003 * second for second in range(seconds)]
    if stamps:
        counters["timestamp"] = lambda second: 1e3 * times[second]
    return {
        f"{name}-{counter}": {
            "startTime": iso_time(times[0]),
            "endTime": iso_time(times[-1]),
            "statsType": stats_type,
            "values": json.dumps([value(second) for second in range(seconds)]),
        }
        for counter, value in counters.items()
    }


def counter_until(second: int, rate: float, end: int) -> int:
    """A counter that grows until then."""
    return round(rate * min(second, end))


def received_counters(kind: str, received_until: int, lost: float) -> dict[str, Counter]:
    return {
        "ssrc": lambda _: 1001,
        "kind": lambda _: kind,
        "packetsReceived": lambda second: counter_until(second, 50 * (1 - lost), received_until),
        "bytesReceived": lambda second: counter_until(second, 50 * 80 * (1 - lost), received_until),
        "packetsLost": lambda second: counter_until(second, 50 * lost, received_until),
        "jitter": lambda _: 0.004,
    }


def sent_counters(kind: str) -> dict[str, Counter]:
    return {
        "ssrc": lambda _: 2002,
        "kind": lambda _: kind,
        "packetsSent": lambda second: 50 * second,
        "bytesSent": lambda second: 4000 * second,
    }


def pair_counters(received_until: int) -> dict[str, Counter]:
    return {
        "localCandidateId": lambda _: "I-local",
        "remoteCandidateId": lambda _: "I-remote",
        "requestsSent": lambda second: second,
        "responsesReceived": lambda second: min(second, received_until),
        "packetsReceived": lambda second: counter_until(second, 55, received_until),
        "lastPacketReceivedTimestamp": lambda second: 1e3 * (BEGIN_S + min(second, received_until)),
    }


def ice_candidate(end: str, kind: str) -> dict[str, Any]:
    counters: dict[str, Counter] = {
        "candidateType": lambda _: kind,
        "protocol": lambda _: "udp",
        "address": lambda _: "203.0.113.77",
    }
    return stats_report(f"{end}-candidate", f"I-{end}", 1, **counters)


def connection_stats(
    seconds: int = 60,
    *,
    received_until: int = 10**6,
    lost: float = 0.0,
    kind: str = "audio",
    candidates: tuple[str, str] = ("host", "srflx"),
    stamps: bool = True,
) -> dict[str, Any]:
    """The statistics of a connection with one stream each way, 50 packets a second."""
    inbound = received_counters(kind, received_until, lost)
    return {
        **stats_report("inbound-rtp", "IT01A1001", seconds, stamps=stamps, **inbound),
        **stats_report("outbound-rtp", "OT01A2002", seconds, stamps=stamps, **sent_counters(kind)),
        **stats_report("candidate-pair", "CPa_b", seconds, stamps=stamps, **pair_counters(received_until)),
        **stats_report("transport", "T01", seconds, stamps=stamps, selectedCandidatePairId=lambda _: "CPa_b"),
        **ice_candidate("local", candidates[0]),
        **ice_candidate("remote", candidates[1]),
    }


def webrtc_internals_dump(*connections: dict[str, Any], url: str = "https://calls.example/room/secret-name") -> bytes:
    """A dump of webrtc-internals."""
    made = {
        f"12-{number}": {"pid": 12, "url": url, "stats": stats, "updateLog": []}
        for number, stats in enumerate(connections)
    }
    return json.dumps({"getUserMedia": [], "PeerConnections": made, "UserAgent": "made"}).encode()


def signal_log(
    seconds: int = 60,
    *,
    received_until: int = 10**6,
    lost_pct: float = 0.0,
    form: str = "desktop",
    relayed: bool = False,
) -> bytes:
    """A debug log of Signal, with a call that lasts so long."""
    stamp = {
        "desktop": lambda at: datetime.fromtimestamp(at, UTC).strftime("INFO  %Y-%m-%dT%H:%M:%S.250Z"),
        "android": lambda at: datetime.fromtimestamp(at - 6 * 3600, UTC).strftime(
            "[6.4] [12345] %Y-%m-%d %H:%M:%S.250 CST I"
        ),
        "ios": lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d %H:%M:%S:250"),
    }[form]
    route = f"local_relayed: {str(relayed).lower()}, local_relay_protocol: Unknown, remote_relayed: false"
    lines = [
        f"{stamp(BEGIN_S - 30)} something else of +49 151 0000000",
        f"{stamp(BEGIN_S)} on_start_call(): direction: Outgoing",
        f"{stamp(BEGIN_S + 1)} ringrtc_stats!,audio,recv,ssrc,packets_per_second,packets_lost_pct,bitrate,jitter",
        f"{stamp(BEGIN_S + 2)} ice_network_route_change(NetworkRoute {{ local_adapter_type: Wifi, {route} }})",
    ]
    for second in range(10, seconds + 1, 10):
        at_s, hears = BEGIN_S + second, second <= received_until
        lines += [
            f"{stamp(at_s)} ringrtc_stats!,connection,0xca11,{int(1e6 * at_s)},40ms,300000bps",
            f"{stamp(at_s)} ringrtc_stats!,audio,send,2002,50.0,80.0,32000.0bps,0.0%,0ms,0ms,0.000",
            f"{stamp(at_s)} ringrtc_stats!,audio,recv,1002,{50.0 if hears else 0.0},{lost_pct if hears else 0.0}%,"
            f"{32000.0 if hears else 0.0}bps,3ms,0.000,50ms",
        ]
    lines.append(f"{stamp(BEGIN_S + seconds + 1)} terminate_call(): call_id: 0xca11")
    return "\n".join(lines).encode()
