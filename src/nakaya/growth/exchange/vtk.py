"""One crystal as a file of VTK's XML formats, which ParaView, VisIt and PyVista read.

Square and cubic lattices are image data (`.vti`). A hexagonal lattice is a structured grid (`.vts`): its rows are
shifted against one another, and image data would have to be resampled, which makes numbers that no solver gave.

The arrays are compressed with zlib and written in base64 inside the elements, so the file is proper XML:
https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from nakaya.growth.exchange.about import attributes_of, positions_of, spacing_of, with_spacing
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata

__all__ = ["encode_image_data", "encode_vtk", "vtk_suffix"]

BLOCK_BYTES: Final = 2**20
"""Compressed one by one, so that a reader may skip some."""

TYPES: Final = {"i1": "Int8", "i4": "Int32", "i8": "Int64", "f4": "Float32", "f8": "Float64"}


def vtk_suffix(metadata: TrajectoryMetadata) -> str:
    """Ending of a file of such crystals: ".vts" for hexagonal lattices, else ".vti"."""
    return ".vts" if metadata.lattice == "hexagonal" else ".vti"


def encode_vtk(crystals: Trajectory, member: int) -> bytes:
    """Return one crystal as the content of a `.vti` or `.vts` file.

    Sites are points, with the data `arrival` (Int32; the crystal after step t is where 0 <= arrival <= t: in ParaView
    the filter Threshold), `grain` and each final field. The field data are `steps`, `stop_codes`, every parameter
    (`parameter_rho`), and `about`, a text of JSON. Lengths are in `length_unit`, or site spacings where it is unknown.

    Args:
        crystals: Of one point, without its axis.
        member: Number of the crystal.

    >>> import nakaya
    >>> crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.9), size=16, seed=7)
    >>> vtk_suffix(crystals.metadata), encode_vtk(crystals, 0)[:52].splitlines()[1]
    ('.vts', b'<VTKFile type="StructuredGrid"')
    """
    crystals = with_spacing(crystals)
    metadata, shape = crystals.metadata, crystals.lattice_shape
    extent = " ".join(f"0 {length - 1}" for length in (*reversed(shape), *[1] * (3 - len(shape))))
    data: dict[str, NDArray[Any]] = {"arrival": crystals.arrival[member]}
    if crystals.grain is not None:
        data["grain"] = crystals.grain[member]
    data |= {f"field_{name}" if name in data else name: values[member] for name, values in crystals.fields.items()}
    if vtk_suffix(metadata) == ".vts":
        kind, geometry = "StructuredGrid", f'WholeExtent="{extent}"'
        flat = positions_of(metadata, shape)
        places = np.concatenate([flat, np.zeros((*shape, 1))], axis=-1)
        points = f"<Points>\n{_array('positions', places, components=3)}</Points>\n"
    else:
        spacing = " ".join([repr(float(spacing_of(metadata)[0]))] * 3)
        kind, geometry = "ImageData", f'WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}"'
        points = ""
    return (
        '<?xml version="1.0"?>\n'
        f'<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt64" '
        'compressor="vtkZLibDataCompressor">\n'
        f"<{kind} {geometry}>\n<FieldData>\n{_field_data(crystals, member)}</FieldData>\n"
        f'<Piece Extent="{extent}">\n<PointData Scalars="arrival">\n'
        + "".join(_array(name, values) for name, values in data.items())
        + f"</PointData>\n<CellData>\n</CellData>\n{points}</Piece>\n</{kind}>\n</VTKFile>\n"
    ).encode()


def encode_image_data(arrays: Mapping[str, NDArray[Any]], spacing: float) -> bytes:
    """Return arrays on a square or cubic lattice as the content of a `.vti` file, sites as points.

    Args:
        arrays: By name, each [*lattice] of one shape, of two or three axes.
        spacing: Distance of sites.

    >>> encode_image_data({"grain": np.zeros((4, 6), np.int32)}, 0.5).splitlines()[2]
    b'<ImageData WholeExtent="0 5 0 3 0 0" Origin="0 0 0" Spacing="0.5 0.5 0.5">'
    """
    shape = next(iter(arrays.values())).shape
    extent = " ".join(f"0 {length - 1}" for length in (*reversed(shape), *[1] * (3 - len(shape))))
    steps = " ".join([repr(float(spacing))] * 3)
    geometry = f'WholeExtent="{extent}" Origin="0 0 0" Spacing="{steps}"'
    content = "".join(_array(name, values) for name, values in arrays.items())
    return (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64" '
        f'compressor="vtkZLibDataCompressor">\n<ImageData {geometry}>\n<Piece Extent="{extent}">\n'
        f"<PointData>\n{content}</PointData>\n<CellData>\n</CellData>\n</Piece>\n</ImageData>\n</VTKFile>\n"
    ).encode()


def _field_data(crystals: Trajectory, member: int) -> str:
    single: Mapping[str, NDArray[Any]] = {
        "steps": crystals.steps[member : member + 1],
        "stop_codes": crystals.stop_codes[member : member + 1],
        **{f"parameter_{name}": np.atleast_1d(values) for name, values in crystals.parameters.items()},
    }
    codes = " ".join(str(code) for code in (*json.dumps(attributes_of(crystals.metadata)).encode("ascii"), 0))
    text = f'<DataArray type="String" Name="about" NumberOfTuples="1" format="ascii">\n{codes}\n</DataArray>\n'
    return "".join(_array(name, values, tuples=1) for name, values in single.items()) + text


def _array(name: str, values: NDArray[Any], *, components: int = 1, tuples: int | None = None) -> str:
    kind = TYPES[values.dtype.newbyteorder("<").str[1:]]
    size = f' NumberOfComponents="{components}"' + ("" if tuples is None else f' NumberOfTuples="{tuples}"')
    content = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    return f'<DataArray type="{kind}" Name={quoteattr(name)}{size} format="binary">\n{_base64(content)}\n</DataArray>\n'


def _base64(content: bytes) -> str:
    """Blocks as the reader wants them: their number, size, size of the last one if it is partial, sizes compressed."""
    blocks = [content[start : start + BLOCK_BYTES] for start in range(0, len(content), BLOCK_BYTES)]
    packed = [zlib.compress(block, 6) for block in blocks]
    sizes = (len(blocks), BLOCK_BYTES, len(content) % BLOCK_BYTES, *(len(block) for block in packed))
    return (b64encode(np.array(sizes, "<u8").tobytes()) + b64encode(b"".join(packed))).decode("ascii")
