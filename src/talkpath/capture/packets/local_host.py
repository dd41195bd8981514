"""Decides which end of each flow is the local host.

In order of trust: the file's direction marks (cooked frames, interface flags), unless they contradict themselves; the
only private address of the two; the host with more peers; the one that sent first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.flows import CLEAR, endpoint
from talkpath.wire.pcap.arrays import Bools, among, distinct

Numbers = NDArray[np.int8]


class LocalEnds(NamedTuple):
    """For each flow which end is local (0 or 1), and whether nothing but who sent first tells so."""

    ends: Numbers
    guessed: Bools


def local_ends(table: NDArray[np.void], marked: bool) -> LocalEnds:
    """Return the local end of each flow. `marked`: does the file mark packets as sent and as received?"""
    hosts = host_numbers(table)
    degree = _degree(hosts)
    count = int(hosts.max()) + 1 if hosts.size else 0
    private = np.zeros(count, np.bool_)
    private[hosts.ravel()] = table["private"].ravel()
    ends = (table["began_s"][:, 1] < table["began_s"][:, 0]).astype(np.int8)
    ends[degree[hosts[:, 0]] > degree[hosts[:, 1]]] = 0
    ends[degree[hosts[:, 1]] > degree[hosts[:, 0]]] = 1
    one, two = private[hosts[:, 0]], private[hosts[:, 1]]
    ends[one & ~two], ends[two & ~one] = 0, 1
    guessed = (degree[hosts[:, 0]] == degree[hosts[:, 1]]) & (one == two)
    if marked:
        guessed &= ~_by_marks(table["sent_hint"], hosts, ends)
    return LocalEnds(ends, guessed)


def _by_marks(hint: NDArray[np.int32], hosts: NDArray[np.int64], ends: Numbers) -> Bools:
    """Follow the file's marks where they agree, and tell where; not where they make a host local in one flow and far in
    another, as in captures of a router."""
    total = hint.sum(axis=1)
    clear = [(hint[:, end] >= CLEAR * total) & (total > 0) for end in (0, 1)]
    local = np.concatenate([hosts[clear[end], end] for end in (0, 1)])
    far = np.concatenate([hosts[clear[end], 1 - end] for end in (0, 1)])
    local = distinct(local)
    both = local[among(local, distinct(far))]
    told = np.zeros(len(hosts), np.bool_)
    for end in (0, 1):
        own = clear[end] & ~among(hosts[:, end], both)
        ends[own], told[own] = end, True
    return told


def host_numbers(table: NDArray[np.void]) -> NDArray[np.int64]:
    """Return a number for each host by its address alone; shape (flows, 2)."""
    port = np.zeros(2 * len(table), np.int64)
    mixed = endpoint(table["high"].ravel(), table["low"].ravel(), port)
    return np.unique(mixed, return_inverse=True)[1].reshape(-1, 2).astype(np.int64)


def _degree(hosts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of peers of each host."""
    both = np.concatenate([hosts, hosts[:, ::-1]])
    pairs = distinct(both[:, 0] << 32 | both[:, 1])
    return np.bincount(pairs >> 32, minlength=int(hosts.max()) + 1 if hosts.size else 0)
