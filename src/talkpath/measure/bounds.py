"""The bounds of stored facts (spec/tp-001, tp-007), as types: msgspec checks them when it decodes a record.

No real check or recording comes near a bound, so a value beyond one is invalid. A type bounds one value. Constraints
between values, as between a bitmap and the length of its schedule, are in `measure.validate`; the work that all of them
together may cause is in `measure.decode`. `float` bounds have both ends, so that they exclude NaN and infinities too.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

MOST_ARMS: Final = 64
MOST_EPOCHS: Final = 2000
MOST_K: Final = 32
MOST_FLOWS: Final = 128  # of one epoch: a question about hops has k calls and k twins for each of eight numbers
MOST_SLOTS: Final = 20_000  # of one direction of one epoch
MAX_EPOCH_PACKETS: Final = 16_000  # of all calls of one epoch, each way, half of them of one: what test servers lay out
MOST_EXCHANGES: Final = 1000
MOST_GREETINGS: Final = 30  # to one server in one run of `endpoints`
MOST_SERIES: Final = 256  # three of each app's servers and the neutral ones beside them
MOST_PATHS: Final = 256
MOST_PATH_HOPS: Final = 64
MOST_EXPIRING_EPOCHS: Final = 128  # of packets that expire on the way: some 17 an app
MOST_EXPIRING_FLOWS: Final = 32  # of one of these: eight of each cell
MOST_EXPIRING_SLOTS: Final = 64
MOST_ATTEMPTS: Final = 64  # to open one control channel
MOST_TRIED: Final = 16  # test servers of a list
MOST_RELAYS: Final = 8  # TURN servers of one check
MOST_RELAY_ATTEMPTS: Final = 256  # two at each for each arm
MOST_RECORDED_CALLS: Final = 1000  # of one recording
MOST_CONTROL_FLOWS: Final = 64  # beside one recorded call
MOST_CALL_STREAMS: Final = 256  # of one call; likewise 5-tuples
MOST_CALL_S: Final = 86_400  # seconds of one call
MOST_SPAN_S: Final = 86_400.0
MOST_COUNT: Final = (1 << 31) - 1
MOST_RECORDING_S: Final = 2.0**32  # a recorder's clock may be set while it records: pcap counts seconds in 32 bits

Count = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
Bytes = Annotated[int, Meta(ge=0, le=1 << 40)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
PacketBytes = Annotated[int, Meta(ge=0, le=65_535)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Percent = Annotated[float, Meta(ge=0.0, le=100.0)]
Seconds = Annotated[float, Meta(ge=0.0, le=MOST_SPAN_S)]
Milliseconds = Annotated[float, Meta(ge=0.0, le=1000.0 * MOST_SPAN_S)]
Lateness = Annotated[float, Meta(ge=-1e7, le=1e7)]  # ms; negative where a packet left, or came, before it was due
DelayDms = Annotated[int, Meta(ge=-(1 << 17), le=1 << 17)]  # steps of 0.1 ms
ClockStep = Annotated[float, Meta(ge=-1e12, le=1e12)]  # s
PacketRate = Annotated[float, Meta(ge=0.01, le=10_000.0)]  # packets per second
Alpha = Annotated[float, Meta(ge=1e-12, lt=1.0)]
Mos = Annotated[float, Meta(ge=1.0, le=5.0)]
RecordingSeconds = Annotated[float, Meta(ge=-MOST_RECORDING_S, le=MOST_RECORDING_S)]
RecordingSpan = Annotated[float, Meta(ge=0.0, le=MOST_RECORDING_S)]
RecordingMilliseconds = Annotated[float, Meta(ge=-1000.0 * MOST_RECORDING_S, le=1000.0 * MOST_RECORDING_S)]
Kbps = Annotated[float, Meta(ge=0.0, le=1e9)]

Word = Annotated[str, Meta(max_length=40)]
Text = Annotated[str, Meta(max_length=200)]
Bitmap = Annotated[bytes, Meta(max_length=(MOST_SLOTS + 7) // 8)]
