"""An observation: what an answer did when it was run on one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

GRADIENT = "gradient with respect to "  # prefix of the names under which gradients are observed
ROOM = "room"  # the name under which it is observed whether an answer kept to its memory (1) or not (0)
MAX_PRINTED = 2_000  # characters of an answer's output that are kept


@dataclass
class Observation:
    """What an answer did when it was run on one case.

    Parameters
    ----------
    arrays : dict of str to numpy array
        Outputs by name, gradients under ``"gradient with respect to <input>"``, and `ROOM`.
    kinds : dict of str to str
        Where each output came from: ``"torch"``, ``"numpy"`` or ``"python"``.
    dtypes : dict of str to str
        The dtype before conversion to numpy (bfloat16 has no numpy equivalent).
    intermediates : dict of str to numpy array
        The answer's own local variables when it returned, for finding the first wrong step.
    error : dict or None
        ``{"kind": "raised" | "unattempted" | "slow" | "type" | "mutated", ...}``.
    warnings : list of str
        Warnings that the answer caused.
    printed : str
        What the answer printed, cut to `MAX_PRINTED` characters.
    calls : list of str
        Watched functions that the answer called.
    """

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    intermediates: dict[str, np.ndarray] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    printed: str = ""
    calls: list[str] = field(default_factory=list)

    def to_wire(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into a JSON-able header and the arrays."""
        arrays = {f"array/{k}": v for k, v in self.arrays.items()}
        arrays |= {f"intermediate/{k}": v for k, v in self.intermediates.items()}
        header = {
            name: getattr(self, name) for name in ("kinds", "dtypes", "error", "warnings", "printed", "calls")
        }
        return header, arrays

    @classmethod
    def from_wire(cls, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Observation:
        """Rebuild what `to_wire` sent."""

        def under(prefix: str) -> dict[str, np.ndarray]:
            return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

        return cls(arrays=under("array/"), intermediates=under("intermediate/"), **header)
