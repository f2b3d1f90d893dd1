"""Records of images: what all kinds of micrographs have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nakaya.core.arrays import FloatArray
from nakaya.core.provenance import package_version, sha256_of_bytes
from nakaya.records.cluster_graph import ClusterGraph
from nakaya.records.clusters_of_record import CLUSTER_GRAPH
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record, Snapshot, single

__all__ = ["NO_SCALE", "ImageSource", "IngestedImage", "ingested", "mean_quantity"]

NO_SCALE = "no pixel size is known: lengths are in pixels, and nothing has physical units"


@dataclass(frozen=True)
class ImageSource:
    """Where an image comes from.

    Attributes:
        name: File name.
        sha256: Of the file's bytes.
        pixel_size: m; None = not known.
        pixel_size_from: Who says so.
        material: Of the specimen.
        flags: What was odd in the file.
        mask: Name and sha256 of a mask that a person drew or corrected; None = the image alone.
        command: Command that makes the record again.
        crop: Part of the file that was looked at, and who says so; empty = all of it.
    """

    name: str
    sha256: str
    pixel_size: float | None = None
    pixel_size_from: str = ""
    material: str = "unknown"
    flags: tuple[str, ...] = ()
    mask: tuple[str, str] | None = None
    command: str = ""
    crop: str = ""

    @property
    def scale(self) -> float:
        """Metres per pixel, or 1."""
        return 1.0 if self.pixel_size is None else self.pixel_size

    @property
    def metres(self) -> float:
        """Metres per pixel; NaN where no pixel size is known, and so all that is computed with it."""
        return math.nan if self.pixel_size is None else self.pixel_size

    @property
    def unit(self) -> str:
        """Unit of lengths: "m", or "pixel" where no pixel size is known."""
        return "pixel" if self.pixel_size is None else "m"

    def record_id(self, form: str) -> str:
        """An id of letters, digits and . _ + = - from the file name and what was looked for."""
        stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", self.name)
        text = re.sub(r"[^A-Za-z0-9._+=-]+", "-", stem.encode("ascii", "ignore").decode()).strip("-._+=")[:150]
        return f"{text or 'image'}-{form}"


@dataclass(frozen=True, eq=False)
class IngestedImage:
    """A record, its cluster graph, and the path of the graph's JSON, as the record says it."""

    record: Record
    graph: ClusterGraph
    graph_path: str


def mean_quantity(values: FloatArray, unit: str) -> Quantity:
    """Return the mean of values [n] with its standard error; NaN where there are too few."""
    mean = float(values.mean()) if len(values) else math.nan
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return single(mean, unit, uncertainty=error)


def ingested(
    source: ImageSource,
    graph: ClusterGraph,
    quantities: Mapping[str, Quantity],
    *,
    how: str,
    settings: Mapping[str, str],
    flags: Sequence[str] = (),
) -> IngestedImage:
    """Make the record of an image whose cluster graph carries its id.

    Args:
        source: The image.
        graph: What was found in it.
        quantities: Results.
        how: In a few words.
        settings: Everything else that mattered.
        flags: What to keep in mind; a record with any is flagged.
    """
    every = [*source.flags, *([NO_SCALE] if source.pixel_size is None else []), *flags]
    conditions = {DRIVING_FORCE: single(math.nan, "1")}
    if source.pixel_size is not None:
        conditions["pixel_size"] = single(source.pixel_size, "m")
        settings = {**settings, "pixel size from": source.pixel_size_from}
    if source.crop:
        settings = {**settings, "crop": source.crop}
    files = {source.name: source.sha256}
    if source.mask is not None:
        name, digest = source.mask
        files[name if name != source.name else f"mask: {name}"] = digest
    path = f"clusters/{graph.record_id}.json"
    record = Record(
        id=graph.record_id,
        kind="micrograph",
        material=source.material,
        conditions=conditions,
        quantities=quantities,
        provenance=Provenance(
            how,
            files=files,
            software={"nakaya": package_version()},
            commands=(source.command,) if source.command else (),
            settings=settings,
        ),
        status="flagged" if every else "ok",
        flags=every,
        snapshots=(Snapshot(path, sha256_of_bytes(graph.to_json().encode()), CLUSTER_GRAPH),),
    )
    return IngestedImage(record, graph, path)
