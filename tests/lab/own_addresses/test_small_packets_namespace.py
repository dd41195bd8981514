"""A way that loses packets of full size and does not say so, on real sockets in namespaces.

A browser's first TLS message dies there and OpenSSL's does not, as where clients are told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from factories.networks.tls_hosts import HOSTS, OWN, TODAY, chosen_endpoints, found_name, tls_server
from talkpath.apps.contract.shape import Direction
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.drivers import netns
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.path.link import LAB_PROBE
from talkpath.lab.restrictor import parse_rule
from talkpath.probe import endpoint_driver, endpoint_engine
from talkpath.probe.endpoint_driver import EndpointDriver
from talkpath.probe.endpoint_engine import EndpointEngine
from talkpath.verdict.bases.endpoints import judge_endpoints
from talkpath.wire.control import tls
from talkpath.wire.control.keys import new_identity_pem

STREAM_S, GAP_S, PAUSE_S = 0.7, 0.05, 0.1
MOST_BYTES = 1400  # of a packet on that way; all ends believe 1500


class SmallPackets(LabNetwork):
    """Loses longer packets on the way up, without a word."""

    def __reduce__(self) -> Any:
        return SmallPackets, super().__reduce__()[1]

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        lost = direction == "up" and len(packet) > MOST_BYTES
        return [] if lost else super().offer(now_s, direction, packet)


def asked_in_namespaces(rule: str, family: int, folder: str) -> dict[str, Any]:
    """In the lab: what is said of the app's server, and which first messages it answered."""
    endpoint_driver.STREAM_S, endpoint_engine.PAUSE_S = STREAM_S, PAUSE_S  # in this process of the lab alone
    pem = Path(folder) / "id.pem"
    pem.write_bytes(new_identity_pem())
    kind = LabNetwork if rule else SmallPackets
    network = kind(parse_background("clean"), [parse_rule(rule)] if rule else [], 7)
    with netns.netns_lab(network, (LAB_PROBE, *HOSTS)) as lab, ExitStack() as running:
        for host in HOSTS:
            running.enter_context(tls_server(lab, host, tls.server_context(pem), family, mute=False))
        engine = EndpointEngine(chosen_endpoints(hellos=True), TODAY, Random(3), gap_s=GAP_S)
        with lab.inside(LAB_PROBE.name):
            EndpointDriver(engine, lookup=partial(found_name, family=family), context=tls.client_context()).ask()
    (verdict,) = judge_endpoints(engine.exchanges)
    own = [each for each in engine.exchanges if each.host == OWN.name and each.kind.startswith("tls.")]
    hellos = {kind: [each.ok for each in own if each.kind == kind] for kind in sorted(endpoint_engine.AS_WRITTEN)}
    return {
        "said": [verdict.state, verdict.rule or (verdict.reason.code if verdict.reason else "")],
        "asked": {kind: len(answered) for kind, answered in hellos.items()},
        "answered": {kind: sum(answered) for kind, answered in hellos.items()},
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "family", "said", "padded"),
    [
        ("", 4, ["insufficient", "long_hellos"], 0),
        ("tls.hello_drop,hello=browser", 6, ["restricted", "tls.hello_drop"], 5),
    ],
    ids=["small-packets", "rule"],
)
def test_a_way_that_takes_no_packets_of_full_size_is_told_from_a_rule_about_browsers(
    in_lab: Callable[..., Any], tmp_path: Path, rule: str, family: int, said: list[str], padded: int
) -> None:
    told = in_lab(asked_in_namespaces, rule, family, str(tmp_path))
    assert told["said"] == said
    assert told["asked"] == {"tls.browser": 6, "tls.openssl": 6, "tls.padded": 5}
    assert told["answered"] == {"tls.browser": 0, "tls.openssl": 6, "tls.padded": padded}
