"""Applies rules to IP packets: it decides whether each packet passes, is dropped, or is delayed.

Contract: pure and seeded, without a clock: the same packets in the same order get the same decisions. It shows each
flow's packets to the matchers before it decides, applies every rule whose flow, app, medium and direction match, in
the order in which they were given, and never changes a packet. An app named by a rule means its class
(`matchers.CLASSES`): Max, Meet and WebRTC calls look the same. With `to=app` the rule is bound to the app's own
addresses (`app_networks`), with `whose=any` to those alone, whatever goes there.

Places rules at the hops of a path: one restrictor for each hop at which a rule acts (setting `hop`).

A box stands before the router of its hop. On the way up a packet passes the boxes in the order of their hops, on the
way down in the other order, as far as it gets; what one box drops the next never sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from talkpath.lab.matchers.signatures import APP_CLASSES
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import LabRule, RuleState
from talkpath.wire.ip.packets import PROTOCOL_UDP

ALL_CLASSES = frozenset(APP_CLASSES.values())
# a 5-tuple that was silent for so long is a new flow (Linux conntrack: 120 s for a UDP stream)
MAX_FLOW_SILENCE_S = 120.0


class Restrictor:
    """One box with the rules of one run. `hits` counts dropped and delayed packets by (number of the rule, class,
    medium). `numbers` are those of its rules among all rules of the run, where others are in other boxes."""

    def __init__(self, rules: Sequence[LabRule], seed: int, numbers: Sequence[int] = ()) -> None:
        numbered = zip(numbers or range(len(rules)), rules, strict=True)
        self._states = {number: RuleState(rule, Random(f"rule {number} {rule.id} {seed}")) for number, rule in numbered}
        self._medium_matters = _apps_whose_medium_matters(rules)
        self._needs_trace = any(rule.mechanism.scope != "any" or rule.mechanism.recognises for rule in rules)
        self._up: dict[bytes, TrackedFlow] = {}
        self._down: dict[bytes, TrackedFlow] = {}
        self.hits: Counter[tuple[int, str, str]] = Counter()
        self._began_s: float | None = None

    def fate(self, now_s: float, up: bool, packet: bytes) -> float:
        """Returns `DROP`, `RESET`, or the packet's delay in seconds (`PASS`: none)."""
        # The key is the packet's own slice of addresses and ports; 0x45 is IPv4 without options.
        if packet[0] == 0x45:
            key, protocol = packet[12:24], packet[9]
        else:
            key, protocol = packet[8:44], packet[6]
        if protocol != PROTOCOL_UDP:
            key += bytes((protocol,))
        flow = (self._up if up else self._down).get(key)
        if flow is None or now_s - flow.seen_s > MAX_FLOW_SILENCE_S:
            flow = self._open(now_s, up, packet, key)
        flow.packets += 1
        flow.bytes += len(packet)
        flow.seen_s = now_s
        if flow.watched:
            self._watch(flow, packet)
        late_s = PASS
        for decide, number in flow.up if up else flow.down:
            fate = decide(now_s, packet)
            if fate != PASS:
                self.hits[(number, flow.trace.app, flow.trace.medium)] += 1
                if fate <= DROP:
                    return fate
                late_s += fate
        return late_s

    def _open(self, now_s: float, up: bool, packet: bytes, key: bytes) -> TrackedFlow:
        self._began_s = now_s if self._began_s is None else self._began_s
        flow = TrackedFlow(now_s, up, packet)
        size = (len(key) - 4) // 2
        ports = key[2 * size : 2 * size + 4]
        back = key[size : 2 * size] + key[:size] + ports[2:] + ports[:2] + key[2 * size + 4 :]
        (self._up if up else self._down)[key] = flow
        (self._down if up else self._up)[back] = flow
        flow.watched = self._needs_trace and flow.protocol == PROTOCOL_UDP
        self._bind(flow)
        return flow

    def _watch(self, flow: TrackedFlow, packet: bytes) -> None:
        trace = flow.trace
        trace.look(packet[flow.head :])
        label = (trace.app, trace.medium, trace.suspects)
        if label != flow.label:
            flow.label = label
            self._bind(flow)
        flow.watched = trace.open and (not trace.app or trace.app in self._medium_matters)

    def _bind(self, flow: TrackedFlow) -> None:
        """Gives the flow the packet filters of all rules that now apply; existing filters keep their state."""
        flow.up, flow.down = [], []
        for number, state in self._states.items():
            if not rule_applies(state.rule, flow):
                continue
            for up, filters in ((True, flow.up), (False, flow.down)):
                if state.rule.acts(up):
                    decide = self._filter(state, number, flow, up)
                    if decide is not None:
                        filters.append((decide, number))

    def _filter(self, state: RuleState, number: int, flow: TrackedFlow, up: bool) -> PacketFilter | None:
        key = number, up
        if key not in flow.filters:
            decide = state.rule.mechanism.packet_filter(state, flow, up)
            flow.filters[key] = self._timed(state.rule, decide) if decide and state.rule.timed else decide
        return flow.filters[key]

    def _timed(self, rule: LabRule, decide: PacketFilter) -> PacketFilter:
        """Returns the filter, which lets everything pass while the rule is not in force."""
        began_s = self._began_s or 0.0

        def timed(now_s: float, packet: bytes) -> float:
            return decide(now_s, packet) if rule.in_force(now_s - began_s) else PASS

        return timed


