"""A whole check through nftables rules (`nft_router`): the real programs on both sides, and a rule that is not ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from factories.networks.nft_router import NoRules, nft_router
from talkpath.apps import added_app
from talkpath.apps.contract.shape import Medium
from talkpath.apps.recorded.played import played_shape, recorded_app
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.program import Program
from talkpath.lab.drivers.sim import CONTROL_PORT, SIM_PORTS
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.measure.facts import Plan

TALKPATH = (sys.executable, "-m", "talkpath")
TRIES, PATH_S = 3, 0.2


def record_through(
    rule: str,
    host: str,
    budget_s: float,
    apps: Sequence[str] = ("webrtc",),
    sets: str = "",
    shape: str = "",
    media: Sequence[Medium] = ("voice",),
    path_s: float = PATH_S,
) -> dict[str, Any] | str:
    """In the lab: `talkpath respond` on one side, `talkpath check` of these apps' calls on the other, or of calls like
    those of `shape`; its object, or text: why it was not run. A call over each transport lasts `path_s`."""
    try:
        with nft_router(rule, sets) as hosts, TemporaryDirectory() as name:
            folder = Path(name)
            argv = [
                *TALKPATH,
                "respond",
                "--json",
                "--port",
                str(CONTROL_PORT),
                "--ports",
                ",".join(map(str, SIM_PORTS)),
                "--class",
                "home",
                "--key-file",
                str(folder / "key.pem"),
            ]
            with Program(argv, hosts[RESPONDER.name].start) as far:
                told = json.loads(far.line('"link"'))
                (folder / "plan.json").write_bytes(
                    msgspec.json.encode(_short_plan(apps, budget_s, shape, media, path_s))
                )
                like = ("--like", str(folder / "recorded.shape")) if shape else ()
                (folder / "recorded.shape").write_text(shape)
                link = f"{host}:{CONTROL_PORT}?token={told['token']}#{told['key']}"
                argv = [*TALKPATH, "check", link, "--plan", str(folder / "plan.json"), "--json", *like]
                done = Program(argv, hosts[LAB_PROBE.name].start).finish(budget_s + 60)
    except NoRules as error:
        return str(error)
    assert done.exit_code == 0, done.stderr.decode()
    return dict(json.loads(done.stdout))


def _short_plan(apps: Sequence[str], budget_s: float, shape: str, media: Sequence[Medium], path_s: float) -> Plan:
    if not shape:
        return msgspec.structs.replace(make_plan(choose_arms(apps, media), budget_s=budget_s), path_s=path_s)
    app = recorded_app(played_shape(shape.encode()))
    with added_app(app):
        return msgspec.structs.replace(make_plan(choose_arms([app.id]), budget_s=budget_s), path_s=path_s)


def on_time(ask: Callable[[], dict[str, Any] | str]) -> dict[str, Any] | str:
    """Asks again where this machine was too busy to send on time; text where it was in every run."""
    for _ in range(TRIES):
        found = ask()
        if isinstance(found, str):
            return f"needs nftables in the kernel: {found.splitlines()[0]}"
        if "late" not in [(verdict["reason"] or {}).get("code") for verdict in found["verdicts"]]:
            return found
    return f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet"


def verdicts_in_lab(in_lab: Callable[..., Any], *arguments: object) -> list[dict[str, Any]]:
    """The verdicts of `record_in_lab`."""
    return list(record_in_lab(in_lab, *arguments)["verdicts"])


def record_in_lab(in_lab: Callable[..., Any], *arguments: object) -> dict[str, Any]:
    """`record_through`, in the lab; the test is skipped where it cannot be run."""
    if namespace.system_tool("nft") is None:
        pytest.skip("needs nft: apt install nftables")
    found = on_time(lambda: in_lab(record_through, *arguments, timeout_s=150.0))
    if isinstance(found, str):
        pytest.skip(found)
    return found
