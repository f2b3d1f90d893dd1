"""A micrograph to a record, a cluster graph, an overlay to check and a mask to correct."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import FormatError, ParameterError, UnknownNameError
from nakaya.core.files import check_output
from nakaya.core.provenance import sha256_of_file
from nakaya.microscopy.grains.doubts import brightness_steps, count_straight_lines
from nakaya.microscopy.grains.grain_size import grain_size_from_intercept
from nakaya.microscopy.grains.masks import check_mask_size, grains_from_mask, mask_of_boundaries
from nakaya.microscopy.grains.record import astm_interval, grains_record, measure_map
from nakaya.microscopy.grains.segmentation import segment_grains
from nakaya.microscopy.image_files import read_raw_image
from nakaya.microscopy.image_records import NO_SCALE, ImageSource, IngestedImage
from nakaya.microscopy.images import GreyImage, grey_image, parse_pixel_size, without_bright_spots
from nakaya.microscopy.lattice_images.faults import find_faults
from nakaya.microscopy.lattice_images.lattices import LatticeImage, analyse_lattice
from nakaya.microscopy.lattice_images.record import lattice_record
from nakaya.microscopy.lattice_images.reflections import shortest_vectors
from nakaya.microscopy.loops.counting import (
    LoopRules,
    count_interval,
    find_loops,
    loops_of_mask,
    mask_of_loops,
)
from nakaya.microscopy.loops.record import loops_record
from nakaya.microscopy.pixel_sizes import ImageHeader, read_image_header
from nakaya.microscopy.specimen import Crop, describe_foreign_parts, parse_crop
from nakaya.records.record import Record
from nakaya.records.summary import tell_results
from nakaya.workflows.record_folder import RECORDS, write_record_folder

if TYPE_CHECKING:
    from PIL import Image

    from nakaya.viz.overlays import Caption

__all__ = [
    "KINDS",
    "Finding",
    "MicrographOptions",
    "UnusedMaskError",
    "drawn_spots",
    "ingest_micrograph",
    "write_ingested",
]

OVERLAY, MASK = "overlay.png", "mask.png"
WHOLE = "none"
SHRUNK = 1.2
"""Bright spots that change the grey scale by less are no matter."""
MAX_PIXELS = {"grains": 5_000_000, "loops": 5_000_000, "lattice": 2_500_000}
"""What is looked for takes up to 140, 120 and 250 bytes a pixel, and the libraries 250 MB: below 1 GB."""
DISAGREE = 0.02
"""A stated pixel size that differs from the file's own by more than this fraction is flagged."""
UNCLEAR = 6.0
"""Standard deviations of noise by which a typical line must stand out; noise alone gives about 5."""
MOSTLY_CLOSED = 0.5
"""Fraction of the boundaries that must lie on lines."""
STEPPED = 1.5
"""Step of brightness across the steepest edges over the depth of a line there: etched boundaries gave 0.1 to 0.6,
grains that differ in brightness alone 11 and more."""
USUAL_LOOP = 26.0
"""Diameter in pixels of the loops on which the rules were chosen."""


class UnusedMaskError(ParameterError):
    """A mask was given for a kind of micrograph that takes none; the message begins with "mask"."""


