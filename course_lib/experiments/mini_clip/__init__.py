"""The measurements of lesson 05. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.mini_clip.emoji import EmojiTensors, emoji_tensors
from course_lib.experiments.mini_clip.evaluation import Evaluation, evaluate
from course_lib.experiments.mini_clip.training import train

__all__ = ["EmojiTensors", "Evaluation", "emoji_tensors", "evaluate", "train"]
