"""Which calls are recorded: an engine at each end, the way between them, and what becomes of the call.

A case is named after what is in it. Its truth is written from it and from what the ends and the network logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from proof.engines.mailbox import Role
from proof.engines.path import Trouble

Engine = Literal["telegram", "chromium", "firefox", "aiortc", "wrtc", "baresip"]
Other = Literal["game", "quic", "wireguard", "utp", "dns", "mumble"]
Relay = Literal["", "reflector", "turn-udp", "turn-tcp", "turn-tls", "turn-any"]
Link = Literal["ethernet", "any", "raw"]
APPS: dict[Engine | Other, str] = {
    "telegram": "telegram",
    "chromium": "webrtc",
    "firefox": "webrtc",
    "aiortc": "webrtc",
    "wrtc": "webrtc",
    "baresip": "sip",
}


@dataclass(frozen=True, slots=True)
class Act:
    """What an end does in its call, so long after it was up: `film` adds a picture, `restart` is ICE's."""

    after_s: float
    role: Role
    does: Literal["mute", "hold", "resume", "film", "restart"]


@dataclass(frozen=True, slots=True)
class Case:
    """One call. `holds`: who mutes sends nothing at all, not silence. `realm`: what the TURN server calls itself.
    `mdns`: browsers hide their addresses (RFC 8828). `more`: streams that a conference's server sends beside the first.
    `rebinds_after_s`: when the caller's router gives it new ports. `srtp`: a call of baresip is encrypted. A tunnel of
    WireGuard with a `codec` has a call of baresip in it."""

    caller: Engine | Other
    callee: Engine | Other
    media: tuple[str, ...] = ("voice",)
    relay: Relay = ""
    relays_both: bool = False
    family: Literal["", "4", "6"] = ""
    troubles: tuple[Trouble, ...] = ()
    jitter_s: float = 0.0
    seconds: float = 16.0
    setup_s: float = 30.0
    mutes: Role | None = None
    mutes_after_s: float = 7.0
    holds: bool = False
    hangs_up: Role = "caller"
    receives_only: tuple[Role, ...] = ()
    answered: bool = True
    data: bool = False
    codec: str = ""
    link: Link = "ethernet"
    realm: str = "example.org"
    versions: tuple[str, ...] = ("9.0.0",)
    acts: tuple[Act, ...] = ()
    mdns: bool = False
    dtx: bool = False
    more: int = 0
    rebinds_after_s: float | None = None
    srtp: bool = False


VIDEO = ("voice", "video")
LOSS_UP = Trouble("all", "up", share=0.1)
LOSS_BOTH = Trouble("all", "both", share=0.05)
OUTAGE = Trouble("all", "both", after_s=5, for_s=5)
DEAD = Trouble("all", "both", after_s=6)
MEDIA_DOWN = Trouble("media", "down", after_s=6)
MEDIA_UP = Trouble("media", "up", after_s=6)
MEDIA_NEVER = Trouble("media", "both")
UDP_NEVER = Trouble("udp", "both")


def _telegram(**more: object) -> Case:
    return Case("telegram", "telegram", **more)  # type: ignore[arg-type]


def _chromium(**more: object) -> Case:
    return Case("chromium", "chromium", **more)  # type: ignore[arg-type]


