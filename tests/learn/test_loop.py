"""The loop: it learns, it goes on bit for bit, it stops at the first NaN and says where."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from nakaya.core.errors import ConfigError, ParameterError, StoppedError  # noqa: E402
from nakaya.learn import loop  # noqa: E402
from nakaya.learn.config import LoopConfig  # noqa: E402
from nakaya.learn.loop import DivergenceError, Fitted, WeightAverage, fit  # noqa: E402

TRUTH = torch.tensor([[1.0, -2.0, 0.5]])


class Line:
    """A line through noisy points; up to three losses come from one round, as an unrolled sequence gives them."""

    def __init__(self, poison: int | None = None, where: str = "loss") -> None:
        self.poison, self.where, self.seen = poison, where, 0

    def losses(self, network: nn.Module, progress: float, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        for _ in range(int(torch.randint(1, 4, (), generator=generator))):
            points = torch.randn(16, 3, generator=generator)
            values = points @ TRUTH.T + 0.01 * torch.randn(16, 1, generator=generator)
            error = (network(points) - values).square().mean()
            terms = {"loss": error, "error": error.detach()}
            if self.seen == self.poison and self.where in terms:
                terms[self.where] = terms[self.where] * float("nan")
            if self.seen == self.poison and self.where == "gradient":
                terms["loss"] = error + torch.sqrt(network.weight.sum() * 0.0)  # finite, with an infinite slope
            self.seen += 1
            yield terms

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {"distance": float((network.weight - TRUTH).norm())}


def config(**changes: object) -> LoopConfig:
    given: dict[str, object] = {
        "updates": 40,
        "learning_rate": 0.05,
        "clip_norm": 10.0,
        "average_decay": 0.9,
        "validate_every": 15,
        "checkpoint_every": 4,
    }
    return LoopConfig(**(given | changes))  # type: ignore[arg-type]


def run(folder: Path | None, *, stops: tuple[int, ...] = (), task: Line | None = None, **changes: object) -> Fitted:
    """Train from the same initial weights in one or several calls."""
    fitted = None
    for stop in (*stops, None):
        torch.manual_seed(0)
        network = nn.Linear(3, 1)
        fitted = fit(network, task or Line(), config(**changes), folder=folder, fingerprint="f", stop_after=stop)
    assert fitted is not None
    return fitted


def test_it_finds_the_line() -> None:
    fitted = run(None, updates=400)
    assert fitted.updates == 400
    assert fitted.validation["distance"] < 0.05
    torch.testing.assert_close(fitted.weights["weight"], TRUTH, atol=0.05, rtol=0.0)


@settings(max_examples=8, deadline=None)
@given(stops=st.lists(st.integers(1, 39), max_size=3))
def test_interrupted_equals_undisturbed(stops: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    undisturbed, interrupted = (tmp_path_factory.mktemp(name) for name in ("undisturbed", "interrupted"))
    whole = run(undisturbed)
    parts = run(interrupted, stops=tuple(sorted(stops)))
    assert all(torch.equal(value, parts.weights[name]) for name, value in whole.weights.items())
    assert whole.validation == parts.validation
    assert (undisturbed / "metrics.jsonl").read_bytes() == (interrupted / "metrics.jsonl").read_bytes()


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    """Killed between two checkpoints: what came after the last one is done again."""

    class KillError(Exception):
        pass

    def kill(done: int, _: object) -> None:
        if done == 23:
            raise KillError

    torch.manual_seed(0)
    with pytest.raises(KillError):
        fit(nn.Linear(3, 1), Line(), config(), folder=tmp_path, fingerprint="f", report=kill)
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) >= 23
    whole, resumed = run(None), run(tmp_path)
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())
    numbers = [json.loads(line)["update"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert sorted(set(numbers)) == list(range(1, 41))
    assert len(numbers) == 40 + 3  # and the validations at 15, 30 and 40


def signalled(
    folder: Path, number: int, *, at: int, times: int = 1, make: Callable[[], nn.Module] = lambda: nn.Linear(3, 1)
) -> None:
    """A run that is sent a signal during one of its updates."""

    def report(done: int, _: object) -> None:
        if done == at:
            for _ in range(times):
                signal.raise_signal(number)

    torch.manual_seed(0)
    fit(make(), Line(), config(), folder=folder, fingerprint="f", report=report)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@settings(max_examples=6, deadline=None)
@given(at=st.integers(1, 40))
def test_a_signal_writes_a_checkpoint_and_changes_nothing(
    number: int, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = [signal.getsignal(watched) for watched in (signal.SIGINT, signal.SIGTERM)]
    undisturbed, stopped = (tmp_path_factory.mktemp(name) for name in ("undisturbed", "stopped"))
    with pytest.raises(StoppedError, match=r"stopped at update \d+; the same command goes on from there") as caught:
        signalled(stopped, number, at=at)
    assert caught.value.signal == number
    updates = int(str(caught.value).split(";")[0].rpartition(" ")[2])
    assert at <= updates < at + 3  # at the end of the round of losses, which are three at most
    assert loop.load_state(stopped / "checkpoint.pt", fingerprint="f")["updates"] == updates
    assert [signal.getsignal(watched) for watched in (signal.SIGINT, signal.SIGTERM)] == before
    whole, parts = run(undisturbed), run(stopped)
    assert all(torch.equal(value, parts.weights[name]) for name, value in whole.weights.items())
    assert (undisturbed / "metrics.jsonl").read_bytes() == (stopped / "metrics.jsonl").read_bytes()


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        signalled(tmp_path, signal.SIGINT, at=5, times=2)
    whole, parts = run(None), run(tmp_path)
    assert all(torch.equal(value, parts.weights[name]) for name, value in whole.weights.items())


def test_what_dropout_draws_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Dropout takes its random numbers from torch itself, not from the loop's generator."""

    class Thinned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line, self.dropout = nn.Linear(3, 1), nn.Dropout(0.5)

        @property
        def weight(self) -> Tensor:
            return self.line.weight

        def forward(self, points: Tensor) -> Tensor:
            found: Tensor = self.line(self.dropout(points))
            return found

    def trained(folder: Path | None) -> Fitted:
        torch.manual_seed(0)
        return fit(Thinned(), Line(), config(), folder=folder, fingerprint="f")

    with pytest.raises(StoppedError):
        signalled(tmp_path, signal.SIGTERM, at=17, make=Thinned)
    whole, parts = trained(None), trained(tmp_path)
    assert all(torch.equal(value, parts.weights[name]) for name, value in whole.weights.items())


