"""open_clip's own losses (https://github.com/mlfoundations/open_clip, MIT), from the installed package.

Its file ``loss.py`` is loaded by itself. The package around it imports torchvision, and each build of that
loads only beside the same build of torch: not beside torch's CPU wheel, for which an index may have no match.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

PACKAGE = "open_clip_torch"


def load() -> ModuleType:
    """Return open_clip's module ``loss``."""
    package = find_spec("open_clip")
    if package is None or not package.submodule_search_locations:
        raise SystemExit(f"This benchmark needs {PACKAGE}: pip install -e '.[bench]' -c constraints.txt")
    path = Path(package.submodule_search_locations[0]) / "loss.py"
    spec = spec_from_file_location("open_clip_loss", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name() -> str:
    """Return its name and version, for a table's title."""
    return f"open_clip {version(PACKAGE)}"
