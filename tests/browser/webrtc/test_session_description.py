"""What browsers offer is read, and what no browser offers is refused with a `ValueError`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.browser.webrtc.session_description import (
    MAX_BYTES,
    Credentials,
    Fingerprint,
    SdpAnswer,
    SdpOffer,
    parse_offer,
)

OFFERS = sorted((Path(__file__).parent / "offers").glob("*.sdp"))
AUDIO = (Path(__file__).parent / "offers" / "chromium-audio.sdp").read_text(newline="")
CHANNEL = (Path(__file__).parent / "offers" / "chromium-application.sdp").read_text(newline="")


def answer(sdp: str) -> str:
    return SdpAnswer(
        offer=parse_offer(sdp),
        host="192.0.2.1",
        port=4434,
        credentials=Credentials("ours", "p" * 22),
        fingerprint=Fingerprint("sha-256", bytes(range(32))),
        ssrc=77,
        name="name",
    ).text()


@pytest.mark.parametrize("file", OFFERS, ids=lambda file: file.stem)
def test_a_browser_s_offer_is_read(file: Path):
    sdp = file.read_text(newline="")
    offer = parse_offer(sdp)
    assert offer.kind in file.stem
    assert f"a=ice-ufrag:{offer.credentials.fragment}\r\n" in sdp
    assert f"a=ice-pwd:{offer.credentials.password}\r\n" in sdp
    assert offer.fingerprints[0].value.hex(":").upper() in sdp
    protocol = "UDP/DTLS/SCTP webrtc-datachannel" if offer.sctp_port else f"UDP/TLS/RTP/SAVPF {offer.payload_type}"
    assert re.search(rf"^m={offer.kind} 9 {protocol}\r$", sdp, re.MULTILINE)
    assert (offer.sctp_port == 5000) is (offer.kind == "application")


@pytest.mark.parametrize("file", OFFERS, ids=lambda file: file.stem)
def test_the_browser_stays_the_dtls_client_and_finds_one_candidate(file: Path):
    sdp = answer(file.read_text(newline=""))
    assert "a=setup:passive\r\n" in sdp
    assert re.findall(r"^a=candidate:\S+ \d udp \d+ (\S+) (\d+) typ host", sdp, re.MULTILINE) == [("192.0.2.1", "4434")]
    assert "rtcp-fb" not in sdp
    assert "extmap" not in sdp


def test_opus_is_asked_for_at_a_constant_rate():
    sdp = answer(AUDIO)
    assert sdp.count("a=fmtp:") == sdp.count("a=ptime:20\r\n") == 1
    assert all(wanted in sdp for wanted in ("cbr=1", "usedtx=0", "useinbandfec=0"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m=audio", "m=text"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 2),
        ("a=rtcp-mux\r\n", ""),
        ("a=setup:actpass", "a=setup:passive"),
        ("a=mid:0\r\n", ""),
        ("a=mid:0\r\n", "a=mid:0\r\na=mid:1\r\n"),
        ("a=mid:0", "a=mid:0 \r\na=ice-lite"),
        ("opus/48000/2", "PCMU/8000"),
        ("rtpmap:111", "rtpmap:200"),
        ("a=fingerprint:sha-256", "a=fingerprint:md5"),
        ("a=ice-ufrag:iap9", "a=ice-ufrag:i"),
        ("a=ice-pwd:", "a=ice-pwd:\u00e9"),
        ("s=-", "s=" + "-" * MAX_BYTES),
    ],
)
def test_what_cannot_be_answered_is_refused(old: str, new: str):
    assert old in AUDIO
    with pytest.raises(ValueError, match=r"."):
        parse_offer(AUDIO.replace(old, new))


def test_data_channels_are_answered_with_a_port_of_sctp_and_without_media():
    sdp = answer(CHANNEL)
    assert "m=application 4434 UDP/DTLS/SCTP webrtc-datachannel\r\n" in sdp
    assert sdp.count("a=sctp-port:5000\r\n") == 1
    assert not re.search(r"^a=(rtpmap|fmtp|ssrc|rtcp-mux)", sdp, re.MULTILINE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=sctp-port:5000\r\n", ""),
        ("a=sctp-port:5000", "a=sctp-port:0"),
        ("a=sctp-port:5000", "a=sctp-port:65536"),
        ("webrtc-datachannel", "webrtc-datachannels"),
    ],
)
def test_data_channels_that_cannot_be_answered_are_refused(old: str, new: str):
    assert old in CHANNEL
    with pytest.raises(ValueError, match=r"."):
        parse_offer(CHANNEL.replace(old, new))


@given(st.data(), st.sampled_from([AUDIO, CHANNEL]))
def test_no_offer_gives_another_error_or_an_answer_with_more_lines(data: st.DataObject, sdp: str):
    lines = sdp.split("\r\n")
    place = data.draw(st.integers(0, len(lines) - 1))
    lines[place] = data.draw(st.text(max_size=40) | st.sampled_from(lines))
    try:
        offer = parse_offer("\r\n".join(lines))
    except ValueError:
        return
    assert isinstance(offer, SdpOffer)
    assert not set("\r\n ") & set(offer.mid)
