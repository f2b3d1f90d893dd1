"""Where studies are kept in tests: a file, or a real PostgreSQL server, started in a folder of its own and stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _program(name: str) -> str | None:
    places = [*sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)]
    return shutil.which(name) or (str(places[0]) if places else None)


def _user() -> dict[str, object]:
    """PostgreSQL refuses to run as the superuser; another user's rights are taken then."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("running as the superuser, and there is neither a user postgres nor nobody to run PostgreSQL")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of an empty database on a free port of this machine; the role `guarded` would need a password."""
    pytest.importorskip("pg8000", reason="the driver pg8000 is not installed: pip install nakaya[postgres]")
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed (initdb, pg_ctl): apt install postgresql")
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="nakaya-postgres-"))
    if user:
        os.chown(folder, user["user"], user["group"])  # type: ignore[arg-type]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def call(*words: str) -> None:
        subprocess.run(words, check=True, cwd=folder, capture_output=True, timeout=120, **user)  # type: ignore[call-overload]

    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
        "-c timezone=Asia/Tokyo"  # a server whose clock shows another hour than ours
    )
    try:
        call(initdb, "-D", str(folder / "data"), "-U", "nakaya", "-A", "trust", "--no-sync", "-E", "UTF8")
        rules = folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all guarded 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        call(pg_ctl, "-D", str(folder / "data"), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql+pg8000://nakaya@127.0.0.1:{port}/postgres"
        finally:
            call(pg_ctl, "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database; on the server, tests share it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'study.db'}"
    return str(request.getfixturevalue("server"))
