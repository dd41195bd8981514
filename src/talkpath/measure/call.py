"""The facts of one recorded call (the records of spec/tp-007), before any verdict on them.

Contract: times are seconds from the first packet of the capture; no record holds an address. A stream is one SSRC (or,
where no header can be read, one flow) in one direction, over all 5-tuples that the call used.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from talkpath.measure.bounds import (
    MOST_CALL_S,
    MOST_CALL_STREAMS,
    MOST_CONTROL_FLOWS,
    MOST_COUNT,
    MOST_RECORDED_CALLS,
    MOST_RECORDING_S,
    Count,
    Kbps,
    Mos,
    Percent,
    RecordingMilliseconds,
    RecordingSeconds,
    RecordingSpan,
    Share,
    Text,
    Word,
)

RecordedDirection = Literal["sent", "received"]
LossBasis = Literal["sequence", "cadence"]
CallTransport = Literal["p2p", "relay", "unknown"]
ClockGrade = Literal["packets", "batches", "clusters"]
Source = Literal["packets", "webrtc_internals", "signal_log"]
ProxyKind = Literal["", "socks", "http"]


class Second(Struct, frozen=True, gc=False):
    """One second of one direction. `lost` is None if nothing shows it; `late_ms` is the worst lateness against the
    media clock; `frozen_ms` is the length of the freezes that ended in it."""

    packets: Count = 0
    lost: Count | None = None
    kbps: Kbps = 0.0
    jitter_ms: RecordingMilliseconds | None = None
    late_ms: RecordingMilliseconds | None = None
    frozen_ms: RecordingMilliseconds = 0.0
    mos: Mos | None = None


class Moment(Struct, frozen=True, gc=False):
    """One second of a call: both directions, how many other packets came in it from hosts as far away as the call's far
    end (those between private addresses count only for calls between such addresses), and how many of any kind on the
    call's own connections (None in older recordings)."""

    at_s: Annotated[int, Meta(ge=-int(MOST_RECORDING_S), le=int(MOST_RECORDING_S))]
    sent: Second
    received: Second
    other_packets: Count = 0
    flow_packets: Count | None = None


class Stream(Struct, frozen=True, gc=False):
    """One media stream. `medium` None: neither voice nor video (padding, repair, control). `loss_basis` is what `lost`
    was counted by; None: nothing shows loss. `bursts` are losses of two packets or more in a row, `mean_burst` the mean
    length of losses. `packet_ms` is the usual media time of a packet."""

    direction: RecordedDirection
    ssrc: Annotated[int, Meta(ge=0, lt=1 << 32)] | None
    payload_type: Annotated[int, Meta(ge=0, le=255)] | None
    medium: Literal["voice", "video"] | None
    packets: Count
    lost: Count | None
    loss_pct: Percent | None
    loss_basis: LossBasis | None
    duplicates: Count
    reordered: Count
    jitter_ms: RecordingMilliseconds | None
    late_ms: RecordingMilliseconds | None
    freezes: Count
    frozen_s: RecordingSpan
    longest_gap_ms: RecordingMilliseconds
    mos: Mos | None
    start_s: RecordingSeconds
    duration_s: RecordingSpan
    kbps: Kbps
    clock_hz: Count | None
    packet_ms: RecordingMilliseconds | None
    mean_burst: Annotated[float, Meta(ge=1e-3, le=float(MOST_COUNT))] | None
    flows: Annotated[tuple[Count, ...], Meta(max_length=MOST_CALL_STREAMS)]
    uneven_ms: RecordingMilliseconds | None = None
    """The median of delay variation (ITU-T Y.1540): how much later packets came than the fastest of the last second or
    two."""

    lost_range: tuple[Count, Count] | None = None
    """The 95 % bounds of `lost`, where it was estimated by cadence."""


