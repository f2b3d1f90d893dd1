"""Simple crystals and a tiny CGNE: quarter discs that grow faster at higher rho, in a sector of size 32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

SIZE, STRIDE, MARGIN = 32, 16, 5


@dataclass(frozen=True)
class Discs:
    """A site at radius r attaches at step r / (0.1 + rho / 4), rounded up, until row or column 27 is reached."""

    rho: np.ndarray
    arrival: np.ndarray
    steps: np.ndarray
    size: int = SIZE
    stride: int = STRIDE
    margin: int = MARGIN


def grow_discs(rho: np.ndarray) -> Discs:
    radius = np.hypot(*np.indices((SIZE, SIZE)))
    arrival = np.ceil(radius[None] / (0.1 + np.asarray(rho)[:, None, None] / 4.0)).astype(np.int32)
    steps = arrival[:, 0, SIZE - MARGIN].astype(np.int64)
    return Discs(np.asarray(rho), np.where(arrival <= steps[:, None, None], arrival, -1).astype(np.int32), steps)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As the emulator itself does it; two threads that wait for each other on a busy machine are slow."""
    torch = pytest.importorskip("torch", reason='networks need the extra "ml"')
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def discs() -> Discs:
    return grow_discs(np.array([0.35, 0.45, 0.55, 0.64]))


@pytest.fixture
def tiny_config() -> Any:
    from nakaya.growth.emulators.cgne.config import CgneConfig

    return CgneConfig(
        stride=STRIDE,
        widths=(8, 8, 8, 8),
        encoder_widths=(8, 8, 8),
        latent_channels=4,
        groups=4,
        condition_octaves=1,
        lookahead=6,
        condition_mean={"rho": 0.5},
        condition_scale={"rho": 0.1},
    )


@pytest.fixture
def tiny_network(tiny_config: Any) -> Any:
    """With weights larger than usual, so that an untrained network already grows crystals of many shapes."""
    torch = pytest.importorskip("torch", reason='networks need the extra "ml"')
    from nakaya.growth.emulators.cgne.model import Cgne
    from nakaya.growth.emulators.stepwise.network import in_channels_last

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return in_channels_last(Cgne(tiny_config))


@pytest.fixture
def tiny_pns() -> Any:
    """Untrained."""
    torch = pytest.importorskip("torch", reason='networks need the extra "ml"')
    from nakaya.growth.emulators.pns.config import PnsConfig
    from nakaya.growth.emulators.pns.model import Pns
    from nakaya.growth.emulators.stepwise.network import in_channels_last

    config = PnsConfig(
        stride=STRIDE,
        widths=(8, 8, 8, 8),
        embedding=8,
        latent_channels=4,
        groups=4,
        condition_octaves=1,
        lookahead=6,
        encoder_layers=3,
        decoder_layers=2,
        decoder_kernel=3,
        condition_mean={"rho": 0.5},
        condition_scale={"rho": 0.1},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return in_channels_last(Pns(config))
