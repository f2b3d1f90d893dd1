"""What the latent of a CGNE tells, against sums over single transitions that are seen through attachment times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.growth.emulators.constraints import front_of, window_of  # noqa: E402
from nakaya.growth.emulators.stepwise.data import frame_sequences  # noqa: E402
from nakaya.growth.emulators.stepwise.gaussian import Gaussian, kl_divergence  # noqa: E402
from nakaya.growth.emulators.stepwise.latent import ACTIVE_NATS, latent_use  # noqa: E402
from nakaya.growth.emulators.stepwise.loss import reconstruction  # noqa: E402
from nakaya.growth.model.trajectory import occupancy_at  # noqa: E402

SUMS = 1e-5  # of float32 sums in another order


@torch.no_grad()
def test_the_report_is_the_mean_over_transitions(
    discs: Any, tiny_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gaussian, "sample", lambda self, noise: self.mean)
    condition = ((discs.rho - 0.5) / 0.1).astype(np.float32)[:, None]
    lookahead = tiny_network.config.lookahead
    sequences = frame_sequences(discs.arrival, discs.steps, condition, stride=discs.stride, lookahead=lookahead)
    divergences, nats = [], []
    for number, frames in enumerate(sequences.num_frames.tolist()):
        for frame in range(frames):
            before, after = (occupancy_at(discs.arrival[number], step * discs.stride) for step in (frame, frame + 1))
            window = int(window_of(front_of(before[None]), discs.size, lookahead)[0])
            x, following = (torch.from_numpy(mask[None, None, :window, :window]).float() for mask in (before, after))
            y = torch.from_numpy(condition[number : number + 1])
            posterior = tiny_network.posterior_of(x, following, y)
            divergences.append(kl_divergence(posterior, tiny_network.prior_of(x, y))[0])
            nats.append(float(sum(reconstruction(tiny_network.decoder(x, posterior.mean), x, following)).sum()))
    total = sum(float(each.sum()) for each in divergences)
    entries = sum(each.numel() for each in divergences)
    by_channel = torch.stack([each.sum(dim=(1, 2)) for each in divergences]).sum(dim=0)
    per_channel = by_channel / (entries / len(by_channel))
    assert latent_use(tiny_network, sequences) == pytest.approx(
        {
            "kl_per_step": total / len(nats),
            "kl_per_dimension": total / entries,
            "active_channels": float((per_channel > ACTIVE_NATS).float().mean()),
            "nats_per_step": (sum(nats) + total) / len(nats),
        },
        rel=SUMS,
    )
    assert len({each.shape for each in divergences}) > 1  # windows of several sizes
