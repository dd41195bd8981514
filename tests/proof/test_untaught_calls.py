"""Calls of protocols that nobody taught: Mumble's voice as its own vectors have it, and what counts as found."""

from __future__ import annotations

from msgspec.structs import replace

from factories.checks.verdicts_by_means import verdict_of_basis
from proof.engines.ends.mumble import SealedVoice, proto_fields, proto_varint, voice_varint
from proof.untaught_calls import is_found
from proof.written_rules import RULES
from talkpath.verdict.model import AffectedDirections, Number, Verdict

SEALED_40_BYTES = "f75d6bc8b4dc8d66b836a2b08b32a6369f1cd3c5228d79fd6c267f5f6aa7b231c7dfb9d59951ae9c"


def test_voice_is_sealed_as_the_vectors_of_mumble_say() -> None:
    """TestCrypt of Mumble, from the authors of OCB2: key and nonce 00 01 … 0f, forty bytes 00 to 27."""
    key = bytes(range(16))
    before = (int.from_bytes(key, "little") - 1).to_bytes(16, "little")
    assert SealedVoice(key, before).seal(bytes(range(40))).hex() == "00" + "9db0cd" + SEALED_40_BYTES


def test_numbers_are_written_as_each_protocol_has_them() -> None:
    assert proto_varint(300).hex() == "ac02"
    assert dict(proto_fields(b"\x08\x96\x01\x12\x07testing\x1a\x00")) == {2: b"testing", 3: b""}
    assert [voice_varint(value).hex() for value in (5, 0x1234, 0x12345678)] == ["05", "9234", "f012345678"]


def test_a_rule_is_found_with_its_direction_and_an_interval_that_holds_its_share() -> None:
    def verdict(low: float, rule: str = "media.drop", direction: AffectedDirections = "down") -> Verdict:
        found = verdict_of_basis("shape", "restricted", rule=rule, direction=direction)
        return replace(found, parameters={"p": Number(0.25, low, 0.4)})

    srtp = RULES["srtp"]
    assert is_found(srtp, verdict(0.2))
    wrong = (verdict(0.3), verdict(0.2, "media.delay"), verdict(0.2, direction="up"))
    assert not any(is_found(srtp, one) for one in wrong)
    assert not is_found(RULES["none"], verdict(0.2))
