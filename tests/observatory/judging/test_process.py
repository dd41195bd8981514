"""The process that judges: it is replaced when its memory or its time is used up."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from factories.observatories.poisoned_judges import keep_memory, sleep_for
from talkpath.observatory.judging.judges import JudgeFailedError, JudgeLimits, JudgeProcess


@pytest.mark.long
def test_a_process_is_replaced_where_earlier_work_left_too_little_memory():
    async def work() -> list[int]:
        process = JudgeProcess(JudgeLimits(time_s=60.0, memory_bytes=1 << 30))
        try:
            return [await process.run(partial(keep_memory, 500)) for _ in range(3)]
        finally:
            process.close()

    assert asyncio.run(work()) == [1, 1, 1]


def test_work_that_takes_too_long_ends_when_its_time_is_over():
    async def work() -> float:
        process = JudgeProcess(JudgeLimits(time_s=5.0))
        try:
            assert await process.run(partial(sleep_for, 0.0)) == 0.0
            with pytest.raises(JudgeFailedError):
                await process.run(partial(sleep_for, 3600.0))
            return await process.run(partial(sleep_for, 0.01))
        finally:
            process.close()

    assert asyncio.run(work()) == 0.01
