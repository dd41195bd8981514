"""The shape of an app's calls from a file."""

from __future__ import annotations

from random import Random

import pytest

from talkpath.apps import added_app, app_id, apps, shapes
from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES, Shape, setup_stages
from talkpath.apps.families.shape_file import MAX_SHAPE_FILE_BYTES, read_shape
from talkpath.errors import FileError, UsageError
from talkpath.experiment.imitation_digest import shape_digest

ACME = """
id = "acme"
name = "Acme Talk"
source = "Acme's client 5.2: a recording of 60 s"
ports = [3478, 5000]

[ice]
nominates = "nomination"
name_bytes = 8

[voice]
payload_type = 111
elements = [[1, "level"], [3, "send_time"]]
sizes = [[96, 3], [140, 1]]

[video]
payload_type = 120
kbps = [300, 700]

[[reports]]
direction = "down"
size = 72
every_ms = 1000
"""


def shapes_of(text: str) -> tuple[Shape, ...]:
    return read_shape(text.encode()).shapes


def test_what_a_file_says_is_what_is_sent():
    voice, video = shapes_of(ACME)
    assert (voice.arm.app, voice.arm.medium, video.arm.medium) == ("acme", "voice", "video")
    assert (voice.packet_rate, voice.confidence) == (50.0, "low")
    schedule = voice.schedule(Random(1), 400)
    media = [slot.size for slot in schedule.slots if slot.stage == "media"]
    assert {*media} == {96, 140}
    assert 2 < media.count(96) / media.count(140) < 4.5
    assert setup_stages(schedule) == ("stun", "dtls")
    down = [slot for slot in schedule.slots if (slot.direction, slot.size) == ("down", 72)]
    assert len(down) == pytest.approx(schedule.duration_ms / 1000, abs=2)
    spoken = [
        data
        for slot, data in zip(schedule.slots, voice.datagrams(schedule, b"k" * 32), strict=True)
        if slot.stage == "media"
    ]
    assert {data[1] & 0x7F for data in spoken} == {111}
    pictures = video.schedule(Random(1), 400)
    assert max(slot.size for slot in pictures.slots if slot.stage == "media") > 400


def test_another_file_is_another_arm():
    one, other = shapes_of(ACME)[0], shapes_of(ACME.replace("96, 3", "96, 2"))[0]
    assert one.arm != other.arm
    assert shapes_of(ACME)[0].arm == one.arm


def drawn(seed: int) -> str:
    """A file with values at and between its bounds."""
    rng = Random(seed)
    elements = rng.sample(["send_time", "sequence", "level", "mid"], rng.randint(0, 3))
    listed = ", ".join(f'[{number + 1}, "{name}"]' for number, name in enumerate(elements))
    numbers = [(rng.choice((64, 199, rng.randint(64, 199))), rng.randint(1, 1000)) for _ in range(rng.randint(1, 5))]
    sizes = ", ".join(f"[{size}, {weight}]" for size, weight in numbers)
    yes_no = [rng.choice(("true", "false")) for _ in range(2)]
    lines = [
        f'id = "app{seed}"',
        'name = "App"',
        'source = "made"',
        f'server = "{rng.choice(("peer", "sfu", "none"))}"',
        f"tag_bytes = {rng.choice((10, 16))}",
        f"ice = {{ name_bytes = {rng.randint(4, 32)}, sfu = {yes_no[0]}, delta = {yes_no[1]} }}",
        "[voice]",
        f"payload_type = {rng.choice((0, 63, 96, 127))}",
        f"elements = [{listed}]",
        f"sizes = [{sizes}]",
        f"jitter_ms = {rng.choice((0.1, 4.0))}",
    ]
    if rng.random() < 0.5:
        lines += ["[video]", "payload_type = 100", f"kbps = [50, {rng.choice((50, 4000))}]"]
        lines += [f"packet_bytes = {rng.choice((600, 1200))}"]
    for _ in range(rng.randint(0, 3)):
        lines += ["[[reports]]", f'direction = "{rng.choice(("up", "down"))}"', f"size = {rng.choice((64, 400))}"]
        lines += [f"every_ms = {rng.choice((50, 10000))}"]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(25))
