"""One end of a call, as an engine: datagrams and the time in, datagrams and the next wake-up out. No socket, no clock.

An end goes through three states:

    setting up ──── all set-up of the other end came ────▶ talking ──── hang_up, or PATIENCE_S of silence ────▶ over
        └──────────────────────── SETUP_S without it ──────────────────────────────────────────────────────────▲

In the first it sends its requests in the order of their stages and repeats each until its answer comes; it answers
every request of the other end, repeats included. In the second it sends its media at the script's instants, counted
from when it was connected.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heapify, heappop
from math import inf
from typing import Literal

from proof.relayed_calls.script import CallScript
from talkpath.apps.contract.shape import Direction, Slot

AGAIN_S = 0.5  # after which an unanswered request is repeated (Telegram's reflectors: 500 ms)
SETUP_S = 15.0
MAX_ANSWER_WAIT_S = 20.0
NO_SETUP = ("media", "control")

Ending = Literal["", "hung up", "silence", "not connected"]


class CallEnd:
    """The end that sends the script's packets of one direction. The far end ("down") begins with the first packet that
    reaches it. `connected_s` and `ended_s` are None before that; `sent` and `came` count its datagrams."""

    def __init__(
        self, script: CallScript, side: Direction, start_s: float, patience_s: float = MAX_ANSWER_WAIT_S
    ) -> None:
        self.script, self.side, self.patience_s = script, side, patience_s
        self.start_s: float | None = start_s if side == "up" else None
        self.connected_s: float | None = None
        self.ended_s: float | None = None
        self.ending: Ending = ""
        self.sent = self.came = 0
        self._heard_s = start_s
        self._seen: set[int] = set()
        self._again_s: dict[int, float] = {}  # requests that were sent, and when they are due again
        self._media: list[tuple[float, int]] = []
        self._replies: dict[int, list[int]] = defaultdict(list)
        self._setup: list[int] = []  # own requests
        self._expected: set[int] = set()  # what the other end sends before this one talks
        self._read(script)

    def _read(self, script: CallScript) -> None:
        repeats = {number for number, slot in enumerate(script.slots) if slot.retry_of is not None}
        for number, slot in enumerate(script.slots):
            if slot.answers in repeats:
                repeats.add(number)
            elif slot.direction == self.side and slot.answers is not None:
                self._replies[slot.answers].append(number)
        for number, slot in enumerate(script.slots):
            if number in repeats or slot.stage in NO_SETUP:
                continue
            if slot.direction != self.side:
                if slot.answers is not None or number in self._replies:  # what is never answered is sent once
                    self._expected.add(number)
            elif slot.answers is None:
                self._setup.append(number)

    @property
    def wake_s(self) -> float:
        """When `poll` is due next."""
        if self.ended_s is not None or self.start_s is None:
            return inf
        if self.connected_s is None:
            asked = [self._again_s.get(number, self._due_s(number)) for number in self._open()]
            return min([self.start_s + SETUP_S, *asked])
        media_s = self._media[0][0] if self._media else inf
        return min(media_s, self._heard_s + self.patience_s)

    def poll(self, now_s: float) -> list[bytes]:
        """Returns what is to be sent now."""
        if self.ended_s is not None or self.start_s is None:
            return []
        if self.connected_s is None:
            return self._ask(now_s)
        if now_s - self._heard_s >= self.patience_s:
            self._end(now_s, "silence")
            return []
        out = []
        while self._media and self._media[0][0] <= now_s:
            out.append(self.script.datagrams[heappop(self._media)[1]])
        self.sent += len(out)
        return out

    def take(self, now_s: float, data: bytes) -> list[bytes]:
        """A datagram came; returns what it sets off."""
        number = self.script.number_of.get(data)
        if number is None or self.ended_s is not None:
            return []
        self.came += 1
        self._heard_s = now_s
        if self.start_s is None:
            self.start_s = now_s
        self._seen.add(number)
        replies = [self.script.datagrams[reply] for reply in self._replies.get(number, ())]
        for reply in self._replies.get(number, ()):
            self._again_s[reply] = now_s + AGAIN_S
        if self.connected_s is None and self._expected <= self._seen:
            self._connect(now_s)
        self.sent += len(replies)
        return replies

    def hang_up(self, now_s: float) -> None:
        """The person, or the other end, has had enough."""
        if self.ended_s is None:
            self._end(now_s, "hung up")

    def _end(self, now_s: float, ending: Ending) -> None:
        self.ended_s, self.ending = now_s, ending

    # -- set-up

    def _ask(self, now_s: float) -> list[bytes]:
        assert self.start_s is not None  # poll has looked
        if now_s - self.start_s >= SETUP_S:
            self._end(now_s, "not connected")
            return []
        out = []
        for number in self._open():
            if self._again_s.get(number, self._due_s(number)) <= now_s:
                self._again_s[number] = now_s + AGAIN_S
                out.append(self.script.datagrams[number])
        self.sent += len(out)
        return out

    def _due_s(self, number: int) -> float:
        return (self.start_s or 0.0) + self.script.slots[number].at_ms / 1000

    def _open(self) -> list[int]:
        """Requests without an answer, of the first stage that has one; replies that wait for an answer themselves."""
        waiting = [number for number in self._setup if not self._answered(number)]
        first = {self.script.slots[number].stage for number in waiting[:1]}
        chained = [number for number in self._again_s if number not in self._setup and not self._answered(number)]
        return [number for number in waiting if self.script.slots[number].stage in first] + chained

    def _answered(self, number: int) -> bool:
        answers = [n for n in self._expected if self.script.slots[n].answers == number]
        return all(answer in self._seen for answer in answers)

    # -- media

    def _connect(self, now_s: float) -> None:
        """Lays out everything that is still to be sent, from now on."""
        self.connected_s = now_s
        script, first_ms = self.script, self.script.media_ms
        self._media = [
            (now_s + max(0.0, slot.at_ms - first_ms) / 1000, number)
            for number, slot in enumerate(script.slots)
            if self._is_later(slot) and number not in script.silent
        ]
        heapify(self._media)

    def _is_later(self, slot: Slot) -> bool:
        return slot.direction == self.side and slot.stage in NO_SETUP and slot.answers is None
