"""Readers of files of others, with sound ones: trajectories, logs, images, maps, tables of reactors.

A reader imports what it needs when it is first asked, so that a study of one format starts at once.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.fuzz_readers import EXAMPLES, Files, Reader
from nakaya.md.trajectories.text_files import zstd

__all__ = ["FOREIGN", "grains_picture", "ingest_kind", "masks", "pillow_file"]


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
    plain = [files["a.dump"] for files in _trajectories()]
    others: dict[str, Callable[[bytes], bytes]] = {"bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}
    packed = [{"a.gz": gzip.compress(content, 1, mtime=0)} for content in plain]
    return packed + [{f"a.{form}": pack(plain[0])} for form, pack in others.items()]


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


def grains_picture() -> np.ndarray[Any, Any]:
    """Twelve grains in five greys, with black lines between them: uint8 [row, column]."""
    row, column = np.indices((48, 64))
    grains = ((row // 16) * 4 + column // 16) % 5
    picture = (60 + 30 * grains + np.random.default_rng(3).integers(0, 8, grains.shape)).astype(np.uint8)
    picture[(row % 16 == 0) | (column % 16 == 0)] = 10
    return picture


def pillow_file(picture: np.ndarray[Any, Any], form: str, mode: str, **options: Any) -> bytes:
    """A file as Pillow writes it."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).convert("RGB" if mode == "CMYK" else "L").convert(mode).save(stream, form, **options)
    return stream.getvalue()


def _images() -> list[Files]:
    picture = grains_picture()
    forms: list[tuple[str, str, str]] = [
        ("a.png", "PNG", "L"), ("a.png", "PNG", "RGB"), ("a.png", "PNG", "RGBA"), ("a.png", "PNG", "P"),
        ("a.png", "PNG", "1"), ("a.png", "PNG", "I;16"), ("a.jpg", "JPEG", "L"), ("a.jpg", "JPEG", "RGB"),
        ("a.jpg", "JPEG", "CMYK"), ("a.bmp", "BMP", "L"), ("a.bmp", "BMP", "RGB"), ("a.gif", "GIF", "P"),
        ("a.webp", "WEBP", "RGB"),
    ]  # fmt: skip
    return [{name: pillow_file(picture, form, mode)} for name, form, mode in forms]


FEI: Final = "[Scan]\r\nPixelWidth=1e-9\r\nPixelHeight=1e-9\r\nHorFieldsize=6.4e-8\r\n[Image]\r\nResolutionX=64\r\n"
ZEISS: Final = (
    "0\r\n0\r\n0\r\nAP_WIDTH\r\nWidth = 64 nm\r\nAP_PIXEL_SIZE\r\nPixel Size = 1.0 nm\r\nAP_IMAGE_PIXEL_SIZE\r\n"
    "Image Pixel Size = 1.0 nm\r\nDP_IMAGE_STORE\r\nStore resolution = 64 * 48\r\n"
)


def _tiffs() -> list[Files]:
    import tifffile

    picture = grains_picture()
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
        {"a.tif": pillow_file(picture, "TIFF", "L", compression="tiff_lzw")},
        {"a.tif": pillow_file(picture * 5, "TIFF", "1", compression="group4")},
        {"a.tif": pillow_file(picture, "TIFF", "P")},
        {"a.tif": pillow_file(picture, "TIFF", "CMYK")},
    ]


def _read_image(folder: Path) -> object:
    from nakaya.microscopy.images import read_image
    from nakaya.microscopy.pixel_sizes import find_pixel_size

    (path,) = folder.iterdir()
    return read_image(path).values.mean(), find_pixel_size(path)


def masks() -> list[Files]:
    """Masks of the picture: numbers of grains, and boundaries."""
    labels = np.repeat(np.repeat(np.arange(12).reshape(3, 4), 16, axis=0), 16, axis=1).astype(np.uint8)
    lines = np.where(grains_picture() == 10, 255, 0).astype(np.uint8)
    bits = [pillow_file(labels * 20, "PNG", mode) for mode in ("L", "RGB", "RGBA")]
    return [
        {"mask.png": content} for content in (*bits, pillow_file(lines, "PNG", "L"), pillow_file(lines, "PNG", "1"))
    ]


