"""The architecture, on small random weights: against a slow second writing of it, and its laws."""

import math

import pytest
import torch
from torch import nn

from course_lib.language import KVCache, Llama, LlamaConfig, greedy, record_inputs, rotate

CONFIG = LlamaConfig(
    vocab_size=17, dim=24, hidden_dim=20, num_layers=3, num_heads=6, num_kv_heads=2, eps=1e-3
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = Llama(CONFIG).double().eval().requires_grad_(False)
    for parameter in model.parameters():  # norms too: a weight of one would hide a forgotten one
        parameter.copy_(torch.randn_like(parameter) * 0.5 + (parameter.ndim == 1))
    return model


@pytest.fixture
def tokens():
    return torch.randint(CONFIG.vocab_size, (2, 7), generator=torch.Generator().manual_seed(1))


def norm(x, weight):
    return [
        w * v / math.sqrt(sum(u * u for u in x) / len(x) + CONFIG.eps) for w, v in zip(weight, x, strict=True)
    ]


def product(matrix, x):
    return [sum(w * v for w, v in zip(row, x, strict=True)) for row in matrix]


def turned(x, position):
    pairs = [complex(*x[i : i + 2]) for i in range(0, len(x), 2)]
    for i, pair in enumerate(pairs):
        angle = position * CONFIG.rope_base ** (-2 * i / len(x))
        pairs[i] = pair * complex(math.cos(angle), math.sin(angle))
    return [part for pair in pairs for part in (pair.real, pair.imag)]


def by_hand(model, tokens):
    """The logits after the last token, in plain Python: one number at a time."""
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    width, shared = CONFIG.head_dim, CONFIG.num_heads // CONFIG.num_kv_heads
    stream = [weights["embed_tokens.weight"][token] for token in tokens]
    for layer in range(CONFIG.num_layers):
        part = {
            name.removeprefix(f"layers.{layer}.").removesuffix(".weight"): value
            for name, value in weights.items()
            if name.startswith(f"layers.{layer}.")
        }
        normed = [norm(x, part["attention_norm"]) for x in stream]
        q, k, v = ([product(part[f"attention.{kind}_proj"], x) for x in normed] for kind in "qkv")
        for t in range(len(stream)):
            mixed = []
            for head in range(CONFIG.num_heads):
                mine = slice(head * width, (head + 1) * width)
                theirs = slice(head // shared * width, (head // shared + 1) * width)
                query = turned(q[t][mine], t)
                scores = [
                    sum(a * b for a, b in zip(query, turned(k[s][theirs], s), strict=True)) / math.sqrt(width)
                    for s in range(t + 1)
                ]
                odds = [math.exp(score) for score in scores]
                mixed += [
                    sum(odd * v[s][theirs][i] for s, odd in enumerate(odds)) / sum(odds) for i in range(width)
                ]
            stream[t] = [
                a + b for a, b in zip(stream[t], product(part["attention.o_proj"], mixed), strict=True)
            ]
            inner = norm(stream[t], part["mlp_norm"])
            gate, up = (product(part[f"mlp.{kind}_proj"], inner) for kind in ("gate", "up"))
            hidden = [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up, strict=True)]
            down = product(part["mlp.down_proj"], hidden)
            stream[t] = [a + b for a, b in zip(stream[t], down, strict=True)]
    return product(weights["embed_tokens.weight"], norm(stream[-1], weights["norm.weight"]))


def test_it_computes_what_the_formulas_say(model, tokens):
    expected = torch.tensor([by_hand(model, row) for row in tokens.tolist()], dtype=torch.float64)
    torch.testing.assert_close(model(tokens)[:, -1], expected, rtol=1e-10, atol=1e-10)


def test_no_position_sees_a_later_one(model, tokens):
    changed = tokens.clone()
    changed[:, 4] = (changed[:, 4] + 1) % CONFIG.vocab_size
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4], rtol=0, atol=1e-12)
    assert ((before - after)[:, 4:].abs().amax(dim=-1) > 1e-6).all()


def test_order_counts(model):
    assert not torch.allclose(
        model(torch.tensor([[1, 2, 3]]))[:, -1], model(torch.tensor([[2, 1, 3]]))[:, -1]
    )


