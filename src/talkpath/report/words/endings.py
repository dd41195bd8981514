"""Why a check could not begin or ended early, and what to do about it."""

from __future__ import annotations

from talkpath.report.words.language import say


def without_a_server() -> str:
    """What to do without a test server to check against."""
    head = say("ways on", "There is no test server to check against yet. Three ways on:")
    friend = say("ways on", "A friend on a network without restrictions runs the first command and sends you the link:")
    own = say("ways on", "Or run your own test server on a machine elsewhere:")
    record = say("ways on", "Or record a call that fails, and look into it:")
    return f"""{head}

  1. {friend}
       talkpath respond --invite THEIR.HOST.NAME
       talkpath check 'talkpath://…'
  2. {own}
       docs/how-to/run-a-responder.md
  3. {record}
       talkpath capture call.pcap
"""


def ending(code: str, *, measured: bool) -> str:
    """A sentence or two on why a check ended early, "" where it ended as planned."""
    sentences = {
        "refused": say(
            "ended", "Nothing listens at the link's port. Ask whoever runs the test server, or use another link."
        ),
        "timeout": say(
            "ended",
            "The test server does not answer. Is this device online, and the test server up? Try another link too.",
        ),
        "responder_lost": say("ended", "The test server went away during the check."),
        "network_lost": say("ended", "This device's network was lost during the check."),
        "interrupted": say("ended", "Stopped."),
    }
    if code not in sentences or code in ("refused", "timeout"):
        return sentences.get(code, "")
    if measured:
        return f"{sentences[code]} {say('ended', 'What was measured until then is kept.')}"
    return f"{sentences[code]} {say('ended', 'Nothing had been measured yet.')}"
