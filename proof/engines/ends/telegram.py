"""One end of a Telegram call in ntgcalls (libwebrtc with Telegram's own set-up; no account and no server of Telegram).

python -m proof.engines.ends.telegram FOLDER caller|callee
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import ntgcalls

from proof.engines.ends.driver import SETUP_S
from proof.engines.ends.sound import PICTURE, RATE, picture_file, speech_file
from proof.engines.mailbox import POLL_S, Mailbox

USER = 1
VERSIONS = ["9.0.0"]
KEY = bytes(range(256))


class End:
    """One end: the engine and its signalling."""

    def __init__(self, mail: Mailbox) -> None:
        self._mail, self._call = mail, mail.call
        self._engine = ntgcalls.NTgCalls()
        self._state = ""
        self._engine.on_signaling_data(lambda _, data: mail.send("signalling", data=bytes(data).hex()))
        self._engine.on_connection_change(lambda _, info: self._changed(str(info.state.name)))

    def _changed(self, state: str) -> None:
        self._state = state
        self._mail.log("state", state=state)

    async def play(self) -> None:
        """Play this end's part of the call."""
        mail, call = self._mail, self._call
        await self._engine.create_p2p_call(USER)
        await self._engine.set_stream_sources(USER, ntgcalls.StreamMode.CAPTURE, self._capture())
        await self._engine.set_stream_sources(USER, ntgcalls.StreamMode.PLAYBACK, self._playback())
        await self._engine.skip_exchange(USER, KEY, mail.role == "caller")
        mail.log("open")
        mail.send("ready")
        mail.wait("ready", SETUP_S)
        if mail.role == "callee" and not call["answered"]:
            await asyncio.sleep(call["rings_s"])
            return
        versions = call.get("versions", VERSIONS)
        await self._engine.connect_p2p(USER, self._servers(), versions, not call["relay_only"], None)
        await self._last()
        await self._engine.stop(USER)
        mail.send("bye")
        mail.log("closed")
        await asyncio.sleep(0.5)

    async def _last(self) -> None:
        mail, call = self._mail, self._call
        up_s: float | None = None
        mutes = call["mutes"] == mail.role
        began_s = time.monotonic()
        acts = sorted((act["after_s"], act["does"]) for act in call["acts"] if act["role"] == mail.role)
        while mail.take("bye") is None:
            if (message := mail.take("signalling")) is not None:
                await self._engine.send_signaling_data(USER, bytes.fromhex(message["data"]))
            now_s = time.monotonic()
            if up_s is None and self._state == "CONNECTED":
                up_s = now_s
                mail.log("connected")
            if up_s is None:
                if now_s > began_s + (call["setup_s"] if call["answered"] else call["rings_s"]):
                    mail.log("never connected", state=self._state)
                    return
            elif acts and now_s > up_s + acts[0][0]:
                mail.log(acts.pop(0)[1])
                await self._engine.mute(USER)
            elif mutes and now_s > up_s + call["mutes_after_s"]:
                mutes = False
                await self._engine.mute(USER)
                mail.log("muted")
            elif now_s > up_s + call["seconds"] + (0 if call["hangs_up"] == mail.role else 5):
                return
            await asyncio.sleep(POLL_S)

    def _capture(self) -> Any:
        call, folder = self._call, self._mail.folder
        if self._mail.role in call["receives_only"]:
            return ntgcalls.MediaDescription(None, None, None, None)
        file = ntgcalls.MediaSource.FILE
        sound = ntgcalls.AudioDescription(file, RATE, 1, str(speech_file(folder)), False)
        width, height, rate = PICTURE
        video = (
            ntgcalls.VideoDescription(file, width, height, rate, str(picture_file(folder)), False)
            if "video" in call["media"]
            else None
        )
        return ntgcalls.MediaDescription(sound, None, video, None)

    def _playback(self) -> Any:
        """What is wanted of the far end: its microphone and camera."""
        outside = ntgcalls.MediaSource.EXTERNAL
        sound = ntgcalls.AudioDescription(outside, RATE, 1, "", False)
        video = ntgcalls.VideoDescription(outside, *PICTURE, "", False) if "video" in self._call["media"] else None
        return ntgcalls.MediaDescription(sound, None, video, None)

    def _servers(self) -> list[Any]:
        return [
            ntgcalls.RTCServer(
                one["id"], one["ipv4"], one["ipv6"], one["port"], one.get("user"), one.get("password"),
                one.get("turn", False), one.get("stun", False), one.get("tcp", False),
                bytes.fromhex(one["tag"]) if "tag" in one else None,
            )
            for one in self._call["servers"]
        ]  # fmt: skip


def main() -> None:
    """Play this end."""
    folder, role = Path(sys.argv[1]), sys.argv[2]
    mail = Mailbox(folder, "caller" if role == "caller" else "callee")
    mail.log("engine", name="ntgcalls", version="3.0.5")
    asyncio.run(End(mail).play())


if __name__ == "__main__":
    main()
