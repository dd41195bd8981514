"""A scrubbed capture shows the same calls and holds nobody's address, name or contents."""

from __future__ import annotations

import io
import json
import struct
from ipaddress import ip_address
from pathlib import Path

import pytest

from factories.packets.altered_captures import Strangers, findings_in, ip_packets
from factories.packets.capture_files import Packet, pcap_file, tcp_segment, udp_packet
from factories.packets.shaped_calls import CALLER, SERVER, background_traffic, packets_of, shaped_call
from talkpath.apps import shapes
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.capture.scrubbing.strip import PayloadStripper
from talkpath.measure.call import Findings
from talkpath.verdict.bases.call_outcome import call_outcome
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call


def scrubbed(data: bytes) -> bytes:
    out = io.BytesIO()
    scrub_capture(io.BytesIO(data), out)
    return out.getvalue()


def told(found: Findings) -> object:
    """All that a scrubbed capture must keep: calls but for what other packets there were, attempts, verdicts."""
    calls = [
        (one.app, one.app_confidence, one.media, one.transport, one.protocol, one.encrypted, one.start_s,
         one.duration_s, one.streams, [(at.at_s, at.sent, at.received) for at in one.seconds], judge_call(one),
         call_outcome(one), one.closed, one.control_end_s)
        for one in found.calls
    ]  # fmt: skip
    return calls, [(one.app, one.start_s, one.answered, judge_attempt(one)) for one in found.attempts]


@pytest.mark.parametrize("arm", [str(arm) for arm in shapes()])
def test_the_same_call(arm: str):
    data = pcap_file([*packets_of(shaped_call(arm, 200)), *background_traffic(3.0)], nano=True)
    made = scrubbed(data)
    assert told(findings_in(made)) == told(findings_in(data))
    assert CALLER not in made
    assert SERVER not in made


ENGINES = Path(__file__).parents[1] / "engines"


def test_a_connection_that_died_stays_dead():
    """What this end sends again and again carries nothing new, but shows that it went on while nothing came."""
    whole = ip_packets(ENGINES / "cr_voice_turn_tcp.a.pcap.gz")
    begin_ns = whole[0].time_ns
    until_ns = begin_ns + (whole[-1].time_ns - begin_ns) // 2
    packets = [one for one in whole if one.time_ns < until_ns]
    last = [one for one in packets if one.data[12:16] == whole[0].data[12:16] and len(one.data) > 200][-1]
    packets += [Packet(until_ns + n * 10**9, last.data) for n in range(1, 16)]
    data = pcap_file(packets, nano=True)
    (call,) = findings_in(data).calls
    assert call_outcome(call).kind == "went_silent", "or this shows nothing"
    assert told(findings_in(scrubbed(data))) == told(findings_in(data))


@pytest.mark.parametrize("name", ["cr_voice_direct.a", "ff_voice_direct.b", "wrtc_voice.a", "tg_voice_direct.b"])
def test_a_good_bye_stays_one(name: str):
    data = pcap_file(ip_packets(ENGINES / f"{name}.pcap.gz"), nano=True)
    assert told(findings_in(scrubbed(data))) == told(findings_in(data))


@pytest.mark.long
def test_the_public_captures_keep_their_calls_and_lose_their_addresses(captures: Path):
    truth = json.loads((captures / "truth.json").read_text())
    for entry in truth:
        data = (captures / entry["file"]).read_bytes()
        made = scrubbed(data)
        assert told(findings_in(made)) == told(findings_in(data)), entry["file"]
        for call_ in entry.get("calls", []):
            for flow in call_["flow"]:
                for end in flow.rsplit("/", 1)[0].split("-"):
                    assert ip_address(end.rsplit(":", 1)[0]).packed not in made, entry["file"]


