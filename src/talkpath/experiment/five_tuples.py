"""The 5-tuples of a check, in the order in which its epochs use them.

Both ends compute them. No two flows of a check have the same local port and the same port of the test server. Quiet
calls have a share of their own and fill one port after the other: where a call that was cut off leaves its port dead
for a while (mechanism `residual_s`), the many quiet calls of an arm leave most ports to those that are asked later.
"""

from functools import lru_cache

QUIET_PART = 4  # quiet calls have one of so many 5-tuples


@lru_cache(maxsize=32)
def five_tuples(locals_: int, ports: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(number of the local port, port of the test server) of all `locals_ * len(ports)` 5-tuples, those of quiet calls
    last. Each row has every local port once, and ports that differ from place to place."""
    rows = [(local, (row + local) % len(ports)) for row in range(len(ports)) for local in range(locals_)]
    first = numbers_for(locals_, len(ports), quiet=True).start
    quiet = sorted(rows[first:], key=lambda place: -place[1])
    return tuple((local, ports[place]) for local, place in rows[:first] + quiet)


def numbers_for(locals_: int, ports: int, *, quiet: bool) -> range:
    """The numbers of the 5-tuples that quiet calls, or all other flows, have to themselves."""
    every = locals_ * ports
    first = every - every // QUIET_PART
    return range(first, every) if quiet else range(first)
