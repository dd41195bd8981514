"""The WebSocket of one end of a call between two phones: opens or joins a room, and passes its messages to it.

At the end both ends' own checks are read (their bundles, verified), everything is judged, and each end is told the
result in its own language, with one bundle that has the evidence of both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.browser.answer.paired_result import paired_result
from talkpath.browser.far_end.far_end_process import error_message
from talkpath.browser.web.admission_queue import host_name
from talkpath.browser.web.check_messages import PageInbox, PageServices, while_page_stays
from talkpath.browser.web.page_files import qr_code_data
from talkpath.browser.web.paired_room import ROOM_LIFE_S, PairedPage, PairedRoom, PairedRooms, RoomError
from talkpath.errors import PeerError
from talkpath.measure.paired_call import PairedCallFacts, PairedEnd, PairedMedium, PairedRoute
from talkpath.serving.connections import host_block

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

MAX_PAGE_CHARACTERS = 300  # of the page's own address


class RoomEntry(Struct, frozen=True):
    """The first message of a page: it opens a room for these media, brings a code, or asks whether a code still opens.
    `page` is where a code is brought to, for the QR code of the link."""

    type: Literal["open", "join", "look"]
    language: str = "en"
    video: bool = False
    code: str = ""
    page: Annotated[str, Meta(max_length=MAX_PAGE_CHARACTERS)] = ""


async def serve_paired_call(socket: WebSocket, rooms: PairedRooms, services: PageServices) -> None:
    """Serve one end, as long as its page is there."""
    inbox = PageInbox(socket)
    await while_page_stays(socket, inbox, _serve_end(socket, inbox, rooms, services))


async def _serve_end(socket: WebSocket, inbox: PageInbox, rooms: PairedRooms, services: PageServices) -> None:
    try:
        entry = msgspec.convert(await inbox.first(), RoomEntry)
    except msgspec.ValidationError:
        return
    try:
        if entry.type == "look":
            rooms.require_waiting(entry.code)
            await socket.send_json({"type": "waiting"})
            return
        room, end = _entered_room(entry, rooms, _page_of(socket, entry.language, services), services)
    except RoomError as error:
        await socket.send_json(error_message(error.code, "There is no such room, or no place."))
        return
    try:
        async with asyncio.timeout(ROOM_LIFE_S) as room.limits[end]:
            await _pass_page_messages(socket, inbox, room, end, entry.page)
    except TimeoutError:
        code = "rooms_full" if room.is_over else "no_room"
        await socket.send_json(error_message(code, "The room's time is over."))
    except PeerError as error:
        await socket.send_json(error_message("unread", str(error)))
    finally:
        rooms.close_room(room)
        await _tell_left(room, end)


def _entered_room(
    entry: RoomEntry, rooms: PairedRooms, page: PairedPage, services: PageServices
) -> tuple[PairedRoom, PairedEnd]:
    """The room that the page opened or joined, and which end it is."""
    if entry.type == "join":
        return rooms.join_room(entry.code, page), "b"
    media: tuple[PairedMedium, ...] = ("voice", "video") if entry.video else ("voice",)
    relay_offered = bool(page.ice("relayed"))

    async def conclude(
        facts: PairedCallFacts, lines: Mapping[PairedEnd, bytes], languages: Mapping[PairedEnd, str]
    ) -> Mapping[PairedEnd, dict[str, Any]]:
        return await asyncio.to_thread(paired_result, facts, lines, languages, services.issuer.signer.public)

    return rooms.open_room(page, media, conclude, relay_offered=relay_offered), "a"


async def _pass_page_messages(socket: WebSocket, inbox: PageInbox, room: PairedRoom, end: PairedEnd, link: str) -> None:
    """Pass the page's messages to its room, until that is over."""
    if end == "a":
        picture = qr_code_data(f"{link}#{room.code}") if link else ""
        await socket.send_json({"type": "room", "code": room.code, "life_s": ROOM_LIFE_S, "qr": picture})
    else:
        await room.begin()
    while not room.is_over:
        await room.receive(end, await inbox.next())


async def _tell_left(room: PairedRoom, end: PairedEnd) -> None:
    """Tell the other end, once, that this one left before there was a result."""
    others = [] if room.is_over else [page for each, page in room.pages.items() if each != end]
    room.is_over = True
    for page in others:
        with suppress(Exception):  # it may have left too
            await page.send(error_message("partner", "The other browser left."))


def _page_of(socket: WebSocket, language: str, services: PageServices) -> PairedPage:
    host = services.address or socket.scope["server"][0]
    name, relay = host_name(socket.headers) or host, services.relay

    def ice(route: PairedRoute) -> dict[str, Any]:
        """STUN at the relay's first port, or the relay alone, with new credentials."""
        paths = [path for path in relay.paths(host, name) if path.url and path.transport != "tls"] if relay else []
        if route == "relayed" and relay and paths:
            user, password = relay.credentials()
            servers = [{"urls": path.url, "username": user, "credential": password} for path in paths[:1] + paths[2:3]]
            return {"iceServers": servers, "iceTransportPolicy": "relay"}
        stun = [path.url.replace("turn:", "stun:").partition("?")[0] for path in paths if path.transport == "udp"]
        return {"iceServers": [{"urls": stun[0]}]} if route == "direct" and stun else {}

    return PairedPage(
        send=socket.send_json,
        language=language,
        ice=ice,
        block=host_block(socket.client.host if socket.client else None),
    )
