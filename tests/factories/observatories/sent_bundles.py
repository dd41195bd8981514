"""Bundles as people send them: a real check in virtual time, passed off as measured; and what strangers send."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.bundle import (
    BUNDLE_SIGNED_PREFIX,
    MANIFEST_PART,
    SIGNATURE_PART,
    Manifest,
    has_receipt,
    write_check,
)
from talkpath.evidence.known_responders import probe_signer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, SignedReceipt
from talkpath.measure.facts_digest import run_digest
from talkpath.observatory.intake.collector import Collector, IntakeSettings, ReportStatus
from talkpath.observatory.intake.contributors import Contributors, HourlyLimit
from talkpath.observatory.intake.metrics import Metrics
from talkpath.observatory.log.committer import Committer
from talkpath.observatory.log.folder import Folder
from talkpath.observatory.log.log import Log
from talkpath.report.check_json import judge_check
from talkpath.responder.geoip import GeoDatabase, NetworkOrigin
from talkpath.wire.control.keys import Signer, raw_key_text
from talkpath.wire.control.receipt import seal_receipt, unseal_receipt

DAY = "2026-11-24"
RULE = "media.drop,app=whatsapp,p=0.5,direction=up"


NETWORK, COUNTRY = "AS64496", "XX"


@cache
def sent_facts(restricted: bool = False, apps: tuple[str, ...] = ("whatsapp/relay60",)) -> Facts:
    plan = make_plan(choose_arms(apps))
    scenario = Scenario.parse("clean", [RULE] if restricted else [], 1)
    played = run_sim(plan, scenario, where=NetworkOrigin(NETWORK, COUNTRY))
    return replace(played, started_at=f"{DAY}T10:00:00Z")


@cache
def sent_results(restricted: bool, apps: tuple[str, ...] = ("whatsapp/relay60",)) -> dict[str, object]:
    return judge_check(sent_facts(restricted, apps))[1]


def measured_bundle(
    seed: int = 0,
    restricted: bool = False,
    apps: tuple[str, ...] = ("whatsapp/relay60",),
    day: str = DAY,
    receipt_day: str = "",
) -> bytes:
    """A bundle with its receipt, neither of which a lab key signed. `receipt_day` "": the receipt tells no time."""
    probe, responder = seeded_signer("probe", seed), seeded_signer("far", seed)
    played = sent_facts(restricted, apps)
    assert played.receipt is not None
    seen = unseal_receipt(played.receipt.body, played.receipt.signature)
    key, hour = raw_key_text(responder.public), f"{receipt_day}T10:00:00Z" if receipt_day else ""
    real = replace(played, simulated=False, responder_key=key, started_at=f"{day}T10:00:00Z")
    own = replace(seen, probe_key=probe.public, responder_key=responder.public, run_digest=run_digest(real),
                  started_at=hour, ended_at=hour)  # fmt: skip
    taken = replace(real, receipt=SignedReceipt(*seal_receipt(own, responder)))
    assert has_receipt(taken, probe)
    return write_check(taken, sent_results(restricted, apps), probe)


def responder_key(seed: int) -> str:
    """The key of the responder of `measured(seed)`, as lists write it."""
    return raw_key_text(seeded_signer("far", seed).public)


def seeded_signer(end: str, seed: int) -> Signer:
    return Signer.of_seed(hashlib.sha256(f"{end} {seed}".encode()).digest())


@cache
def simulated_bundle() -> bytes:
    return write_check(sent_facts(), sent_results(False), probe_signer())


def resealed_bundle(parts: dict[str, bytes], kind: str = "check", seed: int = 0) -> bytes:
    """Any parts, signed by somebody: what a stranger who knows the format can send."""
    signer = Signer.of_seed(hashlib.sha256(str(seed).encode()).digest())
    old = msgspec.json.decode(unpack_archive(measured_bundle(seed))[MANIFEST_PART], type=Manifest)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    manifest = msgspec.json.encode(replace(old, kind=kind, key=raw_key_text(signer.public), parts=digests))
    return pack_archive(
        {MANIFEST_PART: manifest, **parts, SIGNATURE_PART: signer.sign(BUNDLE_SIGNED_PREFIX + manifest)}
    )


class Time:
    """Monotonic seconds that tests turn."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


class Bench:
    """A collector and what stands behind it."""

    def __init__(self, root: Path, settings: IntakeSettings | None = None) -> None:
        settings = settings or IntakeSettings(apps=frozenset(("whatsapp", "signal")))
        self.day, self.time = DAY, Time()
        self.log = Log(Folder(root), lambda: self.day)
        self.committer = Committer(self.log)
        limits = HourlyLimit(settings.bundles_an_hour, self.time), HourlyLimit(settings.taps_an_hour, self.time)
        people = Contributors(lambda: self.day)
        self.collector = Collector(self.log, self.committer, GeoDatabase(()), people, settings, Metrics(), limits)

    async def take(self, data: bytes, host: str | None, withdraw: str = "", name: str = "") -> ReportStatus:
        return await self.collector.take(data, self.collector.sender(host), withdraw, name)

    def close(self) -> None:
        self.committer.close()
        self.log.close()
