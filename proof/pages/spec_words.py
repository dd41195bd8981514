"""The words of spec/tp-002: states, reason codes, figures. proof/pages/write_spec.py prints them with the rules."""

from __future__ import annotations

from typing import NamedTuple

from talkpath.verdict.model import ReasonCode, State


class StateText(NamedTuple):
    """What a state is called, means, needs, and never means."""

    label: str
    means: str
    needs: str
    never: str


STATE_TEXTS: dict[State, StateText] = {
    "ok": StateText(
        "No sign of restriction",
        "the call fared as its twin",
        "extra loss below 5 % each way (upper bound of a 95 % confidence sequence), extra delay below 50 ms, no sign "
        "of failed set-ups or deaths, the canary found (e-value at least 20 over the check), MOS of calls and control "
        "traffic as one at least 3.1, a call that arrived for 20 s (or for the plan's `ok_s`, if more) both ways and "
        "did not part from twins, nothing accused since; where the e-value reaches 20, extra loss below 1 %; where "
        "single calls of other arms are cut off, so many calls that lived longer that a chance below 10 % spared all; "
        "and so many calls of all arms that lived so long (seven where none was cut off) that with 90 % confidence "
        "fewer than 3 in 10 are cut off (but where every call of an accused arm is; not asked of a browser's calls)",
        "that the app's own servers answer",
    ),
    "restricted": StateText(
        "Signs of restriction",
        "the call fares worse than its twin: something on the path tells them apart",
        "an e-value of at least m/alpha over the m arms of the check, and one of: at least 1 % extra loss, one way or "
        "over both, at least 50 ms extra delay (the lower bounds that are printed), failed set-ups, deaths",
        "who does it, or why",
    ),
    "closed": StateText(
        "Closed to all calls",
        "call and twins are dropped alike while TCP, TLS, text-like UDP or another port of the same host passes",
        "a contrast at least as lopsided as 1 in m/alpha, over the whole check, that the arm's own flows show too",
        "restricted",
    ),
    "impaired": StateText(
        "Line too poor for calls",
        "call and twin alike suffer too much to talk",
        "MOS of control traffic, the arm's or that of all arms, below 3.1 even at the better end of its bounds, and "
        "that of the arm's calls no better; or losses and delays shown to be alike, as for `ok`, and MOS of calls and "
        "control traffic as one below 3.1; flows that fail as a whole do not count; and where a call of "
        "the arm was measured beside which nothing was under way, MOS of that below 3.1",
        "restricted",
    ),
    "unreachable": StateText(
        "No answer from the test server",
        "no transport at all",
        "no control channel; a rule is named only when other hosts answered in the same minute",
        "restricted",
    ),
    "insufficient": StateText("Could not tell", "not enough, with the reason", "anything else", "ok"),
}

