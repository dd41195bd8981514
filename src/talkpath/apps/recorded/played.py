"""Plays the shape of a recorded call: an arm of an app that names the file, or one whose app is the shape's digest.

A flow has one of the set-ups that were recorded, then in each direction blocks of what was recorded at that time of a
call, drawn anew. Both directions end together: when the one that sends more media has sent what was asked for, or up to
twice as late, so that the other has at least half of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain, repeat
from pathlib import Path
from random import Random
from typing import Final

from msgspec.structs import replace

from talkpath.apps.contract.script import TRIES_MS, Script
from talkpath.apps.contract.shape import (
    KEY_BYTES,
    OTHER_DIRECTION,
    RECORDED_PREFIX,
    App,
    Arm,
    Confidence,
    Direction,
    Schedule,
    ShapeSource,
    Slot,
)
from talkpath.apps.recorded.check_shape import align_size
from talkpath.apps.recorded.fields import ChecksumField, Field
from talkpath.apps.recorded.flow_sheet import FlowSheet, PacketForms, slot_kind
from talkpath.apps.recorded.layout import fixed_bytes, key_offset, nonce_offset
from talkpath.apps.recorded.named_hellos import hello_code, with_hello
from talkpath.apps.recorded.record import BlockPacket, PacketBlock, PacketKind, RecordedShape, Setup, SetupStep
from talkpath.apps.recorded.shape_text import read_shape_text, shape_digest, write_shape_text
from talkpath.grouping import grouped_by_key

DIGEST_DIGITS: Final = 24  # of a shape's digest, in the name of its arm
TRUSTED_RECORDINGS: Final = 3
PACKETS_A_MEDIA_PACKET: Final = 4  # of one direction with their answers, for each of media at most; and some more
FIRST_GAP_MS: Final = 20.0


_TimedPacket = tuple[float, BlockPacket]


def played_shape(text: bytes) -> PlayedShape:
    """Return the arm of the shape that a file describes. `FileError` where it is no such file."""
    return PlayedShape(read_shape_text(text))


def recorded_app(shape: PlayedShape) -> App:
    """Return the app of that arm alone."""
    origin = shape.record.origin
    file_name = f"{shape.arm.variant}.shape"
    source = ShapeSource(
        fact=f"a call of {origin.recordings} recordings",
        source=file_name,
        confidence=shape.confidence,
        packets=origin.packets,
        seconds=origin.seconds,
    )
    return App(id=shape.arm.app, name=file_name, shapes=(shape,), sources=(source,))


def engine_shape_files() -> dict[str, Path]:
    """Return the files of shapes that were made from calls of engines that we ran (docs/likeness.md), by their name."""
    return {file.stem: file for file in sorted((Path(__file__).parent / "data").glob("*.shape"))}


@cache
def product_record(file: str, mirrored: bool) -> RecordedShape:
    """Return the shape of the product's own file of that name, as this end or as the other sees it. Remembered."""
    record = read_shape_text(engine_shape_files()[file].read_bytes())
    return mirrored_record(record) if mirrored else record


def mirrored_record(record: RecordedShape) -> RecordedShape:
    """Return the shape of the same call as the other end sees it."""
    kinds = tuple(replace(kind, direction=OTHER_DIRECTION[kind.direction]) for kind in record.kinds)
    blocks = tuple(replace(block, direction=OTHER_DIRECTION[block.direction]) for block in record.blocks)
    return replace(record, kinds=kinds, blocks=blocks)