class Flow(Struct, frozen=True, gc=False):
    """One 5-tuple of a call. `kind` is "relay", "peer" or "local" (inside one network); `last_received_s` is None if
    its far end never sent anything. `requests` are set-up requests of the local end, `answers` the replies."""

    number: Count
    kind: Literal["relay", "peer", "local"]
    protocol: Literal["udp", "tcp"]
    packets_sent: Count
    packets_received: Count
    media_sent: Count
    media_received: Count
    start_s: RecordingSeconds
    end_s: RecordingSeconds
    last_received_s: RecordingSeconds | None
    requests: Count
    answers: Count
    last_sent_s: RecordingSeconds | None = None
    feedback: Count = 0
    """How many reports of the far end on what this end sends (RTCP)."""

    last_feedback_s: RecordingSeconds | None = None
    last_sender_report_s: RecordingSeconds | None = None
    """When the far end last reported that it sends, or once did (RTCP SR)."""

    last_answer_s: RecordingSeconds | None = None
    """When the far end last answered a check (STUN's Binding)."""


class Call(Struct, frozen=True, gc=False):
    """One call. `start_s` and `duration_s` are those of the talk, `setup_s` when its set-up began, `control_end_s`
    when its last packet of any kind was seen, `file_end_s` when the capture ended."""

    app: Word
    app_confidence: Share
    media: Annotated[tuple[Word, ...], Meta(max_length=2)]
    start_s: RecordingSeconds
    duration_s: RecordingSpan
    setup_s: RecordingSeconds
    transport: CallTransport
    protocol: Literal["udp", "tcp"]
    encrypted: bool | None
    flows: Annotated[tuple[Flow, ...], Meta(max_length=MOST_CALL_STREAMS)]
    streams: Annotated[tuple[Stream, ...], Meta(max_length=MOST_CALL_STREAMS)]
    seconds: Annotated[tuple[Moment, ...], Meta(max_length=MOST_CALL_S)]
    control_end_s: RecordingSeconds
    file_end_s: RecordingSeconds
    closed: bool = False
    """Did the app say good-bye?"""

    opened: bool = False
    """Was the handshake that protects it (DTLS) recorded? Then nothing was said before the recording."""

    guessed_ends: bool = False
    """Does nothing but who sent first tell which end recorded it? Then what was sent may be what was received."""

    clock: ClockGrade = "packets"
    """What the recording's times are worth: those of each packet, of batches in which packets were handed over each
    tenth of a second or so, or of longer clusters (or of a clock that was set). Of batches nothing is told of
    jitter, of clusters nothing of delay, freezes and quality either."""

    assumed_ends: bool = False
    """Do hops alone, or the number of peers, tell which end recorded it?"""

    continues: Count | None = None
    """The number, from 1 on, of the earlier call of the recording of which this is a later piece: a stream of it goes
    on here, by its numbers and its clock (RFC 3550)."""

    partly_read: bool = False
    """Did other flows carry meanwhile what may be media of this call, too little of which was recorded to tell? Then
    nothing is told of losses and silences."""


class Attempt(Struct, frozen=True, gc=False):
    """One set-up without talk. `answered`: whether any reply came."""

    app: Word
    app_confidence: Share
    start_s: RecordingSeconds
    end_s: RecordingSeconds
    answered: bool
    requests: Count
    answers: Count
    other_packets: Count
    """Packets of anything else that came in the same seconds, as in `Moment`."""

    others_answered: bool = False
    """Where nothing replied: was the set-up of anything else answered meanwhile, or did a call go on? Then these may be
    addresses that nobody is at; every call tries some of those."""

    hellos: Count = 0
    """ClientHellos of either end on a flow where no encrypted data followed them: a handshake (DTLS) that failed."""

    sent_packets: Count = 0
    """Packets of any kind that this end sent; 0 also in older recordings."""

    far_hosts: Count = 0
    """How many hosts were asked; 0 also in older recordings."""

    begun_before: bool = False
    """Where nothing replied: did this end send what needs an answer from before the recording, such as media for a
    relay, or encrypted records? Then a call had been set up. Or are there but connectivity checks (ICE), from the
    recording's beginning on? Then one may have been."""

    proxy: ProxyKind = ""
    """A proxy of the person's own, by which something came to this end meanwhile or up to a minute before."""


