"""One real observatory that runs as a process, for all tests of this folder that harm nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def served(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an observatory of real networks."""
    from factories.observatories.observe_process import start_observatory, stop_observatory

    process, url = start_observatory(tmp_path_factory.mktemp("observatory") / "data")
    yield url
    assert stop_observatory(process) == 0
