"""Errors in the reader's language: those that people who are no engineers meet, each as its room says it in English.

Rooms below `report` know no language. A command that ends with an error asks here for the sentence; one that is not in
the list is told in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
    "The folder for -o does not exist, or nothing may be written into it; make it first, or name another. Nothing was "
    "measured.",
    "The file {name} is there already; name another one. Nothing was done.",
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
    "This is no campaign; copy the whole text that begins with talkpath-campaign:, or name its file.",
    "The campaign was changed after it was signed; ask whoever calls for it for a new one.",
    "The campaign is over: it ended at {moment}. Nothing was measured.",
    "Say how long: --times N checks, or --for HOURS. Nothing was measured.",
    "This is neither a recording of packets (pcap, pcapng) nor a shape of a call.",
    "this is no capture: it begins neither like pcap nor like pcapng; save it as one of these",
    "the file is empty; record the call again, or copy it anew",
    "this gzip file cannot be unpacked: copy it again",
    "There is no capture in the folder {name}; name files of type {suffix}.",
    "An app's own statistics hold no packets; this needs a recording of the call.",
    "The recording of --peer is the same file; name the one of the other end.",
    "--peer, --html, --parquet and -o take one recording at a time; name one file.",
    "The scrubbed copy would replace the recording itself; name another file with -o.",
    "Name one source of packets, a file, - for standard input, or an interface with -i, and at most one link.",
    "Watching an interface works on Linux alone; elsewhere let another program capture: dumpcap -i {name} -w - | "
    "talkpath listen -",
    "Watching an interface takes the right CAP_NET_RAW, which this process does not have: run it with sudo, or let "
    "another program capture: sudo tcpdump -i {name} -U -w - udp | talkpath listen -",
    "No call was found in this recording. Name its flow by --flow N: {flows}.",
    "There is no flow {number} in this recording; it has {count}.",
    "No steady media was found in this flow; name another one by --flow N.",
    "One end sends no media for most of the call; record a call in which both ends speak.",
    "This call went over TCP, and a shape is of UDP; record a call that goes over UDP.",
    "This flow has {count} packets; a shape takes {least} at least.",
    "The shape of this call takes more than 64 kB; use fewer recordings.",
    "These recordings show more kinds of packets than a shape has; are they calls of one app?",
    "Say where the shape shall be written (-o NAME.shape), or --show to look at it.",
    "This is the link of a page: open it in a browser, on the network to be tested. An invite link looks like "
    "talkpath://HOST:PORT/#KEY or HOST:PORT#KEY.",
    "This is not an invite link: its port is not a number from 1 to 65535. An invite link looks like "
    "talkpath://HOST:PORT/#KEY or HOST:PORT#KEY.",
    "The file with the link cannot be read; is its name right?",
    "There is no test server to check against: give an invite link, or a directory of servers.",
    "The test server closed the connection without an answer: the invitation has ended, or the link was damaged on "
    "its way to you; copy it whole, or ask for a new one.",
    "The test server closed the connection without an answer: the link has no token, and links without one work only "
    "with servers that are open to everybody; ask for a new link.",
    "The test server refused: {words}",
    "The test server takes no shapes of recorded calls (it runs with --no-shapes); ask for another link.",
    "-4 and -6 exclude each other: a check uses one address family.",
    "The file of --beside holds no check of a network; make one with `talkpath check -o FILE`.",
    "The check of --beside is more than an hour old; measure the other network again first.",
    "Nobody is here to agree to the plan of --messages; read it with --dry-run, then add --yes.",
    "Nobody is here to agree to this plan; read it, then add --yes. Nothing was sent.",
    "Nobody is here to agree to the plan of --own; read it with --dry-run, then add --yes.",
    "With --own name the app whose servers are asked: --app. Nothing was measured.",
    "--call goes with --own, and with the app that you will call in: --app.",
    "A campaign says itself how often, how long and which apps. Nothing was measured.",
    "--every takes at least {minutes} minutes: checks are not to become a load.",
    "Name the invite link of the test server that volunteers shall use.",
    "The campaign's test server has no public address; no volunteer's device goes there.",
    "No address was found for the campaign's test server; is its name right, and this device online?",
    "The link ends before the campaign does; let the test server run longer, or end it earlier.",
    "No observatory is named: say --to URL. Nothing was sent.",
    "The bundle was made by the lab; an observatory takes what was measured on a real network.",
    "The bundle is of a call between two phones; an observatory takes what one device measured.",
    "The bundle does not tell its day; an observatory cannot use it.",
    "There is a receipt of that name, so this was shared before: take it back with `talkpath withdraw`, or name "
    "another file with --receipt. Nothing was sent.",
    "The receipt cannot be written; name another place with --receipt. Nothing was sent.",
    "The file is no receipt that `talkpath share` wrote.",
    "The observatory did not take it: {words}",
    "The observatory did not withdraw it: {words}",
    "The observatory has this bundle already; the receipt of that time takes it back.",
    "You took this bundle back after its day was sealed; the observatory takes it no more.",
    "--link is the address of a page and begins with https://.",
    "The bundle was changed after it was written, or its end is missing.",
    "The bundle was changed after it was written: a part is not the one that was signed.",
    "The bundle was changed after it was signed.",
    "A part of the bundle is missing, or one is there that does not belong.",
    "The bundle has no readable manifest; it is damaged, or not one of ours.",
    "The bundle holds a recording, or what an app's own servers answered, not a check.",
    "The bundle takes longer to judge than any check's; it was made to.",
    "The test server's receipt is that of another run: it names another key or another seed.",
    "The facts and the receipt disagree about the test server's own network.",
    # What a recording holds that was not read, as rooms below count it.
    "neither UDP nor TCP: {protocol}",
    "packets cut by the snapshot length",
    "record cut off at the end of the file",
    "damaged record",
    "bytes skipped after damage",
    "block cut off at the end of the file",
    "damaged block",
    "damaged packet block",
    "interface of too many",
    "packet without a time",
    "packet of an unknown interface",
    "file cut off in its header",
    "empty record",
    "compressed data cut off",
    "fragment cut by the snapshot length",
    "fragment beyond the largest packet",
    "packet of too many fragments",
    "packet dropped: too many fragments waited",
    "packet with a fragment missing",
    "tunnel too deep",
    "{protocol} header damaged or cut",
    "not IP: PPP protocol 0x{number}",
    "not IP: ethertype 0x{number}",
    "link type {number}",
    "{kind} unreadable",
    "frame shorter than its headers",
    "TCP hole skipped: too many segments waited",
    "TCP stream dropped: too many packets had begun",
    "TCP stream dropped: too many connections",
    "TCP segment cut before its last frame",
    "connection to a proxy not followed: too many of them",
    "TCP connection with whole frames counted anew: too many of them",
    "packet not counted by second: too many seconds of flows",
    "TCP packet not counted by second: too many seconds",
    "TLS connection with small records steadily both ways, as of a call, a tunnel or a game",
    "packet of a flow of few packets: too many flows in the file",
    "RTP stream not measured: too many in the file",
    "RTP packet not recognised: too many streams in the file",
    "packet not recognised: too many flows in the file",
)
"""Templates: `{…}` stands for what the room fills in."""


def error_sentence(text: str) -> str:
    """The sentence in the current language; the name of a file may stand before it."""
    if (known := matched_template(ERROR_SENTENCES, text, "[^:]+: ")) is None:
        return text
    found, template = known
    return (found[1] or "") + say("error", template, **found.groupdict())


def matched_template(templates: Iterable[str], text: str, before: str = "") -> tuple[re.Match[str], str] | None:
    """The first template that the text was made from, after what may stand `before` it (group 1), with its values."""
    for template in templates:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template))
        if found := re.fullmatch(rf"({before})?{pattern}", text, re.DOTALL):
            return found, template
    return None