def _read_mask(folder: Path) -> object:
    from nakaya.microscopy.grains.masks import grains_from_mask
    from nakaya.microscopy.image_files import read_raw_image
    from nakaya.workflows.ingest_micrograph import MAX_PIXELS

    pixels, _ = read_raw_image(folder / "mask.png")
    height, width = pixels.shape[:2]
    most = MAX_PIXELS["grains"]  # of the image, which the mask has to agree with
    return grains_from_mask(pixels, (height, width) if height * width <= most else (0, 0))


def _micrographs() -> list[Files]:
    picture = {"a.png": pillow_file(grains_picture(), "PNG", "L")}
    return [picture | mask for mask in masks()] + [picture]


def _fringes() -> list[Files]:
    row, column = np.indices((96, 96))
    turned = np.where(column < 48, row, 0.6 * row + 0.8 * column)
    waves = np.sin(turned * 0.9) + np.sin(column * 0.9) + 0.1 * np.random.default_rng(6).standard_normal(row.shape)
    return [{"a.png": pillow_file((100 + 40 * waves).clip(0, 255).astype(np.uint8), "PNG", "L")}]


def ingest_kind(kind: str) -> Callable[[Path], object]:
    """A reader that looks for one kind of thing in a micrograph."""

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


def _logs_alone() -> list[Files]:
    """Of columns that nobody described: with commas, with semicolons and decimal commas, with a line of units."""
    log = (EXAMPLES / "reactor" / "batch-fast.csv").read_text(encoding="utf-8")
    clock = "Datum;Zeit;Temp (°C);Trübung (NTU)\n"
    clock += "".join(
        f"03.02.2024;{9 + n // 60:02d}:{n % 60:02d}:00;{41 - n / 9:.2f};{n * 1.7:.1f}\n" for n in range(90)
    )
    units = "time\tT_jacket\tconcentration\nmin\tdegC\tg/L\n" + "".join(
        f"{n}\t{60 - n}\t{210 - n}\n" for n in range(40)
    )
    return [{"log.csv": text.encode()} for text in (log, clock.replace(".", ","), clock, units)]


def _guess_columns(folder: Path) -> object:
    from nakaya.reactor.guessing.guess import draft_map

    return tomllib.loads(draft_map(folder / "log.csv").text)  # whatever columns are called


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


def _cases() -> list[Files]:
    return [{"case.toml": (EXAMPLES / "reactor" / name).read_bytes()} for name in ("case.toml", "own-system.toml")]


def _read_case(folder: Path) -> object:
    from nakaya.reactor.case_config import read_case

    return read_case(folder / "case.toml")


FOREIGN: Final[Mapping[str, Reader]] = {
    "trajectory": Reader(_trajectories, _read_trajectory),
    "trajectory-packed": Reader(_packed_trajectories, _read_trajectory),
    "trajectory-followed": Reader(_fcc_trajectory, _follow_trajectory),
    "lammps-log": Reader(_lammps_log, _read_lammps_log),
    "image": Reader(_images, _read_image),
    "tiff": Reader(_tiffs, _read_image),
    "mask": Reader(masks, _read_mask),
    "micrograph": Reader(_micrographs, ingest_kind("grains")),
    "micrograph-loops": Reader(_micrographs, ingest_kind("loops")),
    "micrograph-lattice": Reader(_fringes, ingest_kind("lattice")),
    "ang": Reader(_angs, _read_ebsd),
    "ctf": Reader(_ctfs, _read_ebsd),
    "ebsd-ingested": Reader(lambda: [*_angs(), *_ctfs()], _ingest_ebsd),
    "reactor-log": Reader(_reactor_logs, _ingest_log),
    "log-guessed": Reader(_logs_alone, _guess_columns),
    "reactor-reports": Reader(_reports, _ingest_reports),
    "fit": Reader(_fits, _read_fit),
    "case": Reader(_cases, _read_case),
}
"""Name -> reader."""
