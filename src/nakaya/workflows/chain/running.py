"""The chain, link by link: kinetics, grains, a section under the microscope, numbers with what is not known of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.documents import dump_json
from nakaya.core.files import check_output, write_whole
from nakaya.core.folders import new_folder
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.writing import save
from nakaya.kinetics.models.physics import critical_diameter
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import conditions_sample
from nakaya.kinetics.prediction.report import FEW_DIAMETERS
from nakaya.theory import length_of_density
from nakaya.workflows.chain.asking import ChainOptions, ChainResult
from nakaya.workflows.chain.kinetics import FACES, Kinetics, kinetics_at, kinetics_on_cooling, velocity_of_ball
from nakaya.workflows.chain.microstructure import (
    MAGNIFIED,
    Seen,
    ang_text,
    grow_members,
    micrograph_of,
    section_of,
    seen_as_it_is,
    seen_by_ebsd,
    seen_in_micrograph,
    volumes_of,
)

__all__ = ["SUMMARY", "run_chain"]

SUMMARY: Final = "chain.json"
"""What stands in the folder, among other things; a folder without it is never replaced."""

WIDE: Final = 10.0
"""Ratio of the ends of an interval from which it is warned of."""

MANY_MEMBERS: Final = 20
"""From which on the ends of an interval of 90 % are not those of the sample."""

HEAT_CAPACITY: Final = 30.0
"""Of the melt of a metal, J/(mol K); those of aluminium, copper and nickel lie between 29 and 39."""

Stage = Callable[[str, int, int], None]


def run_chain(
    options: ChainOptions,
    out: Path,
    *,
    workers: int = 1,
    overwrite: bool = False,
    stage: Stage | None = None,
) -> dict[str, Any]:
    """Predict kinetics, grow grains, look at a section, and write a report.

    Args:
        options: What is asked.
        out: Folder to make: report.html, chain.json, grains.zarr, section.ang, section.png, ebsd/, micrograph/.
        workers: Threads that grow grains; they do not change the result.
        overwrite: Whether an earlier chain at `out` is replaced.
        stage: Told what is done, its number and the number of all.

    Returns:
        {"material", "temperature_K" or "cooling_rate_K_per_s", "kinetics": [per member], "quantities": {name: {"unit",
        "closed form" | "grown" | "EBSD" | "micrograph": {"value", "interval90"}}}, "closed_form_ratio", "reheating_K",
        "warnings": [...], "out", "report"}. Intervals are over members: they hold what is not known of the kinetics and
        that a box holds so few grains.

    Raises:
        ParameterError: As of `ChainOptions` and `kinetics_at`.
        OutputError: `out` exists or cannot be written.
    """
    from PIL import Image

    from nakaya.viz.writing import encode_image
    from nakaya.workflows.chain.reporting import chain_report
    from nakaya.workflows.ingest_ebsd import ingest_ebsd
    from nakaya.workflows.ingest_micrograph import MicrographOptions, ingest_micrograph

    check_output(out, overwrite=overwrite, sign=SUMMARY)
    total = options.members + 4
    tell = stage or (lambda what, number, total: None)
    tell("kinetics", 0, total)
    model = load_model(options.model)
    rng = np.random.default_rng(options.seed)
    if options.temperature is not None:
        kinetics = kinetics_at(options.material, options.temperature, members=options.members, model=model, rng=rng)
    else:
        assert options.cooling_rate is not None, "checked"
        kinetics = kinetics_on_cooling(
            options.material, options.cooling_rate, members=options.members, model=model, rng=rng
        )
    done = [1]

    def grown(members: int) -> None:
        done[0] += members
        tell("grains", done[0], total)

    tell("grains", 1, total)
    crystals = grow_members(
        kinetics, grains=options.grains, size=options.size, seed=options.seed, workers=workers, progress=grown
    )
    tell("sections", total - 3, total)
    seen, maps, micrographs = _look(options, crystals)
    document = _document(options, model, kinetics, crystals, seen)
    result = ChainResult(options, kinetics, crystals, seen, document, micrographs)
    tell("microscope", total - 2, total)
    with new_folder(out, overwrite=overwrite) as folder:
        save(crystals, folder / "grains.zarr")
        write_whole(folder / "section.ang", maps.encode("ascii"))
        pixels = Image.fromarray(np.round(255 * micrographs).astype(np.uint8))
        write_whole(folder / "section.png", encode_image(pixels, Path("section.png"), title="section"))
        ebsd = ingest_ebsd(folder / "section.ang", folder / "ebsd", material=options.material)
        spacing = section_of(crystals, 0)[2]
        asked = MicrographOptions(
            kind="grains", pixel_size=f"{spacing / MAGNIFIED * 1e9:.9g}nm", material=options.material
        )
        light = ingest_micrograph(folder / "section.png", folder / "micrograph", asked)
        document["flags"] = [*ebsd["flags"], *light["flags"]]
        tell("report", total - 1, total)
        chain_report(result, folder).write(folder / "report.html")
        write_whole(folder / SUMMARY, dump_json(json.loads(json.dumps(document))))
    tell("report", total, total)
    return {**document, "out": out, "report": out / "report.html"}


def _look(options: ChainOptions, crystals: Trajectory) -> tuple[dict[str, list[Seen]], str, FloatArray]:
    """What each way of looking tells of every member, and the map and the micrograph of the first."""
    seen: dict[str, list[Seen]] = {"grown": [], "EBSD": [], "micrograph": []}
    kept: tuple[str, FloatArray] | None = None
    for point in range(options.members):
        rng = np.random.default_rng([options.seed, point])
        labels, orientations, spacing = section_of(crystals, point)
        text = ang_text(labels, orientations, spacing, material=options.material, rng=rng)
        image = micrograph_of(labels, rng)
        seen["grown"].append(seen_as_it_is(labels, spacing))
        seen["EBSD"].append(seen_by_ebsd(text, "section.ang"))
        seen["micrograph"].append(seen_in_micrograph(image, spacing / MAGNIFIED))
        kept = kept or (text, image)
    assert kept is not None, "there are members"
    return seen, *kept


def _document(
    options: ChainOptions,
    model: KineticsModel,
    kinetics: Sequence[Kinetics],
    crystals: Trajectory,
    seen: Mapping[str, Sequence[Seen]],
) -> dict[str, Any]:
    volumes = [volumes_of(crystals, point) for point in range(len(kinetics))]
    densities = np.array([len(each) / each.sum() for each in volumes])
    areal = {name: np.array([each.grains_per_area for each in rows]) for name, rows in seen.items()}
    # Sections cut large grains more often than small ones; by how much, the grown members tell.
    per_volume = float(np.mean(areal["grown"] / densities ** (2 / 3)))
    by_section = {name: (values / per_volume) ** 1.5 for name, values in areal.items() if name != "grown"}
    closed = np.array([each.density for each in kinetics])
    lengths = {"closed form": closed, "grown": densities, **by_section}
    quantities = {
        "growth_velocity": _quantity("m/s", {"prediction": [each.rough_velocity for each in kinetics]}),
        "nucleation_rate": _quantity("1/(m^3 s)", {"prediction": [each.nucleation_rate for each in kinetics]}),
        "temperature": _quantity("K", {"prediction": [each.temperature for each in kinetics]}),
        "nucleation_density": _quantity("1/m^3", lengths),
        "characteristic_length": _quantity(
            "m", {name: [length_of_density(value) for value in values] for name, values in lengths.items()}
        ),
        "grains_per_area": _quantity("1/m^2", areal),
        "mean_grain_diameter": _quantity(
            "m", {name: [float(each.diameters.mean()) for each in rows] for name, rows in seen.items()}
        ),
        "diameter_spread": _quantity(
            "1", {name: [float(each.diameters.std() / each.diameters.mean()) for each in rows]
                  for name, rows in seen.items()},
        ),
    }  # fmt: skip
    asked = (
        {"temperature_K": options.temperature}
        if options.temperature is not None
        else {"cooling_rate_K_per_s": options.cooling_rate}
    )
    heat = model.table(options.material).latent_heat
    temperature = float(np.median([each.temperature for each in kinetics]))
    reheating = math.nan if heat is None else heat(temperature) / HEAT_CAPACITY
    document = {
        "material": options.material,
        **asked,
        **{name: value for name, value in asdict(options).items() if name in ("members", "grains", "size", "seed")},
        "kinetics": [
            {**asdict(each), "ball_velocity": velocity_of_ball(each.velocities), "faces": list(FACES)}
            for each in kinetics
        ],
        "quantities": quantities,
        "closed_form_ratio": float(np.exp(np.mean(np.log(densities / closed)))),
        "sections_per_volume": per_volume,
        "reheating_K": None if math.isnan(reheating) else reheating,
    }
    return document | {"warnings": _warnings(options, model, temperature, reheating, quantities)}


def _quantity(unit: str, by: Mapping[str, Sequence[float] | FloatArray]) -> dict[str, Any]:
    found: dict[str, Any] = {"unit": unit}
    for name, values in by.items():
        low, middle, high = np.quantile(np.asarray(values, np.float64), [0.05, 0.5, 0.95]).tolist()
        found[name] = {"value": middle, "interval90": [low, high]}
    return found


def _warnings(
    options: ChainOptions,
    model: KineticsModel,
    temperature: float,
    reheating: float,
    quantities: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    sample = conditions_sample(options.material, None, temperature, model)
    melting = sample.table.melting_temperature
    found = list(model.notes)
    diameter, length = critical_diameter(sample), quantities["characteristic_length"]["grown"]["value"]
    if diameter is not None and length < FEW_DIAMETERS * diameter:
        found.append(
            f"grains meet at {length:.2g} m, less than {FEW_DIAMETERS:g} critical diameters of {diameter:.2g} m: they "
            "never were crystals that grow, and neither the closed form nor the solver of grains holds"
        )
    for name, ways in quantities.items():
        for way, told in ways.items():
            if way not in ("prediction", "grown"):
                continue
            low, high = told["interval90"]
            if high > WIDE * low:
                words = name.replace("_", " ")
                found.append(f"{words}: its 90 % interval spans {math.log10(high / low):.1f} decades")
    if not math.isnan(reheating) and options.temperature is not None:
        hot = temperature + reheating
        what = (
            f"back to the melting point of {melting:.0f} K before it is solid"
            if hot >= melting
            else f"to {hot:.0f} K while it solidifies"
        )
        found.append(
            f"the latent heat is worth {reheating:.0f} K (at {HEAT_CAPACITY:g} J/(mol K)): a melt that is closed would "
            f"reheat {what}; this one is held at {temperature:.0f} K all along"
        )
    if options.members < MANY_MEMBERS:
        found.append(
            f"intervals are over {options.members} members: they reach about from the least of them to the greatest"
        )
    if options.cooling_rate is not None:
        found.append(
            "each member solidifies at a temperature of its own: intervals of velocity and rate hold that spread, too"
        )
        found.append(
            "the temperature falls at the stated rate all along: latent heat, which would slow it down or turn it "
            "round, is taken to leave at once"
        )
    posterior = model.interfacial_energies[options.material]
    low, high = posterior.seen
    if not low <= temperature <= high:
        found.append(
            f"nucleation rates at {temperature:.0f} K are beyond the seeding and the quenches of {options.material}, "
            f"{low:g} to {high:g} K"
        )
    return found
