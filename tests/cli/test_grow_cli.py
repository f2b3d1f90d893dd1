"""`nakaya grow` takes its options from what a model states."""

from __future__ import annotations

import json

import pytest

from nakaya.cli.app import run
from nakaya.growth.catalogue import MODELS

SMALL = ["--size", "16", "--max-steps", "40", "--json"]


def grown(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert run(words) == 0, capsys.readouterr().err
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_a_model_is_named_first_or_by_option_or_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    plain = grown(["grow", "--rho", "0.6", *SMALL], capsys)
    for words in (["gravner-griffeath"], ["--model", "gravner-griffeath"], ["--model=gravner-griffeath"]):
        assert grown(["grow", *words, "--rho", "0.6", *SMALL], capsys) == plain
    reference = grown(["grow", "gravner-griffeath-reference", "--rho", "0.6", *SMALL], capsys)
    assert reference == plain | {"model": "gravner-griffeath-reference"}


def test_a_shape_of_equal_sides_is_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    by_size = grown(["grow", "--rho", "0.6", *SMALL], capsys)
    assert grown(["grow", "--rho", "0.6", "--shape", "16,16", *SMALL[2:]], capsys) == by_size


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rho", "0.6", "--size", "16", "gravner-griffeath-reference"], "name one, as the first word after grow"),
        (["--rho", "0.6", "--shape", "16,x"], "is not a list of whole numbers"),
        (["--rho", "0.6", "--shape", "16,18"], "use equal sides"),
        (["--rho", "0.6", "--size", "16", "--shape", "16,16"], "give one of the two"),
        (["--rho", "0.6", "--margin", "no"], "--margin 'no' is not a whole number or never"),
        (["--rho", "0.6", "--no-growth", "never"], "--no-growth 'never' is not a whole number"),
        (["--rho", "0.6", "--initial", "3,3,3"], "write ROW,COLUMN"),
        (["phase-field", "--material", "nickel"], "--material and --undercooling-kelvin belong together"),
        (
            ["phase-field", "--material", "nickel", "--undercooling-kelvin", "90", "--undercooling", "0.4"],
            "--undercooling and --undercooling-kelvin say the same",
        ),
        (["phase-field", "--material", "nickel", "--undercooling-kelvin", "-5"], "is outside (0, 898.3]: kelvin below"),
        (["phase-field", "--material", "nickle", "--undercooling-kelvin", "5"], "unknown melt 'nickle'"),
        (["no-such-model"], "unknown model 'no-such-model'"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["grow", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_only_options_that_are_spelt_alike_are_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["grow", "--temperature", "5"]) == 2
    assert "geometry" not in capsys.readouterr().err
    assert run(["grow", "--kapa", "5"]) == 2
    assert "--kappa" in capsys.readouterr().err


@pytest.mark.parametrize("name", MODELS.names())
def test_help_shows_every_parameter_with_its_range_and_default(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["grow", name, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    model = MODELS.find(name)
    for parameter, entry in model.family.ranges.items():
        assert f"--{parameter.replace('_', '-')}" in text
        assert entry.sentence in text
        assert f"[default: {entry.default}]" in text or entry.default is None
    for rule in model.stop_rules:
        assert f"--{rule.replace('_', '-')}" in text
    for geometry in model.geometries:
        assert geometry.meaning in text


def test_a_stop_rule_may_be_off(capsys: pytest.CaptureFixture[str]) -> None:
    document = grown(["grow", "--rho", "0.6", "--margin", "never", *SMALL], capsys)
    assert document["geometry"]["stop"]["margin"] is None  # type: ignore[index]


def test_a_wrong_option_leads_to_the_help_of_its_model(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["grow", "cgne-small-rho"], ["grow", "--model", "cgne-small-rho", "--heat", "1"]):
        assert run(words) == 2
        assert "see nakaya grow cgne-small-rho --help" in capsys.readouterr().err


def test_many_crystals_share_a_line_and_equal_ones_are_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["grow", "--rho", "0.6", "--size", "12"]
    assert run([*words, "--sigma", "0", "--members", "17"]) == 0
    common, equal, _ = capsys.readouterr().out.splitlines()
    assert common.startswith("17 crystals of ")
    assert equal.startswith("of 17 crystals 1 are different: noise is too weak")
    assert run([*words, "--sigma", "0.05", "--members", "16"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told[:-1]] == [f"member {number}" for number in range(16)]


def test_a_melt_gives_metres_and_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """Sites are .8 W0 with W0 = d0 / .277, steps .05 tau0 with tau0 = 2 W0^2 / D; the crystal is the same."""
    words = ["phase-field", "--size", "64", "--max-steps", "20", "--margin", "4", "--json"]
    real = grown(["grow", *words, "--material", "succinonitrile", "--undercooling-kelvin", "11.565"], capsys)
    plain = grown(["grow", *words, "--undercooling", "0.5", "--anisotropy", "0.0055"], capsys)
    assert real["areas"] == plain["areas"]
    assert (plain["length_unit"], plain["time_unit"]) == (None, "tau0")
    width = 2.853e-9 / 0.277
    assert real["site_spacing"] == pytest.approx(0.8 * width, rel=1e-3)
    assert real["step_duration"] == pytest.approx(0.05 * 2.0 * width**2 / 1.16e-7, rel=1e-3)
    assert (real["length_unit"], real["time_unit"]) == ("m", "s")