@pytest.mark.parametrize("cuts", [[1] * 7, [3, 4], [6, 1]])
def test_reading_in_pieces_with_a_cache_is_reading_at_once(model, tokens, cuts):
    cache = KVCache()
    pieces = [model(piece, cache) for piece in tokens.split(cuts, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(tokens), rtol=1e-10, atol=1e-10)
    assert [cache.length(layer) for layer in range(CONFIG.num_layers)] == [7] * 3
    # Keys and values, 3 layers, 2 sequences, 2 heads, 7 positions, width 4, 8 bytes.
    assert cache.num_bytes() == 2 * 3 * 2 * 2 * 7 * 4 * 8


def test_greedy_decoding_takes_the_likeliest_token_each_time(model):
    prompt = torch.tensor([3, 1, 4])
    expected = prompt
    for _ in range(6):
        expected = torch.cat((expected, model(expected[None])[0, -1:].argmax(dim=-1)))
    assert greedy(model, prompt, num_new=6).tolist() == expected[3:].tolist()


def test_turning_keeps_lengths_and_sees_only_distances():
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 8, dtype=torch.float64, generator=generator)

    def scores(query_at, key_at):
        turned = [rotate(x, torch.tensor([at]), 100.0) for x, at in ((q, query_at), (k, key_at))]
        torch.testing.assert_close(turned[0].norm(), q.norm())
        return float(turned[0] @ turned[1].T)

    assert scores(5, 2) == pytest.approx(scores(1003, 1000), abs=1e-10)
    assert scores(5, 2) != pytest.approx(scores(5, 3), abs=1e-3)
    assert scores(2, 5) != pytest.approx(scores(5, 2), abs=1e-3)  # the sign of the distance counts
    torch.testing.assert_close(rotate(q, torch.tensor([0]), 100.0), q)


def test_angles_stay_exact_in_half_precision():
    x, far = torch.ones(1, 4), torch.tensor([4097])  # not a number in bfloat16
    half = rotate(x.bfloat16(), far, 1e5).float()
    torch.testing.assert_close(half, rotate(x, far, 1e5), atol=0.02, rtol=0)


def test_every_matrix_is_a_linear_layer_that_can_be_replaced(model, tokens):
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    assert len(names) == 7 * CONFIG.num_layers
    assert {name.rsplit(".", 1)[1] for name in names} == {
        *(f"{kind}_proj" for kind in ("q", "k", "v", "o", "gate", "up", "down"))
    }
    before = model(tokens)
    for name in names:
        parent, _, own = name.rpartition(".")
        old = model.get_submodule(name)
        setattr(model.get_submodule(parent), own, nn.Sequential(old, nn.Identity()))
    torch.testing.assert_close(model(tokens), before)
    model.layers[1].mlp.down_proj = nn.Sequential(model.layers[1].mlp.down_proj, nn.Dropout(1.0)).train()
    assert not torch.allclose(model(tokens), before)


def test_recorded_inputs_are_what_the_layers_got(model, tokens):
    inputs = record_inputs(model, tokens, layers=[0, 2])
    assert set(inputs) == {(layer, name) for layer in (0, 2) for name in ("qkv", "gate_up", "down")}
    block = model.layers[0]
    embedded = model.embed_tokens(tokens)
    torch.testing.assert_close(inputs[0, "qkv"], block.attention_norm(embedded))
    after = embedded + block.attention(inputs[0, "qkv"])
    torch.testing.assert_close(inputs[0, "gate_up"], block.mlp_norm(after))
    torch.testing.assert_close(
        block.mlp.down_proj(inputs[0, "down"]), block(embedded) - after, rtol=1e-9, atol=1e-9
    )
    assert not any(module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([[1, 2]], TypeError, "tokens must be a torch.Tensor, got list"),
        (torch.zeros(1, 2), TypeError, "tokens must be torch.int64, got torch.float32"),
        (torch.tensor([1, 2]), ValueError, r"tokens must have 2 axes, \[batch, positions\]"),
        (torch.zeros(1, 0, dtype=torch.int64), ValueError, "tokens must not be empty"),
        (torch.tensor([[1, 17]]), ValueError, r"tokens must lie in the vocabulary, 0\.\.16, got 17"),
        (torch.tensor([[-1, 3]]), ValueError, r"tokens must lie in the vocabulary, 0\.\.16, got -1"),
    ],
)
def test_what_are_no_tokens_is_said(model, bad, error, message):
    with pytest.raises(error, match=message):
        model(bad)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"num_heads": 5}, "dim must be a multiple of num_heads, got 24 and 5"),
        ({"num_kv_heads": 4}, "num_heads must be a multiple of num_kv_heads, got 6 and 4"),
        ({"num_heads": 8, "num_kv_heads": 8}, "must be even: positions turn pairs, got 3"),
    ],
)
def test_sizes_that_do_not_fit_are_said(sizes, message):
    with pytest.raises(ValueError, match=message):
        LlamaConfig(
            **{
                "vocab_size": 5,
                "dim": 24,
                "hidden_dim": 4,
                "num_layers": 1,
                "num_heads": 6,
                "num_kv_heads": 2,
            }
            | sizes
        )


def test_other_arguments_are_checked(model, tokens):
    with pytest.raises(ValueError, match="a layer must be an integer from 0 to 2, got 3"):
        record_inputs(model, tokens, layers=[3])
    with pytest.raises(ValueError, match="num_new must be an integer of at least 1"):
        greedy(model, tokens[0], num_new=0)
    with pytest.raises(ValueError, match="prompt must have 1 axis"):
        greedy(model, tokens, num_new=1)