def test_bytes_that_a_record_only_claims_are_not_made_up_to_be_stripped(monkeypatch: pytest.MonkeyPatch):
    """A record of 60 bytes may claim 64 kB of a packet: 13 MB of such took half a minute."""
    file = bytearray(pcap_file(packets_of(shaped_call("webrtc/dtls/voice", 50)), nano=True))
    at = 24
    while at < len(file):
        captured, ip = struct.unpack_from("<I", file, at + 8)[0], at + 16 + 14
        struct.pack_into("<I", file, at + 12, 1 << 20)
        file[ip + 2 : ip + 4] = file[ip + 24 : ip + 26] = bytes(2)  # the lengths of IP and UDP: the record's counts
        at += 16 + captured
    stripped: list[int] = []

    def note(_: PayloadStripper, data: bytes) -> bytes:
        stripped.append(len(data))
        return data

    monkeypatch.setattr(PayloadStripper, "__call__", note)
    scrubbed(bytes(file))
    assert stripped
    assert max(stripped) < 4000


def test_no_contents_are_left():
    secret = b"the words that were said"
    packets = []
    for number in range(50):
        data = bytes((0x80, 0, 0, number)) + bytes(8) + secret
        packets.append(Packet(1_000_000_000 + number * 20_000_000, udp_packet(CALLER, SERVER, 40000, 5000, data)))
    packets += [Packet(2_000_000_000, udp_packet(CALLER, SERVER, 40001, 53, b"\x12\x34\x01\x00" + secret))]
    packets += [Packet(2_100_000_000, tcp_segment(CALLER, SERVER, 40002, 80, 1, b"GET /" + secret))]
    packets += packets_of(shaped_call("webrtc/dtls/voice", 50))
    made = scrubbed(pcap_file(packets, nano=True))
    assert secret[:8] not in made
    assert b"GET" not in made


def test_names_in_sip_are_gone():
    invite = b"INVITE sip:alice@example.org SIP/2.0\r\nFrom: <sip:bob@example.org>\r\nCSeq: 1 INVITE\r\n\r\n"
    both = ((CALLER, SERVER, 7000, 8000), b"\1\2\3\4"), ((SERVER, CALLER, 8000, 7000), b"\5\6\7\x08")
    talk = []
    for number in range(100):
        for ends, ssrc in both:
            head = struct.pack("!BBHI", 0x80, 8, number, 160 * number) + ssrc
            talk.append(Packet(10_000_000_000 + number * 20_000_000, udp_packet(*ends, head + bytes(160))))
    data = pcap_file([Packet(9_000_000_000, udp_packet(CALLER, SERVER, 5060, 5060, invite)), *talk], nano=True)
    made = scrubbed(data)
    assert findings_in(made).calls[0].app == findings_in(data).calls[0].app == "sip"
    assert b"alice" not in made
    assert b"bob" not in made


def test_calls_over_tcp_stay_calls_over_tcp(captures: Path):
    plain = ip_packets(captures / "stun_google_meet__a.pcapng")
    sequence: dict[tuple[bytes, bytes], int] = {}
    stream = []
    for packet in plain:
        if packet.data[9] != 17:
            continue
        source, target, data = packet.data[12:16], packet.data[16:20], packet.data[28:]
        framed = len(data).to_bytes(2, "big") + data
        at = sequence.get((source, target), 1)
        sequence[source, target] = at + len(framed)
        ports = int.from_bytes(packet.data[20:22], "big"), int.from_bytes(packet.data[22:24], "big")
        stream.append(Packet(packet.time_ns, tcp_segment(source, target, *ports, at, framed)))
    data = pcap_file(stream, nano=True)
    before, after = findings_in(data), findings_in(scrubbed(data))
    assert [(one.app, one.protocol) for one in before.calls] == [("meet", "tcp")]
    assert told(after) == told(before)


def test_strangers_scrub_alike(captures: Path):
    strangers = Strangers(3)
    packets = [strangers.packet(one) for one in ip_packets(captures / "wa_video.pcap")]
    data = pcap_file(packets, nano=True)
    assert told(findings_in(scrubbed(data))) == told(findings_in(data))
