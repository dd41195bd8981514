"""Records made up for tests of the index, and the index to put them into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from talkpath.observatory.index.store import Store

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def store(index_dsn: str) -> Iterator[Store]:
    opened = Store(index_dsn)
    yield opened
    opened.close()
