"""Processes that work for a parent: one thread each, and gone when it is gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, TypeVar

from nakaya.core.errors import NakayaError

__all__ = [
    "THREAD_VARIABLES",
    "exit_with_parent",
    "one_thread_each",
    "parent_bound_pool",
    "peak_memory",
    "peak_memory_of_children",
    "results_as_completed",
]

Task = TypeVar("Task")
Result = TypeVar("Result")

THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ZARR_THREADING__MAX_WORKERS",
)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start inside the body use one thread: numerical libraries read this when they are loaded."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def exit_with_parent(parent_pipe: Connection) -> None:
    """Leave this process when the parent lets go of the other end of a pipe, on purpose or because it was killed.

    Interrupts are left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, args=(parent_pipe,), daemon=True).start()


def _leave_with_parent(parent_pipe: Connection) -> None:
    try:
        parent_pipe.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


@contextmanager
def parent_bound_pool(
    workers: int,
    start: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),  # whatever `start` takes
) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers end when this process ends, however it ends.

    Each worker holds the reading end of a pipe. When the only writing end is gone, because it was closed or because
    its process was killed, the worker leaves at once.

    Args:
        workers: How many processes, safe to spawn.
        start: Called once in every new worker; a function of a module.
        arguments: Of `start`.
    """
    context = multiprocessing.get_context("spawn")
    parent_pipe, parent_end = context.Pipe(duplex=False)
    with one_thread_each():
        pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin, initargs=(parent_pipe, start, arguments)
        )
        try:
            yield pool
        except BaseException:
            parent_end.close()  # nobody wants what is still being computed
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            parent_end.close()
            parent_pipe.close()


def _begin(parent_pipe: Connection, start: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    exit_with_parent(parent_pipe)
    if start is not None:
        start(*arguments)


def results_as_completed(
    pool: ProcessPoolExecutor, work: Callable[[Task], Result], tasks: Iterable[Task], *, ahead: int
) -> Iterator[Result]:
    """Yield results in the order in which they are finished.

    Args:
        pool: Of `parent_bound_pool`.
        work: A function of a module.
        tasks: Taken one by one, never more than `ahead` of them unfinished: few results are held in memory.
        ahead: A few for each worker, so that none idles.

    Raises:
        NakayaError: A worker died.
    """
    waiting = iter(tasks)
    running: set[Future[Result]] = set()
    try:
        while True:
            running |= {pool.submit(work, task) for task in islice(waiting, ahead - len(running))}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise NakayaError(
            "a worker process died (killed, or out of memory): what is finished is safe; "
            "run the same command again to go on, with fewer workers if memory is short"
        ) from error


def peak_memory() -> int | None:
    """Most memory that this process ever held, in bytes; None where the system does not say (Windows)."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss of Linux also counts what the parent held when it started this process
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return _max_resident(children=False)


def peak_memory_of_children() -> int | None:
    """Most memory that any one process held that this process started and that has ended, in bytes.

    An upper bound: on Linux a process counts as large as the one that started it was at that moment. None where the
    system does not say, or where no process has ended.
    """
    return _max_resident(children=True) or None


def _max_resident(*, children: bool) -> int | None:
    try:
        import resource
    except ImportError:
        return None
    found = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024
