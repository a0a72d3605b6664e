"""Processes of a Dask cluster that one has: the same tasks, graded elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from autograder.classroom.errors import GradingError
from autograder.classroom.workers import First, Workers, nothing

CONNECT_SECONDS = 30


class Cluster(Workers):
    """The workers of a Dask scheduler.

    A task whose worker dies is given to another worker by Dask itself; one that ends several is given up
    by it, and tried once more with nothing beside by us.

    Parameters
    ----------
    address : str
        ``tcp://host:8786``.
    prepare, close : callable
        Called in each worker at begin and end of the run.
    first : callable
        See `Workers`.

    Raises
    ------
    GradingError
        If Dask is not installed, the scheduler does not answer, or its workers cannot be used.
    """

    def __init__(
        self,
        address: str,
        prepare: Callable[[], None],
        close: Callable[[], None],
        first: First = nothing,
    ) -> None:
        try:
            from distributed import Client
            from distributed.scheduler import KilledWorker
        except ModuleNotFoundError as error:
            raise GradingError(
                "--scheduler needs Dask: `python -m pip install 'clip-to-int8[cluster]'`, here and there."
            ) from error
        self._end = close
        self.died = (*Workers.died, KilledWorker)
        try:
            self._client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise GradingError(f"No Dask scheduler answers at {address}: {error}.") from error
        try:
            threads = self._client.nthreads()
            if not threads:
                raise GradingError(f"The Dask scheduler at {address} has no workers: start some.")
            if any(count != 1 for count in threads.values()):
                # A warmed process serves one notebook at a time.
                raise GradingError("Each Dask worker must have one thread: start them with `--nthreads 1`.")
            try:
                self._client.run(prepare)  # all begin to warm up, while we read
            except Exception as error:  # an older course there, or none
                raise GradingError(
                    f"The Dask workers cannot grade ({type(error).__name__}: {error}): "
                    "install the same course there."
                ) from error
            # Not pure: the same submission handed in twice is graded twice.
            super().__init__(self._client.get_executor(pure=False), len(threads), first)
        except BaseException:
            self._client.close()
            raise

    def lost(self, error: BaseException, generation: int) -> str:
        """Say what Dask says; the other workers go on.

        Raises
        ------
        GradingError
            If the scheduler is gone.
        """
        if self._client.status != "running":
            raise GradingError(
                "The Dask scheduler is gone. What is graded is kept: start it again, and grade again."
            ) from error
        return f"{type(error).__name__} of Dask"

    def close(self, *, now: bool = False) -> None:
        """Let go of the cluster, which stays; with `now` what it is working on is given up."""
        if self._client.status == "running":
            self._executor.shutdown(wait=not now)
            self._client.run(self._end)
        self._client.close()
