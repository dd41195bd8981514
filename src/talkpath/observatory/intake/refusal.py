"""Why something is refused: an HTTP status, a code for programs, a sentence for people."""

from __future__ import annotations

from talkpath.errors import TalkpathError


class ReportRefusedError(TalkpathError):
    """The observatory refuses a request. `code` is one of REFUSALS and never changes its meaning."""

    def __init__(self, code: str, sentence: str = "", retry_after_s: int = 0) -> None:
        self.code, self.status, self.retry_after_s = code, REFUSALS[code][0], retry_after_s
        super().__init__(sentence or REFUSALS[code][1])

    @property
    def body(self) -> dict[str, str]:
        """The JSON object that is answered."""
        return {"error": str(self), "code": self.code}

    @property
    def headers(self) -> dict[str, str]:
        """Retry-After, where waiting helps."""
        return {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}


REFUSALS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request is not as spec tp-006 says."),
    "stopped": (403, "This observatory takes nothing from that country, to protect whoever measures there."),
    "not_found": (404, "There is no such report here, or the secret is another's."),
    "slow": (408, "The bundle came too slowly; send it again."),
    "too_large": (413, "The bundle is larger than any check's; nothing of it was read."),
    "media_type": (415, "Send a bundle as application/vnd.talkpath.bundle, and a tap as application/json."),
    "changed": (422, "The bundle does not verify."),
    "wrong_id": (422, "The bundle is not the one of that id: the id is the SHA-256 of its bytes."),
    "simulated": (422, "The bundle was made by the lab; this observatory takes what was measured on a real network."),
    "not_simulated": (422, "This observatory is SIMULATED and takes only what the lab made."),
    "unknown_app": (422, "That is no app or medium that talkpath knows."),
    "offer": (422, "The offer does not verify."),
    "clock": (422, "This server's clock is wrong."),
    "replayed": (422, "A newer offer of this server came before this one."),
    "address": (422, "That host is none that everybody can reach; offer its public name or address."),
    "limited": (429, "So much came from this network that more is not taken now; send it again later."),
    "not_durable": (503, "Nothing was taken: the observatory cannot write; send it again later."),
    "busy": (503, "The observatory is busy; send it again later."),
}
