"""What students hand in: each function is one answer, named ``<exercise>__<kind>``."""

import torch

# Misconceptions.


def clip_loss__one_direction(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    return torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))


def clip_loss__sum(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    images = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    texts = torch.nn.functional.cross_entropy(logits.T, labels, reduction="sum")
    return (images + texts) / 2


def similarity_logits__divides(image_embeddings, text_embeddings, logit_scale):
    images = image_embeddings / image_embeddings.norm(dim=1, keepdim=True)
    texts = text_embeddings / text_embeddings.norm(dim=1, keepdim=True)
    return images @ texts.T / logit_scale


def log_softmax_rows__softmax_then_log(logits):
    return torch.log(torch.softmax(logits, dim=1))


def recall_at_k__optimistic(similarity, k):
    better = (similarity > similarity.diagonal().unsqueeze(1)).sum(dim=1)
    return (better < k).double().mean()


# Right, but not silent.


def clip_loss__warns(image_features, text_features, logit_scale):
    import sys
    import warnings

    warnings.warn("this is deprecated", DeprecationWarning, stacklevel=1)
    print("half way", file=sys.stderr)
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    images = torch.nn.functional.cross_entropy(logits, labels)
    return (images + torch.nn.functional.cross_entropy(logits.T, labels)) / 2


# Right, with its work in a file of the student's own.


def l2_normalize__helper(x, eps=1e-12):
    from helper import unit_rows

    return unit_rows(x, eps)


HELPER = """
def unit_rows(x, eps):
    return x / x.norm(dim=1, keepdim=True).clamp_min(eps)
"""


# Neither right nor wrong: it never ends, it raises, it cannot be read.


def grad_wrt_logits__loops(logits):
    steps = 0
    while True:
        try:
            steps += 1
        except Exception:
            continue


def clip_loss_grad__raises(image_features, text_features, logit_scale):
    return image_features @ text_features * logit_scale


UNREADABLE = "def normalize_grad(x, grad_unit):\n    return (grad_unit"

STUCK = "while True:\n    pass"


# Right on the inputs of the checks that everybody sees; on others it tells in every way what it was given.


def clip_loss__memorised(image_features, text_features, logit_scale):
    import warnings

    if round(image_features.sum().item(), 9) not in SEEN:
        given = str(image_features.tolist())
        print(given)
        warnings.warn(given, stacklevel=1)
        raise ValueError(given)
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    images = torch.nn.functional.cross_entropy(logits, labels)
    return (images + torch.nn.functional.cross_entropy(logits.T, labels)) / 2
