"""The texts of the page, from the catalogue (report/languages), by the names that check.html and the scripts use."""

from __future__ import annotations

from math import ceil
from typing import Literal

from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME
from talkpath.report.words import sentences
from talkpath.report.words.language import language, language_codes, say, speaking, spoken

USUAL_MB = {"voice": 5, "video": 20}
"""What a check takes that finds nothing which has to be followed up; "video" with voice."""

UNCOUNTED = {"voice": 1.25, "video": 1.08}
"""How much more goes over the line than what is counted: handshakes, acknowledgements, reports, the page."""

LANGUAGE_NAMES = {"en": "English", "ru": "Русский", "fa": "فارسی", "ar": "العربية"}


def most_mb(*media: Literal["voice", "video"]) -> int:
    """The most MB that a check of these media may take, both ways."""
    return ceil(sum(UNCOUNTED[medium] * MEDIA_BY_NAME[medium].budget_bytes for medium in media) / 1e6)


def page_texts(code: str) -> dict[str, str]:
    """Return every text of the page in that language, with its `{…}`, and the attributes "lang" and "dir"."""
    with speaking(language(code if code in language_codes() else "en")):
        return {
            "lang": spoken().code,
            "dir": spoken().direction,
            **_asking_texts(),
            "yes": say("browser", "Yes"),
            "no": say("browser", "No"),
            "unsure": say("browser", "I do not know"),
            "back": say("browser", "Back"),
            **_running_texts(),
            **_result_texts(),
            **_passing_on(),
            **_keeping_texts(),
            **_trouble_texts(),
        }


def _asking_texts() -> dict[str, str]:
    return {
        "title": say("browser", "Are calls held back on this network?"),
        "language": say("browser", "Language"),
        "about": say(
            "browser",
            "This page places short test calls between this browser and our test server, beside control traffic of the "
            "same size, and compares how both fare. It uses no microphone and no camera: the call is a tone, or a "
            "coloured square.",
        ),
        "cost": say(
            "browser",
            "It takes half a minute to a minute and {usual}\N{NO-BREAK SPACE}MB; where calls break off late, "
            "two minutes and at most {most}\N{NO-BREAK SPACE}MB.",
            usual=USUAL_MB["voice"],
            most=most_mb("voice"),
        ),
        "risk": say(
            "browser",
            "Whoever runs this network can see that this device places test calls; do not start if that could bring "
            "you into danger.",
        ),
        "keeps": say("browser", "Nothing leaves this page afterwards unless you share it."),
        "vpn": say("browser", "Is a VPN or a proxy switched on?"),
        "vpn_apple": say("browser", "Is a VPN, a proxy or iCloud Private Relay switched on?"),
        "vpn_note": say("browser", "With one on, its network is measured, not that of this device."),
        "which": say("browser", "Which calls shall be tried?"),
        "which_voice": say(
            "browser",
            "Voice: half a minute to a minute, {usual}\N{NO-BREAK SPACE}MB, at most {most}\N{NO-BREAK SPACE}MB",
            usual=USUAL_MB["voice"],
            most=most_mb("voice"),
        ),
        "which_video": say(
            "browser",
            "Voice and video: 60 to 90 seconds, {usual}\N{NO-BREAK SPACE}MB, at most {most}\N{NO-BREAK SPACE}MB",
            usual=USUAL_MB["video"],
            most=most_mb("voice", "video"),
        ),
        "start": say("browser", "I understand, start"),
    }


def script_placeholders(*names: str) -> dict[str, str]:
    """Placeholders that the page's script fills in."""
    return {name: f"{{{name}}}" for name in names}


def _running_texts() -> dict[str, str]:
    return {
        "step_open": say(
            "browser",
            "Stage {stage} of {stages}: calls and control traffic are set up",
            **script_placeholders("stage", "stages"),
        ),
        "step_speak": say(
            "browser", "Stage {stage} of {stages}: they run side by side", **script_placeholders("stage", "stages")
        ),
        "step_watch": say(
            "browser",
            "Stage {stage} of {stages}: calls are watched longer",
            **script_placeholders("stage", "stages"),
        ),
        "step_paths": say(
            "browser",
            "Stage {stage} of {stages}: other ways through are tried",
            **script_placeholders("stage", "stages"),
        ),
        "step_judge": say("browser", "Working out what that means"),
        "progress": say("browser", "How far the check is"),
        "left": say("browser", "About {seconds} s left", **script_placeholders("seconds")),
        "left_again": say(
            "browser", "About {seconds} s left: a part is measured once more", **script_placeholders("seconds")
        ),
        "live": say(
            "browser",
            "How many of 100 packets to you arrive, over the last 30 seconds. What you send is counted only at "
            "the end.",
        ),
        "live_calls": say("browser", "calls"),
        "live_twins": say("browser", "control traffic"),
        "live_now": say("browser", "{share} of 100", **script_placeholders("share")),
        "wait": say(
            "browser", "The test server is busy. Your place in the queue: {place}.", **script_placeholders("place")
        ),
        "keep_front": say("browser", "Keep this page in front and the screen on."),
        "stop": say("browser", "Stop"),
        "stopped": say("browser", "Stopped. Nothing was kept."),
        "reloaded": say(
            "browser",
            "This page was loaded again in the middle of a check: that check has ended without a result. Results of "
            "earlier checks are still here. You can start it again.",
        ),
    }


