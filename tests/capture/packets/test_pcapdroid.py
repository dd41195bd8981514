"""The app that PCAPdroid writes behind each packet names the call."""

from __future__ import annotations

import io
import struct

import pytest

from factories.packets.altered_captures import findings_in
from factories.packets.capture_files import Packet
from factories.packets.recognised_calls import OwnCall, voice_packets
from factories.packets.shaped_calls import CALLER, packets_of, shaped_call
from talkpath.capture.calls.app_naming import app_of_label
from talkpath.capture.packets.pcapdroid import MAX_LABELS_A_FLOW, AppLabels
from talkpath.capture.scrubbing.scrub import scrub_capture


def recorded(packets: list[Packet], name: str, *, share: float = 1.0) -> bytes:
    """Ethernet frames with PCAPdroid's trailer behind a share of them."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for number, packet in enumerate(packets):
        frame = bytes(12) + b"\x08\x00" + packet.data
        if number % 100 < 100 * share:
            frame += struct.pack("!II20sI", 0x01072021, 10123, name.encode(), 0xDEADBEEF)
        second, rest = divmod(packet.time_ns, 10**9)
        out.append(struct.pack("<IIII", second, rest, len(frame), len(frame)) + frame)
    return b"".join(out)


@pytest.mark.parametrize(
    ("label", "app"),
    [("Max", "max"), ("Google Meet", "meet"), ("WhatsApp", "whatsapp"), ("Telegram", "telegram"), ("Signal", "signal")],
)
def test_a_label_names_a_call(label: str, app: str):
    (found,) = findings_in(recorded(packets_of(shaped_call("webrtc/dtls/voice", 200)), label)).calls
    assert (found.app, found.app_confidence) == (app, 1.0)


@pytest.mark.parametrize("label", ["Firefox", "", "Some Browser"])
def test_a_label_of_no_known_app_changes_nothing(label: str):
    (found,) = findings_in(recorded(packets_of(shaped_call("webrtc/dtls/voice", 200)), label)).calls
    assert found.app == "webrtc"


def test_trailers_behind_some_packets_are_enough():
    (found,) = findings_in(recorded(packets_of(shaped_call("webrtc/dtls/voice", 200)), "Max", share=0.3)).calls
    assert found.app == "max"


def test_a_new_name_behind_each_packet_fills_no_memory():
    labels = AppLabels()
    for number in range(200):
        labels._count(7, f"name {number}", 1)
        labels._count(8, number, 1)
    assert {len(names) for names in labels._labels.values()} == {MAX_LABELS_A_FLOW}
    assert labels.of([7]) == ("name 0",)


def test_trailers_count_as_no_data():
    plain = findings_in(recorded(packets_of(shaped_call("webrtc/dtls/voice", 200)), "", share=0.0)).calls[0]
    labelled = findings_in(recorded(packets_of(shaped_call("webrtc/dtls/voice", 200)), "Max")).calls[0]
    assert [stream.kbps for stream in labelled.streams] == [stream.kbps for stream in plain.streams]


@pytest.mark.parametrize(
    ("label", "app"),
    [
        ("whatsapp", "whatsapp"),
        ("WhatsApp Business", "whatsapp"),
        ("com.whatsapp", "whatsapp"),
        ("com.whatsapp.w4b", "whatsapp"),
        ("ru.oneme.app", "max"),
        ("com.imo.android.imoim", "imo"),
        ("Facebook Messenger", "facebook_messenger"),
        ("Telegram X", "telegram"),
        ("max", "max"),
        ("Maxthon", ""),
        ("Zoom", "zoom"),
        ("", ""),
        ("Chrome", ""),
    ],
)
def test_labels(label: str, app: str):
    assert app_of_label(label) == app


def ng(packets: list[Packet], package: str, name: str, uid: int = 10123, *, flags: bool = False) -> bytes:
    """PCAPdroid's pcapng: raw IP, a map before the first packet, a comment at each."""

    def block(kind: int, body: bytes) -> bytes:
        size = 12 + len(body)
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    mapped = struct.pack("<IHBxiBB", 62652, 1, 1, uid, len(package), len(name)) + (package + name).encode()
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), block(1, struct.pack("<HHI", 101, 0, 0))]
    out += [block(0x0BAD, mapped + bytes(-len(mapped) % 4)), block(10, b"KEYSKEYS")]
    for packet in packets:
        ticks, data = packet.time_ns // 1000, packet.data
        head = struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        text = f"u-{uid}".encode()
        options = struct.pack("<HH", 1, len(text)) + text + bytes(-len(text) % 4)
        if flags:
            options += struct.pack("<HHI", 2, 4, 2 if data[12:16] == CALLER else 1)
        out.append(block(6, head + data + bytes(-len(data) % 4) + options + bytes(4)))
    return b"".join(out)


