"""Where trials are kept: SQLite for one machine, PostgreSQL for many; the heartbeat lets nothing run for ever."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import optuna
import sqlalchemy
from alembic.util import CommandError
from optuna.exceptions import ExperimentalWarning, OptunaError, StorageInternalError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial

from nakaya.core.addresses import HIDDEN, is_plain_address, without_secrets
from nakaya.core.errors import MissingExtraError, OutputError, ParameterError
from nakaya.core.reading import check_input

__all__ = ["StorageConfig", "open_storage", "retry_callback", "retry_history", "storage_errors"]

SECONDS_TO_A_LOCK: Final = 60.0
"""How long a worker waits for others that write to the same SQLite file, or for an answer of a server."""

SQLITE_OPTIONS: Final[dict[str, Any]] = {
    "connect_args": {"timeout": SECONDS_TO_A_LOCK, "isolation_level": None}  # we begin transactions ourselves
}

POSTGRESQL_OPTIONS: Final[dict[str, Any]] = {
    "pool_pre_ping": True,
    # Heartbeats are kept without a time zone. The server writes the first of a trial in the zone of the connection,
    # pg8000 all others in UTC: elsewhere a trial would count as dead at its second beat (east), or hours late (west).
    "connect_args": {"timeout": SECONDS_TO_A_LOCK, "startup_params": {"TimeZone": "UTC"}},
}

PASSWORD_VARIABLE: Final = "PGPASSWORD"
"""The environment variable from which PostgreSQL's own programs take a password that an address lacks."""

QUERY_NAMES: Final = frozenset({"user", "password", "host", "port", "unix_sock", "application_name"})
"""What pg8000 takes from the query of an address."""


@dataclass(frozen=True)
class StorageConfig:
    """Where a study is kept, and when a silent trial counts as dead.

    Attributes:
        url: "sqlite:///study.db", or "postgresql+pg8000://user@host/database"; the password of the latter comes from
            the environment variable PGPASSWORD, or stands behind the user.
        heartbeat: Seconds between two signs of life of a running trial.
        grace: Seconds of silence after which it counts as killed.
        retries: How often a killed trial is run again.
    """

    url: str = field(repr=False)
    heartbeat: int = 10
    grace: int = 60
    retries: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.heartbeat < self.grace:
            raise ParameterError(
                f"heartbeat={self.heartbeat} s, grace={self.grace} s: expected at least 1 s between two signs of life, "
                "and a longer grace"
            )
        if self.retries < 0:
            raise ParameterError(f"retries={self.retries}: expected 0 or more")
        self._address()

    @property
    def shown_url(self) -> str:
        """The address without its password and query."""
        return without_secrets(self.url)

    @property
    def driver_url(self) -> str:
        """The address with the driver that nakaya brings."""
        address = self._address()
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+pg8000")
        return str(address.render_as_string(hide_password=False))

    @property
    def passwords(self) -> tuple[str, ...]:
        """What no message may repeat."""
        address = self._address()
        found = (address.password, address.query.get("password"), os.environ.get(PASSWORD_VARIABLE))
        return tuple(str(word) for word in found if word and address.drivername != "sqlite")

    def _address(self) -> Any:  # SQLAlchemy's URL
        shown = without_secrets(self.url)
        try:
            address = sqlalchemy.engine.make_url(self.url) if is_plain_address(self.url) else None
        except (sqlalchemy.exc.ArgumentError, ValueError):  # the latter of a port that is no number
            address = None
        if address is None:
            raise ParameterError(
                f"storage {shown!r} is no address of a database: write sqlite:///study.db or "
                f"postgresql+pg8000://user@host/database, with the password in {PASSWORD_VARIABLE} (in an address, "
                "write @ / ? as %40 %2F %3F)"
            )
        known = ("sqlite", "postgresql", "postgresql+pg8000")
        if address.drivername not in known or not address.database or address.database == ":memory:":
            raise ParameterError(
                f"storage {shown!r}: expected sqlite:///FILE (one machine) or "
                f"postgresql+pg8000://USER@HOST/DATABASE (many), with the password in {PASSWORD_VARIABLE}"
            )
        if address.drivername == "sqlite":
            if address.host or address.query:  # what the driver takes there undoes how we lock the file
                raise ParameterError(f"storage {shown!r}: expected sqlite:///FILE, without a host and without a query")
        else:
            if any(name not in QUERY_NAMES or type(value) is not str for name, value in address.query.items()):
                # Not named: it may be a piece of a password with an & in it.
                names = ", ".join(sorted(QUERY_NAMES))
                raise ParameterError(f"storage {shown!r}: its query holds something other than {names}, once each")
            if not (address.username or "user" in address.query):
                raise ParameterError(f"storage {shown!r} names no user: write postgresql+pg8000://USER@HOST/DATABASE")
        return address


