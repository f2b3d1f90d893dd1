"""What an example of the gallery names is shown: every Matplotlib figure and Pillow image that a block gives a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from sphinx_gallery.scrapers import figure_rst

DOTS_PER_INCH = 144
MAX_WIDTH = 1400


def scrape(block: tuple[str, str, int], block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the pictures that the block made, and return the directives that show them."""
    names = block_vars["example_globals"]
    shown = names.setdefault("__shown__", [])
    paths = []
    for value in list(names.values()):
        if not isinstance(value, Figure | Image.Image) or any(value is other for other in shown):
            continue
        shown.append(value)
        path = Path(next(block_vars["image_path_iterator"]))
        if isinstance(value, Figure):
            value.savefig(
                path, dpi=DOTS_PER_INCH, facecolor=value.get_facecolor(), bbox_inches="tight", pad_inches=0.15
            )
        else:
            picture = value.convert("RGB")
            picture.thumbnail((MAX_WIDTH, 4 * MAX_WIDTH), Image.Resampling.LANCZOS)
            picture.save(path, optimize=True)
        paths.append(str(path))
    plt.close("all")
    return figure_rst(paths, gallery_conf["src_dir"]) if paths else ""


def _get_sg_image_scraper() -> Any:
    return scrape
