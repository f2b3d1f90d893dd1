"""Files of VTK against the format's specification, and against VTK itself where it is installed."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

import nakaya
from nakaya.growth.exchange.about import with_spacing
from nakaya.growth.exchange.vtk import BLOCK_BYTES, encode_vtk, vtk_suffix
from nakaya.growth.model.trajectory import Trajectory
from support.crystals import make_crystals

TYPES = {"Int8": "<i1", "Int32": "<i4", "Int64": "<i8", "Float32": "<f4", "Float64": "<f8"}
KINDS = {
    "hexagonal": {"points": None, "members": 2, "spacing": 2e-6, "grain": True},
    "cubic": {"points": None, "members": 2, "lattice": (3, 4, 5), "fields": ("temperature", "arrival")},
    "several blocks": {"points": None, "members": 2, "lattice": (600, 600)},
}


@pytest.fixture(params=KINDS)
def crystals(request: pytest.FixtureRequest) -> Trajectory:
    return make_crystals(**KINDS[request.param])


def decode(element: ElementTree.Element) -> NDArray[Any]:
    """What the specification says about inline binary data: a header of UInt64 and compressed blocks, base64 each."""
    text = "".join((element.text or "").split())
    count = int(np.frombuffer(base64.b64decode(text[:32])[:8], "<u8")[0])
    header_bytes = 8 * (3 + count)
    header_length = -(-header_bytes // 3) * 4
    header = np.frombuffer(base64.b64decode(text[:header_length]), "<u8")
    packed, place, content = base64.b64decode(text[header_length:]), 0, b""
    for size in header[3:].tolist():
        content += zlib.decompress(packed[place : place + size])
        place += size
    assert place == len(packed)
    assert len(content) == (count - (header[2] > 0)) * header[1] + header[2]
    return np.frombuffer(content, TYPES[element.attrib["type"]])


def test_the_file_is_xml_that_says_where_every_number_is(crystals: Trajectory) -> None:
    root = ElementTree.fromstring(encode_vtk(crystals, 1))
    suffix, shape = vtk_suffix(crystals.metadata), crystals.lattice_shape
    assert root.attrib == {
        "type": {".vts": "StructuredGrid", ".vti": "ImageData"}[suffix],
        "version": "1.0", "byte_order": "LittleEndian", "header_type": "UInt64",
        "compressor": "vtkZLibDataCompressor",
    }  # fmt: skip
    grid = root.find(root.attrib["type"])
    assert grid is not None
    sides = [int(number) + 1 for number in grid.attrib["WholeExtent"].split()[1::2]]
    assert sides == [*reversed(shape), *[1] * (3 - len(shape))]
    piece = grid.find("Piece")
    assert piece is not None
    assert piece.attrib["Extent"] == grid.attrib["WholeExtent"]
    data = {element.attrib["Name"]: decode(element) for element in piece.findall("PointData/DataArray")}
    np.testing.assert_array_equal(data["arrival"].reshape(shape), crystals.arrival[1])
    if crystals.grain is not None:
        np.testing.assert_array_equal(data["grain"].reshape(shape), crystals.grain[1])
    for name, values in crystals.fields.items():
        np.testing.assert_array_equal(data["field_arrival" if name == "arrival" else name].reshape(shape), values[1])
    about = {element.attrib["Name"]: element for element in grid.findall("FieldData/DataArray")}
    assert decode(about["steps"]).tolist() == [crystals.steps[1]]
    assert decode(about["parameter_sigma"]).tolist() == [crystals.parameters["sigma"]]
    codes = [int(code) for code in (about["about"].text or "").split()]
    assert codes.pop() == 0
    assert json.loads(bytes(codes))["model_hash"] == crystals.metadata.model_hash


def test_sites_of_a_hexagonal_lattice_stand_at_their_places() -> None:
    root = ElementTree.fromstring(encode_vtk(make_crystals(None, 1, spacing=2e-6), 0))
    element = root.find("StructuredGrid/Piece/Points/DataArray")
    assert element is not None
    x, y, z = decode(element).reshape(9, 9, 3).transpose(2, 0, 1)
    assert not z.any()
    np.testing.assert_allclose(np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)), 2e-6, rtol=1e-12)
    np.testing.assert_allclose(np.diff(x, axis=1), 2e-6, rtol=1e-12)


def test_names_that_mean_something_to_xml_stay_names() -> None:
    crystals = make_crystals(None, 1)
    odd = Trajectory(crystals.arrival, crystals.steps, crystals.stop_codes, {'<a&"b': np.array(1.5)}, crystals.metadata)
    root = ElementTree.fromstring(encode_vtk(odd, 0))
    assert 'parameter_<a&"b' in {element.attrib["Name"] for element in root.iter("DataArray")}


def test_vtk_reads_the_same(crystals: Trajectory, tmp_path: Path) -> None:
    vtk = pytest.importorskip("vtk", reason="vtk is not installed: it takes 570 MB, so no extra brings it")
    from vtk.util.numpy_support import vtk_to_numpy

    path = tmp_path / f"crystal{vtk_suffix(crystals.metadata)}"
    path.write_bytes(encode_vtk(crystals, 1))
    reader = vtk.vtkXMLStructuredGridReader() if path.suffix == ".vts" else vtk.vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    grid, shape = reader.GetOutput(), crystals.lattice_shape
    data = grid.GetPointData()
    np.testing.assert_array_equal(vtk_to_numpy(data.GetArray("arrival")).reshape(shape), crystals.arrival[1])
    for name in ("temperature",) if crystals.fields else ():
        np.testing.assert_array_equal(vtk_to_numpy(data.GetArray(name)).reshape(shape), crystals.fields[name][1])
    about = grid.GetFieldData()
    assert about.GetArray("parameter_rho").GetValue(0) == crystals.parameters["rho"]
    assert json.loads(about.GetAbstractArray("about").GetValue(0))["seed"] == crystals.metadata.seed
    assert crystals.arrival[1].nbytes < BLOCK_BYTES or len(shape) == 2


def test_a_spacing_that_is_a_parameter_is_that_of_the_file() -> None:
    from nakaya.growth.solvers.grains.parameters import Grains

    crystals = nakaya.grow([Grains(spacing=2e-6, site_density=1e10)], model="grains", size=16, seed=1).point(0)
    assert b'Spacing="2e-06 2e-06 2e-06"' in encode_vtk(crystals, 0)
    flakes = nakaya.grow(nakaya.GravnerGriffeath(rho=0.9), size=16, seed=7)
    assert with_spacing(flakes) is flakes
