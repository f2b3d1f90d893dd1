"""Every reader of nakaya with sound files of its kind: what `nakaya` opens for its commands, and its own files.

A reader imports what it needs when it is first asked, so that a study of one format starts at once.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

import numpy as np

__all__ = ["READERS", "Files", "Reader"]

Files: TypeAlias = dict[str, bytes]
"""Name, with the folders before it, -> content."""

ROOT: Final = Path(__file__).resolve().parents[1]
EXAMPLES: Final = ROOT / "examples"


def _no_seal(files: Files) -> Files:
    return files


@dataclass(frozen=True)
class Reader:
    """A reader, and what it reads.

    Attributes:
        make: Returns sound inputs.
        read: Reads what lies in a folder, all of it.
        seal: Puts the hashes of changed files where others state them: else nothing behind the hash is ever reached.
    """

    make: Callable[[], list[Files]]
    read: Callable[[Path], object]
    seal: Callable[[Files], Files] = _no_seal


def _tree(folder: Path) -> Files:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def _made(write: Callable[[Path], object]) -> Files:
    """What a writer leaves in a folder."""
    with TemporaryDirectory() as scratch:
        write(Path(scratch))
        return _tree(Path(scratch))


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _restated(text: bytes, before: bytes, digest: bytes, after: bytes = b"") -> bytes:
    """Put a hash in the place of the one that stands between two patterns."""
    return re.sub(rb"(" + before + rb")[0-9a-f]{64}(?=\"" + after + rb")", rb"\g<1>" + digest, text)


# ------------------------------------------------------------------------------------------------------- trajectories


def _dump(*, atoms: int = 60, frames: int = 4, scaled: bool = False) -> str:
    rng = np.random.default_rng(0)
    text = ""
    for frame in range(frames):
        text += f"ITEM: UNITS\nmetal\nITEM: TIMESTEP\n{frame * 500}\nITEM: NUMBER OF ATOMS\n{atoms}\n"
        tilt = " xy xz yz" if scaled else ""
        text += f"ITEM: BOX BOUNDS{tilt} pp pp pp\n" + f"0.0 12.5{' 0.5' if scaled else ''}\n" * 3
        names = "xs ys zs" if scaled else "x y z"
        text += f"ITEM: ATOMS id type {names} vx vy vz\n"
        size = 1.0 if scaled else 12.5
        for atom in rng.permutation(atoms):
            numbers = [*(rng.random(3) * size), *rng.standard_normal(3)]
            text += f"{atom + 1} {1 + atom % 2} " + " ".join(f"{number:.5g}" for number in numbers) + "\n"
    return text


def _extxyz(*, atoms: int = 60, frames: int = 4) -> str:
    rng = np.random.default_rng(1)
    text = ""
    for frame in range(frames):
        lattice = "12.5 0.0 0.0 0.0 12.5 0.0 0.0 0.0 12.5"
        text += f'{atoms}\nLattice="{lattice}" Properties=species:S:1:pos:R:3:velo:R:3 Time={frame} pbc="T T T"\n'
        for _ in range(atoms):
            text += "Cu " + " ".join(f"{number:.5g}" for number in [*(rng.random(3) * 12.5), *rng.random(3)]) + "\n"
    return text


def _trajectories() -> list[Files]:
    dumps = [_dump(), _dump(scaled=True), _dump(atoms=5, frames=2)]
    found = [{"a.dump": text.encode()} for text in dumps] + [{"a.dump": _extxyz().encode()}]
    return [*found, {"a.dump": _extxyz(atoms=4, frames=2).encode()}]


def _packed_trajectories() -> list[Files]:
    return [{"a.gz": gzip.compress(files["a.dump"], 1, mtime=0)} for files in _trajectories()]


def _read_trajectory(folder: Path) -> object:
    from nakaya.md.trajectories.files import read_trajectory

    (path,) = folder.iterdir()
    return sum(len(frame.positions) for frame in read_trajectory(path, lammps_units="metal", elements=["Cu", "Al"]))


def _fcc_trajectory() -> list[Files]:
    """Half crystal, half anything: what is followed in it is a slab."""
    rng = np.random.default_rng(2)
    cells = np.array([3, 3, 8])
    basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    lattice = (np.indices((3, 3, 8)).reshape(3, -1).T[:, None] + basis).reshape(-1, 3) * 3.7
    box = cells * 3.7
    text = ""
    for frame in range(8):
        crystal = lattice[:, 2] < (3 + 0.3 * frame) * 3.7
        places = np.where(crystal[:, None], lattice + 0.05 * rng.standard_normal(lattice.shape), lattice)
        places[~crystal] += 1.2 * rng.standard_normal((int((~crystal).sum()), 3))
        text += f"ITEM: TIMESTEP\n{frame * 500}\nITEM: NUMBER OF ATOMS\n{len(lattice)}\nITEM: BOX BOUNDS pp pp pp\n"
        text += "".join(f"0 {side:g}\n" for side in box) + "ITEM: ATOMS id type x y z\n"
        text += "".join(f"{n + 1} 1 {p[0]:.3f} {p[1]:.3f} {p[2]:.3f}\n" for n, p in enumerate(places))
    return [{"a.dump": text.encode()}]


def _follow_trajectory(folder: Path) -> object:
    from nakaya.md.trajectory_records import TrajectoryOptions, ingest_trajectory
    from nakaya.records.summary import describe_record

    options = TrajectoryOptions("metal", ["Cu"], 0.002, temperature=1000.0, orientation="100", structure="fcc")
    return describe_record(ingest_trajectory(folder / "a.dump", options))


def _lammps_log() -> list[Files]:
    table = "Step Temp PotEng Press\n" + "".join(f"{n * 100} {900 + n} -3.5 {n}.25\n" for n in range(20))
    return [{"log.log": (f"LAMMPS\n{table}Loop time of 1.2\nWARNING: x\n" * 2).encode()}]


def _read_lammps_log(folder: Path) -> object:
    from nakaya.md.lammps.program import read_log

    return read_log(folder / "log.log")


# ------------------------------------------------------------------------------------------------------------- images


def _picture() -> np.ndarray[Any, Any]:
    row, column = np.indices((48, 64))
    grains = ((row // 16) * 4 + column // 16) % 5
    picture = (60 + 30 * grains + np.random.default_rng(3).integers(0, 8, grains.shape)).astype(np.uint8)
    picture[(row % 16 == 0) | (column % 16 == 0)] = 10
    return picture


def _pillow(picture: np.ndarray[Any, Any], form: str, mode: str, **options: Any) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).convert("RGB" if mode == "CMYK" else "L").convert(mode).save(stream, form, **options)
    return stream.getvalue()


def _images() -> list[Files]:
    picture = _picture()
    forms: list[tuple[str, str, str]] = [
        ("a.png", "PNG", "L"), ("a.png", "PNG", "RGB"), ("a.png", "PNG", "RGBA"), ("a.png", "PNG", "P"),
        ("a.png", "PNG", "1"), ("a.png", "PNG", "I;16"), ("a.jpg", "JPEG", "L"), ("a.jpg", "JPEG", "RGB"),
        ("a.jpg", "JPEG", "CMYK"), ("a.bmp", "BMP", "L"), ("a.bmp", "BMP", "RGB"), ("a.gif", "GIF", "P"),
        ("a.webp", "WEBP", "RGB"),
    ]  # fmt: skip
    return [{name: _pillow(picture, form, mode)} for name, form, mode in forms]


FEI: Final = "[Scan]\r\nPixelWidth=1e-9\r\nPixelHeight=1e-9\r\nHorFieldsize=6.4e-8\r\n[Image]\r\nResolutionX=64\r\n"
ZEISS: Final = (
    "0\r\n0\r\n0\r\nAP_WIDTH\r\nWidth = 64 nm\r\nAP_PIXEL_SIZE\r\nPixel Size = 1.0 nm\r\nAP_IMAGE_PIXEL_SIZE\r\n"
    "Image Pixel Size = 1.0 nm\r\nDP_IMAGE_STORE\r\nStore resolution = 64 * 48\r\n"
)


def _tiffs() -> list[Files]:
    import tifffile

    picture = _picture()
    colours = np.stack([picture] * 3, axis=-1)

    def tiff(pixels: np.ndarray[Any, Any], **options: Any) -> Files:
        stream = io.BytesIO()
        tifffile.imwrite(stream, pixels, **options)
        return {"a.tif": stream.getvalue()}

    return [
        tiff(picture),
        tiff(picture.astype(np.uint16) * 200, byteorder=">"),
        tiff(picture.astype(np.float32)),
        tiff(colours, photometric="rgb"),
        tiff(np.moveaxis(colours, -1, 0), photometric="rgb", planarconfig="separate"),
        tiff(picture, compression="zlib", predictor=True),
        tiff(picture, photometric="miniswhite"),
        tiff(picture, tile=(16, 16)),
        tiff(picture, bigtiff=True),
        tiff(picture, extratags=[(34682, 2, 0, FEI, True)]),
        tiff(picture, extratags=[(34118, 2, 0, ZEISS, True)]),
        tiff(picture, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"}),
        tiff(picture, ome=True, metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "nm"}),
        {"a.tif": _pillow(picture, "TIFF", "L", compression="tiff_lzw")},
        {"a.tif": _pillow(picture * 5, "TIFF", "1", compression="group4")},
        {"a.tif": _pillow(picture, "TIFF", "P")},
        {"a.tif": _pillow(picture, "TIFF", "CMYK")},
    ]


def _read_image(folder: Path) -> object:
    from nakaya.microscopy.images import read_image
    from nakaya.microscopy.pixel_sizes import find_pixel_size

    (path,) = folder.iterdir()
    return read_image(path).values.mean(), find_pixel_size(path)


def _masks() -> list[Files]:
    labels = np.repeat(np.repeat(np.arange(12).reshape(3, 4), 16, axis=0), 16, axis=1).astype(np.uint8)
    lines = np.where(_picture() == 10, 255, 0).astype(np.uint8)
    bits = [_pillow(labels * 20, "PNG", mode) for mode in ("L", "RGB", "RGBA")]
    return [{"mask.png": content} for content in (*bits, _pillow(lines, "PNG", "L"), _pillow(lines, "PNG", "1"))]


def _read_mask(folder: Path) -> object:
    from nakaya.microscopy.grains.masks import grains_from_mask
    from nakaya.microscopy.image_files import read_raw_image

    pixels, _ = read_raw_image(folder / "mask.png")
    return grains_from_mask(pixels, (pixels.shape[0], pixels.shape[1]))


def _micrographs() -> list[Files]:
    picture = {"a.png": _pillow(_picture(), "PNG", "L")}
    return [picture | mask for mask in _masks()] + [picture]


def _fringes() -> list[Files]:
    row, column = np.indices((96, 96))
    turned = np.where(column < 48, row, 0.6 * row + 0.8 * column)
    waves = np.sin(turned * 0.9) + np.sin(column * 0.9) + 0.1 * np.random.default_rng(6).standard_normal(row.shape)
    return [{"a.png": _pillow((100 + 40 * waves).clip(0, 255).astype(np.uint8), "PNG", "L")}]


def _ingest_micrograph(kind: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from nakaya.workflows.ingest_micrograph import MicrographOptions, ingest_micrograph

        mask = folder / "mask.png"
        options = MicrographOptions(kind, "1nm", mask if mask.is_file() else None)
        return ingest_micrograph(folder / "a.png", folder / "out", options)

    return read


# --------------------------------------------------------------------------------------------------------------- EBSD


def _euler() -> np.ndarray[Any, Any]:
    row, column = np.indices((12, 16))
    grains = np.random.default_rng(4).random((6, 3)) * 3
    return np.asarray(grains[((row // 6) * 3 + column // 6) % 6].reshape(-1, 3))


def _ang(*, hexagonal: bool = False) -> str:
    height = 0.8660254 if hexagonal else 1.0
    text = "# TEM_PIXperUM 1.0\n# Phase 1\n# MaterialName  Nickel\n# Symmetry 43\n"
    text += "# LatticeConstants  3.520 3.520 3.520 90.0 90.0 90.0\n# Phase 2\n# MaterialName  Titanium\n# Symmetry 62\n"
    text += f"# LatticeConstants  2.95 2.95 4.68 90.0 90.0 120.0\n# GRID: {'HexGrid' if hexagonal else 'SqrGrid'}\n"
    text += f"# XSTEP: 1.0\n# YSTEP: {height}\n# NCOLS_ODD: 16\n# NCOLS_EVEN: 16\n# NROWS: 12\n"
    for point, angles in enumerate(_euler()):
        row, column = divmod(point, 16)
        x = column + (0.5 * (row % 2) if hexagonal else 0)
        numbers = " ".join(f"{angle:.5f}" for angle in angles)
        text += f"{numbers} {x:.5f} {row * height:.5f} 100.0 0.9 {1 + (column > 11)} 1 0.5\n"
    return text


def _ctf() -> str:
    text = "Channel Text File\nPrj\tmap\nJobMode\tGrid\nXCells\t16\nYCells\t12\nXStep\t1\nYStep\t1\nPhases\t2\n"
    text += "3.52;3.52;3.52\t90;90;90\tNickel\t11\t225\n2.95;2.95;4.68\t90;90;120\tTitanium\t9\t194\n"
    text += "Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS\n"
    for point, angles in enumerate(np.degrees(_euler())):
        row, column = divmod(point, 16)
        numbers = "\t".join(f"{angle:.4f}" for angle in angles)
        text += f"{1 + (column > 11)}\t{column}\t{row}\t8\t0\t{numbers}\t0.4\t90\t100\n"
    return text


def _angs() -> list[Files]:
    astar = re.sub(r"# (Phase|[XY]STEP|NCOLS_\w+|NROWS).*\n", "", _ang()).replace("SqrGrid", "SqrGrid#")
    texts = [_ang(), _ang(hexagonal=True), "# File created from ACOM RES results\n" + astar, _ang().replace(".", ",")]
    texts.append(_ang().replace("STEP: 1.0", "STEP: 0.5"))
    return [{"a.ang": text.encode()} for text in texts]


def _ctfs() -> list[Files]:
    askew = _ctf().replace("90;90;120\tTitanium\t9\t194", "90;100;90\tTitanium\t2\t14")
    texts = [_ctf(), _ctf().replace(".", ","), _ctf().replace("\t", "  "), askew]
    return [*({"a.ctf": text.encode()} for text in texts), {"a.ctf": _ctf().encode("utf-16")}]


def _read_ebsd(folder: Path) -> object:
    from nakaya.microscopy.ebsd.files import read_ebsd
    from nakaya.microscopy.ebsd.grains import find_grains

    (path,) = folder.iterdir()
    return find_grains(read_ebsd(path)).twin_fraction()


def _ingest_ebsd(folder: Path) -> object:
    from nakaya.workflows.ingest_ebsd import ingest_ebsd

    (path,) = folder.iterdir()
    return ingest_ebsd(path, folder / "out")


# ----------------------------------------------------------------------------------------------------------- reactors


def _reactor_logs() -> list[Files]:
    examples = EXAMPLES / "reactor"
    columns = (examples / "columns.toml").read_bytes()
    log = (examples / "batch-fast.csv").read_bytes()
    turbid = "".join(
        f"{n // 3600:02d}:{n // 60 % 60:02d}:00;{60 - abs(n / 60 % 80 - 40):.1f};{100 if n / 60 % 80 > 30 else 5}\n"
        for n in range(0, 12000, 60)
    )
    clocks = 'material = "x"\n[file]\ndelimiter = ";"\n[time]\ncolumn = "clock"\nformat = "%H:%M:%S"\n'
    clocks += '[columns.temperature]\ncolumn = "T"\nunit = "degC"\n'
    clocks += '[columns.transmissivity]\ncolumn = 3\nunit = "%"\n'
    sizes = 'material = "x"\n[time]\ncolumn = "t"\nunit = "min"\n[sizes]\nfirst = "a"\nlast = "e"\nsizes_line = 2\n'
    sizes += 'unit = "um"\nedge = "upper"\n[file]\ndata_line = 3\n'
    counts = "t,a,b,c,d,e\n0,1,2,4,8,16\n" + "".join(f"{n},{n},{n + 1},5,2,1\n" for n in range(20))
    return [
        {"columns.toml": columns, "log.csv": log},
        {"columns.toml": columns, "log.csv.gz": gzip.compress(log, mtime=0)},
        {"columns.toml": clocks.encode(), "log.csv": ("clock;T;signal\n" + turbid).encode()},
        {"columns.toml": sizes.encode(), "log.csv": counts.encode()},
    ]


def _ingest_log(folder: Path) -> object:
    from nakaya.reactor.config import read_column_map
    from nakaya.reactor.logs.record import ingest_log
    from nakaya.records.summary import describe_record

    (log,) = folder.glob("log.*")
    return describe_record(ingest_log(log, read_column_map(folder / "columns.toml")).record)


def _reports() -> list[Files]:
    listed = "Report\nParticle size\n" + "".join(f"{n}\t{10 + n / 3:.2f}\n" for n in range(20)) + "====\n"
    names = [f"sizes/{minutes} min-SD.txt" for minutes in (5, 10, 30)]
    return [
        {"map.toml": (EXAMPLES / "reactor" / "nano-measurer.toml").read_bytes()} | dict.fromkeys(names, listed.encode())
    ]


def _ingest_reports(folder: Path) -> object:
    from nakaya.reactor.config import read_column_map
    from nakaya.reactor.logs.record import ingest_reports

    return ingest_reports(folder / "sizes", read_column_map(folder / "map.toml"))


def _fits() -> list[Files]:
    examples = EXAMPLES / "reactor"
    names = ("fit.toml", "columns.toml", "batch-fast.csv", "batch-slow.csv")
    return [{name: (examples / name).read_bytes() for name in names}]


def _read_fit(folder: Path) -> object:
    from nakaya.reactor.fit_config import read_fit_plan

    return read_fit_plan(folder / "fit.toml")


# ------------------------------------------------------------------------------------------------------- descriptions

PLAN: Final = """\
version = 1

