"""Names in TLS handshakes, on real sockets in namespaces: a rule about the app's name, an outage, a blocked address.

All three look alike at the app's own server.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from factories.networks.tls_hosts import APP, HOSTS, OWN, TODAY, chosen_endpoints, found_name, tls_server
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.drivers import netns
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE
from talkpath.lab.restrictor import parse_rule
from talkpath.probe import endpoint_driver, endpoint_engine
from talkpath.probe.endpoint_driver import EndpointDriver
from talkpath.probe.endpoint_engine import EndpointEngine
from talkpath.verdict.bases.endpoints import judge_endpoints
from talkpath.wire.control import tls
from talkpath.wire.control.keys import new_identity_pem

STREAM_S, GAP_S, PAUSE_S = 2.0, 0.05, 0.1  # a busy machine answers a handshake within two seconds


def asked_in_namespaces(rule: str, family: int, mute: bool, folder: str) -> dict[str, Any]:
    """In the lab: what is said of the app's server, and how often which name was said to whom."""
    endpoint_driver.STREAM_S, endpoint_engine.PAUSE_S = STREAM_S, PAUSE_S  # in this process of the lab alone
    pem = Path(folder) / "id.pem"
    pem.write_bytes(new_identity_pem())
    server = tls.server_context(pem)
    network = LabNetwork(parse_background("clean"), [parse_rule(rule)] if rule else [], 7)
    with netns.netns_lab(network, (LAB_PROBE, *HOSTS)) as lab, ExitStack() as running:
        for host in HOSTS:
            running.enter_context(tls_server(lab, host, server, family, mute=mute and host == OWN))
        engine = EndpointEngine(chosen_endpoints(), TODAY, Random(3), gap_s=GAP_S)
        with lab.inside(LAB_PROBE.name):
            EndpointDriver(engine, lookup=partial(found_name, family=family), context=tls.client_context()).ask()
    (verdict,) = judge_endpoints(engine.exchanges)
    said = [each for each in engine.exchanges if each.kind == "tls.name"]
    return {
        "state": verdict.state,
        "rule": verdict.rule or ",".join(verdict.alternatives),
        "ends": getattr(verdict.parameters.get("ends"), "value", ""),
        "rounds": len({each.round for each in said}),
        "elsewhere": sum(each.neutral and each.name == OWN.name for each in said),
        "failures": sorted({each.failure for each in said if each.name == OWN.name}),
    }


TIMEOUT = "generic_timeout_error"


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "mute", "family", "expected"),
    [
        (f"signalling.block,app={APP}", False, 4, ("restricted", "signalling.block", "silence", 4, [TIMEOUT])),
        (
            f"signalling.block,app={APP},act=reset",
            False,
            6,
            ("restricted", "signalling.block", "reset", 4, ["connection_reset"]),
        ),
        (f"address.block,app={APP},to=app", False, 4, ("insufficient", "address.block", "", 1, ["", TIMEOUT])),
        ("", True, 6, ("insufficient", "address.block", "", 1, ["", TIMEOUT])),
    ],
    ids=["name", "name-reset", "address", "outage"],
)
def test_a_rule_about_a_name_is_told_from_an_outage_and_from_a_blocked_address(
    in_lab: Callable[..., Any],
    tmp_path: Path,
    rule: str,
    mute: bool,
    family: int,
    expected: tuple[str, str, str, int, list[str]],
) -> None:
    said = in_lab(asked_in_namespaces, rule, family, mute, str(tmp_path))
    assert (said["state"], said["rule"], said["ends"], said["rounds"], said["failures"]) == expected
    assert said["elsewhere"] == 2 * said["rounds"]
