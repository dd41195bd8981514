"""An empty index for each test: once embedded, once over two ClickHouse nodes. Both must answer the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from factories.observatories.clickhouse_cluster import Node, cluster_dsn, two_nodes
from talkpath.observatory.index.store import Store

_numbers = count()


@pytest.fixture(scope="session")
def cluster(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    """Two nodes, each a shard. `engine_folder` skips where there is no chDB."""
    with two_nodes(tmp_path_factory.mktemp("nodes")) as nodes:
        yield nodes


@pytest.fixture(params=["embedded", "two nodes"])
def any_dsn(request: pytest.FixtureRequest) -> str:
    if request.param == "embedded":
        return str(request.getfixturevalue("index_dsn"))
    return cluster_dsn(request.getfixturevalue("cluster"), f"test{next(_numbers)}")


@pytest.fixture
def store(any_dsn: str) -> Iterator[Store]:
    opened = Store(any_dsn)
    yield opened
    opened.close()
