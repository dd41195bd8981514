"""Shapes of recordings that engines made: what a protocol tells, what evidence does, set-up and blocks."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path

import pytest

from talkpath.apps.recorded.field_text import fields_to_text
from talkpath.apps.recorded.record import RecordedShape
from talkpath.apps.recorded.shape_text import read_shape_text, write_shape_text
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.capture.shapes.read_recordings import shape_of_files
from talkpath.capture.shapes.recorded_flow import RecordedFlow, read_flow
from talkpath.errors import FileError

ENGINES = Path(__file__).parents[1] / "engines"


def flow(name: str, number: int | None = None) -> RecordedFlow:
    data = gzip.decompress((ENGINES / f"{name}.pcap.gz").read_bytes())
    return read_flow(lambda: BytesIO(data), number)


def texts(shape: RecordedShape) -> dict[str, str]:
    return {kind.name: fields_to_text(kind.fields) for kind in shape.kinds}


CALLS = ("tg_voice_direct.a", "tg_voice_reflector.a", "cr_voice_direct.a", "ff_voice_direct.b", "sip_voice.b",
         "aiortc_cr_voice.a", "cr_voice_turn_udp.a", "cr_video_direct.b", "tg_video_direct.a")  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_shape_of_each_engine_is_written_and_read(name: str):
    shape = make_shape([flow(name)], "test")
    assert read_shape_text(write_shape_text(shape)) == shape
    assert {block.direction for block in shape.blocks} == {"up", "down"}
    assert shape.medium == ("video" if "video" in name else "voice")


def test_telegrams_call_keeps_what_filters_look_for():
    shape = make_shape([flow("tg_voice_direct.a"), flow("tg_voice_dead_direct.a")], "telegram")
    found = texts(shape)
    checks = [text for text in found.values() if text.startswith("0001")]
    assert all("2400046e7f2900" in text or "2400046e7e1f00" in text for text in checks)  # PRIORITY ends in 00
    assert any("c001000400000001" in text for text in checks)
    voice = next(text for text in found.values() if text.startswith("906f"))
    assert "bede000222 clock(up_element2,3,262.144) 31 count(up_element3,2) 00 random" in voice
    assert any(text.startswith("b067") and " 00000000 " in text for text in found.values())  # its probes
    (hello,) = shape.messages
    assert fields_to_text(hello.fields).count(" | ") == 5  # two recordings had their six extensions in two orders
    steps = [step for setup in shape.setups for step in setup if step.kind == "hello_up"]
    assert {step.size for step in steps} == {153}
    assert shape.origin.app == "telegram"


def test_a_reflectors_frame_has_words_lengths_and_padding():
    found = make_shape([flow("tg_voice_reflector.a")], "reflector")
    voice = next(kind for kind in found.kinds if " 906f " in fields_to_text(kind.fields))
    assert voice.align == 4
    assert fields_to_text(voice.fields).startswith("word(call_tag,12) word(down_id,4) word(up_id,4) length(4,-24) 906f")
    hello = found.setups[0][0]
    assert (hello.size, hello.answers) == (40, None)
    assert "ff" * 12 + "feffffff000000000000007b" in texts(found)[hello.kind]


def test_chromiums_hello_is_two_datagrams_of_one_message():
    shape = make_shape([flow("cr_voice_direct.a")], "chromium")
    sizes = [step.size for step in shape.setups[0] if step.kind.startswith("hello")]
    assert sizes == [1200, 263]
    answers = [step.answers for step in shape.setups[0] if step.kind.startswith("flight")]
    assert None not in answers


def test_what_no_protocol_tells_is_told_by_evidence():
    wireguard = texts(make_shape([flow("no_wireguard.a", 1)], "tunnel"))
    assert wireguard["data04_up"] == "04000000 word(up_04_w4,4) count(up_04_n8,8,start=0,little) random"
    assert wireguard["data01_up"] == "01 random(147)"
    game = texts(make_shape([flow("no_game.a", 1)], "game"))
    assert game["data_up"] == "count(up_any_n0,4,start=0,little) length(2,-6,little) random"


def test_a_handshake_of_no_known_protocol_is_request_and_reply():
    (setup,) = make_shape([flow("no_wireguard.a", 1)], "tunnel").setups
    assert [(step.kind, step.answers) for step in setup] == [("data01_up", None), ("data02_down", 0)]


def test_a_recording_without_a_call_names_its_flows():
    with pytest.raises(FileError, match=r"--flow N: 1 has \d+ and \d+ packets"):
        flow("no_wireguard.a")
    with pytest.raises(FileError, match="no flow 99"):
        flow("no_wireguard.a", 99)


def test_a_call_over_tcp_is_refused():
    with pytest.raises(FileError, match="UDP"):
        flow("cr_voice_turn_tcp.a")


def test_a_shape_is_named_by_whoever_makes_it(tmp_path: Path):
    file = tmp_path / "call with anna.pcap"
    file.write_bytes(gzip.decompress((ENGINES / "tg_voice_direct.a.pcap.gz").read_bytes()))
    shape = shape_of_files([file])
    assert shape.name == "call"
    assert b"anna" not in write_shape_text(shape)
    again = tmp_path / "made.shape"
    again.write_bytes(write_shape_text(shape))
    assert shape_of_files([again]) == shape
