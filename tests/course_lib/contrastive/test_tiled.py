"""InfoNCE in tiles: the value and all gradients of the loss in one piece, and never its N×N matrix."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.contrastive import clip_loss, tiled_clip_loss
from course_lib.contrastive._tiled_softmax import sweep

BATCHES = st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))
SCALES = st.one_of(st.floats(-1000, 1000), st.sampled_from([0.0, 1.0, 14.3, 100.0, 1000.0]))
TILES, BUDGETS = st.integers(1, 12), st.sampled_from([0, 100, 10**9])


def cross_entropies(image, text, scale):
    logits = scale * image @ text.T
    labels = torch.arange(len(image))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def scalar(value):
    return torch.tensor(value, dtype=torch.float64)


def pairs(kind, image, text):
    """Batches that push one exponential for both directions to its limits, or past them."""
    return {
        "random": (image, text),
        "equal": (image, image.clone()),
        "antipodal": (image, -image),
        "collapsed": (image[:1].expand_as(image), text[:1].expand_as(text)),
        "opposite": (image[:1].expand_as(image), -image[:1].expand_as(text)),
        "one row far off": (torch.cat([-image[:1], image[1:]]), image[:1].expand_as(image)),
        "long": (100 * image, 3 * text),
    }[kind]


KINDS = ["random", "equal", "antipodal", "collapsed", "opposite", "one row far off", "long"]


@given(BATCHES, SCALES, TILES, BUDGETS, st.sampled_from(KINDS))
@settings(deadline=None, max_examples=200)
def test_value_and_gradients_for_any_tile(
    gradients, random_pairs, assert_close, batch, scale, tile, budget, kind
):
    arguments = (*pairs(kind, *random_pairs(*batch)), scalar(scale))
    magnitude = max(1.0, abs(scale) * 300 if kind == "long" else 1.0)

    def loss(*leaves):
        return tiled_clip_loss(*leaves, tile=tile, memory_budget=budget)

    for reference in (clip_loss, cross_entropies):
        assert_close(loss(*arguments) / magnitude, reference(*arguments) / magnitude)
        for got, expected in zip(gradients(loss, *arguments), gradients(reference, *arguments), strict=True):
            assert_close(got / magnitude, expected / magnitude)


@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0, 1000.0])
@pytest.mark.parametrize("kind", KINDS[:-1])
@pytest.mark.parametrize("budget", [0, 10**9])
def test_float32_is_as_exact_as_its_logits(gradients, random_pairs, assert_close, scale, kind, budget):
    image, text = pairs(kind, *random_pairs(40, 16, dtype=torch.float32))

    def loss(*leaves):
        return tiled_clip_loss(*leaves, tile=16, memory_budget=budget)

    tolerance = torch.finfo(torch.float32).eps * 16 * scale
    arguments, exact = (image, text, torch.tensor(scale)), (image.double(), text.double(), scalar(scale))
    assert loss(*arguments).dtype == torch.float32
    assert_close(loss(*arguments).double(), clip_loss(*exact), tolerance)
    ours, theirs = gradients(loss, *arguments), gradients(clip_loss, *exact)
    # A softmax turns a logit's error into a relative one, and features' gradients carry the scale once more.
    for got, expected, unit in zip(ours, theirs, (scale, scale, 1), strict=True):
        assert got.dtype == torch.float32
        assert_close(got.double() / unit, expected / unit, tolerance)


@pytest.mark.parametrize(
    ("scale", "kind", "shared"),
    [
        (14.3, "random", True),
        (100.0, "equal", True),
        (100.0, "antipodal", True),  # the positives vanish, the sums do not
        (100.0, "opposite", False),
        (100.0, "one row far off", False),  # found only when the columns are complete
        (1000.0, "equal", True),
        (1000.0, "random", False),
    ],
)
def test_one_exponential_serves_both_directions_where_it_can(random_pairs, scale, kind, shared):
    image, text = pairs(kind, *random_pairs(8, 64, dtype=torch.float32))
    if kind == "one row far off":
        image, text = text, image
    softmaxes, _ = sweep(image, text, scale, 4)
    assert (softmaxes.shift is not None) == shared


def test_terms_too_small_for_a_shared_exponential_are_not_lost():
    """Row 0 has the logits −85, −87, −87, ...: below the smallest normal float32 once the shift is off."""
    image = torch.tensor([[1.0, 0.0]] + 7 * [[0.0, 1.0]])
    text = torch.tensor([[-85 / 87, 0.0]] + 7 * [[-1.0, 0.0]])
    expected = clip_loss(image.double(), text.double(), 87.0)
    torch.set_flush_denormal(True)  # does nothing where the processor cannot
    try:
        loss = tiled_clip_loss(image, text, 87.0)
    finally:
        torch.set_flush_denormal(False)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-4)


def test_it_overflows_only_where_the_logits_do(random_pairs):
    image, text = random_pairs(4, 3, dtype=torch.float32)
    far = tiled_clip_loss(1e19 * image, 1e19 * text, 1e-3)
    assert torch.isfinite(far)
    assert torch.allclose(far, clip_loss(1e19 * image, 1e19 * text, 1e-3))


@pytest.mark.parametrize("budget", [0, 10**9])
@pytest.mark.parametrize("tile", [1, 3, 512])
@pytest.mark.parametrize("scale", [3.0, 900.0])
def test_the_gradient_passes_gradcheck(random_pairs, tile, budget, scale):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(4, 3))
    if scale > 100:  # far enough for shifts of their own, and flat enough to be differentiated numerically
        image = (image.detach() / 100).requires_grad_()
    arguments = (image, text, scalar(scale).requires_grad_())
    loss = lambda *leaves: tiled_clip_loss(*leaves, tile, budget)  # noqa: E731
    assert torch.autograd.gradcheck(loss, arguments, atol=1e-7)


@pytest.mark.parametrize("wanted", [(i, t, s) for i in (0, 1) for t in (0, 1) for s in (0, 1) if i or t or s])
def test_gradients_only_for_the_inputs_that_need_them(
    allocations, random_pairs, gradients, assert_close, wanted
):
    arguments = (*random_pairs(5, 3), scalar(10.0))
    expected = gradients(clip_loss, *arguments)
    leaves = [x.clone().requires_grad_(bool(want)) for x, want in zip(arguments, wanted, strict=True)]
    with allocations() as seen:
        tiled_clip_loss(*leaves, tile=2).backward()
    for leaf, want, gradient in zip(leaves, wanted, expected, strict=True):
        assert (leaf.grad is not None) == bool(want)
        if want:
            assert_close(leaf.grad, gradient)
    # 9 tiles: logits, logits again, and a product for either side of features, or one for the scale alone.
    assert seen.calls("addmm_") == 9 * (2 + max(1, wanted[0] + wanted[1]))


def test_the_upstream_gradient_is_respected(random_pairs, gradients, assert_close):
    arguments = (*random_pairs(5, 3), scalar(10.0))
    ours = gradients(lambda *leaves: -7 * tiled_clip_loss(*leaves, tile=2) ** 2, *arguments)
    theirs = gradients(lambda *leaves: -7 * clip_loss(*leaves) ** 2, *arguments)
    for got, expected in zip(ours, theirs, strict=True):
        assert_close(got, expected)


def test_a_float_scale(random_pairs):
    image, text = random_pairs(5, 3)
    assert torch.equal(tiled_clip_loss(image, text, 14.5), tiled_clip_loss(image, text, scalar(14.5)))
    grad = torch.autograd.grad(tiled_clip_loss(image.requires_grad_(), text, 14.5), image)
    assert torch.equal(*grad, *torch.autograd.grad(tiled_clip_loss(image, text, scalar(14.5)), image))


@pytest.mark.parametrize("scale_dtype", [torch.float32, torch.float64])
def test_the_scale_keeps_its_dtype(random_pairs, scale_dtype):
    image, text = random_pairs(5, 3, dtype=torch.float32)
    scale = torch.tensor(14.5, dtype=scale_dtype, requires_grad=True)
    loss = tiled_clip_loss(image, text, scale)
    assert loss.dtype == torch.float32
    assert torch.autograd.grad(loss, scale)[0].dtype == scale_dtype


def test_any_layout_in_memory(gradients, random_pairs, assert_close):
    image, text = random_pairs(10, 6)
    views = (image.T.contiguous().T, text.repeat(2, 1)[::2], scalar(20.0))
    dense = (image, views[1].contiguous(), views[2])
    assert not views[0].is_contiguous()
    leaves = [view.detach().requires_grad_() for view in views]
    ours = torch.autograd.grad(tiled_clip_loss(*leaves, tile=4), leaves)
    for got, expected in zip(ours, gradients(clip_loss, *dense), strict=True):
        assert_close(got, expected)


def test_both_towers_may_be_one(random_pairs):
    image, _ = random_pairs(6, 3)
    image.requires_grad_()
    ours = torch.autograd.grad(tiled_clip_loss(image, image, 10.0, tile=4), image)
    assert torch.allclose(
        *ours, *torch.autograd.grad(clip_loss(image, image, 10.0), image), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("budget", [0, 10**9])
def test_a_second_backward_pass_finds_everything_as_it_was(random_pairs, budget):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(6, 3))
    loss = tiled_clip_loss(image, text, 10.0, 4, budget)
    first = torch.autograd.grad(loss, (image, text), retain_graph=True)
    second = torch.autograd.grad(loss, (image, text))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_second_derivative_is_refused(random_pairs):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(4, 3))
    loss = tiled_clip_loss(image, text, 10.0)
    with pytest.raises(RuntimeError, match=r"^tiled_clip_loss has no second derivative: use clip_loss\.$"):
        torch.autograd.grad(loss, image, create_graph=True)


def test_a_change_in_place_before_the_backward_pass_is_noticed(random_pairs):
    image, text = random_pairs(4, 3)
    loss = tiled_clip_loss(image, text.requires_grad_(), 10.0)
    image.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_batch_of_one(random_pairs, gradients):
    arguments = (*random_pairs(1, 3), scalar(100.0))
    assert abs(tiled_clip_loss(*arguments)) <= 1e-12
    assert all(gradient.abs().max() <= 1e-12 for gradient in gradients(tiled_clip_loss, *arguments))


def test_equal_logits_cost_log_n(random_pairs):
    image, text = random_pairs(9, 3)
    assert tiled_clip_loss(image, text, 0.0, tile=4).item() == pytest.approx(math.log(9), abs=1e-12)


# --- memory: what is allocated, counted call by call -------------------------------------------------------


@pytest.mark.parametrize("scale", [14.3, 1000.0])
def test_the_whole_matrix_is_never_there(allocations, random_pairs, scale):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(256, 4, dtype=torch.float32))
    with allocations() as seen:
        tiled_clip_loss(image, text, torch.tensor(scale, requires_grad=True), tile=32).backward()
    assert seen.largest <= 4 * 32 * 32
    with allocations() as seen:
        clip_loss(image, text, scale).backward()
    assert seen.largest == 4 * 256 * 256


@pytest.mark.parametrize(
    ("budget", "recomputed"), [(0, 64), (4 * 32 * 32, 63), (10 * 4 * 32 * 32 + 7, 54), (10**9, 0)]
)
@pytest.mark.parametrize("scale", [14.3, 1000.0])
def test_as_many_tiles_are_kept_as_fit(allocations, random_pairs, budget, recomputed, scale):
    image, text = (tensor.requires_grad_() for tensor in random_pairs(256, 64, dtype=torch.float32))
    loss = tiled_clip_loss(image, text, scale, 32, budget)
    with allocations() as seen:
        loss.backward()
    assert seen.calls("addmm_") == recomputed + 2 * 64


def test_nothing_is_kept_without_gradients(allocations, random_pairs):
    image, text = random_pairs(64, 4)

    def pieces_of_memory(budget, needed=False, recorded=True):
        with torch.set_grad_enabled(recorded), allocations() as seen:
            tiled_clip_loss(image.requires_grad_(needed), text, 10.0, 8, budget)
        return seen.calls("new_empty")

    assert pieces_of_memory(10**9, needed=True) == pieces_of_memory(0) + 64
    assert (
        pieces_of_memory(10**9) == pieces_of_memory(10**9, needed=True, recorded=False) == pieces_of_memory(0)
    )
