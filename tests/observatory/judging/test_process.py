"""The process that judges: it is replaced when its memory or its time is used up."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from factories.observatories.poisoned_judges import keep_memory, killed_once, sleep_for, spin
from talkpath.observatory.judging.judges import JudgeFailedError, JudgeLimits, JudgeProcess


@pytest.mark.long
def test_a_process_is_replaced_where_earlier_work_left_too_little_memory():
    async def work() -> list[int]:
        process = JudgeProcess(JudgeLimits(cpu_s=60.0, memory_bytes=1 << 30))
        try:
            return [await process.run(partial(keep_memory, 500)) for _ in range(3)]
        finally:
            process.close()

    assert asyncio.run(work()) == [1, 1, 1]


def test_work_that_takes_too_long_ends_when_its_time_is_over():
    async def work() -> float:
        process = JudgeProcess(JudgeLimits(cpu_s=0.5))
        try:
            assert await process.run(partial(sleep_for, 0.0)) == 0.0
            with pytest.raises(JudgeFailedError, match="longer"):
                await process.run(spin)
            return await process.run(partial(sleep_for, 0.01))
        finally:
            process.close()

    assert asyncio.run(work()) == 0.01


def test_time_that_other_programs_take_does_not_count():
    """Work that waits for the processor is like work that sleeps."""

    async def work() -> float:
        process = JudgeProcess(JudgeLimits(cpu_s=0.2))
        try:
            return await process.run(partial(sleep_for, 1.0))
        finally:
            process.close()

    assert asyncio.run(work()) == 1.0


def test_what_a_killed_process_did_is_tried_once_more(tmp_path: Path):
    async def work() -> int:
        process = JudgeProcess(JudgeLimits())
        try:
            return await process.run(partial(killed_once, tmp_path / "killed"))
        finally:
            process.close()

    assert asyncio.run(work()) > 0