def test_every_file_within_its_bounds_keeps_the_contract(seed: int):
    """A packet is known by its key, its nonce lies in random bytes, and nothing is larger than a path carries."""
    for shape in shapes_of(drawn(seed)):
        schedule = shape.schedule(Random(seed), 20)
        made = [shape.datagrams(schedule, bytes([number + 1]) * 32) for number in range(6)]
        seen: dict[tuple[str, bytes], int] = {}
        for number, datagrams in enumerate(made):
            for slot, datagram in zip(schedule.slots, datagrams, strict=True):
                assert len(datagram) == slot.size <= 1200
                key = datagram[slot.key_at : slot.key_at + KEY_BYTES]
                assert seen.setdefault((slot.direction, key), number) == number
        for place, slot in enumerate(schedule.slots):
            columns = zip(*(one[place][slot.key_at : slot.key_at + KEY_BYTES] for one in made), strict=True)
            assert sum(len(set(column)) > 2 for column in columns) >= 4, slot
            if slot.nonce_at is not None:
                assert KEY_BYTES <= slot.nonce_at <= slot.size - NONCE_BYTES
        for way in ("up", "down"):
            assert any(slot.nonce_at is not None for slot in schedule.slots if slot.direction == way)
        assert schedule.slots != shape.schedule(Random(seed + 1), 20).slots


def test_it_is_an_app_among_the_others_for_as_long_as_it_is_asked_for():
    app = read_shape(ACME.encode())
    before = [*apps()]
    with added_app(app):
        assert [*apps()] == sorted([*before, "acme"])
        assert app_id("Acme Talk") == "acme"
        assert app.shapes[0].arm in shapes()
        assert len(shape_digest(app.shapes[0].arm)) == 8
        with pytest.raises(UsageError, match="called acme already"), added_app(app):
            pass
    assert [*apps()] == before
    assert app.shapes[0].arm not in shapes()


def test_no_other_app_can_be_replaced():
    with (
        pytest.raises(UsageError, match="called signal already"),
        added_app(read_shape(ACME.replace("acme", "signal", 1).encode())),
    ):
        pass


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[96, 3], [140, 1]]", "[]", "no shape"),
        ("[[96, 3], [140, 1]]", "[[20, 1]]", "no shape"),
        ("[[96, 3], [140, 1]]", "[[1400, 1]]", "no shape"),
        ("[[96, 3], [140, 1]]", "[[96, 0]]", "no shape"),
        ("payload_type = 111", "payload_type = 72", "RTCP"),
        ("payload_type = 120", "payload_type = 111", "one payload type"),
        ('[3, "send_time"]', '[1, "send_time"]', "one id"),
        ('[3, "send_time"]', '[3, "rm -rf"]', "no shape"),
        ('[3, "send_time"]', '[2, "capture_time"], [3, "capture_time"], [4, "capture_time"]', "no room"),
        ("kbps = [300, 700]", "kbps = [700, 300]", "lowest, highest"),
        ('id = "acme"', 'id = "../acme"', "no shape"),
        ('name = "Acme Talk"', 'name = "Acme\\u001b[2J"', "cannot be printed"),
        ("every_ms = 1000", "every_ms = 1", "no shape"),
        ("every_ms = 1000", "every_ms = nan", "no shape"),
        ("every_ms = 1000", "evry_ms = 1000", "no shape"),
        ('source = "Acme', 'sauce = "Acme', "no shape"),
        ("[voice]", "[voice", "no TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(old: str, new: str, message: str):
    assert old in ACME
    with pytest.raises(FileError, match=message):
        read_shape(ACME.replace(old, new).encode())


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[" * 5000, b"a = 1\n", b"x" * (MAX_SHAPE_FILE_BYTES + 1)])
def test_no_file_of_a_shape(data: bytes):
    with pytest.raises(FileError):
        read_shape(data)
