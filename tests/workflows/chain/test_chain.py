"""From kinetics to grains to what a microscope sees: closed forms, round trips, and the whole chain."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from nakaya.cli.app import app, run
from nakaya.core.errors import OutputExistsError, ParameterError
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.microscopy.ebsd.files import parse_ang
from nakaya.theory import grains_per_volume, length_of_density
from nakaya.workflows.chain import ChainOptions, run_chain
from nakaya.workflows.chain import kinetics as chain_kinetics
from nakaya.workflows.chain.kinetics import (
    FACES,
    kinetics_at,
    kinetics_on_cooling,
    velocity_of_ball,
)
from nakaya.workflows.chain.microstructure import (
    MAGNIFIED,
    ang_text,
    micrograph_of,
    seen_as_it_is,
    seen_by_ebsd,
    seen_in_micrograph,
)

pytest.importorskip("torch", reason='kinetics models need the extra "ml"')
pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')

SPIRAL = 2e-3
"""Relative: 4,000 directions of a spiral, for shapes with edges."""

STEPS = 5e-3
"""Relative: sums over 4,000 temperatures for integrals."""

SMALL = ChainOptions("Al", 480.0, members=2, grains=60, size=32, seed=3)


@pytest.fixture(scope="module")
def model() -> KineticsModel:
    return load_model()


def test_a_ball_is_as_fast_as_the_shape_is_large() -> None:
    assert velocity_of_ball(dict.fromkeys(FACES, 2.5)) == pytest.approx(2.5)
    octahedron = velocity_of_ball({"100": 1.0, "110": 1.0, "111": 3**-0.5})
    assert octahedron == pytest.approx((1 / math.pi) ** (1 / 3), rel=SPIRAL)  # volume 4/3 over that of the ball
    cube = velocity_of_ball({"100": 3**-0.5, "110": 1.0, "111": 1.0})
    assert cube == pytest.approx((8 / 3**1.5 / (4 * math.pi / 3)) ** (1 / 3), rel=SPIRAL)


def test_cooling_through_a_range_where_nothing_changes_is_the_closed_form(
    model: KineticsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = (dict.fromkeys(FACES, 2.0), dict.fromkeys(FACES, 0.0))
    monkeypatch.setattr(chain_kinetics, "_velocities", lambda *_: speeds)
    rate, span = 1e20, 0.545 * model.table("Al").melting_temperature
    monkeypatch.setattr(chain_kinetics, "_log_rates", lambda *_: np.full(5, math.log(rate)))
    # X = pi/3 J v^3 t^4 is ln 2 after an eighth of the range.
    half = (math.log(2) / (math.pi / 3 * rate * 8)) ** 0.25
    cooling = span / 8 / half
    (one, _) = kinetics_on_cooling("Al", cooling, members=2, model=model, rng=np.random.default_rng(0))
    fallen = 0.995 * model.table("Al").melting_temperature - one.temperature
    assert fallen == pytest.approx(span / 8, rel=STEPS)
    assert one.density == pytest.approx(grains_per_volume(rate, 2.0), rel=STEPS)
    assert one.nucleation_rate == pytest.approx(rate, rel=2 * STEPS)
    with pytest.raises(ParameterError, match="becomes a glass"):
        kinetics_on_cooling("Al", 100 * cooling, members=2, model=model, rng=np.random.default_rng(0))


def test_faster_cooling_makes_more_grains_at_lower_temperatures(model: KineticsModel) -> None:
    found = [
        kinetics_on_cooling("Al", rate, members=2, model=model, rng=np.random.default_rng(0)) for rate in (1e4, 1e9)
    ]
    slow, fast = (sorted(each, key=lambda draw: draw.nucleation_rate) for each in found)
    for one, other in zip(slow, fast, strict=True):
        assert other.temperature < one.temperature
        assert other.density > 1e3 * one.density


def test_draws_cover_what_is_predicted(model: KineticsModel) -> None:
    found = kinetics_at("Al", 600.0, members=200, model=model, rng=np.random.default_rng(0))
    from nakaya.kinetics.prediction.predicting import predict_conditions

    told = predict_conditions("Al", "100", 600.0, model=model)
    for values, name in (
        ([each.velocities["100"] for each in found], "growth_velocity"),
        ([each.nucleation_rate for each in found], "nucleation_rate"),
    ):
        low, high = told[name]["interval90"]
        inside = np.mean([low <= value <= high for value in values])
        assert inside == pytest.approx(0.9, abs=0.02)  # strata: the share differs by two of 200 at most, and rounding


def test_an_ebsd_map_tells_the_orientations_that_it_was_made_from() -> None:
    labels = np.repeat([[0, 1, 2]], 30, axis=0).repeat(10, axis=1).astype(np.int32)
    orientations = Rotation.random(3, random_state=4)
    text = ang_text(labels, orientations, 2e-9, material="Al", rng=np.random.default_rng(0))
    ebsd = parse_ang(text)
    assert ebsd.grid.step == pytest.approx(2e-9)
    apart = (ebsd.orientations * orientations[labels.ravel()].inv()).magnitude()
    symmetric = ebsd.phases[0].symmetry.operators
    apart = np.min([(operator * (ebsd.orientations * orientations[labels.ravel()].inv())).magnitude()
                    for operator in symmetric], axis=0)  # fmt: skip
    assert np.degrees(apart).max() < 2.0  # a scatter of 0.3 degrees
    seen = seen_by_ebsd(text, "map.ang")
    assert seen.grains_per_area == pytest.approx(1.5 / (900 * 4e-18))  # all three are cut by the frame


def test_a_section_that_is_known_is_seen_as_it_is() -> None:
    rows, columns = np.indices((60, 60)) // 15
    labels = (4 * rows + columns).astype(np.int32)
    known = seen_as_it_is(labels, 1e-6)
    assert known.grains_per_area == pytest.approx(16 / 60**2 * 1e12)
    assert known.diameters == pytest.approx(np.full(16, 15e-6 * math.sqrt(4 / math.pi)))
    image = micrograph_of(labels, np.random.default_rng(1))
    assert image.shape == (60 * MAGNIFIED, 60 * MAGNIFIED)
    seen = seen_in_micrograph(image, 1e-6 / MAGNIFIED)
    # Twelve of sixteen squares touch the frame: 4 + 12/2; a boundary that was not marked costs one.
    assert seen.grains_per_area * 60**2 * 1e-12 == pytest.approx(10, abs=1)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_chain(SMALL, tmp_path_factory.mktemp("chain") / "out")


def test_the_whole_chain(found: dict[str, Any], tmp_path: Path) -> None:
    quantities = found["quantities"]
    assert found["closed_form_ratio"] == pytest.approx(1, abs=0.35)  # two boxes of 60 grains, and their shapes
    lengths = [length_of_density(each["density"]) for each in found["kinetics"]]
    assert quantities["characteristic_length"]["closed form"]["value"] == pytest.approx(np.mean(lengths))
    for way in ("EBSD", "micrograph"):
        ratio = quantities["grains_per_area"][way]["value"] / quantities["grains_per_area"]["grown"]["value"]
        assert 0.6 < ratio < 1.4
    words = " ".join(found["warnings"])
    assert "would reheat to" in words
    assert "5 critical diameters" in words
    assert {path.name for path in found["out"].iterdir()} >= {
        "report.html", "chain.json", "grains.zarr", "section.ang", "section.png", "ebsd", "micrograph"
    }  # fmt: skip
    page = found["report"].read_text(encoding="utf-8")
    assert page.count("<table") == 2
    assert "From atoms to grains: Al held at 480 K" in page
    written = json.loads((found["out"] / "chain.json").read_text())
    assert written["quantities"] == json.loads(json.dumps(quantities))
    with pytest.raises(OutputExistsError):
        run_chain(SMALL, found["out"])
    again = run_chain(SMALL, tmp_path / "again", workers=2)
    assert (tmp_path / "again" / "chain.json").read_bytes() == (found["out"] / "chain.json").read_bytes()
    assert again["quantities"] == quantities


def test_the_command_says_what_the_document_says(tmp_path: Path) -> None:
    words = ["chain", "--temperature", "600", "--members", "2", "--grains", "60", "--size", "32", "--seed", "3"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "chain")])
    assert result.exit_code == 0, result.output
    assert "characteristic length  grown" in result.stdout
    assert "report: " in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--temperature", "600", "--cooling-rate", "1"], "give one of temperature"),
        ([], "give one of temperature"),
        (["--temperature", "925"], "may melt"),
        (["--temperature", "300"], "no nucleation rate"),
        (["--temperature", "600", "--material", "Si"], "interfacial energy of Si is not known"),
        (["--temperature", "600", "--material", "Xx"], "no records of melting and bulk"),
        (["--cooling-rate", "-1"], "cooling_rate=-1"),
        (["--temperature", "600", "--size", "32", "--grains", "5000"], "less than 6 sites wide"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chain", *words, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len([line for line in error.splitlines() if not line.startswith("chain: ")]) == 1  # beside the progress
    assert not (tmp_path / "out").exists()