REASON_TEXTS: dict[ReasonCode, str] = {
    "budget": "bytes or time ran out before anything was decided (`ended`: why the session stopped)",
    "twin_worse": "twins fare worse than calls (an e-value of at least m/alpha): the comparison means nothing here",
    "canary": "everything looks well, but the check did not find the 5 % loss that it put on one of its own twins",
    "late": "packets left too late (99th percentile above 50 ms), or the lab's own router lost some (`late_ms_p99`, "
    "`router_drops`; `at`: the end that was late, `probe` or `responder`, where it was one of them alone)",
    "clock": "a clock jumped, or the machine slept, by more than 1 s (`jump_s`)",
    "network_changed": "this machine's network changed during the check",
    "hidden": "the page that measured was not in front all the time (basis webrtc only)",
    "vpn": "a VPN or tunnel is on: what was measured is not this network; or nobody said whether one is (`unanswered`)",
    "responder_lost": "the far end or the network was lost before this arm was decided (`ended`)",
    "handshake": "something answers at the far end's port, but no TLS handshake with the key of the link completes, so "
    "no call was placed (`outcome`: what came instead, as `reach.control` of tp-001)",
    "short_capture": "the capture ends too soon (captures only)",
    "no_control": "nothing to compare with (bases without a twin); where `alternatives` names rules, a poor line "
    "at either end and trouble at the app's own servers fit as well",
    "single_request": "fewer than three repeats (bases without a twin)",
    "stale": "nothing was amiss, but after these calls were measured others were held back or ended, and no fresh ones "
    "were measured since (`since_s`: when that had begun, in seconds from the start of the check)",
    "watched_briefly": "nothing was amiss, but calls were not watched for as long as `ok` takes (`seconds`: how long; "
    "`ended`: the calls that were to live through the check went silent by then, and nothing shows that twins did "
    "better)",
    "call_ended": "calls that live through the check went silent (`seconds`: after what time), of this arm while twins "
    "went on or too many of all arms, and it was not settled whether that was an accident",
    "call_worse": "a call that lives through the check lost more than twins, or came later (`seconds`: by when that "
    "showed), and it was not settled whether that was an accident",
    "added": "datagrams came to the far end on 5-tuples of this check that neither end sent (`packets`, on so many "
    "`flows`): a tool that adds or rewrites packets is on, on the device, its router or the way (N08)",
    "own_load": "calls and twins suffered too much to talk where several were under way, and a call of the arm beside "
    "which nothing was did not; checks of four arms or fewer go on with two calls at a time, which showed nothing that "
    "is proven",
    "few_calls": "nothing was amiss, but so few calls of the arm or of all arms (`calls`) lived as long as `ok` "
    "takes that a third may be cut off all the same",
    "one_call": "the call fits the rules of `alternatives` while control traffic of the same moments was well "
    "(`call_lost`, `control_lost`: shares; `connections`: how many of control traffic would have shown the same), and "
    "it fits an outage of the app, trouble at its own servers or at the other person's end as well (basis call only)",
    "pauses": "nothing came for moments that are too long for losses of single packets, in a stream without sequence "
    "numbers: they may be pauses of speech, and losses cannot be told from them (basis call only)",
    "line": "control traffic of the same moments suffered as the call did: the line, or the network as a whole "
    "(`call_lost`, `control_lost`; basis call only)",
    "control_poor": "control traffic of the same moments was not well either, but suffered less than the call "
    "(`call_lost`, `control_lost`; basis call only)",
    "unlike": "single connections of control traffic fared far worse than others, so the call's one may have been such "
    "a connection (`call_lost`, `control_lost`, `worst_lost`: the largest share that one lost; basis call only)",
    "few_connections": "as `one_call`, but fewer than 47 control connections ran beside the call: a router that "
    "neglects single connections may have met the call's own by chance (values as there; basis call only)",
    "rebinding": "the call went silent, and connections of control traffic came from other addresses or ports "
    "meanwhile: an address translator moved them, or the device changed networks, and not every app's call survives "
    "that (`call_lost`, `control_lost`, `moved`: how many; basis call only)",
    "congested": "the call's losses came with delay, which control traffic did not have: a congested server or path of "
    "the app (`call_lost`, `control_lost`; basis call only)",
    "variant": "another variant of the app is ok, but this one (`variant`) is undecided, and something is amiss in it",
    "whole_flows": "calls and twins alike fail as a whole, never established or silent for good, while flows that go "
    "on are well and TCP to the same host passes: something holds UDP back, and what is not proven",
    "few_answers": "routers on the way to the app's servers answered too few packets to tell (basis address)",
    "path_changed": "the way to a server changed while packets that expire on it were sent (basis address)",
    "silent_server": "the app's servers do not answer, yet packets towards them get as far as routers answer: they may "
    "be down, or something acts behind that (basis address)",
    "outage": "the app's servers did not answer, in three tries, while neutral ones did: an outage of the app looks "
    "the same from one place; `alternatives` has what else it is consistent with (bases address and signalling)",
    "long_hellos": "a server of the app answers short first messages of TLS and no long one, whoever writes it: the "
    "way takes no packets of full size, or the server, or a box, no message in two packets (basis signalling)",
    "refused": "servers of the app hang up on one client's first TLS message, or one alone is silent to it, and answer "
    "another's, while neutral servers answer both: the app's may mean to (basis signalling)",
    "certificate": "a server of the app, or something in its place, answers with a certificate that this device does "
    "not accept (basis signalling)",
    "routes": "whatever goes to any of the app's servers that were compared is lost on the way, and what goes to "
    "neutral ones is not: a rule about its addresses looks so, and a bad way to them too (`servers`, `neutral`: how "
    "many were compared; `odds`: among how many choices of as many destinations the app's are one; `alternatives` has "
    "the rule that fits, `parameters` its numbers and the hop; basis address)",
    "offline": "this device has no route to anywhere, or none of the hosts answered that were asked beside the silent "
    "test server (`asked`: how many)",
    "portal": "something answered in place of hosts that were asked beside the silent test server, as behind a page to "
    "log in at (`asked`)",
    "server_off": "with `unreachable`: the test server's machine refuses connections",
    "server_alone": "with `unreachable`: other hosts answered in the same minute, and no list had just named the "
    "server: it is off, or held back (a rule is named where more is known)",
    "other_destination": "packets towards the app's servers fare worse than towards neutral ones, but a server or a "
    "way that is overloaded would look the same (basis address)",
}

