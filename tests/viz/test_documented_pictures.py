"""The README's picture and the example of docs/pictures.md, as they are written."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]


def test_the_readme_picture_is_drawn_by_its_script(tmp_path, monkeypatch, capsys):
    out = tmp_path / "flakes.png"
    words = ["--size", "25", "--width", "360", "--model", "gravner-griffeath-reference", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["readme_picture.py", *words])
    runpy.run_path(str(ROOT / "examples" / "readme_picture.py"), run_name="__main__")
    assert "360 x" in capsys.readouterr().out
    pixels = np.asarray(Image.open(out).convert("L"), float)
    thirds = np.array_split(pixels[: pixels.shape[0] // 2], 3, axis=1)
    assert all((third > 100).mean() > 0.02 for third in thirds)  # a crystal in each column


def test_the_example_of_the_documentation_runs(tmp_path, monkeypatch):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "pictures.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/pictures.md", "exec"), {})
    assert "Fidelity" in (tmp_path / "report.html").read_text("utf-8")


def test_pictures_of_the_documentation_are_small_and_shown():
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    assert sum(picture.stat().st_size for picture in pictures) < 1_500_000
    for picture in pictures:
        with Image.open(picture) as opened:
            opened.load()
