"""The chapters of the demonstration on micrographs and reactors, and what it tells to try next."""

from __future__ import annotations

import json
import shlex

import pytest

pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')

from nakaya.cli.app import run
from nakaya.core.errors import OutputError
from nakaya.viz.reports.report import Report
from nakaya.viz.style import LIGHT
from nakaya.workflows.demo import atoms_to_grains, dendrites, running, solidification
from nakaya.workflows.demo.grains import read_a_micrograph
from nakaya.workflows.demo.next_steps import COMMANDS
from nakaya.workflows.demo.reactors import fit_a_reactor


def test_the_chapters_of_the_demonstration_add_pictures_and_say_what_they_found():
    report = Report("test")
    (grains,) = read_a_micrograph(report, 7)
    (kinetics,) = fit_a_reactor(report, 7)
    assert "found of 120" in grains
    assert abs(float(grains.split("mean intercept ")[1].split(" %")[0])) < 10
    assert int(kinetics.split("fitted: ")[1].split(" of")[0]) >= 2  # each of the four holds the truth nine times in ten
    page = report.html()
    assert page.count("<figure") == 3
    assert page.count("data:image/svg+xml") == 4  # light and dark, for pages and telephones
    assert page.count("<table") == 2


def test_dendrites_are_grown_and_shown_in_the_plane_and_in_space(monkeypatch):
    monkeypatch.setattr(dendrites, "PLANE_SIZE", 96)
    monkeypatch.setattr(dendrites, "SPACE_SIZE", 20)
    monkeypatch.setattr(dendrites, "MARGIN", 8)
    report = Report("test")
    shown = []
    monkeypatch.setattr(report, "add_figure", lambda picture, **words: shown.append(picture(LIGHT, 200.0)))
    (line,) = dendrites.grow_dendrites(report, 7)
    assert "96 x 96 sites and an octant of 20^3" in line
    heat, space = shown
    assert heat.height > 0.9 * heat.width
    assert space.height < heat.height


def test_a_casting_is_grown_filmed_and_measured(monkeypatch):
    monkeypatch.setattr(solidification, "SHAPE", (60, 80))
    monkeypatch.setattr(solidification, "FRAMES", 4)
    report = Report("test")
    shown = []
    monkeypatch.setattr(report, "add_figure", lambda picture, **words: shown.append(picture(LIGHT, 200.0)))
    (line,) = solidification.solidify_a_casting(report, 7)
    film, end = shown
    assert len(film.frames) == 4
    colours = {film.frames[number].convert("RGB").getcolors(1 << 24)[0] for number in (0, 3)}
    assert len(colours) == 2  # it grows
    assert end.width == 400
    grains = int(line.split(": ")[1].split(" grains")[0])
    page = report.html()
    assert f">{grains}<" in page.replace("\n", "").replace(" ", "")
    assert "texture index" in page


def test_the_chain_is_followed_into_a_folder_beside_the_report(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason='predictions need the extra "ml"')
    for name, number in (("MEMBERS", 2), ("GRAINS", 30), ("SIZE", 32)):
        monkeypatch.setattr(atoms_to_grains, name, number)
    report = Report("test")
    (line,) = atoms_to_grains.follow_the_chain(report, 7, tmp_path)
    document = json.loads((tmp_path / "chain" / "chain.json").read_text())
    length = document["quantities"]["characteristic_length"]["grown"]["value"]
    assert line.endswith(f"2 polycrystals whose grains meet at {length:.2g} m")
    assert (tmp_path / "chain" / "report.html").is_file()
    assert report.html().count("<figure") == 3
    atoms_to_grains.follow_the_chain(Report("again"), 7, tmp_path)  # an earlier chain is replaced
    assert json.loads((tmp_path / "chain" / "chain.json").read_text()) == document


def test_folders_of_others_are_left_alone_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "CHAPTERS", {"never": None})
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="directory of something else"):
        running.demonstrate(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is a file: name a folder"):
        running.demonstrate(tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain", "file"]


def test_the_commands_to_try_next_run_as_they_stand(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason='predictions need the extra "ml"')
    monkeypatch.chdir(tmp_path)
    for command, _ in COMMANDS:
        few = ["--frames", "3"] if command.startswith("nakaya film") else []  # the same film, in less time
        assert run([*shlex.split(command)[1:], *few]) == 0, capsys.readouterr().err
    assert (tmp_path / "flake.gif").read_bytes().startswith(b"GIF89a")
    assert "m/s" in capsys.readouterr().out
