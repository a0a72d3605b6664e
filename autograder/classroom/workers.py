"""Where tasks run: any executor, with what the dispatcher has to know of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future

from autograder.classroom.errors import GradingError
from autograder.classroom.isolation import IsolationError
from autograder.classroom.task import Result, Task

START_SECONDS = 240  # importing torch on a busy machine takes a while
First = Callable[[], tuple[str, ...]]


def nothing() -> tuple[str, ...]:
    """The smallest task: it is done once a process is there."""
    return ()


class Workers:
    """An executor that somebody else made, and will end.

    Parameters
    ----------
    executor : Executor
    slots : int
        How many tasks it runs at once.
    first : callable
        The first task, done when a process is ready. It says which layers of isolation hold.

    Attributes
    ----------
    died : tuple of exception types
        What a future raises whose process ended.
    generation : int
        Raised whenever the executor is made anew.
    said : tuple of str
        What the first task said.
    """

    died: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)

    def __init__(self, executor: Executor, slots: int, first: First = nothing) -> None:
        self.slots = slots
        self.generation = 0
        self.said: tuple[str, ...] = ()
        self._first = first
        self._use(executor)

    def submit(self, grade: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand a task to the executor."""
        return self._executor.submit(grade, task)

    def check(self) -> None:
        """Wait until a process is ready, and keep what it says of itself.

        Raises
        ------
        GradingError
            If none starts, or it cannot isolate what it runs.
        """
        try:
            self.said = self._ready.result(START_SECONDS)
        except TimeoutError as error:
            raise GradingError(f"No grading process was ready within {START_SECONDS} seconds.") from error
        except self.died as error:
            raise GradingError(
                f"The grading processes end as soon as they start; what one said stands above. ({error})"
            ) from error
        except IsolationError as error:
            raise GradingError(str(error)) from error
        except Exception as error:  # whatever is wrong there is wrong for every submission
            raise GradingError(
                f"A grading process cannot get ready: {type(error).__name__}: {error}."
            ) from error

    def lost(self, error: BaseException, generation: int) -> str:
        """A process ended; say how, and have an executor that works.

        Parameters
        ----------
        generation : int
            Which executor the task was handed to.

        Raises
        ------
        GradingError
            If there is none.
        """
        raise GradingError(
            f"The executor broke ({type(error).__name__}: {error}). What is graded is kept: start it again, "
            "and grade again."
        ) from error

    def close(self, *, now: bool = False) -> None:
        """End the executor, if it is ours; with `now` without waiting for what it does."""

    def _use(self, executor: Executor) -> None:
        self._executor = executor
        self._ready = executor.submit(self._first)  # before any task that could end its process


def as_workers(executor: Workers | Executor) -> Workers:
    """Any executor as `Workers`."""
    if isinstance(executor, Workers):
        return executor
    return Workers(executor, int(getattr(executor, "_max_workers", 1)))
