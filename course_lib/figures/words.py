"""The phrases that titles, alt texts and read-outs share: figures of one batch speak of it alike."""

import math

from course_lib.figures.softmax_state import SoftmaxState


def loss_in_title(state: SoftmaxState) -> str:
    """The loss beside that of guessing, short enough for a figure's title."""
    size = state.batch_size
    return (
        f"Loss {state.loss:.3f} (guessing: log {size} = {math.log(size):.3f}) "
        f"at logit scale {float(state.logit_scale):.3g}"
    )


def loss_in_words(state: SoftmaxState) -> str:
    """The loss beside that of guessing, in full sentences, for alt texts and read-outs."""
    size = state.batch_size
    return (
        f"Loss {state.loss:.3f} nats; guessing would be log {size} = {math.log(size):.3f}. "
        f"Logit scale {float(state.logit_scale):.3g}."
    )


def percent(share: float) -> str:
    """A share of 1 in percent, to a tenth."""
    return f"{100 * share:.1f} %"
