"""`nakaya show`, `film` and `diagram`, as a user types them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import nakaya
from nakaya.cli.app import run
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.lattice.lattice import hexagonal_distance
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata

SIZE = 24
PLANE = [(rho, beta) for beta in (1.1, 1.3) for rho in (0.4, 0.5, 0.6)]


def made_up_crystals() -> Trajectory:
    """Six points on a grid over rho and beta, two members each, of a sector: hexagons of different speeds."""
    rows, columns = np.indices((SIZE, SIZE))
    distance = hexagonal_distance(rows, columns)
    speeds = np.array([[2 + point + member for member in range(2)] for point in range(6)])
    arrival = np.where(distance < SIZE - 5, distance * speeds[..., None, None], -1).astype(np.int32)
    return Trajectory(
        arrival=arrival,
        steps=arrival.max(axis=(-1, -2)).astype(np.int64),
        stop_codes=np.zeros((6, 2), np.int8),
        parameters={
            "rho": np.array([point[0] for point in PLANE]),
            "beta": np.array([point[1] for point in PLANE]),
            "sigma": np.full(6, 5e-5),
        },
        metadata=TrajectoryMetadata("made-up", "0" * 64, 7, make_setup("sector", SIZE).as_metadata(), "0"),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "flakes.zarr"
    nakaya.save(made_up_crystals(), path)
    return path


def document(capsys):
    return json.loads(capsys.readouterr().out)


def test_show_draws_the_member_that_was_asked_for(store, tmp_path, capsys):
    out = tmp_path / "crystal.png"
    words = ["show", str(store), "--point", "4", "--member", "1", "--out", str(out), "--width", "240", "--json"]
    assert run(words) == 0
    summary = document(capsys)
    assert (summary["point"], summary["member"]) == (4, 1)
    assert summary["steps"] == [(2 + 4 + 1) * (SIZE - 6)]
    assert "ρ = 0.5" in summary["title"]
    assert "β = 1.3" in summary["title"]
    assert "σ" not in summary["title"]  # the default
    with Image.open(out) as picture:
        assert picture.size == (summary["width"], summary["height"])
        assert picture.text["Title"] == summary["title"]
    assert out.stat().st_size == summary["bytes"]


def test_show_at_a_step_shows_less_of_the_crystal(store, tmp_path, capsys):
    sizes = []
    for number, extra in enumerate(([], ["--at", "10"])):
        out = tmp_path / f"{number}.png"
        assert run(["show", str(store), "--out", str(out), "--width", "240", *extra]) == 0
        pixels = np.asarray(Image.open(out).convert("RGB"), np.int64)
        sizes.append(int((pixels[40:200].sum(axis=-1) > 150).sum()))
    assert sizes[1] < 0.4 * sizes[0]
    assert "written to" in capsys.readouterr().out


def test_show_all_draws_every_member(store, tmp_path, capsys):
    out = tmp_path / "all.jpg"
    assert run(["show", str(store), "--all", "--ground", "light", "--out", str(out), "--width", "300", "--json"]) == 0
    summary = document(capsys)
    assert summary["member"] is None
    assert len(summary["steps"]) == summary["members"] == 2
    with Image.open(out) as picture:
        assert picture.format == "JPEG"


@pytest.mark.parametrize(("ending", "extra"), [("gif", []), ("png", ["--all"])])
def test_film_writes_frames_of_equal_strides(store, tmp_path, capsys, ending, extra):
    out = tmp_path / f"growth.{ending}"
    words = ["film", str(store), "--frames", "7", "--width", "200", "--out", str(out), "--json", *extra]
    assert run(words) == 0
    summary = document(capsys)
    with Image.open(out) as film:
        assert film.n_frames == summary["frames"] == len(summary["steps"]) <= 7
    assert len(set(np.diff(summary["steps"])[:-1])) == 1
    assert summary["seconds"] == pytest.approx(0.05 * (summary["frames"] - 1) + 2.5)


def test_diagram_of_a_store_puts_every_point_at_its_place(store, tmp_path, capsys):
    out = tmp_path / "diagram.png"
    words = ["diagram", str(store), "--x", "rho", "--y", "beta", "--member", "1", "--out", str(out), "--width", "400"]
    assert run([*words, "--json"]) == 0
    summary = document(capsys)
    assert summary["x"] == {"parameter": "rho", "values": [0.4, 0.5, 0.6]}
    assert summary["y"] == {"parameter": "beta", "values": [1.1, 1.3]}
    assert summary["steps"] == [[18 * (3 + point) for point in row] for row in ([0, 1, 2], [3, 4, 5])]
    assert out.exists()


def test_diagram_grows_what_it_draws(tmp_path, capsys):
    out = tmp_path / "diagram.png"
    words = ["diagram", "--x", "rho:0.5:0.6:2", "--y", "beta:1.1:1.5:2", "--size", "14", "--fix", "sigma=0"]
    assert run([*words, "--out", str(out), "--width", "300", "--json"]) == 0
    summary = document(capsys)
    assert summary["crystals"] == 4
    assert summary["x"]["values"] == [0.5, 0.6]
    grown = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6, beta=1.1, sigma=0.0), size=14, seed=0)
    assert summary["steps"][0][1] == int(grown.steps[0])


SHOW = ["show", "STORE", "--out", "OUT.png"]
GROWN = ["diagram", "--size", "14", "--out", "OUT.png", "--x", "rho:0.5:0.6:2", "--y"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "STORE", "--out", "OUT.xyz"], "has the ending '.xyz': use one of .png"),
        (["film", "STORE", "--out", "OUT.jpg"], "has the ending '.jpg': use one of .gif"),
        ([*SHOW, "--member", "2"], "member 2 does not exist: STORE holds 2 members at each point, counted from 0"),
        ([*SHOW, "--point", "-1"], "point -1 does not exist: STORE holds 6 points, counted from 0"),
        ([*SHOW, "--field", "solute"], "unknown colour for crystals of made-up 'solute': known: time"),
        ([*SHOW, "--colour", "orientation"], "unknown colour for crystals of made-up 'orientation': known: time"),
        ([*SHOW, "--from", "30,25"], "a plane has one view and no corner"),
        ([*SHOW, "--from", "up"], "--from 'up' is not AZIMUTH,ELEVATION"),
        ([*SHOW, "--from", "30,95"], "elevation=95.0 is outside [-90, 90] degrees"),
        ([*SHOW, "--open"], "a plane has one view and no corner"),
        (["film", "STORE", "--turn", "--out", "OUT.gif"], "crystals in the plane do not turn"),
        ([*SHOW, "--slice", "layer"], "--slice 'layer' is not AXIS=NUMBER: write, for example, layer=32"),
        ([*SHOW, "--slice", "layer=3"], "layer=3 is no plane: crystals in 3 dimensions have layer, row, column"),
        ([*SHOW, "--at", "9999"], "step=9999 does not exist: this crystal grew from step 0 to step 36"),
        ([*SHOW, "--ground", "lihgt"], "unknown theme 'lihgt': did you mean 'light'"),
        ([*SHOW, "--width", "3"], "width=3 is outside the range from 160 to 4096"),
        (["show", "nothing.zarr", "--out", "OUT.png"], "nothing.zarr does not exist: check the path"),
        (["diagram", "STORE", "--x", "rho", "--y", "rho", "--out", "OUT.png"], "rho cannot be on both axes"),
        (["diagram", "STORE", "--x", "rho", "--y", "bta", "--out", "OUT.png"], "did you mean 'beta'"),
        (["diagram", "STORE", "--x", "rho", "--y", "sigma", "--out", "OUT.png"], "also differ in beta"),
        ([*GROWN, "beta"], "axis 'beta' is not NAME:LOW:HIGH:COUNT: write, for example, rho:0.35:0.64:8"),
        ([*GROWN, "beta:1:2:900"], "1 to 64 values"),
        ([*GROWN, "beta:2:1:3"], "does not rise: give the lower end first"),
        ([*GROWN, "betta:1:2:3"], "unknown parameter of gravner-griffeath 'betta': did you mean 'beta'"),
        ([*GROWN, "beta:1:20:2"], "beta=20 is outside [0, 10]"),
        ([*GROWN, "beta:1:2:2", "--fix", "rho=0.4"], "rho is on an axis and fixed too"),
        ([*GROWN, "beta:1:2:2", "--fix", "mu"], "is not one NAME=VALUE for each name"),
        ([*GROWN, "beta:1:2:2", "--clock", "mine"], "unknown clock 'mine'"),
        ([*GROWN, "beta:1:2:2", "--model", "gravner"], "unknown model 'gravner'"),
        (
            ["diagram", "--x", "mu:0.01:0.02:2", "--y", "beta:1:2:2", "--out", "OUT.png"],
            "rho has no default: fix its value, or put it on an axis (--fix NAME=VALUE)",
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing(store, tmp_path, capsys, words, message):
    words = [word.replace("STORE", str(store)).replace("OUT", str(tmp_path / "out")) for word in words]
    assert run(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message.replace("STORE", str(store)) in captured.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["show", "film"])
def test_an_output_that_exists_is_replaced_only_on_request(store, tmp_path, capsys, command):
    out = tmp_path / "out.png"
    out.write_bytes(b"mine")
    words = [command, str(store), "--out", str(out), "--width", "200"]
    assert run(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert run([*words, "--overwrite"]) == 0
    with Image.open(out) as picture:
        picture.load()
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.png"]


def test_a_point_whose_grid_has_a_hole_is_no_diagram(tmp_path, capsys):
    whole = made_up_crystals()
    holed = Trajectory(
        arrival=whole.arrival[:5],
        steps=whole.steps[:5],
        stop_codes=whole.stop_codes[:5],
        parameters={name: values[:5] for name, values in whole.parameters.items()},
        metadata=whole.metadata,
    )
    nakaya.save(holed, tmp_path / "holed.zarr")
    out = tmp_path / "d.png"
    assert run(["diagram", str(tmp_path / "holed.zarr"), "--x", "rho", "--y", "beta", "--out", str(out)]) == 2
    assert "the 5 points" in (said := capsys.readouterr().err)
    assert "form no grid over rho and beta (3 and 2 different values): sample them on a grid" in said
    assert not out.exists()