def _result_texts() -> dict[str, str]:
    return {
        "again": say("browser", "Check again"),
        "details": say("browser", "Details: what was observed, numbers, ports"),
        "operator": say("browser", "Network: {name}.", **script_placeholders("name")),
        "try": say("browser", "What you can try"),
        "not": say("browser", "What this does not mean"),
        "source": say("browser", "Source"),
        "paths": say("browser", "What still gets through"),
        "carries": say("browser", "carried a call of 3 s"),
        "carries_unsure": say("browser", "cannot be told from one call of 3 s"),
        "carries_not": say("browser", "did not carry a call of 3 s"),
        "missing_coturn": say("browser", "not offered: the server has no relay (coturn is not installed there)"),
        "missing_taken": say("browser", "not offered: the port is taken on the server"),
        "missing_root": say("browser", "not offered: the server was not allowed to open the port"),
        "missing_own": say("browser", "not offered: the server uses the port for something else"),
        "missing_ended": say("browser", "not offered: the server's relay does not run at the moment"),
        "missing_certificate": say("browser", "not offered: the server has no certificate that browsers trust"),
        "missing_name": say("browser", "not offered: the page was opened by an address, and TLS takes a name"),
        "measured": say("browser", "Measured: {when}.", **script_placeholders("when")),
        "others": say("browser", "What others measured on this network"),
        "real": say("browser", "These were real calls of this browser, of no app in particular."),
    }


def _passing_on() -> dict[str, str]:
    return {
        "pass": say("browser", "Pass it on"),
        "passed_not": say("browser", "It was not passed on."),
        "picture": say("browser", "Save as a picture"),
        "picture_saved": say("browser", "The picture is saved."),
        "picture_not": say("browser", "This browser could not draw the picture."),
        "copy": say("browser", "Copy as text"),
        "copied": say("browser", "Copied."),
        "copied_not": say("browser", "It could not be copied. Mark the text and copy it yourself."),
        "evidence": say("browser", "Evidence, and the observatory"),
        "evidence_what": say(
            "browser",
            "The evidence is a signed file with everything that was measured and no address; anybody can check it with "
            "`talkpath verify`.",
        ),
        "save": say("browser", "Save the evidence"),
        "share": say("browser", "Share with the observatory"),
        "tells": say(
            "browser",
            "Sharing tells the observatory the hour, the network and country that the test server saw, the result, "
            "and which packets came through. There is no address in it; it may be published, and it can be taken back.",
        ),
        "shared": say("browser", "Shared."),
        "shared_link": say("browser", "The result at the observatory"),
        "share_later": say("browser", "It could not be sent. It is kept in this browser; try again later."),
        "withdraw": say("browser", "Take it back"),
        "withdrawn": say("browser", "Taken back."),
        "withdraw_later": say("browser", "It could not be taken back now; try again later."),
        "link": say("browser", "This page, for others on this or another network"),
        "together": say("browser", "Try a call between two phones"),
        "qr": say("browser", "QR code of the link"),
        "translated": sentences.translation_note(),
    }


def _keeping_texts() -> dict[str, str]:
    return {
        "kept": say("browser", "The result is kept in this browser and was sent to nobody."),
        "kept_shared": say(
            "browser",
            "The result was shared. This browser keeps the receipt with which it can be taken back; deleting the "
            "result here deletes the receipt too.",
        ),
        "kept_withdrawn": say("browser", "The result was shared and taken back. It is still kept in this browser."),
        "earlier": say("browser", "Results on this device"),
        "delete": say("browser", "Delete it"),
        "deleted": say("browser", "Deleted."),
        "forget": say("browser", "Delete all"),
        "forgotten": say("browser", "All results were deleted from this device."),
    }


def _trouble_texts() -> dict[str, str]:
    return {
        "noscript": say(
            "browser",
            "This page places test calls and needs JavaScript for that, which is switched off here. Nothing is wrong: "
            "switch it on for this page, or run `talkpath check` on a computer.",
        ),
        "loading": say(
            "browser", "The rest of this page is still on its way. If it does not come, load the page again."
        ),
        "no_webrtc": say(
            "browser", "This browser cannot place calls (WebRTC is missing or switched off). Try another."
        ),
        "error_full": say("browser", "The test server is full; try again in some minutes."),
        "error_long": say(
            "browser",
            "Could not tell: the check took too long and was ended. Check again when less goes over this line.",
        ),
        "error_lost": say(
            "browser",
            "Could not tell: the connection to the test server broke off in the middle of the check. That alone says "
            "nothing about calls. Check again.",
        ),
        "error_part": say(
            "browser", "The rest of this page is still on its way. If it does not come, load the page again."
        ),
        "error_server": say(
            "browser",
            "Could not tell: the test server met an error of its own. That alone says nothing about calls. Check again "
            "later.",
        ),
        "error_unread": say(
            "browser", "Something went wrong in this browser. Load the page again, or try another one."
        ),
        "no_server": say("browser", "The test server did not answer. Check your connection, then try again."),
        "no_https": say(
            "browser",
            "This page came without https. So control traffic travels like calls do, findings on how calls are set up "
            "are only hints, and the page does not work offline.",
        ),
        "no_twins": say(
            "browser",
            "This browser or this network has no WebTransport. So control traffic travels like calls do, and findings "
            "on how calls are set up are only hints.",
        ),
        "offline": say("browser", "You are offline. The check needs the network that it is to measure."),
    }
