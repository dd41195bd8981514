"""Attacks on a call between two phones (/check/together): rooms that are held for nothing, and ends that lie."""

from __future__ import annotations

import json
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path

from attacks import bundles, forging
from attacks.check_page import first_message, open_talk, until_served
from attacks.stage import Attack, Finding, free_ports, running_responder
from talkpath.browser.answer.paired_result import paired_result
from talkpath.measure.paired_call import PairedCallFacts

MOST_S = 2.0
HELD_ROOMS = 4  # as many as may talk at a time


def _enter(web: int, source: str, **entry: str) -> tuple[socket.socket | None, dict[str, str]]:
    """One end's WebSocket, and the server's first word to it."""
    end, line = open_talk(web, source, f"http://127.0.0.1:{web}", "/check/together/talk")
    if end is None or b" 101" not in line:
        return end, {}
    text = json.dumps(entry).encode()
    end.sendall(b"\x81" + struct.pack("!BH", 0x80 | 126, len(text)) + bytes(4) + text)
    with suppress(ValueError):
        return end, dict(json.loads(first_message(end, 10.0)))
    return end, {}


def _pair(web: int, first: str, second: str) -> tuple[list[socket.socket | None], str]:
    """A room that `first` opens and `second` joins, and what the second end is told."""
    one, told = _enter(web, first, type="open")
    other, answer = _enter(web, second, type="join", code=told.get("code", ""))
    return [one, other], answer.get("code", answer.get("type", "nothing"))


def held_rooms(folder: Path) -> Finding:
    """One address block talks in all rooms, and says nothing there; then two others want one."""
    web, udp = free_ports(2)
    with running_responder(folder, "--web", str(web), "--web-udp", str(udp)) as far:
        until_served(web, far)
        held = [_pair(web, "127.60.0.1", "127.60.0.2") for _ in range(HELD_ROOMS)]
        ends, answer = _pair(web, "127.61.0.1", "127.62.0.1")
        for end in (*(each for pair, _ in held for each in pair), *ends):
            if end is not None:
                end.close()
    taken = sum(told == "paired" for _, told in held)
    return Finding(answer == "paired", f"{taken} held; the newcomers are told: {answer}")


def slow_line(folder: Path) -> Finding:
    """A check of one's own line that was made to be slow to judge: the server judges it for the other end."""
    line, began_s = forging.forged_check(bundles.slow_check(6)), time.process_time()
    server = forging.named_signer("server").public
    paired_result(PairedCallFacts(), {"a": line}, {"a": "en", "b": "en"}, server)
    took_s = time.process_time() - began_s
    return Finding(took_s < MOST_S, f"{len(line) * 4 // 3000} kB, {took_s:.1f} s")


ATTACKS = (
    Attack("one address block in all rooms of calls between two", "two others get one", held_rooms),
    Attack("a slow check as one's own line, for two phones", f"≤ {MOST_S:.0f} s of the processor", slow_line),
)
