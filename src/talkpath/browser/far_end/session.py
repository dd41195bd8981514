"""The far end of one check: opens calls and twins as the page asks, keeps time, counts, and hands facts on.

Messages are JSON objects with a `type` (docs/why/2026-11-24-browser.md lists them). Those of the page arrive by `hear`;
`tell` takes ours. An epoch's facts are told as soon as its report is there; whoever judges asks for another or ends.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.browser import schedule
from talkpath.browser.addresses import origin
from talkpath.browser.far_end.arrivals import STAMPS, STAMPS_A_TICK
from talkpath.browser.far_end.call import Call, Channel, Peer
from talkpath.browser.far_end.observe import epoch, together
from talkpath.browser.far_end.port import SharedPort
from talkpath.browser.far_end.twin import DOWN_OVERHEAD, UP_OVERHEAD, Twin
from talkpath.browser.far_end.voice import PAYLOAD_BYTES, TICK_MS
from talkpath.browser.media import MEDIA, VOICE, Medium
from talkpath.browser.paths import SETUP_S as PATH_SETUP_S
from talkpath.browser.paths import SLOTS as PATH_SLOTS
from talkpath.browser.paths import Path, path_epoch
from talkpath.browser.reports import EpochReport, FarFlow, Times
from talkpath.browser.schedule import EpochOrder, Opening
from talkpath.errors import PeerError
from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import Epoch, Facts, Health, Reach

HEADER_BYTES = 28
CHANNEL_OVERHEAD = 65  # DTLS and SCTP around a data channel's message, measured in Chromium 156
GO_S = 0.2
NOTED_MS = 30.0  # the page notes when each packet really left: so late it may be, and delays are right all the same

Tell = Callable[[dict[str, Any]], None]


class Session:
    """One check. `host` is our address as the page reached us, `page` the page's as it reached us; `twins` finds a twin
    by its path."""

    def __init__(self, port: SharedPort, host: str, twins: dict[str, Twin], tell: Tell, page: str = "") -> None:
        self._port, self._host, self._twins, self._tell, self._page = port, host, twins, tell, page
        self._far, self._near = secrets.token_bytes(32), b""
        self._token = secrets.token_urlsafe(12)
        self._began_s, self._started_at = time.monotonic(), datetime.now(UTC)
        self._order: EpochOrder | None = None
        self._paths: tuple[Path, ...] = ()
        self._calls: dict[int, Call] = {}
        self._mine: dict[int, Twin | Channel] = {}
        self._go_s = self._opened_s = 0.0
        self._slots = VOICE.slots
        self._kinds: tuple[Medium, ...] = (VOICE,)
        self._late_ms: list[float] = []
        self._own_late_ms = 0.0
        self._metronome: asyncio.Task[None] | None = None
        self._epochs: list[Epoch] = []
        self._reports: list[EpochReport] = []
        self._vpn: bool | None = None
        self._channels = False
        self._drawn = 0
        self._moved = self._apart = self._elsewhere = False

    @property
    def seed(self) -> bytes:
        """The check's seed, once both ends gave their part."""
        return schedule.seed_of(self._far, self._near)

    def commit(self) -> str:
        """What binds us to our part of the seed before the page has sent its own."""
        return schedule.seed_of(self._far, b"").hex()

    async def hear(self, message: dict[str, Any]) -> None:
        """One message of the page, or of whoever judges. `PeerError` for what is none."""
        kind = str(message.get("type"))
        act = {"start": self._start, "next": self._next, "paths": self._try_paths, "offer": self._offer,
               "media": self._media, "report": self._report}.get(kind)  # fmt: skip
        if act is None:
            raise PeerError("The page sent a message that this server does not know; load the page again.")
        try:
            await act(message)
        except (AttributeError, KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise PeerError("The page sent something that this server cannot read; load the page again.") from error

    async def _start(self, message: dict[str, Any]) -> None:
        if self._near:
            raise PeerError("This check has begun already; load the page again.")
        self._near = bytes.fromhex(message["nonce"])
        vpn = message.get("vpn")
        self._vpn = vpn if isinstance(vpn, bool) else None
        self._channels = message.get("twins") == "channel"
        self._kinds = tuple(MEDIA[name] for name in dict.fromkeys(message.get("media", (VOICE.name,))))
        await self._next({"medium": self._kinds[0].name})

    async def _next(self, message: dict[str, Any]) -> None:
        """Begin an epoch of that medium."""
        await self._clear()
        made = self._order = schedule.epoch_order(self.seed, self._drawn, MEDIA[message["medium"]])
        self._drawn += 1
        twins = [opening.flow for opening in made.flows if opening.kind != "call"]
        if self._channels:
            self._mine = {flow: Channel(self._port, self._host) for flow in twins}
        else:
            self._mine = {flow: Twin(flow) for flow in twins}
            self._twins |= {self._path(flow): twin for flow, twin in self._mine.items() if isinstance(twin, Twin)}
        self._open(made.flows, [self._opening(opening) for opening in made.flows], made.medium.slots, schedule.SETUP_S)

    async def _try_paths(self, message: dict[str, Any]) -> None:
        """Begin the last epoch: one call a path."""
        await self._clear()
        direct = Path(f"udp/{self._port.address[1]}", "udp", self._port.address[1])
        self._paths = (direct, *msgspec.convert(message["paths"], tuple[Path, ...]))
        made = self._order = EpochOrder(self._drawn, tuple(Opening(i, "call") for i in range(len(self._paths))))
        server = {"username": message["user"], "credential": message["password"]}
        told = [
            {"flow": flow, "kind": "call"}
            | (
                {"ice": {"iceServers": [{"urls": path.url, **server}], "iceTransportPolicy": "relay"}}
                if path.url
                else {}
            )
            for flow, path in enumerate(self._paths)
        ]
        self._open(made.flows, told, PATH_SLOTS, PATH_SETUP_S)

    def _open(self, flows: tuple[Opening, ...], told: list[dict[str, Any]], slots: int, setup_s: float) -> None:
        """Have the page open them in this order."""
        self._opened_s, self._late_ms, self._slots = time.monotonic(), [], slots
        medium = self._order.medium if self._order else VOICE
        self._tell({
            "type": "epoch",
            "number": self._order.number if self._order else 0,
            "seed": self._far.hex(),
            "flows": told,
            "trying": bool(self._paths),
            "slots": slots,
            "tick_ms": TICK_MS,
            "gap_ms": schedule.GAP_MS,
            "setup_ms": 1000 * setup_s,
            "tail_ms": 1000 * schedule.TAIL_S,
            "medium": medium.name,
            "picture": medium.picture_bytes,
            "payload": PAYLOAD_BYTES,
            "datagram": medium.wire_bytes - (CHANNEL_OVERHEAD if self._channels else UP_OVERHEAD),
        })  # fmt: skip

    def _opening(self, opening: Opening) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(opening)
        return plain if opening.kind == "call" or self._channels else plain | {"path": self._path(opening.flow)}

    def _path(self, flow: int) -> str:
        return f"/twin/{self._token}/{self._drawn}/{flow}"

    async def _offer(self, message: dict[str, Any]) -> None:
        flow, made = int(message["flow"]), self._order
        due = {opening.flow: opening.kind for opening in made.flows} if made else {}
        peer: Peer | Twin | None = self._mine.get(flow)
        if made and due.get(flow) == "call" and flow not in self._calls:
            peer = self._calls[flow] = Call(self._port, self._host, made.medium)
        if not isinstance(peer, Peer):
            raise PeerError("The page offered a call that was not due; load the page again.")
        self._tell({"type": "answer", "flow": flow, "sdp": await peer.answer(str(message["sdp"]))})

    async def _media(self, _: dict[str, Any]) -> None:
        """All is set up: both ends speak from now on."""
        if self._metronome is None and self._order is not None:
            self._go_s = time.monotonic() + GO_S
            self._metronome = asyncio.create_task(self._keep_time(self._order))
            self._tell({"type": "go"})

    async def _keep_time(self, made: EpochOrder) -> None:
        """One tick is one packet of each flow, at its own phase."""
        flows = sorted(made.flows, key=lambda opening: opening.phase_ms)
        for slot in range(self._slots):
            for opening in flows:
                due_s = self._go_s + (slot * TICK_MS + opening.phase_ms) / 1000
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                self._late_ms.append(1000 * (time.monotonic() - due_s))
                if slot not in opening.withheld:
                    self._tick(opening, slot, made.medium.wire_bytes)

    def _tick(self, opening: Opening, slot: int, wire_bytes: int) -> None:
        if opening.kind != "call":
            overhead = CHANNEL_OVERHEAD if self._channels else DOWN_OVERHEAD
            self._mine[opening.flow].tick(slot, wire_bytes - overhead)
        elif opening.flow in self._calls:
            self._calls[opening.flow].voice.tick(slot)

    async def _report(self, message: dict[str, Any]) -> None:
        """The page's counts: with ours they are the epoch's facts."""
        report = msgspec.convert(message["report"], EpochReport)
        made = self._order
        if made is None or report.number != made.number:
            raise PeerError("The page reported on something that was not asked; load the page again.")
        if not self._paths and not self._epochs and not self._channels and _quic_alone_is_dead(made, report):
            self._channels = True
            await self._next({"medium": made.medium.name})
            return
        now_s = time.monotonic() - self._began_s
        times = Times(self._opened_s - self._began_s, now_s - schedule.TAIL_S, now_s, self._go_s)
        far = {opening.flow: self._seen(opening.flow) for opening in made.flows}
        if self._paths:
            found = path_epoch(made.number, self._paths, report, far, times)
        else:
            port, channels, apart = self._port.address[1], self._channels, self._come_apart()
            found = epoch(made, report, far, times, self.seed, port, channels=channels, apart=apart)
            self._apart = self._apart or apart
            self._elsewhere = self._elsewhere or self._is_elsewhere()
        self._own_late_ms = max(self._own_late_ms, _usual_ms(self._late_ms))
        self._moved = self._moved or any(flow.moved for flow in far.values())
        self._epochs.append(found)
        self._reports.append(report)
        self._order = None
        facts = base64.b64encode(msgspec.msgpack.encode(self._facts())).decode()
        self._tell({"type": "facts", "facts": facts, "half": self._far.hex(), "tried": bool(self._paths),
                    "late_ms": self._own_late_ms, "apart": self._apart, "elsewhere": self._elsewhere})  # fmt: skip

    def _come_apart(self) -> bool:
        """Did no call come from where a twin did? A proxy, a VPN of the browser's own or a relay such as iCloud's may
        carry QUIC and leave calls on the network; or one goes by IPv6. Then the two differ without any restriction."""
        calls, twins = self._origins()
        return bool(calls and twins) and calls.isdisjoint(twins)

    def _is_elsewhere(self) -> bool:
        """Did the page come by a proxy that no flow took? Then its address tells nothing of the network that was
        measured. Nor does a page by IPv6 tell anything of flows by IPv4."""
        try:
            page = origin(self._page)
        except ValueError:
            return False
        flows = {each for each in set().union(*self._origins()) if len(each) == len(page)}
        return bool(flows) and page not in flows

    def _origins(self) -> tuple[set[bytes], set[bytes]]:
        """Where calls and twins came from."""
        calls, twins = (set[bytes]().union(*(flow.origins for flow in flows.values()))
                        for flows in (self._calls, self._mine))  # fmt: skip
        return calls, twins

    def _seen(self, flow: int) -> FarFlow:
        twin = self._mine.get(flow)
        if twin is not None:
            received = twin.received
            return FarFlow(flow, tuple(received.slots.items()), tuple(twin.sent), packets=received.packets,
                           lost_packets=received.lost_packets(), moved=received.moved)  # fmt: skip
        call = self._calls.get(flow)
        if call is None:
            return FarFlow(flow)
        heard = call.heard
        arrivals = tuple((number, at_s) for at_s, _, number in heard.rtp)
        said = tuple(call.voice.said)
        stamp = None
        if said and heard.stamp is not None and self._order is not None:
            stamp = (heard.stamp - said[0] * STAMPS_A_TICK[self._order.medium.name]) % STAMPS
        due_bytes = self._order.medium.wire_bytes if self._order else 0
        unlike = sum(count for size, count in heard.sizes.items() if size != due_bytes)
        return FarFlow(
            flow, arrivals, said, heard.requests, heard.hellos, unlike=unlike, moved=heard.moved, stamp=stamp
        )

    def _facts(self) -> Facts:
        reports = self._reports
        return Facts(
            plan=schedule.plan(self._kinds),
            epochs=together(self._epochs),
            health=Health(
                late_ms_p99=max([self._own_late_ms, *(r.late_ms_p99 for r in reports if r.late_ms_p99 > NOTED_MS)]),
                clock_jump_s=max((report.clock_jump_s for report in reports), key=abs, default=0.0),
                network_changed=self._moved or any(report.network_changed for report in reports),
                hidden=any(report.hidden for report in reports),
                vpn=self._vpn,
            ),
            reach=Reach(tcp_ok=sum(r.pongs for r in reports), tcp_tries=sum(r.pings for r in reports)),
            seed=self.seed,
            started_at=f"{self._started_at:%Y-%m-%dT%H}:00:00Z",
            duration_s=time.monotonic() - self._began_s,
            bytes_sent=_bytes(self._epochs, "up"),
            bytes_received=_bytes(self._epochs, "down"),
            family=6 if ":" in self._host else 4,
        )

    async def _clear(self) -> None:
        """End the last epoch's flows."""
        if self._metronome is not None:
            self._metronome.cancel()
            self._metronome = None
        peers: list[Peer] = [
            *self._calls.values(),
            *(twin for twin in self._mine.values() if isinstance(twin, Channel)),
        ]
        for flow, twin in self._mine.items():
            if isinstance(twin, Twin):
                self._twins.pop(self._path(flow), None)
                if twin.close is not None:
                    twin.close()
        self._calls, self._mine = {}, {}
        await asyncio.gather(*(peer.close() for peer in peers))

    async def close(self) -> None:
        """The page went away, or all is done."""
        await self._clear()


def _usual_ms(late_ms: list[float]) -> float:
    """The lateness that one in a hundred ticks exceeded."""
    return sorted(late_ms)[int(0.99 * len(late_ms))] if late_ms else 0.0


def _bytes(epochs: Sequence[Epoch], way: Direction) -> int:
    """IP bytes of what was sent that way."""
    found = 0
    for each in epochs:
        size = np.array(each.up.size if way == "up" else each.down.size) + HEADER_BYTES
        found += sum(int(size[unpack(flow.sent, len(size))].sum()) for flow in each.flows if flow.direction == way)
    return found


def _quic_alone_is_dead(made: EpochOrder, report: EpochReport) -> bool:
    """Did calls come up and not one twin? Then QUIC does not pass here, which says nothing of calls: the check begins
    anew with data channels for twins. Nothing of that epoch is kept, so nothing is chosen by its outcome."""
    up = {flow.flow for flow in report.flows if flow.dtls_ms is not None}
    twins = {opening.flow for opening in made.flows if opening.kind != "call"}
    return bool(up - twins) and not up & twins
