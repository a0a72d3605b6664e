"""JupyterLab's face of a session, with ipywidgets and typeset mathematics."""

from drills.notebook.face import Face
from drills.notebook.opening import session

__all__ = ["Face", "session"]
