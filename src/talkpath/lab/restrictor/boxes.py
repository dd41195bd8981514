"""Places rules at the hops of a path: one restrictor for each hop at which a rule acts (setting `hop`).

A box stands before the router of its hop. On the way up a packet passes the boxes in the order of their hops, on the
way down in the other order, as far as it gets; what one box drops the next never sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from talkpath.lab.path.link import DROP, PASS
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.lab.restrictor.mechanism import LabRule


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