@dataclass(frozen=True)
class MicrographOptions:
    """What is asked of a micrograph.

    Attributes:
        kind: "grains", "loops" or "lattice".
        pixel_size: Such as "0.2252um"; None = what the file itself says about the specimen, if anything.
        mask: What a person drew or corrected, instead of what the image shows; not for lattices.
        material: Of the specimen.
        lines: Grains: "dark" or "bright" boundaries; None = find out.
        contrast: Loops: depth below the background, as a fraction of the grey scale.
        loop_diameter: Loops: about how many pixels across they are.
        crop: Part of the image that shows the specimen, WIDTHxHEIGHT+LEFT+TOP in pixels; "none" = the whole file, even
            where its header says that the specimen ends earlier; None = what the header says.

    Raises:
        ParameterError: A value is out of range.
        UnusedMaskError: Lattices take no mask.
        UnknownNameError: There is no such kind.
    """

    kind: str = "grains"
    pixel_size: str | None = None
    mask: Path | None = None
    material: str = "unknown"
    lines: str | None = None
    contrast: float = LoopRules().contrast
    loop_diameter: float = USUAL_LOOP
    crop: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("kind of micrograph", self.kind, KINDS)
        if self.mask is not None and self.kind == "lattice":
            raise UnusedMaskError("mask corrects grains or loops: the lattices of an image come from its fringes")
        if self.lines not in (None, "dark", "bright"):
            raise UnknownNameError("kind of line", str(self.lines), ("dark", "bright"))
        if not 4 <= self.loop_diameter <= 500:
            raise ParameterError(f"loop_diameter={self.loop_diameter} pixels is outside [4, 500]")
        if self.crop not in (None, WHOLE):
            parse_crop(str(self.crop))

    @property
    def loop_rules(self) -> LoopRules:
        """The rules for loops of this size."""
        usual, ratio = LoopRules(), self.loop_diameter / USUAL_LOOP
        return LoopRules(self.contrast, usual.smoothing * ratio, usual.background * ratio, usual.min_area * ratio**2)


@dataclass(frozen=True, eq=False)
class Finding:
    """What one kind of analysis came to: for the store, for the eye, and for whoever asked."""

    ingested: IngestedImage
    overlay: Image.Image
    mask: BoolArray | NDArray[np.uint8]
    numbers: Mapping[str, Any] = field(default_factory=dict)


def ingest_micrograph(
    path: Path, out: Path, options: MicrographOptions | None = None, *, overwrite: bool = False
) -> dict[str, Any]:
    """Turn a micrograph into a directory: records/ (with the cluster graph), overlay.png and mask.png.

    Args:
        path: PNG, TIFF, JPEG or BMP; grey or colour, 8 or 16 bits.
        out: Directory to make.
        options: What is asked.
        overwrite: Whether something at `out` is replaced.

    Returns:
        Plain values: what was found (see `docs/micrographs.md`), record, status, flags, out.

    Raises:
        InputFileError: A file cannot be read.
        FormatError: A file is no image, or shows nothing of what was asked for.
        ParameterError: A value is out of range.
        MissingExtraError: scikit-image or tifffile is not installed.
        OutputError: The output exists or cannot be written.
    """
    options = options or MicrographOptions()
    check_output(out, overwrite=overwrite, sign=RECORDS)
    header = read_image_header(path)
    raw, flags = read_raw_image(path)
    crop = _crop(raw.shape[:2], header, options)
    raw = raw if crop is None else crop.of(raw, path.name)
    raw, side, notes = _binned(raw, path.name, options)
    image = grey_image(raw, path.name, sha256_of_file(path), (*flags, *notes))
    del raw
    source = _source(image, header, crop, options)
    source = replace(source, pixel_size=None if source.pixel_size is None else side * source.pixel_size)
    found = KINDS[options.kind](image, source, options)
    return write_ingested(found, out, overwrite=overwrite) | {
        "kind": options.kind,
        "pixel_size_m": source.metres,
        "pixel_size_from": source.pixel_size_from or None,
    }


