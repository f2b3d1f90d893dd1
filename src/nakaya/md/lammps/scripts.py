"""LAMMPS inputs, as text. Each function is one protocol; the comments in it say which trap it avoids.

All are in LAMMPS units "metal": A, ps, eV, K, bar.

An input is a program: LAMMPS runs other programs for it (`shell`). Text of others reaches one in `_head` alone, as
words of letters that mean nothing to LAMMPS, and never as the path of a file; all else is a number that we format.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.md.potentials import Material, is_words

__all__ = [
    "bulk_liquid",
    "bulk_solid",
    "coexistence",
    "data_file",
    "growth",
    "nucleation",
    "potential_copy",
    "released_crystallite",
    "seeded_melt",
    "sheared_growth",
    "sheared_nucleation",
    "single_point",
    "whole_picoseconds",
]

SAMPLE_PS = 0.1
"""Interval of the thermodynamic output, ps."""

LANGEVIN_PS = 1.0
"""Damping time of the local thermostat in production, ps."""

BAROSTAT_PS = 2.0
"""Damping time of the barostat, ps."""

HOT_STEP_PS = 0.0015
"""Time step while the hot part melts, ps."""

RELAXATION_PS = 3.0
"""How long a melt takes its volume before it is sheared, ps."""

BOX_GAIN = 4e-7
"""Strain rate of a sheared box per pressure, 1/(bar ps): 40 GPa, the bulk modulus of a melt of metal, relax in 2 ps."""

OWN_BATHS = """\
# One global thermostat would leave the growing interface hot and the rest cold: every atom has its own bath.
"""

TETHER = 0.2
"""Root mean square displacement along each axis, A, that a tether alone would leave a held atom."""

BOLTZMANN_EV = 8.617333262e-5
"""eV/K."""

DUMP_COLUMNS = "id type xs ys zs vx vy vz c_energy"

_FUNCFL_STYLES = ("eam", "eam/opt", "eam/omp", "eam/intel", "eam/gpu", "eam/kk")

_MASK = 900_000_000  # LAMMPS' random generators take seeds up to this


def _seed(seed: int, purpose: int) -> int:
    return int(np.random.SeedSequence([seed, purpose]).generate_state(1)[0]) % _MASK + 1


def data_file(
    positions: FloatArray, box: FloatArray, material: Material, *, velocities: FloatArray | None = None
) -> str:
    """Return a LAMMPS data file: positions float64 [atom, 3] in A, box float64 [3] in A, one type.

    With velocities, float64 [atom, 3] in A/ps, a run goes on with them.
    """
    lines = ["crystal", "", f"{len(positions)} atoms", "1 atom types", ""]
    lines += [f"0 {length:.10g} {axis}lo {axis}hi" for length, axis in zip(box, "xyz", strict=True)]
    lines += ["", "Masses", "", f"1 {material.mass}", "", "Atoms # atomic", ""]
    lines += [f"{number} 1 {x:.10g} {y:.10g} {z:.10g}" for number, (x, y, z) in enumerate(positions, 1)]
    if velocities is not None:
        lines += ["", "Velocities", ""]
        lines += [f"{number} {x:.6g} {y:.6g} {z:.6g}" for number, (x, y, z) in enumerate(velocities, 1)]
    return "\n".join(lines) + "\n"


def _steps(duration_ps: float, material: Material) -> int:
    return max(1, round(duration_ps / material.time_step_ps))


def potential_copy(potential: Path) -> str:
    """Return the name under which an input reads a potential: that of a copy beside the input.

    The endings stay, as some pair styles and unpacking go by them; of endings with other letters than these, none.

        >>> potential_copy(Path("/home/me/Cu (new).eam.alloy.gz"))
        'potential.eam.alloy.gz'
    """
    endings = re.search(r"(?:\.[A-Za-z0-9_-]{1,16}){0,4}\Z", potential.name)
    return f"potential{endings[0] if endings else ''}"


def _words(text: str) -> str:
    # A material checks its words when it is made; whatever comes here otherwise is our mistake, and must not run.
    if not is_words(text):
        raise ValueError(f"{text!r} must not reach an input of LAMMPS")
    return text


def _head(material: Material, potential: Path) -> str:
    return f"""\
