"""Tasks on a Dask cluster: one that this process starts on its machine, or one that runs somewhere already."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from typing import Any, TypeVar

from nakaya.core.errors import MissingExtraError, NakayaError, ParameterError
from nakaya.core.executors import MAX_WORKERS, REPEATS, Elsewhere, WorkerDiedError
from nakaya.core.processes import one_thread_each

__all__ = ["Dask"]

logger = logging.getLogger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")

SECONDS_TO_ANSWER = 10.0
"""How long a scheduler may take to answer at first; one that starts up somewhere has been waited for by then."""

LOST = "what is finished is safe; run the same command again to go on"


@dataclass(frozen=True)
class Dask:
    """A Dask cluster.

    A task whose worker died is given to others, `REPEATS` times in all (a scheduler of yours has its own
    `allowed-failures`). Then its name is told.

    Attributes:
        address: Of a scheduler, "tcp://host:port"; None: a cluster on this machine, which ends with this process.
        workers: Processes of a cluster on this machine, of one thread each.

    Raises:
        MissingExtraError: dask and distributed are not installed.
        ParameterError: A number or an address is none.
    """

    address: str | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if find_spec("distributed") is None:
            raise MissingExtraError("Dask clusters", "dask")
        if not 1 <= self.workers <= MAX_WORKERS:
            raise ParameterError(
                f"workers={self.workers} is not from 1 to {MAX_WORKERS}: it is the number of processes"
            )
        if self.address is not None and not self.address.rpartition(":")[2].isdecimal():
            raise ParameterError(f"dask={self.address!r} is no address of a scheduler, such as tcp://10.0.0.5:8786")

    @property
    def is_elsewhere(self) -> bool:
        """Always: even on this machine results would pass through the scheduler."""
        return True

    def at_most(self, tasks: int) -> Dask:
        """Return an executor that starts no more workers than there are tasks."""
        return replace(self, workers=max(min(self.workers, tasks), 1))

    def results(
        self, work: Callable[[Task], Result], tasks: Iterable[Task], *, name: Callable[[Task], str]
    ) -> Generator[Result, None, None]:
        """Yield the result of every task; see `Executor`.

        Raises:
            NakayaError: The scheduler does not answer, or has died; the rest as in `Executor`.
        """
        from distributed import KilledWorker, as_completed

        with ExitStack() as stack:
            client = stack.enter_context(self._client())
            waiting, names = iter(tasks), dict[str, str]()
            done = as_completed(loop=client.loop)
            stack.callback(done.clear)
            while True:
                with self._scheduler_errors():
                    for task in islice(waiting, max(self._ahead(client) - len(names), 0)):
                        future = client.submit(Elsewhere(work), task, pure=False)
                        names[future.key] = name(task)
                        done.add(future)
                    if not names:
                        return
                    future = next(done)
                    named = names.pop(future.key)
                    if future.cancelled():
                        raise self._lost()
                    try:
                        result = future.result()
                    except KilledWorker as error:
                        raise WorkerDiedError(
                            f"{named}: {error.allowed_failures + 1} workers died at it (killed, or out of memory): "
                            f"{LOST}"
                        ) from None
                    future.release()
                yield result

    def _ahead(self, client: Any) -> int:  # distributed states no types
        # None waits at a worker: a scheduler cannot tell which of the tasks that a worker had it died of, and would
        # give up those that only waited there, too.
        return max(int(sum(client.nthreads().values())), 1)

    def _lost(self) -> NakayaError:
        where = "of this machine" if self.address is None else f"at {self.address}"
        return NakayaError(f"the Dask scheduler {where} is gone: {LOST}")

    @contextmanager
    def _scheduler_errors(self) -> Iterator[None]:
        """Turn what a dead scheduler leads to into an error of ours."""
        from distributed.comm import CommClosedError

        try:
            yield
        except NakayaError:
            raise
        except (CommClosedError, asyncio.CancelledError, TimeoutError, ConnectionError) as error:
            raise self._lost() from error
        except RuntimeError as error:  # what a client says that has been closed meanwhile
            if "closed" not in str(error):
                raise
            raise self._lost() from error

    @contextmanager
    def _client(self) -> Iterator[Any]:
        import dask
        from distributed import Client, LocalCluster

        for name in ("distributed", "distributed.client"):  # what is wrong is said in one line, by us
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with ExitStack() as stack:
            stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": REPEATS}))
            address: Any = self.address
            if address is None:
                with one_thread_each():
                    address = stack.enter_context(
                        LocalCluster(
                            n_workers=self.workers,
                            threads_per_worker=1,
                            processes=True,
                            host="127.0.0.1",
                            scheduler_port=0,
                            dashboard_address="127.0.0.1:0",  # of its HTTP server: not a port that others have
                            scheduler_kwargs={"dashboard": False},
                            silence_logs=logging.CRITICAL,
                        )
                    )
            try:
                client = Client(address, timeout=SECONDS_TO_ANSWER, set_as_default=False)
            except (OSError, ValueError, TimeoutError) as error:
                raise NakayaError(
                    f"no Dask scheduler answers at {self.address}: check the address, or start one (dask scheduler)"
                ) from error
            stack.callback(_close, client)
            if not client.nthreads():
                logger.warning("the Dask scheduler at %s has no workers yet: waiting for them", self.address)
            yield client


def _close(client: Any) -> None:
    with suppress(Exception):  # a client whose scheduler is gone has nobody to say goodbye to
        client.close(timeout=2)
