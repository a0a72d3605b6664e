"""The layers of isolation, each independent of the others, and which of them held."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

#: What each layer is for, in the order in which they are put on.
LAYERS = {
    "view": "a file system that shows only what lessons need, read-only ",
    "uid": "a user id of its own that owns nothing",
    "user": "a user namespace, in which the next six can be had without privileges",
    "pid": "process ids of its own, killed as a whole",
    "network": "a network with nothing but itself",
    "ipc": "shared memory segments and queues of its own",
    "mount": "work folder, /tmp and /dev/shm in memory, capped",
    "proc": "a /proc that shows nobody else",
    "limits": "limits on processes, memory, files",
    "privileges": "no capabilities, and none to be had",
    "calls": "a filter of system calls: no tracing, no memory out of sight, only sockets of its own",
    "landlock": "reads and writes by a list of what is allowed, no TCP, no signals outside",
}
ALL = frozenset(LAYERS)


class Layer(NamedTuple):
    """One layer: whether it held, and why not or in which form."""

    name: str
    held: bool
    detail: str = ""


class Layers(dict[str, Layer]):
    """The layers of one process while they are put on; those not wanted are reported as such."""

    def __init__(self, wanted: Collection[str]) -> None:
        super().__init__(
            {name: Layer(name, False, "" if name in wanted else "not wanted") for name in LAYERS}
        )
        self.wanted = frozenset(wanted)

    def held(self, name: str) -> bool:
        """Whether the layer holds, as far as is known."""
        return self[name].held

    def report(self, name: str, reason: str) -> None:
        """Enter whether a layer holds: with a reason it does not."""
        self[name] = Layer(name, not reason, reason)

    def attempt(self, name: str, step: Callable[[], str | None]) -> None:
        """Put on a layer if it is wanted, and enter how that went; the step may tell in which form."""
        if name not in self.wanted:
            return
        try:
            self[name] = Layer(name, True, step() or "")
        except (OSError, ValueError) as error:
            self[name] = Layer(name, False, str(error))


def missing(layers: Iterable[Layer]) -> list[Layer]:
    """The layers that did not hold."""
    return [layer for layer in layers if not layer.held]


def describe(layers: Iterable[Layer]) -> str:
    """One line: the layers that held, and those that did not with the reason."""
    layers = list(layers)
    held = ", ".join(
        f"{layer.name}{f' ({layer.detail})' * bool(layer.detail)}" for layer in layers if layer.held
    )
    lost = "; ".join(f"{layer.name} ({layer.detail or 'not there'})" for layer in missing(layers))
    return f"isolation: {held or 'nothing'}" + (f"; missing: {lost}" if lost else "")
