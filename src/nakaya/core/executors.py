"""Where tasks are worked on: in this process, in others of this machine, or on a cluster.

A task is one argument of a function of a module; both are pickled where they go elsewhere. Results come as they are
finished. Tasks have to bear being worked on twice: a worker that dies may have done all but tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from nakaya.core.checks import check_count
from nakaya.core.errors import NakayaError
from nakaya.core.processes import parent_bound_pool, results_as_completed

__all__ = ["MAX_WORKERS", "REPEATS", "TASKS_PER_WORKER", "Elsewhere", "Executor", "Processes", "WorkerDiedError"]

Task = TypeVar("Task")
Result = TypeVar("Result")

MAX_WORKERS = 4096

TASKS_PER_WORKER = 2
"""How many tasks wait for each worker: none idles, and few results are held in memory."""

REPEATS = 3
"""How often a task is given to another worker after its worker died: a task that kills workers must end some time."""


class WorkerDiedError(NakayaError):
    """A task whose workers died, again and again."""


class Executor(Protocol):
    """Something that works on tasks.

    Attributes:
        is_elsewhere: Whether workers may be on other machines. Results then travel, so large ones are better written
            where they are made.
    """

    @property
    def is_elsewhere(self) -> bool:
        """Whether workers may be on other machines."""
        ...

    def at_most(self, tasks: int) -> Self:
        """Return an executor that starts no more workers than there are tasks."""
        ...

    def results(
        self, work: Callable[[Task], Result], tasks: Iterable[Task], *, name: Callable[[Task], str]
    ) -> Generator[Result, None, None]:
        """Yield the result of every task, in any order.

        Args:
            work: A function of a module.
            tasks: Taken one by one, few of them unfinished at any moment: tasks may be made when they are asked for.
            name: What to call a task in an error.

        Raises:
            NakayaError: What `work` raised, or a worker died; what other tasks have done stays done.
        """
        ...


@dataclass(frozen=True)
class Elsewhere(Generic[Task, Result]):
    """A function whose errors of ours can cross over to another process: some take other arguments than a message.

    Attributes:
        work: The function.
    """

    work: Callable[[Task], Result]

    def __call__(self, task: Task) -> Result:
        """Work on a task.

        Raises:
            NakayaError: With the message of the one that the function raised.
        """
        try:
            return self.work(task)
        except NakayaError as error:
            raise NakayaError(str(error)) from None


@dataclass(frozen=True)
class Processes:
    """Processes of this machine, of one thread each; 1: this process itself.

    A worker that dies ends the work: on one machine it is memory that runs short, or somebody who killed it.

    Attributes:
        workers: How many.
    """

    workers: int = 1

    def __post_init__(self) -> None:
        check_count("workers", self.workers, 1, MAX_WORKERS, ": it is the number of processes")

    @property
    def is_elsewhere(self) -> bool:
        """Never."""
        return False

    def at_most(self, tasks: int) -> Processes:
        """Return an executor that starts no more workers than there are tasks."""
        return Processes(max(min(self.workers, tasks), 1))

    def results(
        self, work: Callable[[Task], Result], tasks: Iterable[Task], *, name: Callable[[Task], str]
    ) -> Generator[Result, None, None]:
        """Yield the result of every task; see `Executor`."""
        del name  # which of the tasks that were under way a worker died of, nobody knows
        if self.workers == 1:
            yield from map(work, tasks)
            return
        with parent_bound_pool(self.workers) as pool:
            yield from results_as_completed(pool, Elsewhere(work), tasks, ahead=self.workers * TASKS_PER_WORKER)
