"""The texts of the page of a call between two phones, by the names that together.html and its script use."""

from __future__ import annotations

from talkpath.browser.web.page_texts import USUAL_MB, page_texts, script_placeholders
from talkpath.report.words.language import language, language_codes, say, speaking

PAIRED_MB = {"voice": 4, "video": 16}
"""What the rounds of a call take beside the check of each line; "video" without voice."""

SHARED_TEXTS = (
    *("lang", "dir", "language", "noscript", "loading", "risk", "vpn", "yes", "no", "unsure", "pass", "copy", "copied"),
    *(
        "copied_not",
        "progress",
        "keep_front",
        "stop",
        "stopped",
        "again",
        "evidence_what",
        "save",
        "translated",
        "left_again",
        "measured",
        "qr",
    ),
    *("live", "live_calls", "live_twins", "live_now", "wait", "offline", "no_webrtc", "no_server", "error_full"),
    *("error_long", "error_lost", "error_unread", "step_open", "step_speak", "step_watch", "step_paths", "step_judge"),
)
"""Those that both pages have."""


def together_texts(code: str) -> dict[str, str]:
    """Return every text of the page in that language, with its `{…}`."""
    shared = page_texts(code)
    with speaking(language(code if code in language_codes() else "en")):
        return {name: shared[name] for name in SHARED_TEXTS} | _asked_before() | _told_while_it_runs()


def _asked_before() -> dict[str, str]:
    return {
        "title": say("together", "Do calls between two phones get through?"),
        "about": say(
            "together",
            "Two people open this page. Their browsers call each other, directly and through our test server, beside "
            "control traffic of the same size. Before that each checks its own line to the test server. It uses no "
            "microphone and no camera: the call is a tone, or a coloured square.",
        ),
        "cost": say(
            "together",
            "It takes about two minutes and {usual}\N{NO-BREAK SPACE}MB on each phone.",
            usual=USUAL_MB["voice"] + PAIRED_MB["voice"],
        ),
        "video": say(
            "together",
            "Video as well: four minutes, {usual}\N{NO-BREAK SPACE}MB",
            usual=USUAL_MB["video"] + PAIRED_MB["voice"] + PAIRED_MB["video"],
        ),
        "consent": say(
            "together",
            "As in any direct call, the two browsers learn each other's IP addresses. Nobody is shown them and nobody "
            "stores them. Both of you get the same result and the evidence of both ends, with the network and the "
            "country of each.",
        ),
        "you": say("together", "you"),
        "server": say("together", "test server"),
        "other": say("together", "the other person"),
        "make": say("together", "I understand, make a link"),
        "join": say("together", "I understand, call"),
        "called": say("together", "Somebody asks you to try a call with them."),
        "alone": say("together", "Check this line alone"),
    }


def _told_while_it_runs() -> dict[str, str]:
    return {
        "send": say("together", "Send this link to the other person"),
        "copy_link": say("together", "Copy the link"),
        "anew": say("together", "Make a link of your own"),
        "scan": say("together", "If you are beside each other: the other phone's camera opens it from this code."),
        "left": say("together", "This part: about {seconds} s left", **script_placeholders("seconds")),
        "own_line": say("together", "Your own line was checked meanwhile: see its result"),
        "once": say("together", "It opens once, within 15 minutes, and only while this page stays open."),
        "waiting": say("together", "Waiting for the other person."),
        "invite": say("together", "Let us try whether calls between us get through:"),
        "step_round": say(
            "together",
            "Round {stage} of {stages}: your browsers call each other",
            **script_placeholders("stage", "stages"),
        ),
        "line_step": say("together", "Your own line: {step}", **script_placeholders("step")),
        "step_other": say("together", "Waiting for the other end's check"),
        "rows": say("together", "What got through"),
        "own_words": say("together", "What each end sent and received is its own word."),
        "error_rooms_full": say("together", "The test server has no place for more calls now; try again later."),
        "error_no_room": say(
            "together", "This link was used before, or its 15 minutes are over. Ask the other person for a new one."
        ),
        "error_partner": say("together", "The other person's page was closed, or lost its connection. Try again."),
    }