units metal
atom_style atomic
boundary p p p
read_data start.data
pair_style {_words(material.pair_style)}
pair_coeff * * "{_words(potential_copy(potential))}"{_element(material)}
neighbor 1.0 bin
neigh_modify every 1 delay 5 check yes
timestep {material.time_step_ps}
compute energy all pe/atom
thermo_style custom step temp pe ke enthalpy press pzz lx ly lz vol
thermo {_steps(SAMPLE_PS, material)}
# Stop when the process that started this run is gone.
variable started equal is_file(${{parent}})
if "${{started}} == 1" then &
  "variable gone equal 1-is_file(${{parent}})" "fix orphan all halt 500 v_gone != 0 error hard"
"""


def _element(material: Material) -> str:
    # A funcfl file holds one element and LAMMPS maps no types to it; every other many-body style wants its name.
    return "" if material.pair_style.split()[0] in _FUNCFL_STYLES else f" {_words(material.name)}"


def _melt(material: Material, seed: int, group: str, temperature: float) -> str:
    # Small steps while hot atoms collide; at fixed volume, so that nothing explodes.
    hot = material.hot * material.melting_point
    return f"""\
velocity {group} create {2 * hot:.6g} {_seed(seed, 1)} mom yes rot no dist gaussian
fix move {group} nve
fix bath {group} langevin {hot:.6g} {hot:.6g} 0.05 {_seed(seed, 2)}
timestep {HOT_STEP_PS}
run {round(1.8 / HOT_STEP_PS)}
unfix bath
fix bath {group} langevin {hot:.6g} {temperature:.6g} 0.1 {_seed(seed, 3)}
run {round(1.0 / HOT_STEP_PS)}
unfix bath
fix bath {group} langevin {temperature:.6g} {temperature:.6g} 0.1 {_seed(seed, 4)}
run {round(0.5 / HOT_STEP_PS)}
unfix bath
unfix move
timestep {material.time_step_ps}
"""


def _sample(material: Material, duration_ps: float, frame_ps: float) -> str:
    return f"""\
{_frames(material, frame_ps)}\
run {_steps(duration_ps, material)}
"""


def _frames(material: Material, frame_ps: float) -> str:
    return f"""\
