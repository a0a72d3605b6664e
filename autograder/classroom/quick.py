"""Importing this, before nbformat or nbgrader, saves each process of a run a second.

nbformat imports jsonschema, and that imports rfc3987_syntax if it is there, for checking formats of IRIs: a
second in which a grammar is built. No notebook's schema has such a format, and jsonschema does without where
it is missing.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as if it were not installed