def test_a_thread_that_hears_no_signals_trains_all_the_same(tmp_path: Path) -> None:
    found: list[Fitted] = []
    thread = threading.Thread(target=lambda: found.append(run(tmp_path)))
    thread.start()
    thread.join()
    assert found[0].updates == 40


def test_checkpoints_come_by_time_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr(loop, "save_state", lambda path, state, *, fingerprint: saved.append(state["updates"]))
    run(tmp_path, checkpoint_every=10**6, checkpoint_minutes=1e9)
    assert saved == [40]
    saved.clear()
    clock = iter(range(0, 10**6, 60))  # a minute passes between two looks at it
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(clock))
    run(tmp_path, checkpoint_every=10**6, checkpoint_minutes=3.0)
    assert len(saved) > 3
    assert saved[-1] == 40


def test_time_is_counted_over_all_parts(tmp_path: Path) -> None:
    first = run(tmp_path, updates=10)
    again = run(tmp_path, updates=10)
    assert again.seconds >= first.seconds * 0.5
    assert again.updates == 10


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    run(tmp_path, updates=4)
    with pytest.raises(ConfigError, match="another configuration"):
        fit(nn.Linear(3, 1), Line(), config(updates=4), folder=tmp_path, fingerprint="g")


@pytest.mark.parametrize(("where", "named"), [("loss", "'loss'"), ("error", "'error'"), ("gradient", "'weight'")])
def test_the_first_nan_stops_the_run_and_is_named(tmp_path: Path, where: str, named: str) -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    with pytest.raises(DivergenceError, match=f"{named}.* at update 11"):
        fit(network, Line(poison=10, where=where), config(), folder=tmp_path, fingerprint="f")
    assert all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())
    resumed = run(tmp_path)
    assert all(torch.equal(value, resumed.weights[name]) for name, value in run(None).weights.items())


def test_gradients_are_clipped() -> None:
    """A step of plain size needs the clipped gradient: Adam's first moment shows it."""
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    norms = []
    fit(network, Line(), config(updates=1, clip_norm=1e-3), report=lambda _, terms: norms.append(terms["gradient"]))
    assert norms[0] > 1e-3  # the norm before clipping is what is logged
    left = torch.sqrt(sum((p.grad.square().sum() for p in network.parameters() if p.grad is not None), torch.zeros(())))
    assert float(left) <= 1e-3 * 1.001


def test_the_average_of_constant_weights_is_the_weights_and_of_a_jump_lies_between() -> None:
    network = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(1.0)
    average = WeightAverage(network, 0.99)
    for _ in range(5):
        average.update(network)
    assert torch.equal(average.weights["weight"], network.weight.detach())
    with torch.no_grad():
        network.weight.fill_(2.0)
    average.update(network)
    decay = (1 + 5) / (10 + 5)  # young averages forget fast
    torch.testing.assert_close(average.weights["weight"], torch.full((1, 2), decay * 1.0 + (1 - decay) * 2.0))


@pytest.mark.parametrize(
    "wrong",
    [{"updates": 0}, {"clip_norm": 0.0}, {"average_decay": 1.0}, {"learning_rate": -1.0}, {"checkpoint_minutes": 0.0}],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        config(**wrong)
