"""The corpus is a package beside this file: tests and scripts share it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
