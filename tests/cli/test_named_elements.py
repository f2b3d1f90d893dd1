"""Who writes an element's name, or its symbol in another case, is told the symbol by every command of a material."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.cli.output import explain_exception
from nakaya.core.errors import UnknownNameError, UntrainedMaterialError

RECORDS = ("md grow --orientation 100 --temperature 1206 --from-records", "md rates", "md suggest")


@pytest.mark.parametrize("command", RECORDS)
def test_commands_on_records_suggest_the_symbol(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*command.split(), "al-cu-si", "--material", "Copper"]) == 2
    message = capsys.readouterr().err
    assert "did you mean 'Cu'?" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("material", "told"),
    [
        ("copper", "unknown material 'copper': did you mean 'Cu'? known: Al, Cu, Fe, Mg, Si"),
        ("nickel", "nickel (did you mean 'Ni'?)"),  # and what else is needed for it
        ("unobtainium", "unknown material 'unobtainium': known: Al, Cu, Fe, Mg, Si"),
    ],
)
def test_runs_suggest_the_symbol(material: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"md grow --material {material} --orientation 100 --temperature 1206 --out {tmp_path / 'new'}"
    assert run(words.split()) == 2
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1


def test_models_suggest_the_symbol_and_name_the_next_command() -> None:
    pytest.importorskip("vesin", reason='graphs need the extra "ml"')
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.prediction.predicting import predict_conditions

    model = load_model()
    with pytest.raises(UnknownNameError, match="unknown material 'cu': did you mean 'Cu'. known: Al, Cu, Si"):
        predict_conditions("cu", "100", 1200.0, model=model)
    with pytest.raises(UntrainedMaterialError, match="did you mean 'Ag'") as found:
        predict_conditions("silver", "100", 1200.0, model=model)
    assert "nakaya train" in (explain_exception(found.value)[1] or "")
