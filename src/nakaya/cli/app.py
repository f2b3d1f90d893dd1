"""The command line: one table of commands, one application, one border where errors become an exit status.

Commands are imported when they are called or when their help is asked for; each imports the pipeline that it calls when
it runs. So `nakaya --help` stays fast.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from nakaya.cli.ingest import IngestGroup
from nakaya.cli.options import with_dask_address
from nakaya.cli.output import PrintableFormatter, echo, run_app
from nakaya.core.registry import Registry

__all__ = ["app", "main"]

logger = logging.getLogger(__name__)

GROUPS: Final[Mapping[str, str]] = {
    "campaign": """Grow many crystals into one store, on one machine or many; verify it, repair it.

    Example: nakaya campaign run examples/sweep.toml --out store.zarr --workers 2
    """,
    "ingest": "Turn files of others into records: simulations, micrographs, EBSD maps, reactor logs, and what plug-ins "
    "read.",
    "fit": "Estimate kinetic parameters from measurements, with intervals.",
    "simulate": "Run a described crystallizer.",
    "md": "Molecular dynamics with LAMMPS: growth, melting points, properties, nucleation, seeding.",
    "md campaign": "Many runs from one plan, resumable.",
    "records": "Look into records of crystallization: simulations, micrographs, reactors.",
    "benchmark": "Measure this machine; read or recompute the tables that ship.",
}
"""Words of a group of commands -> its help."""

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "grow": (
        "grow:command",
        "Grow crystals with the exact solver of snow crystals, with another solver, or with an emulator.",
    ),
    "show": (
        "pictures:show",
        "Draw a crystal: every site a cell at its place, or in three dimensions its surface under a lamp.",
    ),
    "film": ("pictures:film", "Film a crystal's growth, at fixed physical steps, or a whole crystal that turns."),
    "diagram": (
        "pictures:diagram",
        "Draw the morphology diagram: a plane of two parameters with the crystal of every point at its place.",
    ),
    "export": (
        "export:export",
        "Write crystals or records for other programs: tables, NetCDF, The Well's HDF5, VTK.",
    ),
    "chain": ("chain:chain", "Predict kinetics, grow grains from them, and measure what a microscope would see."),
    "coarsen": (
        "coarsen:coarsen",
        "Let the grains of a polycrystal coarsen: boundaries move by their curvature, small grains vanish.",
    ),
    "measure": (
        "measure:measure",
        "Print number, density, sizes and texture of the grains of a store, a coarsened map, an EBSD map or a mask.",
    ),
    "demo": ("demo:demo", "Grow crystals exactly, emulate the same conditions, compare, and write one HTML report."),
    "info": (
        "about:info",
        "Print versions, the models and sets of records that there are, and every parameter with its range.",
    ),
    "doctor": ("about:doctor", "Try every part once, small, and say what works on this machine."),
    "cite": ("about:cite", "Print what to cite, as BibTeX, and when."),
    "train": (
        "train:train",
        "Train an emulator (grow its crystals, train on them, write weights and model card), or models of kinetics.",
    ),
    "tune": (
        "tune:tune",
        "Search the hyperparameters of a kinetics model with a Gaussian process and expected improvement.",
    ),
    "evaluate": (
        "evaluate:evaluate",
        "Compare an emulator with its solver at parameter points that it has not seen: fidelity and speed.",
    ),
    "infer": ("infer:infer", "Say which conditions grew a crystal: a posterior from a store or from a picture."),
    "predict": (
        "predict:predict",
        "Predict growth velocity, nucleation rate, grains per volume and the length at which grains meet.",
    ),
    "explain": (
        "explain:explain",
        "Show what mattered for a predicted growth velocity: changes without each part, and where the network looked.",
    ),
    "campaign run": ("campaign:run", "Grow all crystals of a sweep file, or those that an earlier run did not get to."),
    "campaign worker": (
        "campaign:worker",
        "Compute shards that nobody else is at: one of many workers that start by themselves.",
    ),
    "campaign script": (
        "campaign:script",
        "Write the script of a batch system that grows a sweep file with many workers.",
    ),
    "campaign verify": (
        "campaign:verify",
        "Read a whole store and compare every shard with its record; nothing is changed.",
    ),
    "campaign repair": ("campaign:repair", "Compute again what is damaged or missing in a store, and nothing else."),
    "ingest md": (
        "ingest_md:ingest_trajectory",
        "Follow the crystal in trajectories of atoms and write one record per file.",
    ),
    "ingest micrograph": (
        "ingest_images:micrograph",
        "Find the grains, dislocation loops or crystal lattices of a micrograph; write record, graph and overlay.",
    ),
    "ingest ebsd": (
        "ingest_images:ebsd",
        "Find the grains, phases and twins of an EBSD map; write a record, a graph and an inverse-pole-figure map.",
    ),
    "ingest reactor": (
        "ingest_reactor:reactor",
        "Turn a reactor log into a record: series, clear and cloud points, induction times, supersaturation, sizes.",
    ),
    "fit reactor": (
        "fit:reactor",
        "Fit the kinetics of a crystallizer to its logs; say which parameters the data do not determine.",
    ),
    "simulate reactor": (
        "simulate:reactor",
        "Simulate a crystallizer by its population balance: any system, temperature profile and seed.",
    ),
    "md grow": ("md:grow", "Measure the velocity of a solid-liquid interface from a half-melted box."),
    "md melting-point": (
        "md:melting_point",
        "Find the melting point of a potential: crystal and melt coexist at constant enthalpy.",
    ),
    "md properties": (
        "md:properties",
        "Measure lattice parameter, latent heat and liquid diffusivity of a potential at zero pressure.",
    ),
    "md nucleate": ("md:nucleate", "Measure the homogeneous nucleation rate: quench a melt many times and wait."),
    "md seed": (
        "md:seed",
        "Put a crystallite into its undercooled melt and release it several times: does it grow or dissolve?",
    ),
    "md run": ("md:run_input", "Run your own LAMMPS input and analyse its dump as `nakaya ingest md` would."),
    "md laws": (
        "md_laws:laws",
        "Hold growth and melting records against what must be true: one melting point by two ways, signs, orders.",
    ),
    "md rates": (
        "md_rates:rates",
        "Find critical sizes, interfacial energy and nucleation rates from records of seeding and quenches.",
    ),
    "md suggest": (
        "md_suggest:suggest",
        "Suggest growth runs: those that lower the expected error of velocities on a grid of conditions most per cost.",
    ),
    "md compare": (
        "md_compare:compare",
        "Compare melting points and velocities of two potentials of one material: the error between potentials.",
    ),
    "md campaign run": ("md:campaign_run", "Run the runs of a plan that are not done yet, in its order."),
    "md campaign collect": (
        "md:campaign_collect",
        "Join the records of campaigns; all driving forces then come from the same melting points and latent heats.",
    ),
    "records show": (
        "records:show",
        "Print what records hold, one line each, or everything about those that are named; SI units.",
    ),
    "records validate": (
        "records:validate",
        "Check every record: schema, units, ranges, intervals, composition, one id each, "
        "and the hashes of its snapshots.",
    ),
    "records merge": (
        "records:merge",
        "Join records into one new store; two records of one id with different contents are an error.",
    ),
    "records graph": (
        "records:graph",
        "Turn records into multi-scale graphs: atoms, clusters and facets, with conditions, in time.",
    ),
    "benchmark speed": (
        "benchmark:speed",
        "Measure the exact solver beside the NumPy reference and the package snowfake, in one run.",
    ),
    "benchmark invariants": (
        "benchmark:invariants",
        "Measure every invariant of the exact solver: conservation, symmetry, equality with the reference, and others.",
    ),
    "benchmark kinetics": (
        "benchmark:kinetics",
        "Compare kinetics models on growth velocities (m/s) that were held out: the stored table, or records of yours.",
    ),
    "benchmark nuclei": (
        "benchmark:nuclei",
        "Compare models of the fate of near-critical nuclei: how much of their growth does one snapshot tell?",
    ),
    "benchmark pfhub": (
        "benchmark:pfhub",
        "Solve benchmark problems of PFHub, the phase-field community's own, and write results to be uploaded there.",
    ),
}
"""Words of a command -> module of `nakaya.cli` and function, and the first sentence of its help."""

HIDDEN: Final[Mapping[str, str]] = {"benchmark laws": "benchmark invariants"}
"""Names of 0.1 -> words of the command."""

PLUGINS: Registry[Any] = Registry("command", "nakaya.commands", object, {})
"""Functions of packages outside that take the application and add commands to it."""


class _StatedCommand(TyperCommand):
    """A command of which name and short help are stated: whoever asks for anything else imports it."""

    target: str

    def __init__(self, name: str, short_help: str, hidden: bool, **_: Any) -> None:  # not what the placeholder has
        self.name, self.short_help, self.hidden = name, short_help, hidden
        self.deprecated, self.rich_help_panel = False, None

    @cached_property
    def command(self) -> Any:
        """The command itself."""
        module, _, attribute = self.target.partition(":")
        found = getattr(import_module(f"nakaya.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(self.name)(function)
        return typer.main.get_command(found)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.command, attribute)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the words by the options of the command itself, which then is what the context runs."""
        return self.command.make_context(info_name, with_dask_address(args), parent=parent, **extra)


