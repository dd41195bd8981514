"""The restrictor: sees IP packets, direction and time, and gives each its fate.

Contract: pure and seeded, no clock; the same packets in the same order have the same fates. It shows each flow's
packets to the matchers before it judges them, applies every rule whose flow, app, medium and direction fit, in the
order they were given, and never changes a packet. An app named by a rule means its class (`matchers.CLASSES`): the
bytes of max, meet and webrtc are one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from talkpath.lab.matchers import CLASSES
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Rule
from talkpath.wire.ip.packets import UDP

IDLE_S = 120.0  # a 5-tuple silent for so long is forgotten (Linux conntrack: 120 s for a UDP stream)


class Restrictor:
    """The rules at work. `hits` counts (number of the rule, class, medium) -> packets dropped or delayed."""

    def __init__(self, rules: Sequence[Rule], seed: int) -> None:
        self._posts = [Post(rule, Random(f"rule {number} {rule.id} {seed}")) for number, rule in enumerate(rules)]
        self._asks_medium = any(rule.word("medium") for rule in rules)
        self._reads = any(rule.mechanism.scope != "any" for rule in rules)
        self._up: dict[bytes, Flow] = {}
        self._down: dict[bytes, Flow] = {}
        self.hits: Counter[tuple[int, str, str]] = Counter()

    def fate(self, now_s: float, up: bool, packet: bytes) -> float:
        """`DROP`, or by how many seconds the packet is late (`PASS`: not at all)."""
        # The key is the packet's own slice of addresses and ports; 0x45 is IPv4 without options.
        if packet[0] == 0x45:
            key, protocol = packet[12:24], packet[9]
        else:
            key, protocol = packet[8:44], packet[6]
        if protocol != UDP:
            key += bytes((protocol,))
        flow = (self._up if up else self._down).get(key)
        if flow is None or now_s - flow.seen_s > IDLE_S:
            flow = self._open(now_s, up, packet, key)
        flow.packets += 1
        flow.seen_s = now_s
        if flow.watched:
            self._watch(flow, packet)
        late_s = PASS
        for gate, number in flow.up if up else flow.down:
            fate = gate(now_s, packet)
            if fate != PASS:
                self.hits[(number, flow.trace.app, flow.trace.medium)] += 1
                if fate == DROP:
                    return DROP
                late_s += fate
        return late_s

    def _open(self, now_s: float, up: bool, packet: bytes, key: bytes) -> Flow:
        flow = Flow(now_s, up, packet)
        size = (len(key) - 4) // 2
        ports = key[2 * size : 2 * size + 4]
        back = key[size : 2 * size] + key[:size] + ports[2:] + ports[:2] + key[2 * size + 4 :]
        (self._up if up else self._down)[key] = flow
        (self._down if up else self._up)[back] = flow
        flow.watched = self._reads and flow.protocol == UDP
        self._bind(flow)
        return flow

    def _watch(self, flow: Flow, packet: bytes) -> None:
        trace = flow.trace
        trace.look(packet[flow.head :])
        label = (trace.app, trace.medium, trace.suspects)
        if label != flow.label:
            flow.label = label
            self._bind(flow)
        flow.watched = trace.open and (self._asks_medium or not trace.app)

    def _bind(self, flow: Flow) -> None:
        """Give the flow the gates of all rules that now apply to it; gates once made keep their memory."""
        flow.up, flow.down = [], []
        for number, post in enumerate(self._posts):
            if not applies(post.rule, flow):
                continue
            for up, gates in ((True, flow.up), (False, flow.down)):
                if post.rule.acts(up):
                    gate = self._gate(post, number, flow, up)
                    if gate is not None:
                        gates.append((gate, number))

    @staticmethod
    def _gate(post: Post, number: int, flow: Flow, up: bool) -> Gate | None:
        place = number, up
        if place not in flow.made:
            flow.made[place] = post.rule.mechanism.gate(post, flow, up)
        return flow.made[place]


def applies(rule: Rule, flow: Flow) -> bool:
    """Do the flow's app and medium, as far as they are known, fit the rule's?"""
    scope, trace = rule.mechanism.scope, flow.trace
    if scope == "any":
        return True
    app = CLASSES.get(rule.word("app"), "")
    if scope == "set-up":
        return app in trace.suspects if app else bool(trace.suspects)
    if not trace.app or (app and app != trace.app):
        return False
    return rule.word("medium") in ("", trace.medium)
