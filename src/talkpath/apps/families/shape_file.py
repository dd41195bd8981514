"""Reads the shape of an app's calls from a file, for whoever makes the app: what a file in `apps/` says, as TOML.

Only calls built on libwebrtc (`rtc_call`) can be said so. Every value has bounds, and the file has a size: it may come
from anywhere. The arm's variant is a digest of the file, so two ends with different files do not take each other's
calls for their own.
"""

from __future__ import annotations

import hashlib
import re
from math import ceil
from random import Random
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.apps.contract.shape import App, Arm, Direction, ShapeSource
from talkpath.apps.families.rtc_call import RtcCall
from talkpath.apps.families.rtc_facts import ELEMENT_BYTES, VIDEO_FROM_BYTES, Element, Extra, Ice, RtcFacts, RtcStream
from talkpath.apps.families.rtc_media import PICTURE_MS, VOICE_STEP_MS, Camera, VoiceModel
from talkpath.errors import FileError

MAX_SHAPE_FILE_BYTES: Final = 64 << 10
MIN_MEDIA_BYTES: Final = 64  # a packet's first 40 bytes and its tag
SRTP_TAG_BYTES: Final = 16
RTCP_PAYLOAD_TYPES: Final = range(64, 96)  # RFC 5761: RTCP's
RECEIVER_REPORT: Final = b"\x80\xc9\x00\x01"

Kind = Annotated[int, Meta(ge=0, le=127)]
ElementId = Annotated[int, Meta(ge=1, le=14)]
Elements = Annotated[tuple[tuple[ElementId, Element], ...], Meta(max_length=6)]
VoiceBytes = Annotated[int, Meta(ge=MIN_MEDIA_BYTES, lt=VIDEO_FROM_BYTES)]
Weight = Annotated[int, Meta(ge=1, le=1000)]
Kbps = Annotated[int, Meta(ge=50, le=4000)]
Line = Annotated[str, Meta(min_length=1, max_length=200)]


class _Strict(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Ice(_Strict, frozen=True):
    name_bytes: Annotated[int, Meta(ge=4, le=32)] = 4
    sfu: bool = False
    delta: bool = False
    nominates: Literal["use_candidate", "nomination"] = "use_candidate"


class _Voice(_Strict, frozen=True):
    payload_type: Kind
    sizes: Annotated[tuple[tuple[VoiceBytes, Weight], ...], Meta(min_length=1, max_length=64)]
    elements: Elements = ()
    jitter_ms: Annotated[float, Meta(ge=0.1, le=4.0)] = 0.8


class _Video(_Strict, frozen=True):
    payload_type: Kind
    kbps: tuple[Kbps, Kbps]
    elements: Elements = ()
    packet_bytes: Annotated[int, Meta(ge=600, le=1200)] = 1100


class _Report(_Strict, frozen=True):
    direction: Direction
    size: Annotated[int, Meta(ge=MIN_MEDIA_BYTES, le=400)]
    every_ms: Annotated[float, Meta(ge=50.0, le=10_000.0)]
    first_ms: Annotated[float, Meta(ge=60.0, le=10_000.0)] = 200.0


class _File(_Strict, frozen=True):
    id: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{1,19}$")]
    name: Annotated[str, Meta(min_length=1, max_length=40)]
    source: Line
    voice: _Voice
    video: _Video | None = None
    ice: _Ice = _Ice()
    server: Literal["peer", "sfu", "none"] = "peer"
    tag_bytes: Literal[10, 16] = 10
    reports: Annotated[tuple[_Report, ...], Meta(max_length=8)] = ()
    ports: Annotated[tuple[Annotated[int, Meta(ge=1, le=65_535)], ...], Meta(max_length=8)] = ()


def read_shape(data: bytes) -> App:
    """Return the app that a file describes. `FileError` where it is no such file, with what is wrong."""
    if len(data) > MAX_SHAPE_FILE_BYTES:
        raise FileError(f"A file of a shape has at most {MAX_SHAPE_FILE_BYTES >> 10} KiB.")
    try:
        file = msgspec.toml.decode(data, type=_File)
    except msgspec.ValidationError as error:
        raise FileError(f"This is no shape of a call: {error}.") from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise FileError("This is no shape of a call: it is no TOML.") from None
    _check_bounds(file)
    variant = hashlib.sha256(data).hexdigest()[:8]
    source = ShapeSource("the whole shape", file.source, "low")
    return App(file.id, file.name, tuple(_shapes_of_variant(file, variant)), (source,), ports=file.ports)


def _check_bounds(file: _File) -> None:
    """Raise `FileError` for values that fit their bounds and not each other."""
    for medium in (file.voice, file.video):
        if medium is not None and medium.payload_type in RTCP_PAYLOAD_TYPES:
            raise FileError(f"Payload type {medium.payload_type} is RTCP's (RFC 5761).")
        ids = [number for number, _ in medium.elements] if medium is not None else []
        if len({*ids}) < len(ids):
            raise FileError("Two header elements have one id.")
    least = min(size for size, _ in file.voice.sizes)
    if least < 16 + sum(1 + ELEMENT_BYTES[name] for _, name in file.voice.elements) + SRTP_TAG_BYTES + 12:
        raise FileError(f"Packets of {least} bytes have no room for these header elements.")
    if file.video is not None and file.video.payload_type == file.voice.payload_type:
        raise FileError("Voice and video have one payload type.")
    if file.video is not None and file.video.kbps[0] > file.video.kbps[1]:
        raise FileError("`kbps` of video is lowest, highest.")
    if re.search(r"[\x00-\x1f\x7f-\x9f]", file.name + file.source):
        raise FileError("Name and source hold characters that cannot be printed.")


def _shapes_of_variant(file: _File, variant: str) -> list[RtcCall]:
    sizes, weights = zip(*file.voice.sizes, strict=True)

    def speak(rng: Random) -> int:
        size: int = rng.choices(sizes, weights)[0]
        return size

    voice = VoiceModel(speak, jitter_ms=file.voice.jitter_ms)
    calls = [_call_shape(file, Arm(file.id, variant, "voice"), voice, None)]
    if file.video is not None:
        calls.append(_call_shape(file, Arm(file.id, variant, "video"), voice, file.video))
    return calls


def _call_shape(file: _File, arm: Arm, voice: VoiceModel, video: _Video | None) -> RtcCall:
    stream = RtcStream(payload_type=video.payload_type, elements=video.elements) if video else None
    facts = RtcFacts(
        ice=Ice(name_bytes=file.ice.name_bytes, sfu=file.ice.sfu, delta=file.ice.delta, nominates=file.ice.nominates),
        voice=RtcStream(payload_type=file.voice.payload_type, elements=file.voice.elements),
        video=stream,
        server=file.server,
        tag_bytes=file.tag_bytes,
        extras=tuple(map(_extra_report, file.reports)),
    )
    rate = 1000 / VOICE_STEP_MS
    if video is not None:
        picture_bytes = sum(video.kbps) / 2 * PICTURE_MS / 8
        rate += 1000 / PICTURE_MS * ceil(picture_bytes / video.packet_bytes)
    camera = Camera(video.kbps, video.packet_bytes) if video else None
    return RtcCall(arm=arm, facts=facts, voice=voice, camera=camera, packet_rate=rate, shape_class=file.id)


def _extra_report(report: _Report) -> Extra:
    return Extra(
        direction=report.direction,
        size=report.size,
        first_ms=report.first_ms,
        every_ms=report.every_ms,
        count=None,
        report=RECEIVER_REPORT,
        source="voice",
    )
