"""Holds what is cut away of the small recordings, and that nothing sealed is left in them."""

from __future__ import annotations

import gzip
import json

import pytest

from proof.engines import golden, pcap
from proof.engines.cases import CASES
from proof.engines.path import CALLEE, CALLER

from .test_path import CHECK, udp

VOICE = bytes.fromhex("906f0001000003c000001234bede00022200000031000000")
SEALED = bytes(range(1, 101))
REPORT = bytes.fromhex("81c9000700001234") + SEALED


def packed(tmp_path, name: str, packets: list[bytes]) -> list[pcap.Frame]:
    """What is kept of a recording that holds those packets."""
    source, target = tmp_path / "full", tmp_path / "small"
    source.mkdir()
    pcap.write(source / f"{name}.a.pcap", pcap.RAW, [pcap.Frame(1, 0, one, len(one)) for one in packets])
    (source / f"{name}.json").write_text(json.dumps({"name": name}))
    golden.keep(source, target, {name: "a"})
    return pcap.read(target / f"{name}.a.pcap.gz")[1]


@pytest.mark.parametrize("family", [0, 1])
def test_of_rtp_only_header_and_extension_are_kept(tmp_path, family):
    one, other = CALLER.packed()[family], CALLEE.packed()[family]
    whole = [udp(one, other, data) for data in (VOICE + SEALED, REPORT, CHECK)]
    voice, report, check = packed(tmp_path, "tg_voice_direct", whole)
    assert voice.data == whole[0][: -len(SEALED)]
    assert voice.length == len(whole[0])
    assert (report.data, check.data) == (whole[1], whole[2])


def test_of_other_traffic_the_first_bytes_are_kept(tmp_path):
    (kept,) = packed(tmp_path, "no_game", [udp(CALLER.packed()[0], CALLEE.packed()[0], CHECK + SEALED)])
    assert len(kept.data) == golden.OTHER_BYTES


def test_inside_tcp_what_is_sealed_becomes_zeros(tmp_path):
    channel = b"\x40\x00" + len(VOICE + SEALED).to_bytes(2, "big") + VOICE + SEALED
    segment = bytes(12) + b"\x50" + bytes(7) + channel + channel
    head = bytearray(udp(CALLER.packed()[0], CALLEE.packed()[0], b"")[:20])
    head[9] = golden.TCP
    (kept,) = packed(tmp_path, "cr_voice_turn_tcp", [bytes(head) + segment])
    blank = b"\x40\x00" + len(VOICE + SEALED).to_bytes(2, "big") + VOICE + bytes(len(SEALED))
    assert kept.data[40:] == blank + blank


def test_a_recording_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(golden, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="record a shorter call"):
        packed(tmp_path, "no_game", [udp(CALLER.packed()[0], CALLEE.packed()[0], CHECK)])


def test_a_short_call_has_its_trouble_early_and_time_to_tell_it():
    dead = golden.short(CASES["tg_voice_dead_direct"])
    assert [one.after_s for one in dead.troubles] == [3.0]
    assert dead.seconds >= 12
    assert golden.short(CASES["tg_voice_direct"]).seconds < 8


def test_the_same_recording_gives_the_same_file(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        packed(tmp_path / folder, "no_game", [udp(CALLER.packed()[0], CALLEE.packed()[0], CHECK)])
    first, second = ((tmp_path / one / "small" / "no_game.a.pcap.gz").read_bytes() for one in ("one", "two"))
    assert first == second
    assert gzip.decompress(first)
