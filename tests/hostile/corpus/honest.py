"""Honest submissions, to be graded exactly whatever stands beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from autograder import examine
from course_lib import contrastive

from .checks import PRIVATE
from .making import answer

CLIP = "def clip_loss(image_features, text_features, logit_scale):\n"
#: By student: what differs from the right answers; None leaves a cell as it was released.
HONEST: Mapping[str, Mapping[str, str | None]] = {
    "perfect": {},
    "untouched": dict.fromkeys(
        [
            "l2_normalize",
            "similarity_logits",
            "log_softmax_rows",
            "clip_loss",
            "grad_wrt_logits",
            "normalize_grad",
            "clip_loss_grad",
            "test_clip_loss",
            "accumulated_loss",
            "recall_at_k",
            "loss_from_embeddings",
        ]
    ),
    "half": dict.fromkeys(
        ["similarity_logits", "clip_loss", "normalize_grad", "test_clip_loss", "recall_at_k"]
    ),
    "partial": {
        "log_softmax_rows": "def log_softmax_rows(logits):\n    return torch.log(torch.softmax(logits, dim=1))",
        "recall_at_k": "def recall_at_k(similarity, k):\n"
        "    better = (similarity > similarity.diagonal().unsqueeze(1)).sum(dim=1)\n"
        "    return (better < k).double().mean()",
    },
    "mistaken": {
        "clip_loss": CLIP + "    logits = logit_scale * image_features @ text_features.T\n"
        "    return torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))",
        "similarity_logits": "def similarity_logits(image_embeddings, text_embeddings, logit_scale):\n"
        "    return image_embeddings @ text_embeddings.T * logit_scale",
    },
    "noisy": {
        "clip_loss": CLIP + "    import sys, warnings\n"
        "    warnings.warn('this is deprecated', DeprecationWarning, stacklevel=1)\n"
        "    print('half way', file=sys.stderr)\n"
        "    logits = logit_scale * image_features @ text_features.T\n"
        "    labels = torch.arange(len(logits))\n"
        "    images = torch.nn.functional.cross_entropy(logits, labels)\n"
        "    return (images + torch.nn.functional.cross_entropy(logits.T, labels)) / 2",
    },
    "broken": {
        "recall_at_k": None,
        "normalize_grad": "def normalize_grad(x, grad_unit):\n    return (grad_unit",
        "clip_loss_grad": "def clip_loss_grad(image_features, text_features, logit_scale):\n"
        "    return image_features @ text_features * logit_scale",
    },
}


def sources(who: str, right: Mapping[str, str]) -> dict[str, str]:
    """An honest student's answers by exercise, with a line that is in no other submission."""
    changed = HONEST[who]
    given = {name: changed.get(name, source) for name, source in right.items()}
    own = f"{PRIVATE}{who}.\n"
    return {
        name: source if name.startswith("explain") else own + source
        for name, source in given.items()
        if source is not None
    }


def expected(who: str, right: Mapping[str, str], possible: Mapping[str, float]) -> dict[str, float]:
    """What `autograder.examine` says of an honest student's answers, by exercise; explanations have 0."""
    points = dict.fromkeys(possible, 0.0)
    for name, source in sources(who, right).items():
        if name in points and not name.startswith("explain"):
            names = {"math": math, "torch": torch, "contrastive": contrastive}
            try:
                exec(compile(source, name, "exec"), names)
            except SyntaxError:
                continue
            points[name] = examine(f"infonce.{name}", names[name]).credit  # type: ignore[arg-type]
    return points


def steps(who: str, right: Mapping[str, str]) -> list:  # type: ignore[type-arg]
    """What makes an honest submission from the release."""
    return [answer(name, source) for name, source in sources(who, right).items()]


__all__ = ["HONEST", "expected", "sources", "steps"]
