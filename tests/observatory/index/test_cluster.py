"""What is special about two nodes: rows on both, a lost one told, and nothing lost when one is killed."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factories.observatories.clickhouse_cluster import Node, cluster_dsn, two_nodes
from factories.observatories.index_records import drawn_records
from talkpath.errors import PeerError
from talkpath.observatory.index import queries
from talkpath.observatory.index.fill import fill_index
from talkpath.observatory.index.store import Store

ANSWERS: tuple[Callable[[Store], object], ...] = (
    queries.day_counts, queries.network_days, queries.country_days, queries.latest_days, queries.transport_shares,
)  # fmt: skip


@pytest.fixture
def own(engine_folder: Path, tmp_path: Path) -> Iterator[list[Node]]:
    """Two nodes that a test may kill."""
    with two_nodes(tmp_path) as nodes:
        yield nodes


def rows_on(node: Node, database: str) -> int:
    query = f"SELECT count() FROM {database}.report_part".replace(" ", "%20")
    with urllib.request.urlopen(f"http://127.0.0.1:{node.http}/?query={query}", timeout=30) as answer:
        return int(answer.read())


@pytest.mark.long
def test_both_scales_answer_the_same_and_a_lost_shard_is_told(own: list[Node], index_dsn: str):
    records = list(enumerate(drawn_records(1500, seed=9), 1))
    embedded, spread = Store(index_dsn), Store(cluster_dsn(own, "same"))
    for store in (embedded, spread):
        fill_index(store, records)
    for ask in ANSWERS:
        assert ask(spread) == ask(embedded), ask
    shares = [rows_on(node, "same") for node in own]
    assert min(shares) > 0.3 * sum(shares), shares

    own[1].kill()
    for ask in ANSWERS:
        with pytest.raises(PeerError, match="would not be whole"):
            ask(spread)
    with pytest.raises(PeerError):
        fill_index(spread, list(enumerate(drawn_records(40, seed=10), 2000)))
    own[1].start()
    for store in (embedded, spread):
        fill_index(store, list(enumerate(drawn_records(40, seed=10), 2000)))
    for ask in ANSWERS:
        assert ask(spread) == ask(embedded), ask
    embedded.close()
    spread.close()