def _placeholder() -> None:
    """Stands for a function that is not imported yet."""


def _add(group: typer.Typer, name: str, words: str, *, hidden: bool = False) -> None:
    target, short_help = COMMANDS[words]
    stated = type("StatedCommand", (_StatedCommand,), {"target": target})
    group.command(name, cls=stated, short_help=short_help, hidden=hidden)(_placeholder)


def _make_app() -> typer.Typer:
    made = typer.Typer(
        name="nakaya",
        help="Grow crystals exactly, emulate them, compare both, and learn how fast they grow.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    groups = {"": made}
    for words, text in GROUPS.items():
        parent, _, name = words.rpartition(" ")
        cls = IngestGroup if words == "ingest" else None
        groups[words] = typer.Typer(name=name, help=text, no_args_is_help=True, cls=cls)
        groups[parent].add_typer(groups[words])
    for words, meant in {**{words: words for words in COMMANDS}, **HIDDEN}.items():
        parent, _, name = words.rpartition(" ")
        _add(groups[parent], name, meant, hidden=words in HIDDEN)
    return made


app = _make_app()


@cache
def _register_plugins() -> None:
    for name, add_commands in PLUGINS.load_all().items():
        try:
            add_commands(app)
        except Exception as error:  # code of others: a command that cannot be added takes no other away
            logger.warning("command %r is left out: %s: %s", name, type(error).__name__, error)


def _print_version(value: bool) -> None:
    if value:
        from nakaya.core.provenance import package_version

        echo(f"nakaya {package_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is being done, on stderr.")] = False,
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status: 0, 2 for an error a user can mend, 130 when interrupted."""
    _register_plugins()
    return run_app(app, "nakaya", arguments)


def main() -> None:
    """Entry point of the `nakaya` command."""
    logging.getLogger("nakaya.core.compiling").setLevel(logging.INFO)  # waiting wants a reason, even without --verbose
    sys.exit(run(sys.argv[1:]))
