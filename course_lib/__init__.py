"""The mathematics of the course: contrastive losses, quantization, data, experiments and figures.

Knows nothing of exercises or grading. Subpackages load when they are first used, so that importing
``course_lib`` costs nothing: neither torch nor matplotlib is loaded before it is needed.
"""

from importlib import import_module
from types import ModuleType

__all__ = ["contrastive", "data", "experiments", "figures", "language", "quantization", "validate"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
