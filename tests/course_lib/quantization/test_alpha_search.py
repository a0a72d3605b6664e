"""The search for a migration strength: against a plain loop in floats, and what each set of tokens is for."""

import torch

from course_lib.quantization import fake_quantize, search_alpha, smooth_scales

ALPHAS = torch.linspace(0, 1, 6, dtype=torch.float64)


def persistent(seed, tokens=40, channels=12):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(tokens, channels, generator=generator, dtype=torch.float64)
    x = x.clamp(-2, 2)  # so that a second sample does not leave the range of the first
    x[:, 3] = 60 * x[:, 3].sign()
    return x


def weight(seed=100, outputs=9, channels=12):
    return torch.randn(outputs, channels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_errors_are_those_of_a_plain_loop():
    fit, held_out, w = persistent(0), persistent(1), weight()
    found = search_alpha(fit, held_out, w, ALPHAS)
    for alpha, error in zip(ALPHAS.tolist(), found.errors, strict=True):
        s = smooth_scales(fit.abs().amax(dim=0), w, alpha)
        x_hat = fake_quantize(held_out / s, float((fit / s).abs().max()) / 127, 0, -127, 127)
        rows = [fake_quantize(row, float(row.abs().max()) / 127, 0, -127, 127) for row in w * s]
        truth = held_out @ w.T
        want = ((x_hat @ torch.stack(rows).T - truth) ** 2).sum() / (truth**2).sum()
        assert torch.allclose(error, want, rtol=1e-9)
    assert found.errors.min() == found.errors[found.alpha == ALPHAS].item()


def test_a_persistent_channel_wants_something_between_the_ends():
    for seed in range(5):
        found = search_alpha(persistent(seed), persistent(seed + 50), weight(seed + 100), ALPHAS)
        assert 0.2 <= found.alpha <= 0.8
        assert found.errors.min() < 0.5 * min(found.errors[0], found.errors[-1])


def test_the_held_out_tokens_set_no_range():
    fit, w = persistent(0), weight()
    quiet, loud = persistent(1), persistent(1)
    loud[0] *= 10  # beyond every calibrated range: it is clipped
    clipped, inside = (search_alpha(fit, x, w, ALPHAS).errors.min() for x in (loud, quiet))
    assert clipped > 10 * inside


def test_weights_that_share_an_input_share_the_search():
    fit, held_out, w = persistent(0), persistent(1), weight()
    together = search_alpha(fit, held_out, [w[:4], w[4:]], ALPHAS)
    assert torch.allclose(together.errors, search_alpha(fit, held_out, w, ALPHAS).errors)


def test_a_scale_for_each_token_is_asked_for():
    fit, held_out, w = persistent(0), persistent(1), weight()
    held_out[0] *= 10
    static, dynamic = (search_alpha(fit, held_out, w, ALPHAS, each).errors.min() for each in (False, True))
    assert dynamic < static / 10
