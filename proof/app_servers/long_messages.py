"""What kills long first messages of TLS and knows nothing of clients (`HelloCase.trouble`).

A browser's ClientHello does not fit one packet, and asks for an answer that is longer by a post-quantum key. Paths that
take no packets of full size and do not say so lose it (RFC 2923 section 2.1), and so do boxes and servers that take a
ClientHello to be one packet.
"""

from __future__ import annotations

from random import Random
from typing import Final

from talkpath.apps.contract.shape import Direction
from talkpath.lab.path.headers import tcp_segment

LONG_TROUBLES: Final = {
    "small_packets": "the way to all hosts loses packets of full size",
    "small_packets_own": "the way to the app's hosts alone does",
    "small_answers": "the way back from all hosts does",
    "one_segment": "a box lets only the first packet of a connection's first message pass",
    "one_read": "the app's hosts take a first message to be one packet, and hang up on half of one",
}
KEY_SHARE: Final = b"\x11\xec\x04\xc0"  # X25519MLKEM768 and the length of its key
FLIGHT_BYTES, KEY_BYTES = 900, 1120  # of a server's answer; of the key that it has where it was offered one
_LEAST, _MOST = 1280, 1420  # bytes of a packet that such paths take


class LongMessages:
    """What one run's network and hosts do to long messages. `own`: towards the app's hosts."""

    def __init__(self, trouble: str, seed: int) -> None:
        self._trouble = trouble
        self._most_bytes = Random(f"long messages {seed}").randint(_LEAST, _MOST)

    def passes(self, direction: Direction, packet: bytes, *, own: bool) -> bool:
        """Return whether the packet gets through, however often it is sent."""
        match self._trouble:
            case "small_packets":
                return direction == "down" or len(packet) <= self._most_bytes
            case "small_packets_own":
                return direction == "down" or not own or len(packet) <= self._most_bytes
            case "small_answers":
                return direction == "up" or len(packet) <= self._most_bytes
            case "one_segment":
                sequence, payload = tcp_segment(packet)
                return direction == "down" or not payload or sequence == 1
            case _:
                return True

    def hangs_up(self, came: int, whole: int, *, own: bool) -> bool:
        """Return whether the host hangs up after so many bytes of a first message."""
        return self._trouble == "one_read" and own and came < whole


def answer_bytes(hello: bytes) -> int:
    """Return the length of a server's answer to that ClientHello."""
    return FLIGHT_BYTES + (KEY_BYTES if KEY_SHARE in hello else 0)
