"""`nakaya campaign`: many crystals into one store; is it sound; mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakaya.cli.options import AsJson, DaskAddress, Overwrite, make_executor
from nakaya.cli.output import echo, echo_json
from nakaya.core.errors import ParameterError

if TYPE_CHECKING:
    from nakaya.growth.store.verification import Verification

__all__ = ["repair", "run", "script", "verify", "worker"]

NOT_WHOLE = 1
"""Exit status of verify and repair for a store that can be read but is damaged or incomplete."""

Store = Annotated[Path, typer.Argument(help="A store, such as store.zarr.")]
Workers = Annotated[
    int, typer.Option(help="Processes of one thread each; 1: this process. Does not change the crystals.")
]


def run(
    sweep: Annotated[Path, typer.Argument(help="Sweep file (TOML): points, members, lattice; see examples/sweep.toml")],
    out: Annotated[Path, typer.Option(help="Store to write, or to go on with (a directory, such as store.zarr).")],
    workers: Workers = 1,
    dask: DaskAddress = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, and delete the store there is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Grow all crystals of a sweep file, or those that an earlier run did not get to.

    Example: nakaya campaign run examples/sweep.toml --out store.zarr --workers 2

    Stop it however you like, also with kill -9, and run the same command again: it goes on, and the store ends with the
    same bytes as if nothing had happened. A store of another sweep file is refused (exit status 2). A log with times
    and names of machines is kept beside the store (store.zarr.log). For many machines there are --dask and `nakaya
    campaign script`; docs/clusters.md says more.
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.signals import interrupt_on_termination
    from nakaya.growth.campaigns.campaigning import run_campaign

    with interrupt_on_termination(), progress_reporter("growing", "crystals") as report:
        outcome = run_campaign(
            sweep,
            out,
            executor=make_executor(dask, workers),
            overwrite=overwrite,
            progress=lambda state: report(state.crystals, state.num_crystals),
        )
    if as_json:
        echo_json(outcome)
    elif outcome.computed_shards == 0:
        echo(f"{out} is complete already: {outcome.points} points of {outcome.members} members")
    else:
        echo(
            f"{out}: {outcome.points} points of {outcome.members} members in {outcome.shards} shards, "
            f"{outcome.computed_shards} of them ({outcome.computed_crystals} crystals) computed now"
        )


def worker(
    sweep: Annotated[Path, typer.Argument(help="Sweep file (TOML), as of `nakaya campaign run`.")],
    out: Annotated[Path, typer.Option(help="Store to write, or to go on with, on a file system that all workers see.")],
    number: Annotated[int, typer.Option(help="Which worker this is, from 0.")] = 0,
    of: Annotated[int, typer.Option(help="How many there are.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Compute shards that nobody else is at: one of many workers that start by themselves.

    Example: nakaya campaign worker examples/sweep.toml --out store.zarr --number 0 --of 2

    Start any number, on any machines that share the store, by hand or with the script of `nakaya campaign script`. Each
    claims one shard after another; there is no server. Stop and start them as you like. A shard whose workers were
    killed four times is left, and named. `nakaya campaign run` computes what is still missing in the end.
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.signals import interrupt_on_termination
    from nakaya.growth.campaigns.array import work_on_campaign

    with interrupt_on_termination(), progress_reporter("growing", "crystals") as report:
        outcome = work_on_campaign(
            sweep, out, number=number, of=of, progress=lambda state: report(state.crystals, state.num_crystals)
        )
    if as_json:
        echo_json(outcome)
        return
    left = "all are there" if outcome.left_shards == 0 else f"{outcome.left_shards} are left to others"
    echo(f"{out}: {outcome.computed_shards} of {outcome.shards} shards computed by worker {number}, {left}")


def script(
    sweep: Annotated[Path, typer.Argument(help="Sweep file (TOML), as of `nakaya campaign run`.")],
    slurm: Annotated[bool, typer.Option("--slurm", help="For SLURM (the only one so far).")] = False,
    array: Annotated[int, typer.Option(help="Workers, of one core each: the size of the array of jobs.")] = 8,
    time: Annotated[str | None, typer.Option(help="Limit of each, such as 04:00:00; default: the cluster's.")] = None,
    store: Annotated[Path | None, typer.Option(help="Store that they write (default: SWEEP.zarr, here).")] = None,
    out: Annotated[Path | None, typer.Option(help="The script (default: SWEEP.sbatch, here).")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the script of a batch system that grows a sweep file with many workers.

    Example: nakaya campaign script examples/sweep.toml --slurm --array 32

    Hand it in with sbatch. Its workers claim shards by themselves on the file system that they share; there is no
    server, and jobs that are killed and queued again go on. docs/clusters.md says what file systems have to do.
    """
    import shutil
    import sys

    from nakaya.core.files import check_output, write_whole
    from nakaya.growth.campaigns.array import slurm_script
    from nakaya.growth.campaigns.config import read_campaign

    if not slurm:
        raise ParameterError("which batch system is it for? add --slurm (the only one so far)")
    read_campaign(sweep)  # what is wrong with it is better known now than in a queue
    store = Path(f"{sweep.stem}.zarr") if store is None else store
    out = Path(f"{sweep.stem}.sbatch") if out is None else out
    text = slurm_script(sweep, store, out, program=(sys.executable, "-m", "nakaya"), array=array, time=time)
    check_output(out, overwrite=overwrite)
    write_whole(out, text.encode(), overwrite=overwrite)
    if as_json:
        echo_json({"script": out, "store": store, "array": array})
    else:
        echo(f"{out}: {array} workers that grow {sweep} into {store}; hand it in with: sbatch {out}")
    if shutil.which("sbatch") is None:
        echo("note: there is no sbatch on this machine; hand the script in where SLURM is", err=True)