class ControlSecond(Struct, frozen=True, gc=False):
    """One second of control traffic beside a call, all flows together: `arrived` of the packets that were `sent`.

    A control packet counts in the second of the call's packet that it imitates. `arrived_up` is None where the far end
    did not report. `late_ms` is how much later packets came from the far end than the fastest did, on average.
    """

    at_s: Annotated[int, Meta(ge=-int(MOST_RECORDING_S), le=int(MOST_RECORDING_S))]
    sent_up: Count = 0
    arrived_up: Count | None = None
    sent_down: Count = 0
    arrived_down: Count = 0
    late_ms: RecordingMilliseconds | None = None


class ControlFlow(Struct, frozen=True, gc=False):
    """One control connection (5-tuple). `port` is the far end's; `begin_s` is when it was opened, None in older
    recordings, whose flows kept theirs over the whole call. What arrived just as a flow changed over to another is
    counted for neither. `moved` is how often the far end saw it come from another address or port from then on (NAT
    rebinding, or another access network), None in older recordings."""

    port: Annotated[int, Meta(ge=0, le=65_535)]
    sent_up: Count = 0
    arrived_up: Count | None = None
    sent_down: Count = 0
    arrived_down: Count = 0
    begin_s: RecordingSeconds | None = None
    moved: Count | None = None


class Control(Struct, frozen=True, gc=False):
    """Control traffic beside one call: random bytes to a test server and back, each packet as long as one of the call's
    and at its instant. `late_ms_p99` is how much later than the call's packets those of this end left. `ended` is
    "done", or why it ended before the call. `network` is the autonomous system in which the far end saw this one."""

    begin_s: RecordingSeconds
    flows: Annotated[tuple[ControlFlow, ...], Meta(max_length=MOST_CONTROL_FLOWS)]
    seconds: Annotated[tuple[ControlSecond, ...], Meta(max_length=MOST_CALL_S)]
    late_ms_p99: RecordingMilliseconds | None = None
    ended: Word = "done"
    network: Word = "AS0"


class PairedDirection(Struct, frozen=True, gc=False):
    """One direction of a call recorded at both ends. Of the `sent` packets that the far end was recording for,
    `arrived` came; `first_lost_s` is when the first lost one was sent, `longest_run` the most lost in a row. `silent_s`
    is when the first and the last packet were sent of those at the end of which none arrived. Times are of the
    recording that this stands in, whoever sent. `spread_ms` is how much the delay varied (95th percentile minus the
    least; the clocks of two machines do not give the delay itself)."""

    sent: Count
    arrived: Count
    lost: Count
    loss_pct: Percent
    first_lost_s: RecordingSeconds | None
    longest_run: Count
    spread_ms: RecordingMilliseconds | None
    silent_s: tuple[RecordingSeconds, RecordingSeconds] | None = None


class Paired(Struct, frozen=True, gc=False):
    """A call of this capture beside the same call in the other end's. A direction is None where its packets cannot be
    compared: a server wrote them anew. Its `sent` is 0 where its sender's recording holds none."""

    call: Count
    app: Word
    up: PairedDirection | None
    down: PairedDirection | None


class Findings(Struct, frozen=True, gc=False, omit_defaults=True):
    """All calls and attempts of one capture, and the control traffic that ran beside some of them. `source`: what they
    were read from, packets or an app's own statistics. `unnamed_streams`: in how many other flows packets ran steadily
    both ways as a voice's do. `pairs`: what the other end's recording shows of the calls, None without one."""

    packets: Count
    duration_s: RecordingSeconds
    unread: Annotated[dict[Text, Count], Meta(max_length=1000)]
    calls: Annotated[tuple[Call, ...], Meta(max_length=MOST_RECORDED_CALLS)]
    attempts: Annotated[tuple[Attempt, ...], Meta(max_length=MOST_RECORDED_CALLS)]
    source: Source = "packets"
    controls: Annotated[tuple[Control, ...], Meta(max_length=MOST_RECORDED_CALLS)] = ()
    unnamed_streams: Count = 0
    pairs: Annotated[tuple[Paired, ...], Meta(max_length=MOST_RECORDED_CALLS)] | None = None
