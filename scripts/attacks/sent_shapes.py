"""Attacks on a test server by the shapes of calls that a probe sends it (`check --like`)."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from pathlib import Path

from attacks.responder import MOST_MB, open_session
from attacks.stage import Attack, Finding, Server, run_talkpath, running_responder
from talkpath.apps.recorded.played import played_shape
from talkpath.errors import FileError
from talkpath.wire.control.messages import Begin, PlayShape, Ready

MOST_S = 15.0


def hostile_shapes(folder: Path) -> Finding:
    """Shapes of calls as a probe may send them: keys of many parts, and answers without end to each packet."""
    worst_s, shapes_sent = 0.0, (b"a." * 32_000 + b"a = 1", answered_shape(90))
    with running_responder(folder) as far:
        start = peak = far.mib
        for number, text in enumerate(shapes_sent):
            began_s = time.monotonic()
            thread = threading.Thread(target=_play_shape, args=(far, f"127.14.{number}.1", text), daemon=True)
            thread.start()
            while thread.is_alive() and time.monotonic() < began_s + 30.0:
                peak = max(peak, far.mib)
                time.sleep(0.02)
            worst_s = max(worst_s, time.monotonic() - began_s)
    return Finding(
        peak <= MOST_MB and worst_s < MOST_S,
        f"{start:.0f} MB at the start, {peak:.0f} MB at most, {worst_s:.1f} s",
    )


def answered_shape(kinds: int) -> bytes:
    """A shape whose packets are each answered by so many others."""
    kind = '[[kind]]\nname = "{}"\ndirection = "{}"\nstage = "{}"\nbytes = "random(16)"\n'
    parts = ['format = 1\nname = "answered"\nmedium = "voice"\n[origin]\n']
    parts += [kind.format(name, *where) for name, where in {"u": ("up", "media"), "d": ("down", "media")}.items()]
    parts += [kind.format("v", "up", "control")]
    parts += [kind.format(f"r{number}", "down", "control") + 'answers = "v"\n' for number in range(kinds)]
    blocks = {"up": "u 20/16 v 6/16 6/16 6/16", "down": "d 20/16"}
    parts += [f'[[block]]\ndirection = "{way}"\nafter_ms = 0\npackets = "{text}"\n' for way, text in blocks.items()]
    return "".join(parts).encode()


def alike_packets(folder: Path) -> Finding:
    """A stranger's shape, played on a line that restricts nothing: two kinds of its packets have the same bytes where a
    receiver looks. Is one of them told as lost?"""
    kind = '[[kind]]\nname = "{}"\ndirection = "{}"\nstage = "media"\nbytes = "{} word(who,4) {} random"\n'
    block = '[[block]]\ndirection = "{}"\nafter_ms = 0\npackets = "{}"\n'
    kinds = {"a": ("up", "count(n,4,start=0)"), "b": ("up", "count(o,4,start=0)"), "d": ("down", "count(m,4)")}
    text = 'format = 1\nname = "alike"\nmedium = "voice"\n[origin]\n'
    text += "".join(kind.format(name, *where, "00" * 36) for name, where in kinds.items())
    text += block.format("up", "a 20/160 21/172 19/155 b 20/160") + block.format("down", "d 20/160 21/172 19/155")
    (folder / "alike.shape").write_text(text)
    done = run_talkpath("lab", "run", "--driver", "sim", "--like", folder / "alike.shape", "--json")
    states = [one["state"] for one in json.loads(done.stdout)["verdicts"]] if done.exit_code == 0 else []
    return Finding("restricted" not in states, f"told as {', '.join(states) or 'a file that is no shape'}")


def _play_shape(far: Server, source: str, text: bytes) -> None:
    """Sends a shape, and asks for the longest calls of it that a server gives."""
    name = "like:" + "0" * 24 + "/a/voice"
    with suppress(FileError):
        name = str(played_shape(text).arm) if len(text) < 60_000 else name
    with suppress(OSError), open_session(far.said, source, {name: b""}) as own:
        own.socket.settimeout(25.0)
        if isinstance(own.say(PlayShape(text)), Ready):
            own.say(Begin(0, name, 1, 4000, 0, 60))


ATTACKS = (
    Attack("a stranger's shape with packets that are alike, on a clean line", "not restricted", alike_packets),
    Attack(
        "shapes with keys of many parts, and endless answers", f"≤ {MOST_MB:.0f} MB, {MOST_S:.0f} s", hostile_shapes
    ),
)