FIGURE_TEXTS: dict[str, str] = {
    "calls_lost_up": "share of call media packets lost, up, those that came after the epoch's cut not among them; with "
    "`_low` and `_high`, 95 % bounds over flows; `_down` alike",
    "twins_lost_up": "the same of random twins; `_down` alike",
    "extra_loss_up": "extra loss of calls, a 95 % confidence sequence with `_low` and `_high`; `_down` alike. Of an "
    "arm that is not restricted `_high` alone has the 95 %, and `_low` is 0",
    "extra_loss": "the same over both directions together, of a restricted arm",
    "extra_delay_ms_up": "extra delay of calls in ms, with `_low` and `_high`; `_down` alike",
    "calls_reports_up": "where calls are restricted and their media are not what tells: keepalives and reports that "
    "calls sent, and of these `_failed` the lost ones; `twins_`, `_down` alike",
    "calls_set_ups": "in the same place, where set-up tells most: stages of calls' set-up, and of these `_failed` the "
    "unanswered ones; `twins_` alike",
    "calls_flows": "in the same place, where silence tells most: calls, and of these `_failed` those that went silent "
    "for good or never began; `twins_` alike",
    "mos": "mean opinion score of the call in its worse direction (E-model, G.107; assumptions in measure/quality.py); "
    "of calls and control traffic as one where they are shown to fare alike",
    "hosts": "ways in which the app's own hosts were asked (bases address and signalling)",
    "hosts_silent": "those of them that failed each time",
    "name_requests": "those of `requests` that asked the network's name server alone, not the app's servers",
    "checks": "checks that count, of a watch",
    "checks_restricted": "those of them that found the arm restricted",
    "checks_ok": "those of them that found no sign of restriction",
    "requests": "requests to the app's own hosts in all",
    "names": "names of the app's hosts that neutral servers were asked for, in a TLS handshake (basis signalling)",
    "names_held_back": "those of them that neutral servers never answered, while they answered other names each time",
    "names_passed": "those of them that a neutral server answered",
    "greetings": "greetings in series to the app's servers",
    "greetings_lost": "share of them without an answer; with `_low` and `_high`, 95 % bounds",
    "neutral_lost": "the same of neutral servers in the same seconds; with `_low` and `_high`",
    "rtt_ms": "median time until the answer to a greeting, ms",
    "neutral_rtt_ms": "the same of neutral servers",
    "frozen_after": "packets of a 5-tuple, both ways, after which the servers went silent for good: `_low`, `_high`",
    "epochs": "epochs of packets that expire on the way, those that look for the place apart",
    "hops": "the farthest router that these packets were to reach",
    "extra_unanswered": "share of a call's packets without a router's answer beyond that of random ones, towards the "
    "app's address: 99 % bounds `_low`, `_high`",
    "extra_unanswered_address": "the same of random packets towards the app's address beyond a neutral one",
    "calls": "calls of the app that showed the same, of a verdict over several (basis call)",
    "control_flows": "control connections beside the call (basis call)",
    "control_lost_down_pct": "share of control packets lost at the moments that the verdict is about, in percent; "
    "`control_lost_up_pct` alike; null where too few were sent",
    "control_late_ms": "how much later control packets came than the fastest, at the median second",
    "canary_log10_e": "log10 of the e-value of the canaries, over the whole check",
}

FIELD_TEXTS: dict[str, str] = {
    "app": "id of the app whose calls were imitated",
    "variant": "which of its shapes",
    "medium": "`voice`, `video` or `text`",
    "state": "one of the states below",
    "rule": "one of the rules below, or null",
    "direction": "which way the rule acts, or null",
    "parameters": "the rule's parameters: `{estimate, low, high}` or `{value}`",
    "log10_e": "log10 of the e-value that calls are treated worse (`closed`: of the contrast); null without twins",
    "basis": "what the verdict rests on",
    "decided_at_s": "when the rule was named, or the state settled, in seconds from the start of the check",
    "known_at_s": "when the e-value first passed m/alpha",
    "watched_s": "how long the longest call was watched (`ok`: arrived, in both directions)",
    "call_packets": "packets that calls sent, both ways",
    "twin_packets": "packets that twins of all kinds sent, both ways",
    "flow_count": "5-tuples",
    "observations": "ids of the observations (tp-001) behind it",
    "reason": "`{code, values}` where the state is `insufficient`, and where more is known of an `unreachable` server",
    "confidence": "how well captures support the shape; low below three",
    "alternatives": "rules that tie, where the rule is `media.unknown`",
    "figures": "numbers for the sentences, see below",
    "family": "the version of IP of its calls, 4 or 6; 0 where none were placed",
    "trouble": "the kind of trouble that it points to, or null; one of the words below",
}
