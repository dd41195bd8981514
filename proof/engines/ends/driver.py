"""The course of a call at one end, whatever the engine: offer, answer, wait, mute, hang up.

An engine is a `Peer`: what a WebRTC peer does. `play` is the rest, the same for browsers, Node and aiortc.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

from proof.engines.mailbox import Mailbox

SETUP_S = 60.0
STATE_POLL_S = 0.02
NEW_OFFER_S = 10.0


class Peer(Protocol):
    """One end in an engine."""

    def open(self, call: dict[str, Any], sends: bool) -> None:
        """Make the peer connection, with tracks where it sends."""

    def offer(self) -> str:
        """Return an offer with all candidates."""

    def answer(self, sdp: str) -> str:
        """Take an offer and return an answer with all candidates."""

    def accept(self, sdp: str) -> None:
        """Take an answer."""

    def state(self) -> str:
        """Return the connection's state in WebRTC's words."""

    def mute(self) -> None:
        """Send silence from now on, as a person who mutes."""

    def act(self, what: str) -> bool:
        """Do what a case asks for; tell whether a new offer is needed."""

    def close(self) -> None:
        """Hang up."""


def play(peer: Peer, mail: Mailbox) -> None:
    """Play this end's part of the call."""
    call = mail.call
    peer.open(call | {"role": mail.role}, mail.role not in call["receives_only"])
    mail.log("open")
    mail.send("ready")
    mail.wait("ready", SETUP_S)
    if not _described(peer, mail):
        mail.log("nobody answers")
        time.sleep(call["rings_s"])
    elif (up_s := connected(peer, mail, call["setup_s"])) is not None:
        last(peer, mail, up_s)
    peer.close()
    mail.log("closed")
    mail.send("bye")


def _described(peer: Peer, mail: Mailbox) -> bool:
    if mail.role == "caller":
        mail.send("offer", sdp=_with_dtx(peer.offer(), mail))
        answer = mail.wait("answer", SETUP_S if mail.call["answered"] else 1)
        if answer is not None:
            peer.accept(candidates_of(answer["sdp"], mail.call["family"]))
        return answer is not None
    offer = mail.wait("offer", SETUP_S)
    if offer is None or not mail.call["answered"]:
        return False
    sdp = peer.answer(candidates_of(offer["sdp"], mail.call["family"]))
    mail.send("answer", sdp=_with_dtx(sdp, mail))
    return True


def _with_dtx(sdp: str, mail: Mailbox) -> str:
    return sdp.replace("useinbandfec=1", "useinbandfec=1;usedtx=1") if mail.call["dtx"] else sdp


def connected(peer: Peer, mail: Mailbox, within_s: float) -> float | None:
    """Return when the connection was up, None where it never is."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if peer.state() in ("connected", "completed"):
            mail.log("connected")
            return time.monotonic()
        time.sleep(STATE_POLL_S)
    mail.log("never connected", state=peer.state())
    return None


def last(peer: Peer, mail: Mailbox, up_s: float) -> None:
    """Keep the call until it is hung up, here or there; mute where that is asked."""
    call = mail.call
    mutes = call["mutes"] == mail.role
    hangs_up = call["hangs_up"] == mail.role
    until_s = up_s + call["seconds"] + (0 if hangs_up else 5)
    acts = sorted((act["after_s"], act["does"]) for act in call["acts"] if act["role"] == mail.role)
    while time.monotonic() < until_s and mail.take("bye") is None:
        if acts and time.monotonic() > up_s + acts[0][0]:
            _act(peer, mail, acts.pop(0)[1])
        if (offered := mail.take("offer")) is not None:
            mail.send("answer", sdp=peer.answer(candidates_of(offered["sdp"], call["family"])))
        if mutes and time.monotonic() > up_s + call["mutes_after_s"]:
            mutes = False
            peer.mute()
            mail.log("muted")
        time.sleep(STATE_POLL_S)


def _act(peer: Peer, mail: Mailbox, what: str) -> None:
    mail.log(what)
    if peer.act(what):
        mail.send("offer", sdp=candidates_of(peer.offer(), mail.call["family"]))
        if (answer := mail.wait("answer", NEW_OFFER_S)) is not None:
            peer.accept(candidates_of(answer["sdp"], mail.call["family"]))


def candidates_of(sdp: str, family: str) -> str:
    """Return the description with candidates of that IP version alone ("": of both)."""
    return "".join(line for line in sdp.splitlines(keepends=True) if _fits(line, family))


def _fits(line: str, family: str) -> bool:
    if not family or not line.startswith("a=candidate:"):
        return True
    return (":" in line.split()[4]) == (family == "6")
