"""Frames, windows, and training: it can learn a handful of sequences by heart, and goes on bit for bit."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.core.errors import ParameterError  # noqa: E402
from nakaya.growth.emulators.cgne.family import CGNE  # noqa: E402
from nakaya.growth.emulators.cgne.model import Cgne  # noqa: E402
from nakaya.growth.emulators.stepwise import task as task_module  # noqa: E402
from nakaya.growth.emulators.stepwise.config import StepSchedule, TrainedFor  # noqa: E402
from nakaya.growth.emulators.stepwise.data import Windows, frame_sequences  # noqa: E402
from nakaya.growth.emulators.stepwise.fitting import Crystals, fit_network  # noqa: E402
from nakaya.growth.emulators.stepwise.loss import StepLoss  # noqa: E402
from nakaya.growth.model.trajectory import occupancy_at  # noqa: E402
from nakaya.learn.config import LoopConfig  # noqa: E402


def sequences_of(discs: Any, lookahead: int = 8) -> Any:
    condition = ((discs.rho - 0.5) / 0.1).astype(np.float32)[:, None]
    return frame_sequences(discs.arrival, discs.steps, condition, stride=discs.stride, lookahead=lookahead)


def test_frames_are_the_occupancy_in_physical_time(discs: Any) -> None:
    sequences = sequences_of(discs)
    for number, (arrival, steps) in enumerate(zip(discs.arrival, discs.steps, strict=True)):
        frames = int(sequences.num_frames[number])
        assert (frames - 1) * discs.stride < steps <= frames * discs.stride
        for frame in range(frames + 1):
            seen = sequences.attached(torch.tensor([number]), torch.tensor([frame]), discs.size)[0, 0].numpy()
            np.testing.assert_array_equal(seen, occupancy_at(arrival, frame * discs.stride))
        np.testing.assert_array_equal(seen, arrival >= 0)  # the last frame is the finished crystal


def test_a_batch_shows_whole_crystals_with_room_in_front(discs: Any) -> None:
    sequences, generator = sequences_of(discs), torch.Generator().manual_seed(0)
    windows = Windows(sequences, 8)
    seen = set()
    for _ in range(30):
        crystal, frame = windows.draw(4, generator)
        window = windows.needed(crystal, frame, [])
        seen.add(window)
        whole = sequences.attached(crystal, frame + 1, discs.size)
        assert int(whole[:, :, :window, :window].sum()) == int(whole.sum())
    assert seen == {16, 32}


def test_transitions_are_drawn_evenly(discs: Any) -> None:
    """Each of the 4 crystals' transitions has the same chance: chi-squared below its 99.9 % quantile."""
    sequences, generator = sequences_of(discs), torch.Generator().manual_seed(0)
    windows = Windows(sequences, 8)
    counts = {}
    batches = 1500
    for _ in range(batches):
        crystal, frame = windows.draw(1, generator)
        place = int(crystal), int(frame)
        counts[place] = counts.get(place, 0) + 1
    kinds = int(sequences.num_frames.sum())
    expected = batches / kinds
    unseen = kinds - len(counts)
    chi2 = sum((count - expected) ** 2 / expected for count in counts.values()) + unseen * expected
    assert chi2 < kinds + 3.1 * np.sqrt(2 * kinds)


def test_a_lookahead_that_hides_growth_is_refused(discs: Any) -> None:
    with pytest.raises(ParameterError, match="set lookahead to"):
        sequences_of(discs, lookahead=1)


def train(discs: Any, config: Any, updates: int, **changes: Any) -> Any:
    crystals = Crystals(discs.arrival, discs.steps, {"rho": discs.rho})
    settings: dict[str, Any] = {"folder": None, "fingerprint": "f", "stop_after": None} | changes
    return fit_network(
        CGNE,
        crystals,
        crystals,
        config,
        StepSchedule(batch=8, max_unroll=3),
        LoopConfig(
            updates=updates, learning_rate=1e-2, average_decay=0.95, validate_every=10**6, checkpoint_every=3, seed=1
        ),
        trained_for=TrainedFor(discs.size, discs.margin, {"rho": 0.3}, {"rho": 0.7}, {}),
        threads=1,
        **settings,
    )


def test_it_learns_a_handful_of_sequences_by_heart(discs: Any, tiny_config: Any) -> None:
    """Four discs that grow at four rates; freely grown, the crystals must come out again, and in time."""
    *_, fitted = train(discs, tiny_config, 250)
    assert fitted.validation["iou"] > 0.9
    assert fitted.validation["steps_error"] < 0.1  # a stride is 10 to 20 % of a duration; most are met exactly
    assert fitted.validation["stalled"] == 0.0


def test_interrupted_training_equals_undisturbed_training(discs: Any, tiny_config: Any, tmp_path: Path) -> None:
    whole, _, fitted = train(discs, tiny_config, 10)
    for stop in (2, 5, 8):
        train(discs, tiny_config, 10, folder=tmp_path, stop_after=stop)
    parts, _, resumed = train(discs, tiny_config, 10, folder=tmp_path)
    assert fitted.validation == resumed.validation
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name


def test_the_condition_is_standardised_by_the_training_crystals(discs: Any, tiny_config: Any) -> None:
    _, config, _ = train(discs, tiny_config, 1)
    assert config.condition_mean["rho"] == pytest.approx(discs.rho.mean())
    assert config.condition_scale["rho"] == pytest.approx(discs.rho.std())


def test_training_leaves_the_caller_s_random_state_alone(discs: Any, tiny_config: Any) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(discs, tiny_config, 1)
    assert torch.equal(torch.rand(3), expected)


def test_an_unrolled_step_starts_from_what_the_network_made_of_the_last(
    discs: Any, tiny_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that attaches one more site at each step: the next step sees it, without its history of gradients."""
    seen: list[Any] = []

    def one_more(network: Any, attached: Any, following: Any, condition: Any, **_: Any) -> StepLoss:
        seen.append(attached)
        logits = torch.full_like(attached, -9.0, requires_grad=True) * 1.0
        with torch.no_grad():
            logits[:, :, -1, -len(seen)] = 9.0
        return StepLoss({"loss": logits.sum()}, logits)

    monkeypatch.setattr(task_module, "step_loss", one_more)
    sequences = sequences_of(discs)
    task = task_module.StepTask(sequences, None, StepSchedule(batch=4, max_unroll=3), tiny_config)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(2)
    lengths = set()
    for _ in range(12):
        seen.clear()
        for _ in task.losses(Cgne(tiny_config), 0.5, generator):
            pass
        lengths.add(len(seen))
        for step, (before, after) in enumerate(pairwise(seen), start=1):
            assert not after.requires_grad
            if before.shape == after.shape:  # the same window, and no sequence came to its end
                edge = torch.zeros_like(before)
                edge[:, :, -1, -step] = 1.0
                assert torch.equal(after, torch.maximum(before, edge))
    assert lengths == {1, 2, 3}
