"""Shapes of calls as `talkpath shape` would write them, by hand: with WebRTC's protocols, and with one that nobody
taught us."""

from __future__ import annotations

from random import Random

ICE_CALL = """
format = 1
name = "acme"
medium = "voice"
media_ms = 200.0

[origin]
app = "Acme"
recordings = 3
packets = 9000
seconds = 60.0

[[message]]
name = "hello"
bytes = '''16feff0000000000000000 0079 01 00006d 0000000000000000 fefd random(32) 00
0000 0004 c02b c02f 0100 004c shuffle[000a00080006001d00170018 | 000d0006000404030804 | 000e0007000400010007 00 |
0010 0012 0010 random(14) | ff01000100] 001700 00'''

[[kind]]
name = "check_up"
direction = "up"
stage = "stun"
bytes = '''0001 length(2,-20) 2112a442 letters(12) 0006 0009 word(far,4,letters) 3a word(near,4,letters) 000000
8029 0008 word(breaker,8) 0024 0004 6e7f1eff 0008 0014 random(20) crc(0)'''

[[kind]]
name = "answer_down"
direction = "down"
stage = "stun"
bytes = '''0101 length(2,-20) 2112a442 echo(8,12) 0020 0008 0001 bits(00,ff) bits(00,ff) random(4) 0008 0014
random(20) crc(0)'''

[[kind]]
name = "hello_up"
direction = "up"
stage = "dtls"
bytes = '''part(hello,0,100)'''

[[kind]]
name = "hello_down"
direction = "down"
stage = "dtls"
bytes = '''16fefd0000000000000000 003e 02000032 0000 0000 00000032 fefd random(32) 00 c02b00 random'''

[[kind]]
name = "keep_up"
direction = "up"
stage = "control"
bytes = '''0001 length(2,-20) 2112a442 letters(12) 0006 0009 word(far,4,letters) 3a word(near,4,letters) 000000
0008 0014 random(20) crc(0)'''

[[kind]]
name = "keep_answer"
direction = "down"
stage = "control"
answers = "keep_up"
bytes = '''0101 length(2,-20) 2112a442 echo(8,12) 0020 0008 0001 random(2) random(4) 0008 0014 random(20) crc(0)'''

[[kind]]
name = "voice_up"
direction = "up"
stage = "media"
bytes = '''906f count(up_seq,2) step(up_time,4) word(up_ssrc,4) bede0002 22 clock(sent,3,262.144) 31 count(twcc,2)
10 bits(80,7f) random'''

[[kind]]
name = "voice_down"
direction = "down"
stage = "media"
bytes = '''906f count(down_seq,2) step(down_time,4) word(down_ssrc,4) bede0002 22 clock(sent_down,3,262.144) 31
count(twcc_down,2) 10 bits(80,7f) random'''

[[kind]]
name = "report_up"
direction = "up"
stage = "control"
align = 4
bytes = '''80c9 0007 word(up_ssrc,4) random'''

[[setup]]
steps = '''
check_up 0/{check} retry 70 140
answer_down 1/{answer} of 0
hello_up 26/100 retry 60
hello_down 27/90 of 2
'''

[[block]]
direction = "up"
after_ms = 0
packets = '''voice_up 20/96/960 20.4/101 19.7/92 report_up 3/52 voice_up 17/95
20/97 keep_up 1/{keep} voice_up 19/99 20/94'''

[[block]]
direction = "up"
after_ms = 0
packets = '''voice_up 20.2/104/960 19.4/99 20.7/92 20.1/105 20/97 19/99 20/94 21/100'''

[[block]]
direction = "down"
after_ms = 0
packets = '''voice_down 20/96/960 20.4/101 19.7/92 20/95 20/97 19/99 20/94 20.2/103'''
"""


def _hand_counted(text: str) -> str:
    """The shape with the sizes of its packets that have no room left."""
    from talkpath.apps.recorded.field_text import fields_of_text
    from talkpath.apps.recorded.layout import fixed_bytes

    sizes = {}
    for piece in text.split("[[kind]]")[1:]:
        name = piece.split('name = "')[1].split('"')[0]
        sizes[name] = fixed_bytes(fields_of_text(piece.split("bytes = '''")[1].split("'''")[0].replace("\n", " ")))
    return text.format(check=sizes["check_up"], answer=sizes["answer_down"], keep=sizes["keep_up"])


