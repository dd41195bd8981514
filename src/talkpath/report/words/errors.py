"""Errors in the reader's language: those that people who are no engineers meet, each as its room says it in English.

Rooms below `report` know no language. A command that ends with an error asks here for the sentence; one that is not in
the list is told in English.
"""

from __future__ import annotations

import re

from talkpath.report.words.language import say

ERROR_SENTENCES = (
    "The bundle cannot be read; is its name right?",
    "The file is no talkpath bundle, or its beginning is damaged.",
    "The file is larger than any bundle; it is not one of ours.",
    "A part of the bundle is not what it should be.",
    "The receipt was signed by another test server than the one that was measured.",
    "The facts are not those that the probe had told the test server when the check ended.",
    "The facts and the test server's receipt are not about the same epochs.",
    "The facts and the test server's receipt disagree about when the check began.",
    "The file {name} cannot be read ({reason}); is its name right?",
    "{name} cannot be written ({reason}); choose another place.",
    "The folder for -o does not exist; make it first. Nothing was measured.",
    "The evidence could not be written to the place of -o; is the disk full?",
    "The link has no key after '#', or only a part of it; copy it whole, in double quotes. An invite link looks like "
    "talkpath://HOST:PORT/#KEY or HOST:PORT#KEY.",
    "This is not an invite link: it names no host. An invite link looks like talkpath://HOST:PORT/#KEY or "
    "HOST:PORT#KEY.",
    "The invitation in the link has ended; ask for a new one.",
    "The link's 'token' is none, or half of one; copy the link whole.",
    "The link's 'until' is not a date; copy the whole link.",
    "The test server's welcome makes no sense; is it talkpath? Ask for another link.",
    "The test server gives a session too few bytes for a check; ask for another link.",
    "The test server imitates these apps otherwise; use the same talkpath at both ends.",
    "No test server of the list answers from here; `talkpath check` with it tells what it met.",
    "The list of test servers has none that can be tried from here; get a newer list.",
    "The directory of test servers cannot be reached, and no list of it is kept here.",
    "The directory at that URL has another key than the one that was named.",
    "The observatory cannot be reached; is its URL right, and this device online?",
    "This is no campaign; copy the whole text that begins with talkpath-campaign:.",
    "The campaign was changed after it was signed; ask whoever calls for it for a new one.",
    "The campaign is over: it ended at {moment}. Nothing was measured.",
    "Say how long: --times N checks, or --for HOURS. Nothing was measured.",
)
"""Templates: `{…}` stands for what the room fills in."""


def error_sentence(text: str) -> str:
    """The sentence in the current language."""
    for template in ERROR_SENTENCES:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template))
        if found := re.fullmatch(pattern, text):
            return say("error", template, **found.groupdict())
    return text
