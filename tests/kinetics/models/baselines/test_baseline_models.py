"""Baselines find the law that made their data, keep to their seed, and say how far off they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.models.baselines.features import Encoder, bond_order_numbers, growth_laws, numbers
from nakaya.kinetics.models.baselines.fitting import fit_spread
from nakaya.kinetics.models.catalogue import BASELINES, MODELS, find_model, model_names
from nakaya.kinetics.models.physics import Mobility, velocity_physics
from nakaya.kinetics.samples.arranging import Arrangement, arrange_fold
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.samples.sample import Sample, label_values
from support.synthetic_growth import SyntheticGrowth

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')

TARGET = "growth_velocity"
TABULAR = [name for name, entry in BASELINES.items() if not entry.graphs and TARGET in entry.targets]
FAST = {"ann": {"iterations": 50.0, "width": 4.0}}
EXACT = 1e-3
"""Share of the spread of the labels: the shrinkage of the efficiencies is small, not zero."""


def held_out(evidence: str, *, noise: float = 4e-5, pairs: tuple[tuple[str, str], ...] | None = None) -> Arrangement:
    growth = SyntheticGrowth(
        noise=noise, seeds=(0, 1), pairs=pairs or (("Al", "100"), ("Al", "110"), ("Cu", "100"), ("Si", "100"))
    )
    return arrange_fold(read_corpus(growth.records(), graphs=False), evidence, TARGET, "temperature", 1)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def noisy() -> Arrangement:
    return held_out("B")


def relabelled(samples: tuple[Sample, ...], values: np.ndarray) -> list[Sample]:
    return [
        replace(sample, labels={TARGET: Label(TARGET, "m/s", float(value), 1.0, ("another",))})
        for sample, value in zip(samples, values, strict=True)
    ]


def error(name: str, held: Arrangement, settings: dict[str, float] | None = None) -> float:
    found = find_model(name).fit(held.train, TARGET, settings or {}, seed=0).predict(held.test)
    labels = label_values(held.test, TARGET)
    return float(np.sqrt(((found.mean - labels) ** 2).mean()) / labels.std())


def test_the_law_that_made_the_data_is_found_also_above_melting() -> None:
    metals = held_out("A", noise=0.0, pairs=(("Al", "100"), ("Al", "110"), ("Cu", "100"), ("Cu", "110")))
    assert error("collision-limited", metals, {"shrinkage": 1e-5}) < EXACT
    assert error("wilson-frenkel", metals) > 20 * EXACT
    truth = np.array([0.3 * growth_laws(sample)[1] for sample in (*metals.train, *metals.test)])
    count = len(metals.train)
    activated = Arrangement(
        tuple(relabelled(metals.train, truth[:count])), tuple(relabelled(metals.test, truth[count:])), metals.records
    )
    assert error("wilson-frenkel", activated) < EXACT
    assert error("collision-limited", activated) > 20 * EXACT


def test_the_law_of_growth_is_found_with_the_anisotropy_of_nickel_and_an_activation_of_metals() -> None:
    both = held_out("A", noise=0.0, pairs=(("Al", "100"), ("Cu", "110"), ("Cu", "111"), ("Si", "100")))
    faces = {"100": 1.0, "110": 25.5 / 35.8, "111": 24.1 / 35.8}

    def law(samples: tuple[Sample, ...]) -> np.ndarray:
        def velocity(sample: Sample) -> float:
            collision, activated = growth_laws(sample)
            if sample.material == "Si":
                return 0.5 * activated
            coldness = sample.table.melting_temperature / sample.temperature - 1
            return 0.3 * collision * faces[sample.orientation or ""] * float(np.exp(-0.6 * coldness))

        return np.array([velocity(sample) for sample in samples])

    exact = Arrangement(
        tuple(relabelled(both.train, law(both.train))), tuple(relabelled(both.test, law(both.test))), ()
    )
    assert error("growth-law", exact, {"shrinkage": 1e-5}) < 3 * EXACT
    assert error("collision-limited", exact, {"shrinkage": 1e-5}) > 10 * EXACT
    metals = [sample for sample in exact.train if sample.material != "Si"]
    mobility = velocity_physics(metals).fitted(label_values(metals, TARGET))
    assert mobility.efficiency[0] == pytest.approx(0.3, rel=0.01)
    assert mobility.activation[0] == pytest.approx(0.6, abs=0.01)  # the step of the grid
    silicon = [sample for sample in exact.test if sample.material == "Si"]
    unseen = find_model("growth-law").fit(metals, TARGET, {}, seed=0).predict(silicon)
    assert unseen.mean == pytest.approx(0.27 * velocity_physics(silicon).velocity(Mobility()))
    few = [sample for sample in metals if sample.temperature in (metals[0].temperature, metals[1].temperature)]
    assert velocity_physics(few).fitted(label_values(few, TARGET)).activation[0] == 0.0


def test_arrhenius_finds_exponentials_and_is_never_negative(noisy: Arrangement) -> None:
    def law(samples: tuple[Sample, ...]) -> np.ndarray:
        return np.array([np.exp(7 - 2000 / s.temperature - 0.2 * (s.material == "Cu")) for s in samples])

    exact = Arrangement(
        tuple(relabelled(noisy.train, law(noisy.train))), tuple(relabelled(noisy.test, law(noisy.test))), ()
    )
    assert error("arrhenius", exact, {"shrinkage": 1e-5}) < 10 * EXACT
    assert (find_model("arrhenius").fit(noisy.train, TARGET, {}, seed=0).predict(noisy.test).mean > 0).all()


def test_the_direct_fit_is_the_early_slope_and_the_mean_is_the_mean(noisy: Arrangement) -> None:
    slope = find_model("slope").fit(noisy.train, TARGET, {}, seed=0).predict(noisy.test)
    assert slope.mean.tolist() == [sample.pooled["early_velocity"] for sample in noisy.test]
    mean = find_model("mean").fit(noisy.train, TARGET, {}, seed=0).predict(noisy.test)
    assert mean.mean == pytest.approx(np.full(len(noisy.test), label_values(noisy.train, TARGET).mean()))


@pytest.mark.parametrize("name", TABULAR)
def test_contract_of_every_baseline(name: str, noisy: Arrangement) -> None:
    model = find_model(name)
    assert model.name == name
    assert set(model.defaults) == {parameter.name for parameter in model.search_space}
    for parameter in model.search_space:
        parameter.check(model.defaults[parameter.name])
    settings = FAST.get(name, {})
    shares: list[float] = []
    fitted = model.fit(noisy.train, TARGET, settings, seed=3, report=lambda share, _: shares.append(share))
    assert shares[-1] == 1.0
    found = fitted.predict(noisy.test)
    assert (found.target, found.scale) == (TARGET, "linear")
    assert np.isfinite(found.mean).all()
    assert (found.standard_deviation > 0).all()
    again = model.fit(noisy.train, TARGET, settings, seed=3).predict(noisy.test)
    assert again.mean == pytest.approx(found.mean, rel=1e-9)
    blind = relabelled(noisy.test, np.full(len(noisy.test), 1e9))
    one_by_one = [fitted.predict([sample]) for sample in blind]
    assert [one.mean[0] for one in one_by_one] == pytest.approx(found.mean.tolist(), rel=1e-6)
    assert [one.standard_deviation[0] for one in one_by_one] == pytest.approx(found.standard_deviation.tolist())
    assert len(fitted.predict([]).mean) == 0
    with pytest.raises(ParameterError, match="no samples"):
        model.fit([], TARGET, settings, seed=0)


@pytest.mark.parametrize("name", [name for name in TABULAR if name not in ("mean", "wilson-frenkel")])
def test_everything_beats_the_mean_where_temperatures_are_held_out(name: str, noisy: Arrangement) -> None:
    assert error(name, noisy) < 0.8 * error("mean", noisy)


def test_columns_that_do_not_vary_are_left_out_and_gaps_are_neutral() -> None:
    rows = [{"a": 1.0, "b": 5.0, "c": float("nan")}, {"a": 3.0, "b": 5.0, "c": float("nan")}]
    encoder = Encoder.fit(rows)
    assert encoder.names == ("a",)
    assert encoder.transform([{"a": 3.0}, {"a": float("nan")}, {}]).tolist() == [[1.0], [0.0], [0.0]]


def test_every_tabular_model_is_given_what_the_network_is_given(noisy: Arrangement) -> None:
    pytest.importorskip("torch", reason='networks need the extra "ml"')
    from nakaya.kinetics.models.msgnn.encoding import fit_encoding

    encoding = fit_encoding(noisy.train, levels=())
    columns = set().union(*(numbers(sample) for sample in noisy.train))
    assert set(encoding.globals.names) <= columns
    assert set(encoding.pooled.names) <= columns
    assert {"early_velocity_over_law", "velocity_own_face_over_law", "law_velocity"} <= columns
    assert {"collision_limited", "wilson_frenkel", "law_of_face"} <= columns  # and what a table would have besides
    order = bond_order_numbers(noisy.train[0])
    assert "averaged_q6_mean_mean" in order
    assert {"early_velocity", "early_velocity_over_law"} <= set(order)
    assert "coordination_mean_mean" not in order


def test_columns_of_laws_are_their_formulas(noisy: Arrangement) -> None:
    sample = noisy.train[0]
    found, melting = numbers(sample), sample.table.melting_temperature
    assert found["inverse_temperature"] == pytest.approx(1000 / sample.temperature)
    assert found["undercooling"] == pytest.approx(1 - sample.temperature / melting)
    driving_force = sample.table.driving_force(sample.temperature)
    assert found["growth_factor"] == pytest.approx(1 - np.exp(-driving_force))
    assert (found["collision_limited"], found["wilson_frenkel"]) == growth_laws(sample)


def test_a_learner_on_the_start_adds_nothing_where_nothing_is_left(noisy: Arrangement) -> None:
    def means(name: str, train: list[Sample], asked: tuple[Sample, ...]) -> np.ndarray:
        return np.asarray(find_model(name).fit(train, TARGET, {}, seed=0).predict(asked).mean)

    apart = means("svm-on-start", list(noisy.train), noisy.test) - means("assimilation", list(noisy.train), noisy.test)
    assert np.abs(apart).max() > 0
    exact = relabelled(noisy.train, means("assimilation", list(noisy.train), noisy.train))
    left = np.abs(means("assimilation", exact, noisy.train) - label_values(exact, TARGET)).max()
    apart = means("svm-on-start", exact, noisy.test) - means("assimilation", exact, noisy.test)
    assert np.abs(apart).max() <= 3 * left


def test_the_spread_says_how_far_off_predictions_are() -> None:
    rng = np.random.default_rng(1)
    means = rng.uniform(-200, 200, 4000)
    found = fit_spread(means, means + rng.normal(0, np.hypot(5.0, 0.1 * means)), scale="linear")
    assert found.constant == pytest.approx(5.0, rel=0.1)
    assert found.fraction == pytest.approx(0.1, rel=0.1)
    assert fit_spread(means, means + rng.normal(0, 3.0, 4000), scale="log10").fraction == 0.0


def test_what_cannot_be_fitted_is_said(noisy: Arrangement) -> None:
    with pytest.raises(ParameterError, match="law of growth_velocity"):
        find_model("collision-limited").fit(noisy.train, "nucleation_rate", {}, seed=0)
    with pytest.raises(ParameterError, match="no setting colour"):
        find_model("ridge").fit(noisy.train, TARGET, {"colour": 1.0}, seed=0)
    with pytest.raises(ParameterError, match="alpha"):
        find_model("ridge").fit(noisy.train, TARGET, {"alpha": 1e9}, seed=0)
    with pytest.raises(UnknownNameError, match="did you mean 'ridge'"):
        find_model("rigde")
    bare = read_corpus([r for r in SyntheticGrowth().records() if r.quantities.keys() & {TARGET}], graphs=False)
    unknown = arrange_fold(bare, "A", TARGET, "temperature", 1)
    with pytest.raises(ParameterError, match="needs latent heat"):
        find_model("wilson-frenkel").fit(unknown.train, TARGET, {}, seed=0)


def test_the_catalogue_knows_all_that_the_tables_name() -> None:
    assert {"msgnn", "gnn-single-level", "msgnn-no-cross"} <= set(model_names())
    assert set(BASELINES) == set(MODELS) - {"msgnn"}
