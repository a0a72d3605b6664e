# %% [markdown]
# # Start here: how this course works
#
# Ten minutes, one exercise, and one mistake made on purpose.
#
# A lesson is a notebook. You read, you predict a number before it is measured, you write short functions, and a
# **check** below each function tells you at once what you have. When something is wrong, the check tries to name
# *which* mistake reproduces your numbers. So do not be careful: write, check, read, mend.
#
# Run a cell with **Shift+Enter**. This notebook is your own copy (it lives in `work/`); nothing you do here can
# damage the course.

# %%
from autograder import check, examine, predict, reveal
from course import hint, status

# %% [markdown]
# ## Predict first
#
# Before anything is computed, say what you expect. A guess costs nothing, carries no points, and is what makes the
# measured number stick.
#
# *Take two random directions in a space of 512 dimensions, about the width of CLIP's embeddings. What is the
# typical size of the cosine between them: near 1, near 0.5, near 0.05?* Put your number in place of `None`.

# %%
predict("start_here.predict_random", None)

# %% [markdown]
# ## Read a verdict
#
# The **cosine** of two vectors $a$ and $b$ measures how well their directions agree, whatever their lengths:
#
# $$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert},
# \qquad a \cdot b = \sum_k a_k b_k, \qquad \lVert a \rVert = \sqrt{a \cdot a}.$$
#
# Here is an answer with a common mistake. Run the cell and read the verdict. (`examine` judges without keeping a
# record; under your own answers stands `check`, which remembers what you have solved.)


# %%
def cosine_with_a_mistake(a, b):
    return a @ b / a.norm()


print(examine("start_here.cosine", cosine_with_a_mistake))

# %% [markdown]
# Read it from the top:
#
# - the **headline** says which exercise, how many checks passed, and the points so far;
# - the next line compares **one of your numbers** with the right one, on a small case;
# - **LOOKS LIKE** names the mistake: the course carries wrong answers that people really write, ran them on the same
#   cases, and this one gives exactly your numbers;
# - **CHECK** asks the question that leads out of it;
# - **SEE** names the section of the lesson, and the call that gives a hint.
#
# A verdict never shows the solution.

# %% [markdown]
# ## Your first check
#
# Now write it correctly. Replace the line with `raise NotImplementedError()`; `a` and `b` are torch vectors of the
# same width.


# %% solution="start_here.cosine"
def cosine(a, b):
    """The cosine of the angle between two vectors.

    a, b: tensors of shape [dim], not zero. Returns a 0-d tensor.
    """
    ### BEGIN SOLUTION
    return a @ b / (a.norm() * b.norm())
    ### END SOLUTION


# %% check="start_here.cosine"
check("start_here.cosine", cosine)

# %% [markdown]
# Stuck? Each exercise has three hints: the idea, a plan with shapes, almost the code. Each call gives the next one.
# After the third, `course.solution("start_here.cosine")` shows a worked answer. Remove the `#` to try:

# %%
# hint("start_here.cosine")

# %% [markdown]
# ## Compare with your guess
#
# Two random directions in 512 dimensions are almost orthogonal. The typical size of their cosine is
# $1/\sqrt{512} \approx 0.044.$ This is why, in lesson 01, a batch of untrained embeddings has a similarity matrix
# full of small numbers.

# %%
from course_lib.experiments.start_here import random_cosine

reveal("start_here.predict_random", random_cosine(dim=512).typical)

# %% [markdown]
# ## Good to know
#
# | you want | in a cell, after `import course` | in a terminal |
# |---|---|---|
# | what is solved, what is left | `course.status()` | `course status` |
# | what to do next | `course.next_up()` | `course next` |
# | a hint | `course.hint("...")` | `course hint ...` |
# | a worked answer | `course.solution("...")` | `course solution ...` |
# | a fresh copy of a lesson (yours is kept in a backup) | | `course reset 01` |
# | a newer version of the lessons, with your answers kept | | `course update` |
#
# - **A wrong answer never blocks you.** Later cells use the course's own functions, not yours. Skip an exercise and
#   come back.
# - **Core and stretch.** Exercises marked *stretch* are extra; a lesson is finished without them.
# - **Experiments** are cells that measure something and may take a few seconds. Every number in the prose comes from
#   such a cell, run on a laptop-sized machine; yours may differ in the last digits.
# - **Interactive figures** live as long as the kernel: after you reopen a notebook, run their cell again.
# - **Calling the course's own function is not an answer.** `course_lib` is there to be read and used, but an answer
#   that only calls the function it is asked to write is told so.
# - **In a class** the same notebooks are graded with nbgrader. The check's points are your points; do not rename or
#   delete cells.

# %%
status()

# %% [markdown]
# ## Where to go
#
# - **01 InfoNCE**: the loss of CLIP, its gradient, and what it cannot see. Start here for the contrastive half.
# - The lessons on quantization need 00 only; lesson 05 can follow 01 directly.
