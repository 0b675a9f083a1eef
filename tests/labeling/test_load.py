"""Many people at work at once, while a process exports and another one reads: on both databases."""

import multiprocessing.dummy
from pathlib import Path
from typing import Any

import pytest

from labeling import bench
from labeling.load import fill
from labeling.studio import Studio
from tests.labeling.conftest import open_studio


def loaded(studio: Studio, items: int, refiners: int, operations: int, context: Any = None) -> dict:
    fill(studio, items, 1)
    result = bench.run(studio, 1, refiners, operations, 0, context)
    assert result["errors"] == [] and result["lost"] == 0
    assert result["operations"] >= refiners * operations and result["saves"] > refiners * operations / 5
    return result


def test_a_few_people_lose_nothing_and_nobody_finds_the_database_locked(studio: Studio) -> None:
    loaded(studio, 200, 8, 12, multiprocessing.dummy)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_people_lose_nothing_and_nobody_finds_the_database_locked(tmp_path: Path, url: str) -> None:
    studio = open_studio(tmp_path, url)
    assert loaded(studio, 6000, 50, 200)["revisions"] > 0
    studio.engine.dispose()
