"""Work that goes on where it stopped: a folder is claimed by the configuration that it was begun with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from nakaya.core.documents import dump_json, write_json
from nakaya.core.errors import FormatError, OtherConfigurationError, OutputError, OutputExistsError
from nakaya.core.files import check_output, is_as_good_as_empty, output_errors, remove_leftovers, remove_parts
from nakaya.core.folders import discard, new_folder
from nakaya.core.locks import OutputLog, lock_output
from nakaya.core.provenance import sha256_of_bytes
from nakaya.core.reading import read_json

__all__ = ["STAGED_SUFFIX", "differences", "refuse_differences", "resumable", "staged", "staged_folders"]

FORMAT = 1
MOST_DIFFERENCES = 4
STAGED_SUFFIX = ".partial"


@contextmanager
def resumable(
    folder: Path, configuration: Mapping[str, object], *, marker: str, kind: str, overwrite: bool = False
) -> Iterator[OutputLog]:
    """Hold a folder for the work of one configuration, begun now or earlier, while the body does what is missing.

    The folder appears with its marker. What a kill or a full disk left of the first moments of an earlier version (a
    folder without a marker, empty but for parts of files) is taken over, and what a killed writer left half-written is
    removed.

    Args:
        folder: Made if it is not there.
        configuration: What decides the outcome, as JSON values.
        marker: Name of the file in the folder that holds the configuration.
        kind: What the folder is, as a noun ("training run").
        overwrite: Begin anew, and delete the folder if it has a marker.

    Yields:
        The log beside the folder; its lock is held.

    Raises:
        OtherConfigurationError: It was begun with another configuration; the message names the keys that differ.
        OutputExistsError: The marker is damaged.
        OutputError: There is something else, another process holds the folder, or it cannot be written.
    """
    wanted: dict[str, object] = json.loads(dump_json(configuration))
    check_output(folder, overwrite=True)
    _is_begun(folder, wanted, marker, kind, overwrite=overwrite)  # refuse before a log is made
    with lock_output(folder) as log:
        with output_errors(folder):
            remove_leftovers(folder)
            if _is_begun(folder, wanted, marker, kind, overwrite=overwrite):
                remove_parts(folder)
            else:
                if folder.exists():
                    discard(folder)
                with new_folder(folder, overwrite=False, is_locked=True) as fresh:
                    write_json(fresh / marker, {"format": FORMAT, **wanted})
        yield log


@contextmanager
def staged(out: Path, question: bytes) -> Iterator[Path]:
    """Hold a hidden folder beside `out` for work whose outcome shall appear at `out` in the end.

    The folder is named after the question: killed and asked again, the body goes on with what it finds there. It is
    removed when the body ends, and so are those of other questions about `out` that nobody works on.

    Raises:
        OutputError: Another process works on the same question.
    """
    folder = out.parent / f".{out.name}.{sha256_of_bytes(question)[:12]}{STAGED_SUFFIX}"
    with lock_output(folder):
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
    for leftover in staged_folders(out):
        with suppress(OutputError), lock_output(leftover):
            shutil.rmtree(leftover, ignore_errors=True)


def staged_folders(out: Path) -> list[Path]:
    """The hidden folders of work whose outcome shall appear at `out`, begun and not ended."""
    names = (folder.name for folder in out.parent.glob(f".{escape(out.name)}.*{STAGED_SUFFIX}"))
    # what has another dot between is of an output with a longer name
    own = [name for name in names if "." not in name.removeprefix(f".{out.name}.").removesuffix(STAGED_SUFFIX)]
    return [out.parent / name for name in sorted(own)]


def _is_begun(folder: Path, wanted: Mapping[str, object], marker: str, kind: str, *, overwrite: bool) -> bool:
    """Whether the folder holds work of this configuration to go on with; else there is nothing, or nothing to keep."""
    file = folder / marker
    if file.is_file():
        if overwrite:
            return False
        try:
            there = {"format": FORMAT, **read_json(file)}  # earlier versions did not write it
        except (FormatError, TypeError):
            raise OutputExistsError(f"{file} is damaged: choose another name") from None
        refuse_differences(folder, there, {"format": FORMAT, **wanted})
        return True
    is_ours = folder.is_dir() and is_as_good_as_empty(folder)
    if folder.is_symlink() or (folder.exists() and not is_ours):
        raise OutputError(f"{folder} exists already and is no {kind}, so it is not deleted: choose another name")
    return False


def refuse_differences(
    path: Path, there: Mapping[str, object], now: Mapping[str, object], where: str = "there"
) -> None:
    """Refuse to go on with something that was begun with another configuration.

    Raises:
        OtherConfigurationError: Its message names the keys that differ with both values, or the first of them.
    """
    found = differences(there, now, where)
    if found:
        more = f"; and {len(found) - MOST_DIFFERENCES} more" if len(found) > MOST_DIFFERENCES else ""
        raise OtherConfigurationError(
            f"{path} exists already and was begun with another configuration "
            f"({'; '.join(found[:MOST_DIFFERENCES])}{more}): choose another name"
        )


def differences(there: Mapping[str, object], now: Mapping[str, object], where: str = "there") -> list[str]:
    """Say where two configurations differ.

    >>> differences({"seed": 1, "axes": {"rho": 0.5}}, {"seed": 1, "axes": {"rho": 0.6}})
    ['axes.rho is 0.5 there, 0.6 now']
    """
    old, new = _flat(there), _flat(now)
    return [
        f"{name} is {old.get(name, 'absent')} {where}, {new.get(name, 'absent')} now"
        for name in sorted(old.keys() | new.keys())
        if old.get(name, "absent") != new.get(name, "absent")
    ]


def _flat(document: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
