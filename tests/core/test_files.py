"""Files appear whole or not at all, whatever goes wrong on the way."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nakaya.core import files
from nakaya.core.errors import OutputError, OutputExistsError
from nakaya.core.files import check_output, final_name, own_part, remove_leftovers, write_whole
from support.at_once import at_once

SIZE = 100_000


@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_what_was_there_stays_and_nothing_is_left(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    path = tmp_path / "card.json"
    write_whole(path, b"before")
    with monkeypatch.context() as full:
        full.setattr(os, operation, fail)
        with pytest.raises(OSError, match="no space"):
            write_whole(path, b"after, and longer")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, b"after")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are those of POSIX")
def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_whole(tmp_path / "whole", b"")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_parts_lie_beside_their_file_and_are_hidden(tmp_path: Path) -> None:
    part = own_part(tmp_path / "a.b.json")
    assert part.parent == tmp_path
    assert part.name.startswith(".a.b.json.")
    assert str(os.getpid()) in part.name


def _make_file(path: Path, number: int) -> None:
    write_whole(path, bytes([number]) * SIZE, overwrite=False)


def test_of_six_makers_of_one_name_one_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "result"
    found = at_once(_make_file, path, 6)
    (winner,) = (number for number, message in found.items() if message == "made")
    for number, message in found.items():
        assert number == winner or "exists already: another process made it meanwhile" in message
    assert path.read_bytes() == bytes([winner]) * SIZE
    assert list(tmp_path.iterdir()) == [path]


def test_without_links_a_name_is_still_claimed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    write_whole(tmp_path / "a", b"first", overwrite=False)
    with pytest.raises(OutputExistsError, match="exists already"):
        write_whole(tmp_path / "a", b"second", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


PRINT_PART = """
import sys
from pathlib import Path
from nakaya.core.files import own_part
print(own_part(Path(sys.argv[1])))
"""


def test_the_parts_of_a_living_process_stay(tmp_path: Path) -> None:
    """What a killed process left goes, and what an earlier version or another name's writer left."""
    path = tmp_path / "c.zarr"
    living = [own_part(path), own_part(tmp_path / "c.zarr.more")]
    dead = subprocess.run([sys.executable, "-c", PRINT_PART, str(path)], capture_output=True, text=True, check=True)
    for part in (*living, Path(dead.stdout.strip()), tmp_path / ".c.zarr.earlier.part"):
        part.mkdir()
        (part / "half").write_text("")
    remove_leftovers(path)
    assert sorted(tmp_path.iterdir()) == sorted(living)
    assert {final_name(part.name) for part in living} == {"c.zarr", "c.zarr.more"}


def test_containers_of_one_machine_count_processes_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that means nothing here may be that of a living process there."""
    path = tmp_path / "c.zarr"
    dead = subprocess.run([sys.executable, "-c", PRINT_PART, str(path)], capture_output=True, text=True, check=True)
    part = Path(dead.stdout.strip())
    part.mkdir()
    other = tmp_path / "namespace"
    other.write_text("")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(files, "PROCESSES", other)
        files._machine.cache_clear()
        remove_leftovers(path)
        assert part.exists()
    files._machine.cache_clear()
    remove_leftovers(path)
    assert not part.exists()


def test_a_folder_of_another_kind_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    check_output(tmp_path / "thesis", overwrite=True, sign="*.json")  # an empty folder is nobody's
    for name in (".DS_Store", "._a.json", ".nfs0000f00d"):  # nor what operating systems leave: the sign is none there
        (tmp_path / "thesis" / name).write_text("")
    check_output(tmp_path / "thesis", overwrite=True, sign="*.json")
    (tmp_path / "thesis" / "chapter.tex").write_text("")
    with pytest.raises(OutputError, match="not deleted"):
        check_output(tmp_path / "thesis", overwrite=True, sign="*.json")
    (tmp_path / "thesis" / "a.json").write_text("")
    check_output(tmp_path / "thesis", overwrite=True, sign="*.json")
