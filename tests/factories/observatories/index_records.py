"""Made-up records: reports of a few networks, apps and days, drawn from a seed."""

from __future__ import annotations

import hashlib
from random import Random

from talkpath.observatory.log.records import Judged, LoggedTransports, LoggedVerdict, RecordSource, Tap

COUNTRIES = {"AS64496": "XX", "AS64497": "XX", "AS64498": "XY"}
STATES = ("ok", "ok", "ok", "restricted", "restricted", "closed", "impaired", "unreachable", "insufficient")


def record_name(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def logged_verdict(app: str, medium: str, state: str, p: float = 0.4) -> LoggedVerdict:
    if state != "restricted":
        return LoggedVerdict(app, medium, state, "shape")
    return LoggedVerdict(app, medium, state, "shape", "media.drop", "up", 7.5, {"p": (p, p - 0.1, p + 0.1)})


def judged_report(
    *verdicts: LoggedVerdict,
    on: str = "2025-08-13",
    network: str = "AS64496",
    who: int = 1,
    key: int = 1,
    number: int = 0,
    responder: str = "R1",
    carried: tuple[LoggedTransports, ...] = (),
    again: bool = False,
    country: str = "",
    source: RecordSource = "probe",
) -> Judged:
    return Judged(
        id=record_name(on, network, who, number),
        day=on,
        measured=on,
        rules_version="1",
        source=source,
        said=verdicts,
        carried=carried,
        network=network,
        country=country or COUNTRIES[network],
        placed="responder",
        responder=responder,
        responder_class="hosting",
        contributor=who,
        contributor_key=key,
        simulated=True,
        again=again,
    )


def tap_record(number: int, on: str = "2025-08-13", network: str = "AS64496", app: str = "whatsapp") -> Tap:
    made = record_name("tap", on, network, number)
    return Tap(made, on, on, app, "voice", network, COUNTRIES[network], "ingest", number, 1, True)


def drawn_records(count: int, seed: int) -> list[Judged | Tap]:
    """Reports and taps of ten days, in no order of days."""
    draws = Random(seed)
    records: list[Judged | Tap] = []
    for number in range(1, count + 1):
        on, network = f"2025-08-{draws.randrange(10, 20)}", draws.choice(list(COUNTRIES))
        if draws.random() < 0.2:
            records.append(tap_record(number, on, network))
            continue
        verdicts = [
            logged_verdict(app, "voice", draws.choice(STATES), draws.random()) for app in ("whatsapp", "telegram")
        ]
        name = "tls/443"
        carried = (LoggedTransports("whatsapp", "voice", *(((name,), ()) if draws.random() < 0.8 else ((), (name,)))),)
        records.append(
            judged_report(
                *verdicts,
                on=on,
                network=network,
                who=draws.randrange(1, 40),
                key=draws.randrange(1, 3),
                number=number,
                responder=draws.choice(["R1", "R2"]),
                carried=carried,
            )
        )
    return records
