"""Decides which end of each flow is the local host.

In order of trust: the file's direction marks (cooked frames, interface flags), unless they contradict themselves; the
end whose packets had passed no router, if the other's had; the end that answers checks at once, where the other's
answers come over the network; the only private address of the two; the end that is nearer
by two hops or more, or did not send packets that came as far, where the other's alone were recorded; the host with more
peers; the one that sent first. Hops and who sent first are counted over all flows of a host: one flow's first packet
tells little.

Senders count hops down from 64, 128 or 255. What hops tell is assumed, not known: a recording made on the far end's
side shows the nearer of two strangers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.flows import CLEAR_SHARE, endpoint_hash
from talkpath.wire.pcap.arrays import Bools, distinct_values, is_among

EndNumbers = NDArray[np.int8]
Leans = NDArray[np.int64]
"""For each flow above 0 where end 0 seems local, below 0 where end 1 does."""

NEARER_HOPS = 2
PROMPT_FACTOR, PROMPT_BY_S = 3.0, 0.002
"""Of two ends that ask each other, the one whose answers come so many times sooner, and by so much, recorded them."""


class LocalEnds(NamedTuple):
    """For each flow which end is local (0 or 1), whether nothing but who sent first tells so, whether hops, answers or
    the number of peers do, and how far what tells it is to be trusted."""

    ends: EndNumbers
    guessed: Bools
    assumed: Bools
    trust: Leans


def local_ends(table: NDArray[np.void], marked: bool) -> LocalEnds:
    """Return the local end of each flow. `marked`: does the file mark packets as sent and as received?"""
    hosts = host_numbers(table)
    at_home, prompt, private, nearer, first = flow_leans(table)
    peers = _peer_counts(hosts)[hosts]
    told = _by_marks(table["sent_hint"], hosts) if marked else np.zeros_like(private)
    by_nearness = (_majority(at_home, hosts), _majority(prompt, hosts), private, _majority(nearer, hosts))
    ends, by = choose_ends((told, *by_nearness, peers[:, 0] - peers[:, 1], _majority(first, hosts), first))
    is_known = (by == 0) | ((by <= 3) & (private == 1 - 2 * ends))
    return LocalEnds(ends, by > 5, ~is_known & (by <= 5), np.maximum(6 - by, 0))


def first_guess(rows: NDArray[np.void], marked: bool) -> EndNumbers:
    """Return the local end of flows of which little was seen yet, each by itself."""
    one, other = rows["sent_hint"].T
    told = np.where(np.maximum(one, other) >= CLEAR_SHARE * (one + other), np.sign(one - other), 0) * marked
    return choose_ends((told, *flow_leans(rows)))[0]


def flow_leans(rows: NDArray[np.void]) -> tuple[Leans, ...]:
    """Return how flows lean by an end without a hop, by who answers at once, by private addresses, by hops, and by who
    sent first."""
    private, began, hops = rows["private"].astype(np.int64), rows["began_s"], rows["hops"]
    far = hops / np.maximum(rows["packets"], 1)
    both, more = rows["packets"].min(axis=1) > 0, far[:, 1] - far[:, 0]
    at_home = ((hops[:, 0] == 0).astype(np.int64) - (hops[:, 1] == 0)) * both
    alone = np.where(rows["packets"][:, 0] > 0, -1, 1) * (far.max(axis=1) >= NEARER_HOPS)
    nearer = np.where(both, np.sign(more) * (np.abs(more) >= NEARER_HOPS), alone).astype(np.int64)
    answers_s = np.where(np.isinf(rows["answers_s"]).any(axis=1)[:, None], 0.0, rows["answers_s"])
    soon, late = answers_s.min(axis=1), answers_s.max(axis=1)
    apart = (late >= PROMPT_FACTOR * soon) & (late - soon >= PROMPT_BY_S)
    prompt = np.where(answers_s[:, 0] == soon, 1, -1) * apart
    return at_home, prompt, private[:, 0] - private[:, 1], nearer, np.where(began[:, 1] < began[:, 0], -1, 1)


def choose_ends(leans: tuple[Leans, ...]) -> tuple[EndNumbers, NDArray[np.intp]]:
    """Return the end of each flow that the first of these tells which tells anything, and which of them that is."""
    every = np.stack(leans)
    by = (every != 0).argmax(axis=0)
    return (every[by, np.arange(every.shape[1])] < 0).astype(np.int8), by


def _majority(leans: Leans, hosts: NDArray[np.int64]) -> Leans:
    """Return the leans of flows by those of all flows of their two hosts."""
    count = int(hosts.max()) + 1 if hosts.size else 0
    votes = np.bincount(hosts[:, 0], leans, count) - np.bincount(hosts[:, 1], leans, count)
    return np.sign(votes[hosts[:, 0]] - votes[hosts[:, 1]]).astype(np.int64)


def _by_marks(hint: NDArray[np.int32], hosts: NDArray[np.int64]) -> Leans:
    """Return the leans by the file's marks where they agree; none where they make a host local in one flow and far in
    another, as in captures of a router."""
    total = hint.sum(axis=1)
    clear = [(hint[:, end] >= CLEAR_SHARE * total) & (total > 0) for end in (0, 1)]
    local = np.concatenate([hosts[clear[end], end] for end in (0, 1)])
    far = np.concatenate([hosts[clear[end], 1 - end] for end in (0, 1)])
    both = distinct_values(local)[is_among(distinct_values(local), distinct_values(far))]
    one, other = (clear[end] & ~is_among(hosts[:, end], both) for end in (0, 1))
    return np.asarray(one.astype(np.int64) - other, np.int64)


def host_numbers(table: NDArray[np.void]) -> NDArray[np.int64]:
    """Return a number for each host by its address alone; shape (flows, 2)."""
    port = np.zeros(2 * len(table), np.int64)
    mixed = endpoint_hash(table["high"].ravel(), table["low"].ravel(), port)
    return np.unique(mixed, return_inverse=True)[1].reshape(-1, 2).astype(np.int64)


def _peer_counts(hosts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of peers of each host."""
    both = np.concatenate([hosts, hosts[:, ::-1]])
    pairs = distinct_values(both[:, 0] << 32 | both[:, 1])
    return np.bincount(pairs >> 32, minlength=int(hosts.max()) + 1 if hosts.size else 0)