@dataclass(frozen=True, eq=False)
class PlayedShape:
    """A `Shape`. A pure function of its record; the text that identifies it is that of `write_shape_text`."""

    record: RecordedShape
    _memo: list[tuple[Schedule, FlowSheet]] = field(default_factory=list, repr=False)
    _usual: dict[tuple[str, int, bool], Slot] = field(default_factory=dict, repr=False)  # kind, size, does it answer?

    @cached_property
    def text(self) -> bytes:
        """The file, as it is written anew: its layout does not count."""
        return write_shape_text(self.record)

    @cached_property
    def arm(self) -> Arm:
        """See `Shape`."""
        app = RECORDED_PREFIX + shape_digest(self.record)[:DIGEST_DIGITS]
        return Arm(app, self.record.name, self.record.medium)

    @property
    def confidence(self) -> Confidence:
        """See `Shape`."""
        return "medium" if self.record.origin.recordings >= TRUSTED_RECORDINGS else "low"

    @cached_property
    def shape_class(self) -> str:
        """See `Shape`: no other arm has its bytes."""
        return f"like_{self.arm.app.removeprefix(RECORDED_PREFIX)}"

    @cached_property
    def packet_rate(self) -> float:
        """See `Shape`: of the direction that sends more, once the call is under way."""
        return max(self._media_rate("up"), self._media_rate("down"))

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`. Any hello but one that `named_hellos` has is the recorded one."""
        if (other := with_hello(self.record, hello)) is not self.record:
            return PlayedShape(other).schedule(rng, packets, rate=rate)
        script = Script()
        if self.record.setups:
            self._set_up(script, rng.choice(self._setups))
        talks = list(self._talk("up", rng, packets)), list(self._talk("down", rng, packets))
        end_ms = self._end_ms(talks, packets)
        for at_ms, packet in chain(*talks):
            if at_ms <= end_ms:
                self._put(script, self.record.media_ms + at_ms / rate, packet)
        return script.schedule()

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`. The last schedule's sheet is kept, as all flows of an epoch follow one schedule."""
        memo = self._memo
        if not memo or memo[0][0] is not schedule:
            memo[:] = [(schedule, FlowSheet(self._forms(hello_code(schedule)), schedule))]
        return memo[0][1].fill(key)

    @cached_property
    def _forms(self) -> Callable[[str], PacketForms]:
        """The forms of its packets, by the code of the hello."""
        record = self.record
        return cache(lambda code: PacketForms(with_hello(record, code)))

    # -- set-up ------------------------------------------------------------------------------------------------

    def _set_up(self, script: Script, setup: Setup) -> None:
        tries: list[list[tuple[int, float]]] = []  # of each step, its lines and when they leave
        for step in setup:
            slot = self._slot(step.kind, step.at_ms, step.size, answer=step.answers is not None)
            if step.answers is not None:
                is_request = setup[step.answers].answers is None
                asked = tries[step.answers] if is_request else tries[step.answers][:1]
                late = [(line, step.at_ms + at_ms - asked[0][1]) for line, at_ms in asked]
                tries.append([(script.add(replace(slot, at_ms=ms, answers=line)), ms) for line, ms in late])
            else:
                is_asked = any(other.answers == len(tries) for other in setup)
                tries.append(self._tries(script, slot, step, TRIES_MS[1:] if is_asked else ()))

    def _driven(self, setup: Setup) -> Setup:
        """Return a set-up in which the far end begins a handshake once this end has shown that it receives: with the
        first packet of its own that follows a reply. Until then a test server sends no more than came."""
        up = [self._kinds[step.kind].direction == "up" for step in setup]
        shakes = [self._kinds[step.kind].stage == "dtls" for step in setup]
        free = [n for n, step in enumerate(setup) if step.answers is None]
        reply = next((n for n, step in enumerate(setup) if not up[n] and step.answers in free), 0)
        asked = setup[reply].answers
        shown = next((n for n in free if asked is not None and n > asked and up[n] and not shakes[n]), None)
        begun = {n for n in free if not up[n] and shakes[n]}
        if shown is None or not begun:
            return setup
        late = dict.fromkeys(begun, shown)
        for number, step in enumerate(setup):
            if step.answers in late:
                late[number] = step.answers
        order = sorted(range(len(setup)), key=lambda n: (n in late, max(n, reply + 0.5) if n == shown else n))
        places = {number: place for place, number in enumerate(order)}
        driven = {shown: replace(setup[shown], answers=reply, at_ms=max(setup[shown].at_ms, setup[reply].at_ms))}
        wait_ms = max(0.0, driven[shown].at_ms + 1 - min(setup[n].at_ms for n in begun))
        for number, first in late.items():
            driven[number] = replace(setup[number], answers=first, at_ms=setup[number].at_ms + wait_ms)
        steps = [driven.get(number, setup[number]) for number in order]
        return tuple(one if one.answers is None else replace(one, answers=places[one.answers]) for one in steps)

    def _tries(
        self, script: Script, slot: Slot, step: SetupStep, usual_ms: tuple[float, ...]
    ) -> list[tuple[int, float]]:
        """Add a request, and its tries again: the recorded ones, else `usual_ms`, as a call where nothing was lost
        shows none and every engine has some."""
        first = script.add(slot)
        again = sorted(step.at_ms + ms for ms in step.retry_ms or usual_ms)
        return [(first, step.at_ms), *((script.add(replace(slot, at_ms=ms, retry_of=first)), ms) for ms in again)]

    # -- the call ----------------------------------------------------------------------------------------------

    def _talk(self, direction: Direction, rng: Random, packets: int) -> Iterator[_TimedPacket]:
        """Yield one direction until it has sent `packets` of media; ms count from the first that it may send. What
        opens a call is played once, however little of its half second or second the block lasts."""
        at_ms, media, count = 0.0, 0, 0
        *openings, steady = (blocks for _, blocks in sorted(self._blocks[direction].items()))
        stages = chain(openings, repeat(steady))
        while media < packets and count < PACKETS_A_MEDIA_PACKET * (packets + 10):
            for packet in rng.choice(next(stages)).packets:
                at_ms += packet.gap_ms if count else rng.uniform(0.0, min(packet.gap_ms, FIRST_GAP_MS))
                count += 1 + len(self._replies.get(packet.kind, ()))
                media += self._kinds[packet.kind].stage == "media"
                yield at_ms, packet
                if media == packets:
                    break

    def _end_ms(self, talks: Sequence[Sequence[_TimedPacket]], packets: int) -> float:
        """When both directions end."""
        whole_ms = min(talk[-1][0] for talk in talks)
        half_ms = max(self._time_of_media(talk, (packets + 1) // 2) for talk in talks)
        return max(whole_ms, min(half_ms, 2.0 * whole_ms))

    def _time_of_media(self, talk: Sequence[_TimedPacket], number: int) -> float:
        times = [at_ms for at_ms, packet in talk if self._kinds[packet.kind].stage == "media"]
        return times[min(number, len(times)) - 1] if times else talk[-1][0]

    def _put(self, script: Script, at_ms: float, packet: BlockPacket) -> None:
        """Add a packet, and the answer to it where its kind has one."""
        line = script.add(self._in_call(self._slot(packet.kind, at_ms, packet.size, step=packet.step)))
        for reply in self._replies.get(packet.kind, ()):
            answer = self._slot(reply.name, at_ms, fixed_bytes(reply.fields), answer=True)
            script.add(replace(self._in_call(answer), answers=line))

    @staticmethod
    def _in_call(slot: Slot) -> Slot:
        """Return the slot of a packet that is sent beside the media: a check is no set-up there."""
        return slot if slot.stage == "media" else replace(slot, stage="control")

    def _slot(self, name: str, at_ms: float, size: int, *, step: int = 0, answer: bool = False) -> Slot:
        if (name, size, answer) not in self._usual:
            self._usual[name, size, answer] = self._usual_slot(self._kinds[name], size, answer)
        usual = self._usual[name, size, answer]
        return replace(usual, at_ms=at_ms, kind=slot_kind(name, step, usual.size - size))

    def _usual_slot(self, kind: PacketKind, size: int, answer: bool) -> Slot:
        """Return the slot of such packets, but for its time and step."""
        sealed = [part for part in kind.fields if isinstance(part, ChecksumField)]
        key_at = key_offset(kind.fields, size, self._messages, answer=answer) or 0
        nonce_at = nonce_offset(kind.fields, size, self._messages)
        hides_key = nonce_at is not None and nonce_at < key_at + KEY_BYTES  # by which the packet is known
        return Slot(
            direction=kind.direction,
            at_ms=0.0,
            size=align_size(kind, size),
            stage=kind.stage,
            nonce_at=None if hides_key else nonce_at,
            fingerprint=bool(sealed),
            key_at=key_at,
            inner_at=sealed[0].start if sealed else 0,
        )

    def _media_rate(self, direction: Direction) -> float:
        """Media packets a second, once the call is under way."""
        steady = [packet for block in self._blocks[direction][max(self._blocks[direction])] for packet in block.packets]
        lasts_ms: float = sum(packet.gap_ms for packet in steady)
        return 1000.0 * sum(self._kinds[packet.kind].stage == "media" for packet in steady) / max(1.0, lasts_ms)

    @cached_property
    def _kinds(self) -> dict[str, PacketKind]:
        return {kind.name: kind for kind in self.record.kinds}

    @cached_property
    def _setups(self) -> list[Setup]:
        """All set-ups, as they are played."""
        return list(map(self._driven, self.record.setups))

    @cached_property
    def _messages(self) -> dict[str, Sequence[Field]]:
        return {message.name: message.fields for message in self.record.messages}

    @cached_property
    def _replies(self) -> dict[str, list[PacketKind]]:
        return grouped_by_key((kind.answers, kind) for kind in self.record.kinds if kind.answers is not None)

    @cached_property
    def _blocks(self) -> dict[Direction, dict[int, list[PacketBlock]]]:
        directions: tuple[Direction, ...] = ("up", "down")
        return {
            direction: grouped_by_key(
                (block.after_ms, block) for block in self.record.blocks if block.direction == direction
            )
            for direction in directions
        }
