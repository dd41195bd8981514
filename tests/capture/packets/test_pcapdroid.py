"""The app that PCAPdroid writes behind each packet names the call."""

from __future__ import annotations

import struct

import pytest
from carried import Packet
from made import call, passed
from remake import facts

from talkpath.capture.calls.app_naming import app_of_label


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
    (found,) = facts(recorded(passed(call("webrtc/dtls/voice", 200)), label)).calls
    assert (found.app, found.app_confidence) == (app, 1.0)


@pytest.mark.parametrize("label", ["Firefox", "", "Some Browser"])
def test_a_label_of_no_known_app_changes_nothing(label: str):
    (found,) = facts(recorded(passed(call("webrtc/dtls/voice", 200)), label)).calls
    assert found.app == "webrtc"


def test_trailers_behind_some_packets_are_enough():
    (found,) = facts(recorded(passed(call("webrtc/dtls/voice", 200)), "Max", share=0.3)).calls
    assert found.app == "max"


def test_trailers_count_as_no_data():
    plain = facts(recorded(passed(call("webrtc/dtls/voice", 200)), "", share=0.0)).calls[0]
    labelled = facts(recorded(passed(call("webrtc/dtls/voice", 200)), "Max")).calls[0]
    assert [stream.kbps for stream in labelled.streams] == [stream.kbps for stream in plain.streams]


@pytest.mark.parametrize(
    ("label", "app"),
    [
        ("whatsapp", "whatsapp"),
        ("WhatsApp Business", "whatsapp"),
        ("com.whatsapp", ""),
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
