"""Hostile submissions: every way of harming a class that we know of, each as an object."""

from .attack import ALL, LESSON, NOTEBOOK, Attack, Ran, Setting
from .cells import attacks as _cells
from .files import attacks as _files
from .forging_answers import attacks as _answers
from .forging_kernel import attacks as _kernel
from .frames import attacks as _frames
from .memory import attacks as _memory
from .output import attacks as _output
from .processes import attacks as _processes
from .reaching import attacks as _reaching
from .scripts import attacks as _scripts
from .signalling import attacks as _signalling
from .times import attacks as _times
from .writing import attacks as _writing

ATTACKS = {
    attack.name: attack
    for attack in (
        *(*_times, *_processes, *_memory, *_output, *_cells, *_files, *_reaching, *_writing, *_signalling),
        *(*_kernel, *_answers, *_frames, *_scripts),
    )
}

__all__ = ["ALL", "ATTACKS", "LESSON", "NOTEBOOK", "Attack", "Ran", "Setting"]
