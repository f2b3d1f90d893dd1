"""Words for places on curves, hoisted above the panel on thin poles: they hide neither a curve nor each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakaya.viz.formatting import typeset
from nakaya.viz.style import PIXELS_PER_INCH, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Flag", "hoist", "write_flags"]

GAP = 4.0
"""Pixels between a pole and its words, and between words."""

LINE = 19.0
"""Height of a row of words, in pixels of a chart (96 to the inch)."""

FOOT = 8.0
"""Pixels between the panel and the lowest row."""


_POINTS = 72.0 / PIXELS_PER_INCH


@dataclass(frozen=True)
class Flag:
    """Words and their pole.

    Attributes:
        pole: Where the pole stands.
        width: Of the words, in the unit of `pole`.
        row: From below; 0 is the lowest.
    """

    pole: float
    width: float
    row: int

    @property
    def left(self) -> float:
        """Where the words begin."""
        return self.pole + GAP

    @property
    def right(self) -> float:
        """Where the words end."""
        return self.left + self.width

    def is_over(self, place: float) -> bool:
        """Whether the words, with half a gap around them, lie over a place."""
        return self.left - GAP / 2 < place < self.right + GAP / 2

    def hinders(self, other: Flag) -> bool:
        """Whether words overlap in one row, or a pole runs through words of its own row or of a lower one."""
        if self.row == other.row:
            overlap = self.left < other.right + GAP and other.left < self.right + GAP
            return overlap or self.is_over(other.pole) or other.is_over(self.pole)
        low, high = sorted((self, other), key=lambda flag: flag.row)
        return low.is_over(high.pole)


def hoist(poles: Sequence[float], widths: Sequence[float]) -> list[Flag]:
    """Give words, which stand to the right of their poles, the lowest rows in which none hinders another.

    Args:
        poles: Places of the poles.
        widths: Of the words, in the same unit.

    Returns:
        A flag for each pole, in their order.

    >>> [(flag.left, flag.row) for flag in hoist([10.0, 50.0, 200.0], [60.0, 60.0, 60.0])]
    [(14.0, 1), (54.0, 0), (204.0, 0)]
    """
    placed: dict[int, Flag] = {}
    for number in sorted(range(len(poles)), key=lambda number: -poles[number]):
        # From right to left: a new pole stands left of all words so far, and only its own words can be in the way.
        rows = range(2 + max((flag.row for flag in placed.values()), default=-1))
        flags = (Flag(poles[number], widths[number], row) for row in rows)
        placed[number] = next(flag for flag in flags if not any(flag.hinders(other) for other in placed.values()))
    return [placed[number] for number in range(len(poles))]


def write_flags(axes: Axes, labels: Sequence[tuple[str, float, float]], theme: Theme) -> int:
    """Write words above a panel, each on a pole that stands on its place; call it when all curves are there.

    Args:
        axes: Panel of a figure with a layout of its own, which makes room above it.
        labels: (words, x, y), x and y in the units of the axes.
        theme: Colours.

    Returns:
        How many rows they take, of `LINE` pixels each.
    """
    if not labels:
        return 0
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None, "axes that are drawn belong to a figure"
    texts = [
        axes.annotate(
            typeset(words), (0, 1), (0, 0), "axes fraction", textcoords="offset points", color=theme.foreground
        )
        for words, _, _ in labels
    ]
    pixel, flags = figure.dpi / PIXELS_PER_INCH, list[Flag]()
    for _ in range(2):  # words that reach over the right edge make the panel narrower, and poles move with it
        figure.draw_without_rendering()
        box = axes.get_window_extent()
        widths = [float(text.get_window_extent().width) / pixel for text in texts]
        poles = [(float(axes.transData.transform((x, y))[0]) - box.x0) / pixel for _, x, y in labels]
        flags = hoist(poles, widths)
        for text, flag in zip(texts, flags, strict=True):
            text.set_position((flag.left * _POINTS, (FOOT + LINE * flag.row) * _POINTS))
    for flag, (_, x, y) in zip(flags, labels, strict=True):
        top = ScaledTranslation(0.0, (FOOT + LINE * (flag.row + 0.6)) / PIXELS_PER_INCH, figure.dpi_scale_trans)
        axes.annotate(
            "",
            (x, y),
            (x, 1.0),
            "data",
            textcoords=axes.get_xaxis_transform() + top,
            arrowprops={"arrowstyle": "-", "color": theme.muted, "linewidth": 0.8, "shrinkA": 0.0, "shrinkB": 4.0},
            annotation_clip=False,
        )
    return 1 + max(flag.row for flag in flags)
