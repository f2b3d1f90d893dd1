"""The chapters of the demonstration on micrographs and reactors, and what it tells to try next."""

from __future__ import annotations

import shlex

import pytest

pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')

from nakaya.cli.app import run
from nakaya.viz.reports.report import Report
from nakaya.viz.style import LIGHT
from nakaya.workflows.demo import dendrites
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


def test_the_commands_to_try_next_run_as_they_stand(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason='predictions need the extra "ml"')
    monkeypatch.chdir(tmp_path)
    for command, _ in COMMANDS:
        few = ["--frames", "3"] if command.startswith("nakaya film") else []  # the same film, in less time
        assert run([*shlex.split(command)[1:], *few]) == 0, capsys.readouterr().err
    assert (tmp_path / "flake.gif").read_bytes().startswith(b"GIF89a")
    assert "m/s" in capsys.readouterr().out