def _apps_whose_medium_matters(rules: Sequence[LabRule]) -> frozenset[str]:
    """Returns the classes whose flows are watched on after their app is known, since a rule may go by their medium."""
    if not any(rule.word("medium") for rule in rules):
        return frozenset()
    if any(rule.scope == "any" or not rule.word("app") for rule in rules):
        return ALL_CLASSES
    return frozenset(APP_CLASSES[rule.word("app")] for rule in rules)


def rule_applies(rule: LabRule, flow: TrackedFlow) -> bool:
    """Returns whether the flow's address, and its app and medium as far as they are known, match the rule's."""
    if not rule.reaches(flow.far):
        return False
    scope, trace = rule.scope, flow.trace
    if scope == "any":
        return True
    app = APP_CLASSES.get(rule.word("app"), "")
    if scope == "set-up":
        return app in trace.suspects if app else bool(trace.suspects)
    if not trace.app or (app and app != trace.app):
        return False
    return rule.word("medium") in ("", trace.medium)


class Boxes:
    """The boxes of one run. `at` is the hop of rules that have none of their own."""

    def __init__(self, rules: Sequence[LabRule], seed: int, at: int = 0) -> None:
        hops = [int(rule.values.get("hop", at)) for rule in rules]
        numbers = {hop: [number for number, own in enumerate(hops) if own == hop] for hop in sorted(set(hops))}
        self._boxes = [
            (hop, Restrictor([rules[number] for number in chosen], seed, chosen)) for hop, chosen in numbers.items()
        ]

    def fate(self, now_s: float, up: bool, packet: bytes, last: int | None = None) -> float:
        """Returns `DROP`, `RESET`, or the packet's delay in seconds. It gets as far as router `last` (from the user's
        end on), None: to the other end."""
        late_s = PASS
        for hop, box in self._boxes if up else reversed(self._boxes):
            if last is not None and (last < hop) is up:
                continue
            fate = box.fate(now_s, up, packet)
            if fate <= DROP:
                return fate
            late_s += fate
        return late_s

    @property
    def through(self) -> Callable[[float, bool, bytes], float]:
        """What decides about packets that go all the way: where there is one box, the box itself."""
        return self._boxes[0][1].fate if len(self._boxes) == 1 else self.fate

    @property
    def hits(self) -> Counter[tuple[int, str, str]]:
        """Dropped and delayed packets by (number of the rule, class, medium)."""
        return sum((box.hits for _, box in self._boxes), Counter())