@pytest.mark.parametrize(
    ("package", "name", "app"),
    [
        ("com.whatsapp", "WhatsApp", "whatsapp"),
        ("ru.oneme.app", "MAX", "max"),
        ("org.thunderdog.challegram", "Another name", "telegram"),
        ("an.unknown.package", "Google Meet", "meet"),
        ("org.mozilla.firefox", "Firefox", "webrtc"),
        ("", "", "webrtc"),
    ],
)
@pytest.mark.parametrize("flags", [True, False])
def test_the_map_of_pcapng_names_a_call(package: str, name: str, app: str, flags: bool):
    (found,) = findings_in(ng(packets_of(shaped_call("webrtc/dtls/voice", 200)), package, name, flags=flags)).calls
    assert found.app == app
    assert {stream.direction for stream in found.streams} == {"sent", "received"}


def test_a_call_of_no_known_shape_gets_its_app_from_the_package():
    unknown = [(at_s, sent, data) for at_s, sent, data in voice_packets(100, 6)]
    packets = OwnCall("", (), "", unknown).packets()
    assert findings_in(ng(packets, "org.mozilla.firefox", "Firefox")).calls[0].app == "unknown"
    assert findings_in(ng(packets, "com.viber.voip", "Viber")).calls[0].app == "viber"


def scrubbed(data: bytes, **more: bool) -> bytes:
    out = io.BytesIO()
    scrub_capture(io.BytesIO(data), out, **more)
    return out.getvalue()


def test_scrub_keeps_the_name_only_if_asked():
    data = ng(packets_of(shaped_call("webrtc/dtls/voice", 200)), "com.viber.voip", "Viber")
    (without,), (with_name,) = findings_in(scrubbed(data)).calls, findings_in(scrubbed(data, app_names=True)).calls
    assert (without.app, with_name.app) == ("webrtc", "viber")
    assert with_name.streams == without.streams
    assert b"Viber" not in scrubbed(data)
    for made in (scrubbed(data), scrubbed(data, app_names=True)):
        assert b"com.viber" not in made
        assert b"KEYS" not in made
        assert b"10123" not in made


def test_scrub_keeps_the_names_of_trailers_if_asked():
    data = recorded(packets_of(shaped_call("webrtc/dtls/voice", 200)), "Max")
    assert findings_in(scrubbed(data)).calls[0].app == "webrtc"
    assert findings_in(scrubbed(data, app_names=True)).calls[0].app == "max"


@pytest.mark.parametrize("damage", [b"u-", b"u-x", b"u-99999999999", b"v-10123"])
def test_other_comments_are_none(damage: bytes):
    data = ng(packets_of(shaped_call("webrtc/dtls/voice", 200)), "com.viber.voip", "Viber")
    text = b"u-10123"
    comment = struct.pack("<HH", 1, len(text)) + text + b"\0"
    other = struct.pack("<HH", 1, len(damage)) + damage.ljust(len(comment) - 4, b"\0")[: len(comment) - 4]
    if len(damage) <= 8:
        assert findings_in(data.replace(comment, other)).calls[0].app == "webrtc"