dump frames all custom {_steps(frame_ps, material)} frames.dump {DUMP_COLUMNS}
dump_modify frames sort id format line "%d %d %.6f %.6f %.6f %.4f %.4f %.4f %.4f"
"""


def _two_phases(
    material: Material, potential: Path, temperature: float, num_solid: int, equilibration_ps: float, seed: int,
    remark: str,
) -> str:  # fmt: skip
    return f"""\
{_both_at_temperature(material, potential, temperature, num_solid, seed)}
{remark}fix bath all langevin {temperature:.6g} {temperature:.6g} {LANGEVIN_PS} {_seed(seed, 7)} zero yes
run {_steps(max(0.0, equilibration_ps - 2.0), material)}
"""


def _both_at_temperature(material: Material, potential: Path, temperature: float, num_solid: int, seed: int) -> str:
    # The solid is held while the rest melts. A perfect lattice given velocities for T ends at T/2, because half of
    # the energy becomes potential energy: it gets velocities for 2T, then both phases meet a strong local thermostat.
    return f"""\
{_head(material, potential)}
group solid id 1:{num_solid:d}
group melt subtract all solid
{_melt(material, seed, "melt", temperature)}
velocity solid create {2 * temperature:.6g} {_seed(seed, 5)} mom yes rot no dist gaussian
# The barostat acts along the normal only; the in-plane lattice stays that of the stress-free solid at T.
fix box all nph z 0 0 {BAROSTAT_PS}
fix bath all langevin {temperature:.6g} {temperature:.6g} 0.2 {_seed(seed, 6)} zero yes
run {_steps(2.0, material)}
unfix bath
"""


def single_point(material: Material, potential: Path) -> str:
    """Return the input that computes the energy of start.data, and moves nothing."""
    return f"{_head(material, potential)}run 0\n"


def growth(
    material: Material,
    potential: Path,
    *,
    temperature: float,
    num_solid: int,
    equilibration_ps: float,
    duration_ps: float,
    frame_ps: float,
    seed: int,
) -> str:
    """Return the input of a growth run: a box half melted, both phases at T, then local Langevin at constant T.

    The first `num_solid` atoms of start.data are the crystal. Frames go to frames.dump from the end of the
    equilibration on, one every `frame_ps`.
    """
    return f"""\
{_two_phases(material, potential, temperature, num_solid, equilibration_ps, seed, OWN_BATHS)}\
reset_timestep 0
{_sample(material, duration_ps, frame_ps)}"""


def whole_picoseconds(duration_ps: float) -> int:
    """Number of parts, each of a picosecond and with a table of its own in the log, that a sheared growth run has."""
    return max(1, round(duration_ps))


def sheared_growth(
    material: Material,
    potential: Path,
    *,
    temperature: float,
    shear_rate: float,
    num_solid: int,
    solid_length: float,
    equilibration_ps: float,
    duration_ps: float,
    frame_ps: float,
    seed: int,
) -> str:
    """Return the input of a growth run as `growth`, with a flow along x beside the crystal that grows with z.

    The crystal is the moving wall. The box is tilted along x as z is passed (Lees & Edwards 1972), so that the crystal
    and its periodic image move apart at the rate times the thickness of the melt, which alone can flow; the speed
    follows the thickness every picosecond. SLLOD would be wrong here: it forces the same gradient on the crystal, and
    counts the difference to a straight profile as heat. No profile is assumed: the bath of every atom acts across the
    flow, on y and z, which collisions join with x within a picosecond, and so does the thermometer `c_across`. On two
    of three components, a bath of two thirds of the damping time takes as much heat as that of a melt at rest.

    `shear_rate` is that of the melt, 1/s, and `solid_length` the part of the box along z that the crystal takes at the
    start; the other arguments are those of `growth`.
    """
    rate, every = shear_rate * 1e-12, _steps(1.0, material)
    bath = f"{temperature:.6g} {temperature:.6g} {LANGEVIN_PS * 2 / 3:.6g} {_seed(seed, 7)}"

    def flowing(duration: float) -> str:
        steps = whole_picoseconds(duration) * every  # frames, and changes of the speed, fall on whole picoseconds
        return f'run {steps} every {every} "fix flow all deform 1 xz vel $(v_speed) remap v"'

    return f"""\
{_both_at_temperature(material, potential, temperature, num_solid, seed)}
unfix box
reset_timestep 0
change_box all triclinic
fix box all nph z 0 0 {BAROSTAT_PS} scalexz no
compute across all temp/partial 0 1 1
fix bath all langevin {bath} zero yes
fix_modify bath temp across
{_solid_fraction(material)}\
thermo_style custom step temp pe ke enthalpy press pzz lx ly lz vol pxz xz c_across
velocity all ramp vx 0 $({rate:.10g}*{1 - solid_length:.6g}*lz) z $(zlo+{solid_length:.6g}*lz) $(zhi) sum yes units box
fix flow all deform 1 xz vel $({rate:.10g}*{1 - solid_length:.6g}*lz) remap v
fix seen all ave/time {every} 1 {every} c_frozen
variable speed equal {rate:.10g}*lz*(1-f_seen)
{flowing(max(1.0, equilibration_ps - 2.0))}
variable last equal $(v_speed)
unfix flow
unfix seen
reset_timestep 0
fix flow all deform 1 xz vel ${{last}} remap v
fix seen all ave/time {every} 1 {every} c_frozen
{_frames(material, frame_ps)}\
{flowing(duration_ps)}
"""


def coexistence(
    material: Material,
    potential: Path,
    *,
    temperature: float,
    num_solid: int,
    equilibration_ps: float,
    duration_ps: float,
    frame_ps: float,
    seed: int,
) -> str:
    """Return the input of a coexistence run: as `growth`, then constant enthalpy, in which the box finds T_m itself."""
    return f"""\
{_two_phases(material, potential, temperature, num_solid, equilibration_ps, seed, "")}\
unfix bath
reset_timestep 0
{_sample(material, duration_ps, frame_ps)}"""


def bulk_solid(
    material: Material, potential: Path, *, temperature: float, duration_ps: float, frame_ps: float, seed: int
) -> str:
    """Return the input of a stress-free crystal at T; the last `run` of the log is the sample."""
    return f"""\
{_head(material, potential)}
velocity all create {2 * temperature:.6g} {_seed(seed, 5)} mom yes rot no dist gaussian
{_stress_free(material)}
fix bath all langevin {temperature:.6g} {temperature:.6g} 0.2 {_seed(seed, 6)} zero yes
run {_steps(4.0, material)}
reset_timestep 0
{_sample(material, duration_ps, frame_ps)}"""


def _stress_free(material: Material) -> str:
    # A cube keeps its shape. Of hcp, c/a is free: x and y move together, for the basal plane is isotropic.
    damping = BAROSTAT_PS / 2
    sides = "iso 0 0 {0}" if material.structure != "hcp" else "x 0 0 {0} y 0 0 {0} z 0 0 {0} couple xy"
    return f"fix box all nph {sides.format(damping)}"


def bulk_liquid(
    material: Material, potential: Path, *, temperature: float, duration_ps: float, frame_ps: float, seed: int
) -> str:
    """Return the input of a stress-free liquid at T, with its mean squared displacement in the last `run`.

    The sample has a weak global thermostat: one phase in equilibrium needs no local bath, whose friction would slow
    diffusion by a few per cent.
    """
    return f"""\
{_head(material, potential)}
{_melt(material, seed, "all", temperature)}
fix box all npt temp {temperature:.6g} {temperature:.6g} 0.2 iso 0 0 {BAROSTAT_PS / 2}
run {_steps(6.0, material)}
reset_timestep 0
compute path all msd com yes
thermo_style custom step temp pe ke enthalpy press pzz lx ly lz vol c_path[4]
{_sample(material, duration_ps, frame_ps)}"""


def _shell(material: Material) -> float:
    # LAMMPS counts bonds to all atoms within the cutoff: it must end behind the shell that the classifier looks at.
    nearest = {"fcc": 0.707, "bcc": 0.866, "diamond": 0.707, "hcp": 1.0}[material.structure]
    return (1.2 if material.structure == "diamond" else 1.3) * (nearest * material.lattice_parameter)


def nucleation(
    material: Material, potential: Path, *, temperature: float, duration_ps: float, frame_ps: float, seed: int
) -> str:
    """Return the input of a quench: a liquid cooled to T within 3 ps, then held with a local bath until it freezes.

    LAMMPS counts solid atoms itself, only to stop early once a third of the box is solid; the analysis is ours.
    """
    return f"""\
{_head(material, potential)}
{_melt(material, seed, "all", temperature)}
reset_timestep 0
{_quench(material, temperature, seed)}\
{_sample(material, duration_ps, frame_ps)}"""


def sheared_nucleation(
    material: Material,
    potential: Path,
    *,
    temperature: float,
    shear_rate: float,
    duration_ps: float,
    frame_ps: float,
    seed: int,
) -> str:
    """Return the input of a quench in a homogeneous flow along x that grows with y: SLLOD (Evans & Morriss 1984).

    As `nucleation` for 3 ps, in which the melt takes its volume; then the box is deformed at `shear_rate` (1/s) of its
    momentary height, and flips where it has become too long. The bath of every atom would damp the flow: in its place
    a Nose-Hoover thermostat acts on the velocities beside the flow. The pressure stays zero, as in a melt at rest:
    sheared at constant volume, it would rise with the rate, and the melting point with it.
    """
    rate = shear_rate * 1e-12
    return f"""\
{_head(material, potential)}
{_melt(material, seed, "all", temperature)}
reset_timestep 0
change_box all triclinic
{_quench(material, temperature, seed)}\
{_frames(material, frame_ps)}\
run {_steps(RELAXATION_PS, material)}
unfix box
unfix bath
velocity all ramp vx 0 $({rate:.10g}*ly) y $(ylo) $(yhi) sum yes units box
fix flow all deform/pressure 1 box pressure 0 {BOX_GAIN} xy erate/rescale {rate:.10g} remap v
fix bath all nvt/sllod temp {temperature:.6g} {temperature:.6g} 0.2
thermo_style custom step temp pe ke enthalpy press pxy lx ly lz xy vol
# The flow is no heat: temperature and pressure are those of the velocities beside it.
thermo_modify temp bath_temp
run {_steps(duration_ps - RELAXATION_PS, material)}
"""


def _solid_fraction(material: Material) -> str:
    classifier = material.classifier
    return f"""\