CASES: dict[str, Case] = {
    "tg_voice_direct": _telegram(),
    "tg_voice_reflector": _telegram(relay="reflector"),
    "cr_voice_direct": _chromium(),
    "cr_video_direct": _chromium(media=VIDEO),
    "ff_voice_direct": Case("firefox", "firefox"),
    "aiortc_cr_voice": Case("aiortc", "chromium"),
    "wrtc_voice": Case("wrtc", "wrtc"),
    # Telegram
    "tg_video_direct": _telegram(media=VIDEO),
    "tg_video_reflector": _telegram(media=VIDEO, relay="reflector"),
    "tg_voice_turn": _telegram(relay="turn-udp", realm="telegram.org"),
    "tg_voice_turn_otherrealm": _telegram(relay="turn-udp"),
    "tg_voice_13": _telegram(versions=("13.0.0",)),
    "tg_voice_direct_4": _telegram(family="4", link="any"),
    "tg_voice_loss": _telegram(troubles=(LOSS_UP,)),
    "tg_voice_loss_reflector": _telegram(troubles=(LOSS_UP,), relay="reflector"),
    "tg_voice_jitter": _telegram(jitter_s=0.02),
    "tg_voice_outage_direct": _telegram(troubles=(OUTAGE,), seconds=22),
    "tg_voice_outage_reflector": _telegram(troubles=(OUTAGE,), relay="reflector", seconds=22),
    "tg_voice_dead_direct": _telegram(troubles=(DEAD,), seconds=22),
    "tg_voice_dead_reflector": _telegram(troubles=(DEAD,), relay="reflector", seconds=22),
    "tg_voice_down_blocked": _telegram(troubles=(MEDIA_DOWN,), seconds=18),
    "tg_voice_up_blocked_reflector": _telegram(troubles=(MEDIA_UP,), relay="reflector", seconds=18),
    "tg_voice_never_blocked": _telegram(troubles=(MEDIA_NEVER,)),
    "tg_voice_muted": _telegram(mutes="caller"),
    "tg_voice_muted_reflector": _telegram(mutes="callee", relay="reflector", link="raw"),
    "tg_voice_udp_blocked": _telegram(troubles=(UDP_NEVER,), setup_s=15),
    "tg_voice_unanswered": _telegram(answered=False, relay="reflector"),
    "tg_video_loss": _telegram(media=VIDEO, troubles=(LOSS_BOTH,)),
    "tg_video_down_blocked": _telegram(media=VIDEO, troubles=(MEDIA_DOWN,)),
    "tg_video_muted_reflector": _telegram(media=VIDEO, mutes="caller", relay="reflector"),
    "tg_voice_callee_ends": _telegram(hangs_up="callee"),
    # Chromium
    "cr_voice_direct_4": _chromium(family="4", link="any"),
    "cr_voice_direct_6": _chromium(family="6"),
    "cr_video_data_direct": _chromium(media=VIDEO, data=True, link="raw"),
    "cr_video_vp9": _chromium(media=VIDEO, codec="video/VP9"),
    "cr_video_av1": _chromium(media=VIDEO, codec="video/AV1"),
    "cr_voice_turn_udp": _chromium(relay="turn-udp"),
    "cr_voice_turn_tcp": _chromium(relay="turn-tcp"),
    "cr_voice_turn_tls": _chromium(relay="turn-tls"),
    "cr_video_turn_tcp": _chromium(relay="turn-tcp", media=VIDEO),
    "cr_voice_dead_turn": _chromium(relay="turn-udp", troubles=(DEAD,), seconds=22),
    "cr_voice_fallback": _chromium(relay="turn-any", troubles=(UDP_NEVER,)),
    "cr_voice_turn_6": _chromium(relay="turn-udp", family="6"),
    "cr_video_turn_both": _chromium(relay="turn-udp", relays_both=True, media=VIDEO),
    "cr_voice_loss": _chromium(troubles=(LOSS_BOTH,)),
    "cr_video_loss": _chromium(troubles=(LOSS_UP,), media=VIDEO),
    "cr_voice_jitter": _chromium(jitter_s=0.02),
    "cr_voice_outage": _chromium(troubles=(OUTAGE,), seconds=22),
    "cr_voice_dead": _chromium(troubles=(DEAD,), seconds=22),
    "cr_voice_down_blocked": _chromium(troubles=(MEDIA_DOWN,)),
    "cr_video_up_blocked": _chromium(troubles=(MEDIA_UP,), media=VIDEO),
    "cr_voice_never_blocked": _chromium(troubles=(MEDIA_NEVER,)),
    "cr_voice_muted": _chromium(mutes="caller"),
    "cr_voice_held": _chromium(mutes="callee", holds=True),
    "cr_voice_recvonly": _chromium(receives_only=("callee",)),
    "cr_voice_udp_blocked": _chromium(troubles=(UDP_NEVER,), setup_s=15),
    "cr_voice_unanswered": _chromium(answered=False, relay="turn-udp"),
    "cr_voice_callee_ends": _chromium(hangs_up="callee"),
    # others
    "ff_video_direct": Case("firefox", "firefox", media=VIDEO),
    "ff_cr_video": Case("firefox", "chromium", media=VIDEO),
    "cr_ff_voice": Case("chromium", "firefox"),
    "ff_voice_turn_udp": Case("firefox", "firefox", relay="turn-udp"),
    "ff_voice_dead": Case("firefox", "firefox", troubles=(DEAD,), seconds=22),
    "ff_voice_down_blocked": Case("firefox", "firefox", troubles=(MEDIA_DOWN,)),
    "ff_voice_loss": Case("firefox", "firefox", troubles=(LOSS_UP,)),
    "ff_voice_held": Case("firefox", "firefox", mutes="callee", holds=True),
    "ff_voice_outage": Case("firefox", "firefox", troubles=(OUTAGE,), seconds=22),
    "wrtc_video": Case("wrtc", "wrtc", media=VIDEO),
    "wrtc_voice_up_blocked": Case("wrtc", "wrtc", troubles=(MEDIA_UP,)),
    "wrtc_voice_outage": Case("wrtc", "wrtc", troubles=(OUTAGE,), seconds=22),
    "wrtc_voice_dead": Case("wrtc", "wrtc", troubles=(DEAD,), seconds=22),
    "aiortc_voice": Case("aiortc", "aiortc"),
    "cr_aiortc_video": Case("chromium", "aiortc", media=VIDEO),
    "aiortc_voice_down_blocked": Case("aiortc", "aiortc", troubles=(MEDIA_DOWN,)),
    # plain SIP and RTP
    "sip_voice": Case("baresip", "baresip", family="4"),
    "sip_voice_pcmu": Case("baresip", "baresip", family="4", codec="g711"),
    "sip_voice_loss": Case("baresip", "baresip", family="4", troubles=(LOSS_UP,)),
    "sip_voice_down_blocked": Case("baresip", "baresip", family="4", troubles=(MEDIA_DOWN,)),
    "sip_voice_dead": Case("baresip", "baresip", family="4", troubles=(DEAD,), seconds=22),
    "sip_voice_unanswered": Case("baresip", "baresip", family="4", answered=False),
    "sip_voice_callee_ends": Case("baresip", "baresip", family="4", hangs_up="callee"),
    # no calls
    "no_game": Case("game", "game"),
    "no_quic": Case("quic", "quic"),
    "no_wireguard": Case("wireguard", "wireguard"),
    "no_utp": Case("utp", "utp"),
    "no_dns": Case("dns", "dns"),
    # what people do in calls, and what networks do to them
    "cr_ff_mdns": Case("chromium", "firefox", mdns=True),
    "ff_cr_mdns_video": Case("firefox", "chromium", mdns=True, media=VIDEO),
    "sfu_voice": Case("chromium", "aiortc", more=3),
    "sfu_video": Case("chromium", "aiortc", media=VIDEO, more=2),
    "sfu_down_blocked": Case("chromium", "aiortc", more=2, troubles=(MEDIA_DOWN,)),
    "sfu_up_blocked": Case("firefox", "aiortc", more=2, troubles=(MEDIA_UP,)),
    "sfu_dead": Case("firefox", "aiortc", more=2, troubles=(DEAD,), seconds=22),
    "sfu_listen_down_blocked": Case("chromium", "aiortc", more=2, receives_only=("caller",), troubles=(MEDIA_DOWN,)),
    "cr_restart": _chromium(acts=(Act(6, "caller", "restart"),)),
    "ff_hold_resume": Case(
        "firefox", "firefox", acts=(Act(5, "caller", "hold"), Act(12, "caller", "resume")), seconds=18
    ),
    "cr_both_hold": _chromium(acts=(Act(5, "callee", "hold"), Act(6, "caller", "hold")), seconds=20),
    "cr_film": _chromium(acts=(Act(6, "caller", "film"), Act(9, "callee", "film"))),
    "cr_data_only": _chromium(media=(), data=True),
    "cr_held_all_the_time": _chromium(mutes="callee", mutes_after_s=0, holds=True),
    "cr_quiet_dtx": _chromium(dtx=True, mutes="callee", mutes_after_s=1, acts=(Act(1, "caller", "mute"),), seconds=20),
    "cr_voice_turn_tcp_dead": _chromium(relay="turn-tcp", troubles=(DEAD,), seconds=22),
    "cr_voice_turn_tcp_outage": _chromium(relay="turn-tcp", troubles=(OUTAGE,), seconds=22),
    "cr_voice_turn_tls_dead": _chromium(relay="turn-tls", troubles=(DEAD,), seconds=22),
    "cr_voice_long": _chromium(seconds=200),
    "cr_recvonly_down_blocked": _chromium(receives_only=("caller",), troubles=(MEDIA_DOWN,)),
    "cr_voice_down_never": _chromium(troubles=(Trouble("media", "down"),)),
    "cr_voice_rebound": _chromium(rebinds_after_s=6, seconds=20),
    "ff_voice_rebound": Case("firefox", "firefox", rebinds_after_s=6, seconds=20),
    "ff_voice_turn_tls": Case("firefox", "firefox", relay="turn-tls"),
    "tg_voice_rebound": _telegram(rebinds_after_s=6, seconds=20),
    "tg_voice_6": _telegram(family="6"),
    "tg_voice_both_mute": _telegram(mutes="callee", mutes_after_s=0, acts=(Act(0.5, "caller", "mute"),)),
    "tg_voice_13_dead": _telegram(versions=("13.0.0",), troubles=(DEAD,), seconds=22),
    "wrtc_cr_voice": Case("wrtc", "chromium"),
    "aiortc_voice_dead": Case("aiortc", "aiortc", troubles=(DEAD,), seconds=22),
    "sip_voice_never_blocked": Case("baresip", "baresip", family="4", troubles=(MEDIA_NEVER,)),
}

UNTAUGHT: dict[str, Case] = {
    "sip_srtp": Case("baresip", "baresip", family="4", srtp=True),
    "mumble_voice": Case("mumble", "mumble", family="4"),
    "tunnel_call": Case("wireguard", "wireguard", family="4", codec="opus", srtp=True),
}
"""Calls of protocols that no recogniser and no codec of ours knows, recorded for `check --like` alone."""
