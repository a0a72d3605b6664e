"""The claims ledger: what the source cards say, and the measurements that settle it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from course.errors import CourseError


class Figure(BaseModel):
    """A recorded number, or several, and how far a repetition may be away."""

    model_config = ConfigDict(extra="forbid")
    value: float | list[float]
    tolerance: float


class Measurement(BaseModel):
    """An experiment, and what it gave."""

    model_config = ConfigDict(extra="forbid")
    measured_by: str
    arguments: dict[str, Any] = {}
    recorded: dict[str, Figure]

    def run(self) -> Any:
        """Run the experiment again."""
        module, _, function = self.measured_by.partition(":")
        return getattr(importlib.import_module(module), function)(**self.arguments)


class Claim(BaseModel):
    """One claim of the source, and its settlement. The fields are explained in the ledger's header."""

    model_config = ConfigDict(extra="forbid")
    id: str
    statement: str
    verdict: Literal["holds", "holds with conditions", "wrong as printed"]
    note: str = ""
    measurements: list[Measurement]
    cell: str
    quick: bool


class Measured(BaseModel):
    """One recorded figure beside its repetition."""

    claim: str
    field: str
    recorded: list[float]
    measured: list[float]
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether every number lies within the tolerance; NaN agrees with NaN only."""
        return len(self.recorded) == len(self.measured) and all(
            (math.isnan(a) and math.isnan(b)) or abs(a - b) <= self.tolerance
            for a, b in zip(self.recorded, self.measured, strict=True)
        )


def read_ledger(path: Path) -> list[Claim]:
    """Read the ledger; CourseError with one sentence if it is not one."""
    try:
        claims = [Claim.model_validate(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
    except (OSError, yaml.YAMLError, ValidationError, TypeError) as error:
        raise CourseError(f"{path.name} cannot be read as a claims ledger: {error}") from error
    if len({claim.id for claim in claims}) < len(claims):
        raise CourseError(f"{path.name} names a claim twice.")
    return claims


def remeasure(claim: Claim) -> Iterator[Measured]:
    """Run a claim's experiments, and yield every recorded figure beside its repetition."""
    for measurement in claim.measurements:
        result = measurement.run()
        for field, figure in measurement.recorded.items():
            yield Measured(
                claim=claim.id,
                field=field,
                recorded=_listed(figure.value),
                measured=_listed(getattr(result, field)),
                tolerance=figure.tolerance,
            )


def _listed(value: Any) -> list[float]:
    return [float(one) for one in value] if isinstance(value, list | tuple) else [float(value)]


def print_claims(ledger: Path, everything: bool) -> bool:
    """Print the ledger with fresh measurements, and return whether all of them agree."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    console = Console()
    claims = read_ledger(ledger)
    chosen = [claim for claim in claims if claim.quick or everything]
    table = Table("claim", "figure", "recorded", "measured", "", box=None, pad_edge=False)
    agree = True
    for claim in track(chosen, "measuring", console=console, transient=True):
        table.add_row(f"[bold]{claim.id}", f"[bold]{claim.verdict}")
        for figure in remeasure(claim):
            agree = agree and figure.agrees
            mark = "✓" if figure.agrees else "✗ drifted"
            table.add_row("", figure.field, _shown(figure.recorded), _shown(figure.measured), mark)
    console.print(table)
    if len(chosen) < len(claims):
        console.print(f"{len(claims) - len(chosen)} slower claims were left out: course claims --all")
    return agree


def _shown(numbers: list[float]) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers)