UNNAMED_CALL = """
format = 1
name = "mystery"
medium = "voice"

[origin]
recordings = 1

[[kind]]
name = "open"
direction = "up"
stage = "setup"
bytes = '''cafe 01 random(16) 00000000'''

[[kind]]
name = "opened"
direction = "down"
stage = "setup"
bytes = '''cafe 02 echo(3,16) random(8)'''

[[kind]]
name = "talk"
direction = "up"
stage = "media"
bytes = '''cafe 03 count(n,4,little) word(who,4) length(2) random'''

[[kind]]
name = "hear"
direction = "down"
stage = "media"
bytes = '''cafe 04 count(m,4,little) word(who,4) length(2) random'''

[[setup]]
steps = '''
open 0/23 retry 70 140
opened 1/27 of 0
'''

[[block]]
direction = "up"
after_ms = 0
packets = '''talk 40/60 41/72 39/55 40/80 40/66'''

[[block]]
direction = "down"
after_ms = 0
packets = '''hear 40/60 41/71 39/58 40/80 40/66'''
"""


ASKED = """
[[kind]]
name = "ask"
direction = "up"
stage = "control"
bytes = '''cafe 05 random(16)'''

[[kind]]
name = "told"
direction = "down"
stage = "control"
answers = "ask"
bytes = '''cafe 06 echo(3,16) random({more})'''
"""


ALIKE = {
    "two kinds": ("", "count(n,4,start=0)", "count(o,4,start=0)"),
    "two kinds, one later": ("", "count(n,4,start=0)", "count(o,4,start=90)"),
    "a set-up whose bytes all packets repeat": ("open", "", ""),
}
"""How packets of a shape are alike: its set-up, and the numbers of two kinds of packets that differ in nothing else."""
ZEROS = "00" * 36


def alike_shape(name: str) -> bytes:
    """A shape whose packets a receiver takes for others of it."""
    setup, first, other = ALIKE[name]
    head = 'format = 1\nname = "alike"\nmedium = "voice"\n[origin]\nrecordings = 1\n'
    kind = '[[kind]]\nname = "{}"\ndirection = "{}"\nstage = "{}"\nbytes = "{}"\n'
    block = '[[block]]\ndirection = "{}"\nafter_ms = 0\npackets = "{}"\n'
    parts = [head, kind.format("hear", "down", "media", "cafe 04 count(m,4,little) word(who,4) length(2) random")]
    if setup:
        parts.append(kind.format(setup, "up", "setup", f"word(who,4) {ZEROS}"))
        parts.append(kind.format("talk", "up", "media", f"word(who,4) {ZEROS} count(n,4) word(a,4) random"))
        parts.append(f'[[setup]]\nsteps = "{setup} 0/40"\n')
        parts.append(block.format("up", "talk 20/151 21/151 19/151 20/151 20/151"))
    else:
        parts.append(kind.format("talk", "up", "media", f"cafe 03 {first} word(who,4) {ZEROS} random"))
        parts.append(kind.format("talkb", "up", "media", f"cafe 03 {other} word(who,4) {ZEROS} random"))
        parts.append(block.format("up", "talk 20/160 21/172 19/155 20/180 20/160 20/171 20/165 talkb 20/160"))
    return "".join([*parts, block.format("down", "hear 20/160 21/172 19/155 20/180 20/166")]).encode()


def ice_shape() -> bytes:
    """A call with checks, a hello whose extensions are shuffled, RTP, reports and keepalives."""
    return _hand_counted(ICE_CALL).encode()


def unnamed_shape() -> bytes:
    """A call of a protocol that nothing here knows."""
    return UNNAMED_CALL.encode()


def drawn_shape(rng: Random) -> bytes:
    """Some shape that is within all bounds: any sizes, gaps, stages and answers."""
    gaps = [rng.choice((0.0, 1.0, 5.5, 20.0, 60.0, 300.0)) for _ in range(12)]

    def packets(kind: str, least: int) -> str:
        return f"{kind} " + " ".join(f"{gap + 1.0}/{rng.choice((least, 60, 200, 900, 1400))}" for gap in gaps)

    more = rng.choice((8, 60, 300, 1200))
    head = UNNAMED_CALL.partition("[[block]]")[0].replace("random(8)", f"random({more})")
    head = head.replace("opened 1/27", f"opened {rng.choice((1, 5, 30))}/{19 + more}")
    head += ASKED.format(more=rng.choice((8, 400, 1200)))
    up, down = packets("talk", 30), packets("hear", rng.choice((30, 900)))
    up += " ask 7/19 30/19"
    for direction, said in (("up", up), ("down", down)):
        head += f"[[block]]\ndirection = \"{direction}\"\nafter_ms = 0\npackets = '''{said}'''\n"
    return head.encode()