compute q6 all orientorder/atom degrees 1 6 nnn {classifier.neighbours} components 6 cutoff {_shell(material):.4g}
compute bonds all coord/atom orientorder q6 {classifier.coherence}
variable solid atom c_bonds>={classifier.min_solid_like}
compute frozen all reduce ave v_solid
"""


def _quench(material: Material, temperature: float, seed: int) -> str:
    every = _steps(1.0, material)
    return f"""\
fix box all nph iso 0 0 {BAROSTAT_PS / 2}
fix bath all langevin {temperature:.6g} {temperature:.6g} {LANGEVIN_PS} {_seed(seed, 6)} zero yes
{_solid_fraction(material)}\
variable frozen equal c_frozen
fix frozen all halt {every} v_frozen > 0.2 error continue
"""


def seeded_melt(
    material: Material,
    potential: Path,
    *,
    temperature: float,
    num_solid: int,
    held_ps: float,
    free_ps: float,
    seed: int,
) -> str:
    """Return the input that makes a melt at T and a crystallite put into it one liquid with one nucleus.

    The first `num_solid` atoms of start.data are the crystallite. They are tethered to their sites while the melt
    around them relaxes and the box finds its volume, then all are free. Two frames go to frames.dump: the end of either
    time.
    """
    stiffness = BOLTZMANN_EV * temperature / TETHER**2
    return f"""\
{_head(material, potential)}
group crystallite id 1:{num_solid:d}
group melt subtract all crystallite
velocity melt create {temperature:.6g} {_seed(seed, 1)} mom yes rot no dist gaussian
# A perfect lattice ends at half the temperature of its velocities, because half of the energy becomes potential energy.
velocity crystallite create {2 * temperature:.6g} {_seed(seed, 5)} mom yes rot no dist gaussian
fix tether crystallite spring/self {stiffness:.6g}
# Atoms of the melt that stand too near to the crystallite push off in small steps of bounded length.
fix move all nve/limit 0.05
fix bath all langevin {temperature:.6g} {temperature:.6g} 0.05 {_seed(seed, 2)}
timestep {HOT_STEP_PS}
run {round(0.3 / HOT_STEP_PS)}
unfix bath
unfix move
timestep {material.time_step_ps}
fix box all nph iso 0 0 {BAROSTAT_PS / 2}
fix bath all langevin {temperature:.6g} {temperature:.6g} 0.2 {_seed(seed, 6)} zero yes
run {_steps(held_ps, material)}
unfix bath
unfix tether

{OWN_BATHS}fix bath all langevin {temperature:.6g} {temperature:.6g} {LANGEVIN_PS} {_seed(seed, 7)} zero yes
reset_timestep 0
{_sample(material, free_ps, free_ps)}"""


def released_crystallite(
    material: Material,
    potential: Path,
    *,
    temperature: float,
    duration_ps: float,
    frame_ps: float,
    seed: int,
    has_velocities: bool,
) -> str:
    """Return the input of a crystallite in its melt that is left to itself: NpT with a local bath.

    Velocities are drawn anew, of a Maxwell distribution at T, unless start.data has those with which a run goes on.
    """
    draw = f"velocity all create {temperature:.6g} {_seed(seed, 1)} mom yes rot no dist gaussian\n"
    return f"""\
{_head(material, potential)}
{"" if has_velocities else draw}\
fix box all nph iso 0 0 {BAROSTAT_PS / 2}
{OWN_BATHS}fix bath all langevin {temperature:.6g} {temperature:.6g} {LANGEVIN_PS} {_seed(seed, 7)} zero yes
{_sample(material, duration_ps, frame_ps)}"""