def verify(store: Store, as_json: AsJson = False) -> None:
    """Read a whole store and compare every shard with its record; nothing is changed.

    Example: nakaya campaign verify store.zarr

    Exit status 0: complete and sound. 1: shards are missing, damaged or altered, or there are foreign files. 2: it
    cannot be read as a store at all.
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.growth.store.verification import verify_store

    with progress_reporter("verifying", "shards") as report:
        verification = verify_store(store, report)
    if as_json:
        echo_json(_plain(verification))
    else:
        _print_verification(verification)
    _leave(verification)


def repair(store: Store, workers: Workers = 1, as_json: AsJson = False) -> None:
    """Compute again what is damaged or missing in a store, and nothing else.

    Example: nakaya campaign repair store.zarr

    The store says itself how its crystals were grown. A shard that comes out other than recorded is left as it was, and
    foreign files are left alone. Exit status 0: complete and sound now. 1: foreign files are left. 2: not possible.
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.growth.campaigns.repairing import repair_campaign

    with progress_reporter("repairing", "shards") as report:
        outcome = repair_campaign(store, workers=workers, progress=report)
    if as_json:
        names = [_name(index) for index in outcome.recomputed]
        echo_json({"rewritten": outcome.rewritten_documents, "recomputed": names, "after": _plain(outcome.after)})
    else:
        for name in outcome.rewritten_documents:
            echo(f"written again: {name}")
        for index in outcome.recomputed:
            echo(f"computed again: shard {_name(index)}")
        _print_verification(outcome.after)
    _leave(outcome.after)


def _name(index: tuple[int, int]) -> str:
    return f"{index[0]}.{index[1]}"


def _plain(verification: Verification) -> dict[str, Any]:
    return {
        "store": verification.path,
        "sound": verification.is_sound,
        "complete": verification.is_complete,
        "shards": verification.num_shards,
        "intact": len(verification.intact),
        "missing": [_name(index) for index in verification.missing],
        "damaged": {_name(index): fault for index, fault in verification.damaged.items()},
        "damaged_documents": dict(verification.damaged_documents),
        "foreign": verification.foreign,
        "leftovers": verification.leftovers,
    }


def _print_verification(verification: Verification) -> None:
    for index, fault in verification.damaged.items():
        echo(f"damaged: shard {_name(index)}: {fault}")
    for fault in verification.damaged_documents.values():
        echo(f"damaged: {fault}")
    for name in verification.foreign:
        echo(f"foreign: {name}")
    for name in verification.leftovers:
        echo(f"left by a killed writer, harmless: {name}")
    if verification.missing:
        echo(f"missing: {len(verification.missing)} shards, from {_name(verification.missing[0])}")
    state = "NOT sound" if not verification.is_sound else "sound" if verification.is_complete else "NOT complete"
    echo(f"{verification.path}: {len(verification.intact)} of {verification.num_shards} shards intact, {state}")


def _leave(verification: Verification) -> None:
    if not (verification.is_sound and verification.is_complete):
        raise typer.Exit(NOT_WHOLE)
