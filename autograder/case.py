"""A case: one question put to an answer, as named arrays and JSON values and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Case:
    """One question put to an answer.

    Parameters
    ----------
    name : str
        What the learner reads after "With ...", for instance ``"3 pairs"``.
    inputs : mapping of str to numpy array or JSON value
        The arguments handed to the answer, by name.
    cotangents : mapping of str to numpy array
        For each output, the weights under which gradients are taken: the observed gradient is
        that of Σ cotangent · output.
    group : str or None
        The group of points that this case counts for; None means the exercise's first group.
    private : mapping
        What only the judge knows (which implementation a handle stands for, a ready complaint).
        It never travels to the answer's side.
    hidden : bool
        A hidden case is never described in a verdict; only its group is.
    """

    name: str
    inputs: Mapping[str, Any]
    cotangents: Mapping[str, np.ndarray] = field(default_factory=dict)
    group: str | None = None
    private: Mapping[str, Any] = field(default_factory=dict)
    hidden: bool = False

    def to_wire(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into a JSON-able header and the arrays, without anything private."""
        arrays = {f"input/{k}": v for k, v in self.inputs.items() if isinstance(v, np.ndarray)}
        arrays |= {f"cotangent/{k}": v for k, v in self.cotangents.items()}
        scalars = {k: v for k, v in self.inputs.items() if not isinstance(v, np.ndarray)}
        return {"order": list(self.inputs), "scalars": scalars}, arrays

    @classmethod
    def from_wire(cls, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Case:
        """Rebuild what `to_wire` sent. Name, group and private parts stay with the sender."""
        scalars = header["scalars"]
        inputs = {k: scalars[k] if k in scalars else arrays[f"input/{k}"] for k in header["order"]}
        prefix = "cotangent/"
        cotangents = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        return cls("", inputs, cotangents)
