"""The record of a shape that was made from recordings, and its file."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from random import Random

import pytest

from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES
from talkpath.apps.recorded.field_text import fields_of_text, fields_to_text
from talkpath.apps.recorded.fields import MAX_PACKET_BYTES
from talkpath.apps.recorded.layout import key_offset, nonce_offset, place_fields
from talkpath.apps.recorded.played import PlayedShape
from talkpath.apps.recorded.shape_text import read_shape_text, shape_digest, write_shape_text
from talkpath.errors import FileError

PAGE = b"""
format = 1
name = "discord"
medium = "voice"
media_ms = 180.0

[origin]
app = "webrtc"
engine = "Chromium"
version = "156.0.8078.114"
day = "2026-11-29"
recordings = 5
packets = 4000
seconds = 50.0
left_out = 12
notes = ["12 packets of 8 bytes are the same in every call"]

[[message]]
name = "hello"
bytes = "feff word(random,32) shuffle[00170000 | ff01000100 | 003304 random(1000)]"

[[kind]]
name = "check_up"
direction = "up"
stage = "stun"
bytes = '''
0001 length(2,-20) 2112a442 letters(12) 00060009 word(far,4,letters) 3a word(near,4,letters) 000000 00080014 random(20)
crc(0)'''

[[kind]]
name = "answer_down"
direction = "down"
stage = "stun"
answers = "check_up"
bytes = "0101 length(2,-20) 2112a442 echo(8,12) 00200008 0001 word(mapped,6) 00080014 random(20) crc(0)"

[[kind]]
name = "hello_up"
direction = "up"
stage = "dtls"
bytes = "16feff0000 count(record_up,6,start=0) length(2,-13) part(hello,0,1000)"

[[kind]]
name = "voice_up"
direction = "up"
stage = "media"
told = "recordings"
bytes = "906f count(up_seq,2) step(up_time,4) word(up_ssrc,4) bede0001 22 clock(up_sent,3,262.144) random"

[[kind]]
name = "voice_down"
direction = "down"
stage = "media"
align = 4
bytes = "806f count(down_seq,2) step(down_time,4) word(down_ssrc,4) bits(80,7f) random"

[[setup]]
steps = '''
check_up 0/68 retry 50 100
answer_down 30/64 of 0
hello_up 40/1013
'''

[[block]]
direction = "up"
after_ms = 0
packets = "voice_up 0/90/960 20.1/91 19.9/80/1920"

[[block]]
direction = "down"
after_ms = 0
packets = "voice_down 0/90/960 20.1/91 19.9/80"
"""


def test_a_page_is_read_and_written_and_read_again():
    shape = read_shape_text(PAGE)
    assert shape.kinds[1].answers == "check_up"
    assert [packet.step for packet in shape.blocks[0].packets] == [960, 960, 1920]
    assert shape.setups[0][0].retry_ms == (50, 100)
    assert shape.setups[0][1].answers == 0
    again = read_shape_text(write_shape_text(shape))
    assert again == shape
    assert shape_digest(again) == shape_digest(shape)


WRONG = {
    "no toml": (b"format = 1", b"format = "),
    "another format": (b"format = 1", b"format = 2"),
    "a field too many": (b"format = 1", b"format = 1\nhost = 'example'"),
    "a kind that is not there": (b'packets = "voice_up 0', b'packets = "voise 0'),
    "a kind of the other direction": (b'packets = "voice_up 0', b'packets = "voice_down 0'),
    "two kinds of one name": (b'name = "hello_up"', b'name = "voice_up"'),
    "constants only": (b"count(down_seq,2) step(down_time,4) word(down_ssrc,4) bits(80,7f)", b"00" * 78),
    "a packet too short": (b"0/90/960 20.1/91 19.9/80/1920", b"0/90/960 20/19"),
    "packets without a gap": (b"0/90/960 20.1/91 19.9/80/1920", b"0/90/960"),
    "a packet of another size": (b"hello_up 40/1013", b"hello_up 40/1012"),
    "time that is no number": (b"media_ms = 180.0", b"media_ms = nan"),
    "a gap that is no number": (b"voice_up 0/90", b"voice_up nan/90"),
    "an endless clock": (b"262.144", b"inf"),
    "an answer to nothing": (b'answers = "check_up"', b'answers = "hello_up_"'),
    "an answer to its own end": (b'answers = "check_up"', b'answers = "voice_down"'),
    "an echo of too much": (b"echo(8,12)", b"echo(80,12)"),
    "a message cut behind its end": (b"part(hello,0,1000)", b"part(hello,200,1200)"),
    "two rests": (b"crc(0)", b"random random crc(0)"),
    "a packet that comes in fragments": (b"0/90/960 20.1/91 19.9/80/1920", b"0/1453/960 20/91"),
    "a set-up that comes in fragments": (b"hello_up 40/1013", b"hello_up 40/1453"),
    "a flood": (b"0/90/960 20.1/91 19.9/80/1920", b"0/90 " * 300),
    "messages that take long to write": (b"random(1000)]", b"random(1452)]" + b" random(1452)" * 31),
    "characters that are not printed": (b'app = "webrtc"', b'app = "\\u001b[2J"'),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(name: str):
    old, new = WRONG[name]
    assert old in PAGE
    with pytest.raises(FileError, match=r"^[A-Z“a-z].*\.$"):
        read_shape_text(PAGE.replace(old, new, 1))


def test_a_packet_has_what_usual_paths_carry_whole():
    """1500 bytes with the headers of IPv6 (40) and UDP (8)."""
    assert MAX_PACKET_BYTES == 1500 - 40 - 8
    read_shape_text(PAGE.replace(b"voice_up 0/90", b"voice_up 0/1452"))
    with pytest.raises(FileError, match="1452"):
        read_shape_text(PAGE.replace(b"voice_up 0/90", b"voice_up 0/1453"))


def test_a_file_has_a_size():
    with pytest.raises(FileError, match="64 kB"):
        read_shape_text(PAGE + b"#" * MAX_SHAPE_TEXT_BYTES)


@pytest.mark.parametrize("text", [b"a." * 32_000 + b"a = 1", b"[" + b"a." * 32_000 + b"a]", b"x = " + b"[" * 60_000])
def test_a_key_of_many_parts_takes_no_memory(text: bytes):
    """The library took a gigabyte for the first one."""
    tracemalloc.start()
    with pytest.raises(FileError):
        read_shape_text(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_what_answers_a_packet_counts_as_packets():
    """One kind with forty answers: a schedule is no longer than one without."""
    answer = """
