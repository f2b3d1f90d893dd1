from __future__ import annotations

from collections.abc import Callable

import pytest

from nakaya.growth.model.trajectory import Trajectory
from support.crystals import make_crystals


@pytest.fixture(scope="session")
def crystals() -> Callable[..., Trajectory]:
    return make_crystals
