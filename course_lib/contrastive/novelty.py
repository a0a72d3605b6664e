"""What is new about a test picture: the thing, the way it is drawn, both, or nothing."""

from enum import IntEnum

import torch
from jaxtyping import Int64
from torch import Tensor

from course_lib.validate import check_labels, check_same_length


class Novelty(IntEnum):
    """What a training set has not shown of a test picture."""

    SEEN = 0  # this drawing was trained on
    DOMAIN_SHIFT = 1  # the concept was, in another domain's drawing
    ZERO_SHOT = 2  # the concept was not, though the domain was
    BOTH = 3  # neither


def novelty(
    train_concepts: Int64[Tensor, " num_train"],
    train_domains: Int64[Tensor, " num_train"],
    test_concepts: Int64[Tensor, " num_test"],
    test_domains: Int64[Tensor, " num_test"],
) -> Int64[Tensor, " num_test"]:
    """Say of each test picture what is new about it.

    0 (seen) if its pair (concept, domain) was trained on, else 1 (domain shift) if its concept was, else 2
    (zero-shot) if its domain was, else 3 (both)

    Parameters
    ----------
    train_concepts, test_concepts : int64 Tensor, shape [num_train], [num_test]
        What each picture shows, as a number: for emoji the row in the data set.
    train_domains, test_domains : int64 Tensor, shape [num_train], [num_test]
        Who drew it.

    Returns
    -------
    int64 Tensor, shape [num_test]
        Values of `Novelty`.

    Raises
    ------
    TypeError, ValueError
        If an argument is no non-empty int64 vector, or two that belong together differ in length.

    Notes
    -----
    Only 2 and 3 measure zero-shot generalisation. A split by *rows* of a pool of all drawings puts the same
    concept on both sides, and what it measures is 1.

    Examples
    --------
    >>> concepts, domains = torch.tensor([5, 6]), torch.tensor([0, 1])
    >>> novelty(concepts, domains, torch.tensor([5, 5, 7, 7]), torch.tensor([0, 1, 0, 2]))
    tensor([0, 1, 2, 3])
    """
    check_labels("train_concepts", train_concepts)
    check_labels("train_domains", train_domains)
    check_labels("test_concepts", test_concepts)
    check_labels("test_domains", test_domains)
    check_same_length("train_domains", train_domains, "train_concepts", train_concepts)
    check_same_length("test_domains", test_domains, "test_concepts", test_concepts)
    return _novelty(train_concepts, train_domains, test_concepts, test_domains)


def _novelty(
    train_concepts: Tensor, train_domains: Tensor, test_concepts: Tensor, test_domains: Tensor
) -> Tensor:
    same_concept = test_concepts[:, None] == train_concepts
    same_domain = test_domains[:, None] == train_domains
    concept_known, domain_known = same_concept.any(dim=1), same_domain.any(dim=1)
    drawing_known = (same_concept & same_domain).any(dim=1)
    known = torch.where(drawing_known, int(Novelty.SEEN), int(Novelty.DOMAIN_SHIFT))
    unknown = torch.where(domain_known, int(Novelty.ZERO_SHOT), int(Novelty.BOTH))
    return torch.where(concept_known, known, unknown)