[[properties]]
material = "Cu"
temperatures = [900, 1300.0]

[[melting]]
material = "Cu"
seeds = 3

[[growth]]
material = "Cu"
orientation = "100"
temperatures = [900, 1300.0]
durations_ps = [100, 200.0]
seeds = 2
first_seed = 1

[[nucleation]]
material = "Al"
temperatures = [440]
seeds = 4
"""


def _toml(*names: str) -> Callable[[], list[Files]]:
    return lambda: [{"a.toml": (EXAMPLES / name).read_bytes()} for name in names]


def _read_plan(folder: Path) -> object:
    from nakaya.md.campaigns.plan import read_plan

    return len(read_plan(folder / "a.toml"))


def _read_sweep(folder: Path) -> object:
    from nakaya.growth.campaigns.config import read_campaign

    return read_campaign(folder / "a.toml")


def _read_training(folder: Path) -> object:
    from nakaya.kinetics.training.training import is_kinetics, read_kinetics_training
    from nakaya.workflows.train_emulator import read_request

    path = folder / "a.toml"
    return read_kinetics_training(path) if is_kinetics(path) else read_request(path)


def _read_study(folder: Path) -> object:
    from nakaya.workflows.tuning.config import read_study

    return read_study(folder / "a.toml").as_plain()


# ------------------------------------------------------------------------------------------------------------ records


def _shipped_records() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder() / "records"
    kinds = ("growth-Cu-100", "melting", "properties-Cu", "nucleation-Al")
    names = [next(iter(sorted(folder.glob(f"{kind}*.json")))) for kind in kinds]
    return [{f"records/{path.name}": path.read_bytes()} for path in names]


def _read_records(folder: Path) -> object:
    from nakaya.records.collection import record_documents, show_records, validate_records
    from nakaya.records.summary import describe_record, summarise_record

    place = folder / "records"
    validate_records(place)
    validate_records(next(iter(place.glob("*.json"))))
    record_documents(place)
    for record in show_records(place):
        summarise_record(record)
        "\n".join(describe_record(record)).encode()
    return None


def _records_with_snapshots() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder() / "records"
    for path in sorted(folder.glob("growth-*.json")):
        shots = json.loads(path.read_bytes())["snapshots"]
        if shots and (folder / shots[0]["path"]).is_file():
            files = {f"records/{shot['path']}": (folder / shot["path"]).read_bytes() for shot in shots}
            return [{f"records/{path.name}": path.read_bytes()} | files]
    return []


def _seal_snapshots(files: Files) -> Files:
    sealed = dict(files)
    for name in [name for name in files if name.endswith(".json") and "/" not in name.removeprefix("records/")]:
        for other in files:
            place = re.escape(other.removeprefix("records/").encode())
            digest = _digest(files[other])
            sealed[name] = _restated(sealed[name], rb'"sha256": ?"', digest, rb"[^{}]*" + place)
            sealed[name] = _restated(sealed[name], place + rb'[^{}]*"sha256": ?"', digest)
    return sealed


def _read_graphs(folder: Path) -> object:
    from nakaya.kinetics.graphs.graphs_of_records import graph_records

    return graph_records(str(folder / "records"), ids=(), out=folder / "graphs")


def _cluster_graphs() -> list[Files]:
    def write(folder: Path) -> None:
        (folder / "a.png").write_bytes(_pillow(_picture(), "PNG", "L"))
        (folder / "mask.png").write_bytes(_masks()[0]["mask.png"])
        _ingest_micrograph("grains")(folder)

    made = _made(write)
    return [{name.removeprefix("out/"): content for name, content in made.items() if name.startswith("out/records/")}]


def _read_clusters(folder: Path) -> object:
    from nakaya.records.clusters_of_record import read_clusters
    from nakaya.records.store import load_records

    place = folder / "records"
    return [read_clusters(record, place) for record in load_records(place)]


def _graph_files() -> list[Files]:
    def write(folder: Path) -> None:
        (files,) = _records_with_snapshots()
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        _read_graphs(folder)

    return [{"a.npz": content} for name, content in _made(write).items() if name.startswith("graphs/")]


def _read_graph_file(folder: Path) -> object:
    from nakaya.kinetics.graphs.files import read_sequence

    return read_sequence(folder / "a.npz")


def _patches() -> list[Files]:
    (files,) = _records_with_snapshots()
    return [{"a.npz": content} for name, content in files.items() if name.endswith(".npz")]


def _read_patches(folder: Path) -> object:
    from nakaya.md.patches import read_patches

    return read_patches(folder / "a.npz", "Cu")


# ------------------------------------------------------------------------------------------------------------- stores


def _stores() -> list[Files]:
    import nakaya
    from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata

    rng = np.random.default_rng(5)
    arrival = rng.integers(-1, 300, (2, 2, 9, 9)).astype(np.int32)  # no crystals, but everything that a store may hold
    geometry = {"name": "sector", "size": 9, "initial": [[0, 0]], "stop": {"margin": 5, "max_steps": None}}
    metadata = TrajectoryMetadata("gravner-griffeath", "0123abc", 1, geometry, "0.1.0")
    parameters = {"rho": np.array([0.4, 0.5])}
    steps, codes = np.full((2, 2), 300), np.zeros((2, 2), np.int8)
    grown = [Trajectory(arrival, steps, codes, parameters, metadata, grain) for grain in (None, arrival % 3)]

    def write(number: int) -> Files:
        return _made(lambda folder: nakaya.save(grown[number], folder / "a.zarr"))

    return [write(0), write(1)]


def _seal_store(files: Files) -> Files:
    """The hashes of files, and where values are kept as they are, those of values."""
    sealed = dict(files)
    for name in [name for name in files if re.fullmatch(r"a\.zarr/records/\d+\.\d+\.json", name)]:
        text = _restated(files[name], rb'"store": ?"', _digest(files["a.zarr/zarr.json"]))
        for array in ("arrival", "steps", "stop_codes", "grain"):
            chunks = [content for other, content in files.items() if other.startswith(f"a.zarr/{array}/c.")]
            if chunks:
                key = rb'[^{}]*\{[^{}]*"%s": ?' % array.encode()
                text = _restated(text, rb'"file_sha256"' + key + rb'"', _digest(chunks[0]))
                text = re.sub(rb'("file_bytes"' + key + rb")\d+", rb"\g<1>%d" % len(chunks[0]), text)
                if array in ("steps", "stop_codes"):
                    text = _restated(text, rb'"sha256"' + key + rb'"', _digest(chunks[0]))
        sealed[name] = text
    return sealed


def _read_store(folder: Path) -> object:
    from nakaya.growth.store.store import open_store
    from nakaya.growth.store.verification import verify_store

    verify_store(folder / "a.zarr")
    return open_store(folder / "a.zarr").load().arrival.sum()


# ------------------------------------------------------------------------------------------------------------- models


def _emulators() -> list[Files]:
    from nakaya.growth.emulators.cgne.shipped import WEIGHTS

    return [{f"model/{name}": content for name, content in _tree(folder).items() if not name.endswith(".py")}
            for folder in sorted(WEIGHTS.iterdir()) if (folder / "config.json").is_file()]  # fmt: skip


def _seal_weights(files: Files) -> Files:
    """In every config.json, the hash of the weights beside it."""
    sealed = dict(files)
    for name in [name for name in files if name.endswith("config.json")]:
        weights = files[str(Path(name).with_name("weights.safetensors"))]
        sealed[name] = _restated(files[name], rb'"weights_sha256": ?"', _digest(weights))
    return sealed


def _read_emulator(folder: Path) -> object:
    from nakaya.workflows.train_emulator import load_emulator

    return load_emulator(folder / "model")


def _kinetics_models() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder("models") / "al-cu-si"
    return [{f"model/{name}": content for name, content in _tree(folder).items() if "-B-" not in name}]


def _read_kinetics_model(folder: Path) -> object:
    from nakaya.kinetics.models.msgnn.files import load_predictor
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.prediction.reference import read_predictions
    from nakaya.kinetics.prediction.report import read_card

    model = folder / "model"
    card = read_card(model)
    if card.records != "al-cu-si":  # else this takes more than a second, and the same one each time
        load_model(model)
    for path in sorted(model.glob("predictions-*.json")):
        read_predictions(path)
    return [load_predictor(path) for path in model.iterdir() if path.is_dir()]


def _checkpoints() -> list[Files]:
    import torch

    from nakaya.learn.checkpoints import save_state

    state = {"weights": {"a": torch.zeros(3, 2), "b": torch.ones(4)}, "updates": 3, "rate": 0.1, "names": ["x", None]}
    sealed = _made(lambda folder: save_state(folder / "a.pt", state, fingerprint="one"))
    unsealed = {name: content[content.index(b"\n") + 1 :] for name, content in sealed.items()}  # of earlier versions
    return [sealed, unsealed]


def _seal_checkpoint(files: Files) -> Files:
    from nakaya.learn.checkpoints import SEAL, SEAL_BYTES

    content = files["a.pt"]
    if not content.startswith(SEAL):
        return files
    inside = content[SEAL_BYTES:]
    return {"a.pt": SEAL + _digest(inside) + b"\n" + inside}


def _read_checkpoint(folder: Path) -> object:
    from nakaya.learn.checkpoints import load_state

    return load_state(folder / "a.pt", fingerprint="one")


# ------------------------------------------------------------------------------------------------ studies and results


def _tables() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder("trainings")
    return [{"a.json": path.read_bytes()} for path in sorted(folder.glob("*.json"))]


def _read_score_table(folder: Path) -> object:
    from nakaya.learn.tuning.table import read_table

    return read_table(folder / "a.json").scores.mean()


def _databases() -> list[Files]:
    from nakaya.learn.tuning.storage import StorageConfig, open_storage

    def write(folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = open_storage(StorageConfig(f"sqlite:///{folder}/study.db"))
            study = _open_study(storage)
            for score in (1.0, 0.5, float("nan")):
                trial = study.ask()
                study.tell(trial, score if score == score else None, state=None if score == score else _failed())
            storage.engine.dispose()

    return [_made(write)]


def _failed() -> Any:  # Optuna carries no types
    from optuna.trial import TrialState

    return TrialState.FAIL


@cache
def _problem() -> Any:
    from nakaya.learn.search_space import Parameter
    from nakaya.learn.tuning.problem import Problem

    space = (Parameter("cost", 0.1, 10.0, "log"), Parameter("depth", 1, 5, "integer"))
    return Problem(space, lambda settings: 0.0, (), 1.0)


def _open_study(storage: Any) -> Any:
    from nakaya.learn.tuning.study import open_study

    return open_study(storage, "one", _problem(), sampler="random", seed=0, configuration={"model": "svm", "folds": 4})


def _read_database(folder: Path) -> object:
    from nakaya.learn.tuning.storage import StorageConfig, open_storage, storage_errors
    from nakaya.learn.tuning.study import read_trials

    config = StorageConfig(f"sqlite:///{folder}/study.db")
    storage = open_storage(config)
    try:
        with storage_errors(config):  # as everybody does who opens a study
            return read_trials(_open_study(storage), _problem().space)
    finally:
        storage.engine.dispose()


def _results() -> list[Files]:
    from nakaya.records.shipped import shipped_folder

    folder = shipped_folder()
    names = ("benchmark.json", "splits.json")
    files = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    tuned = sorted((folder / "tuned").glob("*.json"))
    return [files | {f"tuned/{path.name}": path.read_bytes() for path in tuned[:1]}]


def _read_results(folder: Path) -> object:
    from nakaya.kinetics.benchmark.splits import read_splits
    from nakaya.kinetics.benchmark.table import read_stored
    from nakaya.kinetics.models.tuned import tuned_settings

    for path in sorted((folder / "tuned").glob("*.json")):
        tuned_settings(path.stem, "A", folder / "tuned")
    if (folder / "splits.json").is_file():
        read_splits(folder / "splits.json")
    return read_stored(folder / "benchmark.json")


# ----------------------------------------------------------------------------------------------- markers of own folders


def _markers() -> list[Files]:
    document = {"format": 1, "model": "cgne", "settings": {"updates": 3, "widths": [8, 8]}, "seed": 0}
    return [{"out/configuration.json": json.dumps(document).encode()}]


def _resume(folder: Path) -> object:
    from nakaya.core.resumable import resumable

    wanted = {"model": "cgne", "settings": {"updates": 3, "widths": [8, 8]}, "seed": 0}
    with resumable(folder / "out", wanted, marker="configuration.json", kind="training run"):
        return None


READERS: Final[Mapping[str, Reader]] = {
    "trajectory": Reader(_trajectories, _read_trajectory),
    "trajectory-gz": Reader(_packed_trajectories, _read_trajectory),
    "trajectory-followed": Reader(_fcc_trajectory, _follow_trajectory),
    "lammps-log": Reader(_lammps_log, _read_lammps_log),
    "md-plan": Reader(lambda: [{"a.toml": PLAN.encode()}], _read_plan),
    "image": Reader(_images, _read_image),
    "tiff": Reader(_tiffs, _read_image),
    "mask": Reader(_masks, _read_mask),
    "micrograph": Reader(_micrographs, _ingest_micrograph("grains")),
    "micrograph-loops": Reader(_micrographs, _ingest_micrograph("loops")),
    "micrograph-lattice": Reader(_fringes, _ingest_micrograph("lattice")),
    "ang": Reader(_angs, _read_ebsd),
    "ctf": Reader(_ctfs, _read_ebsd),
    "ebsd-ingested": Reader(lambda: [*_angs(), *_ctfs()], _ingest_ebsd),
    "reactor-log": Reader(_reactor_logs, _ingest_log),
    "reactor-reports": Reader(_reports, _ingest_reports),
    "fit": Reader(_fits, _read_fit),
    "sweep": Reader(_toml("sweep.toml", "train-cgne-sweep.toml"), _read_sweep),
    "training": Reader(_toml("train-cgne.toml", "train-kinetics.toml"), _read_training),
    "study": Reader(_toml("study-svm.toml", "study-msgnn.toml", "study-msgnn-conditions.toml"), _read_study),
    "records": Reader(_shipped_records, _read_records),
    "record-graphs": Reader(_records_with_snapshots, _read_graphs, seal=_seal_snapshots),
    "cluster-graph": Reader(_cluster_graphs, _read_clusters, seal=_seal_snapshots),
    "graph-file": Reader(_graph_files, _read_graph_file),
    "patches": Reader(_patches, _read_patches),
    "store": Reader(_stores, _read_store, seal=_seal_store),
    "emulator": Reader(_emulators, _read_emulator, seal=_seal_weights),
    "kinetics-model": Reader(_kinetics_models, _read_kinetics_model, seal=_seal_weights),
    "checkpoint": Reader(_checkpoints, _read_checkpoint, seal=_seal_checkpoint),
    "score-table": Reader(_tables, _read_score_table),
    "study-database": Reader(_databases, _read_database),
    "results": Reader(_results, _read_results),
    "marker": Reader(_markers, _resume),
}
"""Name -> reader."""
