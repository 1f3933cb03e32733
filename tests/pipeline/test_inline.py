"""The inline pool: the contract of every pool."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hadir.pipeline.inline import InlinePool
from hadir.pipeline.ports import Pool
from tests.pipeline.pool_contract import MakePool, PoolContract, StageFactory


class TestInlinePool(PoolContract):
    @pytest.fixture
    def make_pool(self) -> Iterator[MakePool]:
        pools: list[InlinePool] = []

        def make(stage_factory: StageFactory) -> Pool:
            pools.append(InlinePool(stage_factory))
            return pools[-1]

        yield make
        for pool in pools:
            pool.close()