[[kind]]
name = "answer_{number}"
direction = "down"
stage = "control"
answers = "voice_up"
bytes = "80 count(up_seq,2) 01020304 random(20)"
"""
    record = read_shape_text(PAGE + "".join(answer.format(number=number) for number in range(40)).encode())
    plain = PlayedShape(read_shape_text(PAGE)).schedule(Random(1), 500)
    assert len(PlayedShape(record).schedule(Random(1), 500).slots) < 8 * len(plain.slots)


def test_a_far_ends_handshake_waits_for_what_shows_that_this_end_receives():
    """Recorded before the reply that this end answers: each packet follows the one that it answers all the same."""
    steps = b"check_up 0/68\nanswer_down 30/64 of 0\ncheck_up 20/68\nhello_down 25/1013\n"
    page = PAGE.replace(b'hello_up"\ndirection = "up"', b'hello_down"\ndirection = "down"')
    page = page.replace(b"check_up 0/68 retry 50 100\nanswer_down 30/64 of 0\nhello_up 40/1013\n", steps)
    slots = PlayedShape(read_shape_text(page)).schedule(Random(1), 20).slots
    answers = [(number, slot.answers) for number, slot in enumerate(slots) if slot.answers is not None]
    assert any(slots[number].stage == "dtls" for number, _ in answers)
    assert all(asked < number for number, asked in answers)


def test_fields_are_text_and_back():
    text = (
        "906f count(a,2) count(b,6,start=3,step=2,little) step(t,4) clock(c,3,262.144) word(w,8,hexdigits)"
        " bits(40,3f) length(2,-20,unit=4,little) digits(3) echo(8,12) date(30) part(m,0,9) shuffle[00 | 01 random(2)]"
        " random crc(0)"
    )
    assert fields_to_text(fields_of_text(text)) == text


def test_a_receiver_knows_packets_by_what_is_random_in_each():
    voice = fields_of_text("906f count(s,2) step(t,4) word(ssrc,4) random")
    assert key_offset(voice, 60, {}) == 0
    assert nonce_offset(voice, 60, {}) == 40
    assert nonce_offset(voice, 47, {}) is None
    certificate = fields_of_text("16fefd" + "00" * 40 + " random(40)")
    assert key_offset(certificate, 83, {}) == 40
    assert key_offset(fields_of_text("0001 word(tag,16)"), 18, {}) is None  # the same in each packet
    assert [(start, end) for _, start, end in place_fields(voice, 20)] == [(0, 2), (2, 4), (4, 8), (8, 12), (12, 20)]


AT_ONCE = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from talkpath.apps.recorded.shape_text import read_shape_text

sys.setswitchinterval(1e-6)
text, start = sys.stdin.buffer.read(), threading.Barrier(4)
with ThreadPoolExecutor(4) as pool:
    shapes = [*pool.map(lambda _: (start.wait(), read_shape_text(text))[1], range(4))]
print(len(shapes), shapes.count(shapes[0]))
"""


def test_four_threads_read_their_first_shape_at_once():
    """As the demo's scenes do. The process ended by a segmentation fault in two of three runs of the demo."""
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", AT_ONCE], input=PAGE, capture_output=True, check=False)
        assert (done.returncode, done.stdout.split()) == (0, [b"4", b"4"]), done.stderr.decode()
