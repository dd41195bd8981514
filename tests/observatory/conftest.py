"""Lets the tests of this folder share one embedded database engine."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

_numbers = count()


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder that this process may open with chDB."""
    if find_spec("chdb") is None or find_spec("clickhouse_connect") is None:
        pytest.skip("needs chdb-core and clickhouse-connect: pip install 'talkpath[observatory]'")
    return tmp_path_factory.mktemp("chdb")


@pytest.fixture
def index_dsn(engine_folder: Path) -> str:
    """An empty index of this test alone, embedded."""
    return f"chdb://{engine_folder}?database=test{next(_numbers)}"