def write_ingested(found: Finding, out: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Write what was found, whole or not at all, and return its summary."""
    from PIL import Image

    from nakaya.viz.writing import encode_image

    record = found.ingested.record
    pixels = found.mask if found.mask.dtype == np.uint8 else np.where(found.mask, 255, 0).astype(np.uint8)
    files = {
        f"{RECORDS}/{found.ingested.graph_path}": found.ingested.graph.to_json().encode(),
        OVERLAY: encode_image(found.overlay, Path(OVERLAY), title=record.id, optimise=False),
        MASK: encode_image(Image.fromarray(pixels), Path(MASK), title=record.id),
    }
    written = write_record_folder(record, files, out, overwrite=overwrite)
    return {**found.numbers, **written, "overlay": out / OVERLAY, "mask": out / MASK}


def _crop(shape: tuple[int, ...], header: ImageHeader, options: MicrographOptions) -> Crop | None:
    """The part of the file that shows the specimen; None = all of it."""
    if options.crop not in (None, WHOLE):
        return parse_crop(str(options.crop))
    if options.crop is None and header.specimen is not None and header.specimen != shape:
        return Crop(header.specimen[1], header.specimen[0])
    return None


def _binned(
    raw: NDArray[np.generic], name: str, options: MicrographOptions
) -> tuple[NDArray[np.generic], int, tuple[str, ...]]:
    """Means over squares of pixels where there are more than fit the memory, the side of the squares, and a flag.

    Boundaries of grains bear that; diameters of loops are stated in pixels, spacings of lattices would fold over, and a
    mask has the pixels of its image: these are refused.

    Raises:
        FormatError: There are too many pixels.
    """
    height, width, limit = raw.shape[0], raw.shape[1], MAX_PIXELS[options.kind]
    side = math.ceil(math.sqrt(height * width / limit))
    if side <= 1:
        return raw, 1, ()
    size = f"{width} x {height} pixels: {options.kind} are looked for in up to {limit:,}"
    if options.kind != "grains" or options.mask is not None:
        raise FormatError(f"{name} has {size}; crop to a part, or halve the resolution, which doubles the pixel size")
    rows, columns = height // side, width // side
    squares = raw[: rows * side, : columns * side].reshape(rows, side, columns, side, *raw.shape[2:])
    means = squares.mean(axis=(1, 3), dtype=np.float64)
    values = means if raw.dtype.kind == "f" else np.rint(means)
    note = f"{size}: means over {side} x {side} of them are looked at; crop to a part to see finer lines"
    return values.astype(raw.dtype), side, (note,)


def _source(image: GreyImage, header: ImageHeader, crop: Crop | None, options: MicrographOptions) -> ImageSource:
    flags = [*image.flags, *describe_foreign_parts(image.values, boxes=options.mask is None)]
    size, origin = header.pixel_size, header.place
    if options.pixel_size is None:
        flags += header.flags
    else:
        size, origin = parse_pixel_size(options.pixel_size), "the person who ingested the image"
        if header.pixel_size is not None and not math.isclose(size, header.pixel_size, rel_tol=DISAGREE):
            flags.append(
                f"the pixel size given is {size:g} m, the {header.place} says {header.pixel_size:g} m: the given one "
                "is used"
            )
    words = [f"nakaya ingest micrograph {image.name} --kind {options.kind}"]
    words += [f"--pixel-size {options.pixel_size}"] if options.pixel_size else []
    words += [f"--mask {options.mask.name}"] if options.mask else []
    words += [f"--crop {options.crop}"] if options.crop else []
    mask = None
    if options.mask is not None:
        mask = options.mask.name, sha256_of_file(options.mask)
    cut = "" if crop is None else f"{crop}, {'as given' if options.crop else 'from the header of the file'}"
    command = " ".join(words)
    return ImageSource(image.name, image.sha256, size, origin, options.material, tuple(flags), mask, command, cut)


def _without_bright_spots(image: GreyImage, source: ImageSource) -> tuple[FloatArray, ImageSource]:
    """Grey values that end below glaring spots, and the source with a flag where there are any."""
    values, shrunk = without_bright_spots(image.values)
    if shrunk > SHRUNK:
        note = f"bright spots reach {shrunk:.1f} times as far as the grey values of all else: contrasts leave them out"
        source = replace(source, flags=(*source.flags, note))
    return values, source


def _read_mask(path: Path, shape: tuple[int, int], cut: str) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """Pixels of a mask of the image; one of the whole file is cut as the image was."""
    pixels, flags = read_raw_image(path)
    if cut and pixels.shape[:2] != shape:
        crop = parse_crop(cut.split(",")[0])
        if crop.left + crop.width <= pixels.shape[1] and crop.top + crop.height <= pixels.shape[0]:
            pixels = crop.of(pixels, path.name)
    check_mask_size(pixels, shape)
    return pixels, flags


# -------------------------------------------------------------------------------------------------------------- grains


def _grains(image: GreyImage, source: ImageSource, options: MicrographOptions) -> Finding:
    from nakaya.viz.overlays import grain_overlay

    flags: list[str] = []
    if options.mask is not None:
        pixels, mask_flags = _read_mask(options.mask, image.shape, source.crop)
        labels, found = grains_from_mask(pixels, image.shape)
        flags += [*mask_flags, *found]
        settings, on_lines = {"grains from": "a mask that a person drew or corrected"}, math.nan
    else:
        values, source = _without_bright_spots(image, source)
        segmented = segment_grains(values, lines=options.lines)
        labels, on_lines = segmented.labels, segmented.marked_fraction
        settings = {
            "grains from": "lines of the image and watershed",
            "lines": f"{segmented.polarity}, {segmented.line_width:.2f} pixels wide",
            "clarity of lines": f"{segmented.clarity:.1f} standard deviations of noise",
            "share of boundaries on lines": f"{on_lines:.3f}",
        }
        if segmented.clarity < UNCLEAR:
            flags.append(
                f"lines stand out by {segmented.clarity:.1f} deviations of the noise only: the boundaries may be noise"
            )
        elif on_lines < MOSTLY_CLOSED:
            flags.append(f"{100 * (1 - on_lines):.0f} % of the boundaries lie on no line: they were closed across gaps")
        step, line = brightness_steps(values, segmented.line_width)
        if step > STEPPED * line:
            flags.append(
                "neighbouring areas differ in brightness, without lines between them: grains that differ in brightness "
                "alone, and phases, are not told apart by lines; draw a mask"
            )
    measured = measure_map(labels)
    num_straight = 0 if options.mask is not None else count_straight_lines(labels, measured.intercept.value)
    if num_straight:
        flags.append(
            f"about {num_straight} boundaries run straight on past many grains (scratches taken for boundaries?), "
            "which makes grains too many and too small: erase them from the mask"
        )
    intercept, metres = measured.intercept, source.metres
    numbers = {
        "mean_intercept_m": intercept.value * metres,
        "mean_intercept_interval_m": [intercept.low * metres, intercept.high * metres],
        "astm_grain_size": grain_size_from_intercept(intercept.value * metres),
        "mean_intercept_pixels": intercept.value,
        "astm_grain_size_interval": list(astm_interval(intercept, metres)),
        "grains": measured.num_grains,
        "grains_not_on_frame": measured.num_whole,
        "mean_neighbours": measured.mean_neighbours,
        "mean_neighbours_whole_grains": measured.mean_neighbours_whole,
        "mean_diameter_m": measured.mean_diameter[0] * metres,
        "boundaries_on_lines": on_lines,
    }
    ingested = grains_record(source, measured, settings, tuple(flags))
    title = f"{measured.num_grains} grains, {measured.num_whole} of them whole"
    names = ["mean_intercept", "astm_grain_size", "mean_neighbours"]
    if source.pixel_size is None:
        names[0] = "mean_intercept_pixels"
    caption = _caption(title, ingested.record, names, source)
    overlay = grain_overlay(image.values, measured.labels, measured.table.on_frame, caption)
    return Finding(ingested, overlay, mask_of_boundaries(measured.labels), numbers)


def _caption(title: str, record: Record, names: Iterable[str], source: ImageSource) -> Caption:
    """Results of the record in words, and whether they have physical units."""
    from nakaya.viz.overlays import Caption

    words = [tell_results(record, names), *([NO_SCALE] if source.pixel_size is None else [])]
    return Caption(title, "; ".join(filter(None, words)), source.pixel_size)


# --------------------------------------------------------------------------------------------------------------- loops


def _loops(image: GreyImage, source: ImageSource, options: MicrographOptions) -> Finding:
    from nakaya.viz.overlays import spot_overlay

    rules = options.loop_rules
    values, source = _without_bright_spots(image, source)
    if options.mask is not None:
        loops = loops_of_mask(values, drawn_spots(options.mask, image.shape, source.crop), rules)
        settings = {"loops from": "a mask that a person drew or corrected"}
    else:
        loops = find_loops(values, rules)
        settings = {
            "loops from": "dark spots of the image",
            "contrast": f"{rules.contrast:g}",
            "smoothing": f"{rules.smoothing:g} pixels",
            "background": f"{rules.background:g} pixels",
            "least area": f"{rules.min_area:g} square pixels",
        }
    ingested = loops_record(source, loops, image.shape, settings)
    area = image.values.size * source.metres**2
    mean = float(loops.diameter.mean()) if loops.count else math.nan
    low, high = count_interval(loops.count)
    numbers = {
        "count": loops.count,
        "count_interval": [low, high],
        "mean_diameter_m": mean * source.metres,
        "mean_diameter_pixels": mean,
        "density_per_m2": loops.count / area,
        "density_interval_per_m2": [low / area, high / area],
    }
    names = ["num_loops", "loop_diameter", "loops_per_area"]
    caption = _caption(f"{loops.count} loops", ingested.record, names, source)
    overlay = spot_overlay(image.values, loops.labels, loops.centres, caption)
    return Finding(ingested, overlay, mask_of_loops(loops.labels), numbers)


def drawn_spots(path: Path, shape: tuple[int, int], cut: str = "") -> BoolArray:
    """Return where a mask of spots is white, or coloured: bool [row, column].

    Args:
        path: The mask.
        shape: Rows and columns of the image.
        cut: Crop of the image, WIDTHxHEIGHT+LEFT+TOP: a mask of the whole file is cut in the same way.

    Raises:
        InputFileError: It cannot be read.
        FormatError: It is no image, or of another size.
    """
    pixels, _ = _read_mask(path, shape, cut)
    values = pixels.astype(np.float64)
    if values.ndim == 3:
        values = values[..., : 3 if values.shape[2] >= 3 else 1].max(axis=-1)
    return np.asarray(values > max(float(values.max()), 1.0) / 2, np.bool_)


# ------------------------------------------------------------------------------------------------------------- lattice


def _lattice(image: GreyImage, source: ImageSource, options: MicrographOptions) -> Finding:
    found = analyse_lattice(image.values)
    searches = [
        find_faults(image.values, [(peak.g, peak.clearness) for peak in domain.reflections], found.labels == number)
        for number, domain in enumerate(found.domains)
    ]
    settings = {"window": f"{found.window} pixels", "windows": str(len(found.window_domain))}
    ingested = lattice_record(source, found, searches, settings)
    faults = [fault for search in searches for fault in search.faults]
    scale = source.pixel_size
    numbers = {
        "lattices": len(found.domains),
        "shares": [domain.area_fraction for domain in found.domains],
        "spacings_pixels": [domain.spacings.tolist() for domain in found.domains],
        "spacings_m": None if scale is None else [(domain.spacings * scale).tolist() for domain in found.domains],
        "boundaries": [
            {
                "lattices": list(boundary.domains),
                "rotation_degrees": math.degrees(boundary.rotation),
                "misfit": boundary.misfit,
                "other_rotations_degrees": [math.degrees(angle) for angle in boundary.alternatives],
                "twin": boundary.is_twin,
            }
            for boundary in found.boundaries
        ],
        "twins": sum(boundary.is_twin for boundary in found.boundaries),
        "stacking_faults": len(faults) if any(search.resolved for search in searches) else math.nan,
    }
    shades = (np.arange(len(found.domains)) + 1) * (255 // max(len(found.domains), 1))
    overlay = _lattice_overlay(image, found, [fault.ends for fault in faults], ingested.record, source)
    return Finding(ingested, overlay, shades.astype(np.uint8)[found.labels], numbers)


def _lattice_overlay(
    image: GreyImage, found: LatticeImage, faults: list[Any], record: Record, source: ImageSource
) -> Image.Image:
    from nakaya.viz.overlays import TWIN, Segment, domain_overlay

    planes = [
        [(-g[1] / np.hypot(*g), g[0] / np.hypot(*g)) for g in shortest_vectors(domain.basis)]
        for domain in found.domains
    ]
    lines = [Segment(tuple(ends[0]), tuple(ends[1]), TWIN) for ends in faults]
    count = len(found.domains)
    title = f"{count} lattice{'s' if count != 1 else ''}, {len(faults)} stacking faults"
    names = [name for name in record.quantities if name.startswith(("rotation_", "spacing_"))]
    legend = [(TWIN, "stacking fault")] if faults else []
    caption = replace(_caption(title, record, names, source), legend=legend)
    return domain_overlay(image.values, found.labels, planes, lines, caption)


KINDS: Final[Mapping[str, Callable[[GreyImage, ImageSource, MicrographOptions], Finding]]] = {
    "grains": _grains,
    "loops": _loops,
    "lattice": _lattice,
}
"""What can be looked for in a micrograph."""
