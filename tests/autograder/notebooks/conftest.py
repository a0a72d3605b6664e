"""A small lesson that breaks no rule, to be spoiled in one place at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.notebooks.build import build_release
from autograder.notebooks.rules import Lesson
from autograder.notebooks.source import LessonSource

GOOD = r'''
# %% [markdown]
# # A lesson
#
# ## Both directions
#
# ![a rising curve](curve.png) It costs \$5, and $\left\{ \frac{a}{b} \right\}$ and `![](x)`.
#
# $$\begin{aligned} a &= b \\ &= c \end{aligned}$$

# %%
import torch

from autograder import check
from course_lib.figures import show

# %% solution="infonce.clip_loss"
def clip_loss(image_features, text_features, logit_scale):
    """The loss of a batch."""
    ### BEGIN SOLUTION
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    rows = torch.nn.functional.cross_entropy(logits, labels)
    return (rows + torch.nn.functional.cross_entropy(logits.T, labels)) / 2
    ### END SOLUTION

# %% check="infonce.clip_loss"
check("infonce.clip_loss", clip_loss)

# %% tags=["experiment"]
measured = torch.ones(3)
measured

# %%
total = [x for x in range(3)]

# %% [markdown]
# ## Explain it

# %% [markdown] solution="infonce.explain_ceiling"
# Because the loss cannot be negative, whatever the batch.
'''


@pytest.fixture(scope="session")
def good() -> str:
    """The source of the lesson."""
    return GOOD


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> Lesson:
    """The lesson with its release."""
    lesson = _written(tmp_path_factory.mktemp("good"), GOOD)
    build_release(lesson.source.path.parents[1], lesson.path.parents[1])
    return lesson


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Lesson]:
    """Write a lesson with the given source; it has no release."""
    return lambda text: _written(tmp_path, text)


def _written(folder: Path, text: str) -> Lesson:
    """A lesson with this source, below `folder`."""
    source = folder / "solutions" / "01_infonce" / "infonce.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text.lstrip(), encoding="utf-8")
    return Lesson(LessonSource(source), folder / "notebooks" / "01_infonce" / "infonce.ipynb")