def open_storage(config: StorageConfig) -> RDBStorage:
    """Open a storage, and make its tables where it has none.

    Raises:
        MissingExtraError: The driver is not installed.
        OutputError: The file or the server cannot be used, or another version of Optuna made the database.
    """
    address = config._address()
    on_one_machine = address.drivername == "sqlite"
    if on_one_machine:
        _check_folder(Path(address.database))
        options = deepcopy(SQLITE_OPTIONS)
    elif find_spec("pg8000") is None:
        raise MissingExtraError("studies on PostgreSQL", "postgres")
    else:
        options = deepcopy(POSTGRESQL_OPTIONS)
        if not (address.password or "password" in address.query):
            # Empty rather than none: the server refuses it in words, where pg8000 fails over a missing one.
            options["connect_args"]["password"] = os.environ.get(PASSWORD_VARIABLE, "")
    with storage_errors(config), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            storage = RDBStorage(
                config.driver_url,
                engine_kwargs=options,
                heartbeat_interval=config.heartbeat,
                grace_period=config.grace,
                heartbeat_stale_trial_callback=retry_callback(config.retries),
            )
        except ValueError as error:  # text that is none, say: SQLite keeps whatever it finds
            if isinstance(error, UnicodeError) and not on_one_machine:
                raise OutputError(f"cannot use the storage {config.shown_url}: no computer has such a name") from None
            raise OutputError(
                f"cannot use the storage {config.shown_url}: it is damaged ({error}): use a copy of it, or another one"
            ) from None
        except (RuntimeError, AssertionError, CommandError) as error:  # the tables are not those of this Optuna
            maker = re.search(r"set up by optuna ([\w.]+)", str(error))
            raise OutputError(
                f"cannot use the storage {config.shown_url}: the database was written by optuna "
                f"{maker[1] if maker else 'of another version'}, here is {optuna.__version__}: install that version, "
                "or newer (optuna storage upgrade changes a database of an older one), or start another database"
            ) from None
    if on_one_machine:
        sqlalchemy.event.listen(storage.engine, "begin", _lock)
    return storage


def retry_callback(retries: int) -> Callable[[Study, FrozenTrial], None]:
    """Return what queues a copy of a killed trial again, unless it was killed too often."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RetryHeartbeatStaleTrialCallback(max_retry=retries)  # type: ignore[no-any-return]


def retry_history(trial: FrozenTrial) -> list[int]:
    """Return the numbers of the killed trials that a trial repeats, the original first; empty where it is no retry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return list(RetryHeartbeatStaleTrialCallback.retry_history(trial))


def _lock(connection: sqlalchemy.Connection) -> None:
    """Let one process at a time read and write.

    Optuna reads a trial's state and then changes it, under a row lock, which SQLite does not have: two workers could
    both find a trial waiting, and both train it.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def storage_errors(config: StorageConfig) -> Iterator[None]:
    """Turn the errors of a database, and of Optuna about one, into one line that names it, without its password."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, OptunaError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        lines = str(getattr(cause, "orig", None) or cause).splitlines() or [type(cause).__name__]
        reason = lines[0].rstrip(".")
        for password in config.passwords:
            reason = reason.replace(password, HIDDEN)
        remedy = (
            "check the address, and that the file is a study on a disk that can be written"
            if config.shown_url.startswith("sqlite")
            else f"check the address, the password (environment variable {PASSWORD_VARIABLE}), and that the server runs"
        )
        # Without its cause, which may repeat the password.
        raise OutputError(f"cannot use the storage {config.shown_url}: {reason}: {remedy}") from None


def _check_folder(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise OutputError(f"cannot write {path}: the directory {path.absolute().parent} does not exist: make it first")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a directory: name a file, such as sqlite:///study.db")
    if path.exists():  # SQLite would wait for who writes into a pipe
        check_input(path)
