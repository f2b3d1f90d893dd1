"""Files appear whole or not at all, whatever goes wrong on the way."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nakaya.core.files import own_part, write_whole


@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_what_was_there_stays_and_nothing_is_left(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    path = tmp_path / "card.json"
    write_whole(path, b"before", part=own_part(path))
    with monkeypatch.context() as full:
        full.setattr(os, operation, fail)
        with pytest.raises(OSError, match="no space"):
            write_whole(path, b"after, and longer", part=own_part(path))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, b"after", part=own_part(path))
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are those of POSIX")
def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_whole(tmp_path / "whole", b"", part=own_part(tmp_path / "whole"))
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_parts_lie_beside_their_file_and_are_hidden(tmp_path: Path) -> None:
    part = own_part(tmp_path / "a.b.json")
    assert part.parent == tmp_path
    assert part.name.startswith(".a.b.json.")
    assert str(os.getpid()) in part.name
