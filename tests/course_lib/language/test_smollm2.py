"""The real model, where ``course fetch smollm2`` brought it: what it says, and how well it reads.

Nothing is fetched here. Without the model these tests are skipped, and say what would run them.
"""

import pytest
import torch

from course_lib.data import load_activations, load_layer_weights, load_prose
from course_lib.data.smollm2 import smollm2_missing
from course_lib.language import greedy, load_smollm2, load_tokenizer, perplexity, record_inputs, sequences
from course_lib.language.pretrained import config_of, our_name

needs_the_model = pytest.mark.skipif(smollm2_missing() is not None, reason=str(smollm2_missing()))

# What it says is true, or English, which wrong weights or a wrong architecture would not give. Before each of these
# tokens the likeliest leads by at least 0.14 in the logit: rounding on another machine changes nothing.
CONTINUATIONS = {
    "The capital of France is": " Paris.",
    "Once upon a time, there was a": " small town nestled in the heart of a bustling city. The town was known for",
    "<|im_start|>user\nWhat is the boiling point of water in degrees Celsius?<|im_end|>\n<|im_start|>assistant\n": (
        "The boiling point of water is approximately 100 degrees Celsius. This is"
    ),
}


def test_names_and_sizes_are_translated():
    assert our_name("blk.11.ffn_down.weight") == "layers.11.mlp.down_proj.weight"
    assert our_name("token_embd.weight") == "embed_tokens.weight"
    with pytest.raises(ValueError, match="the architecture must be 'llama', got 'qwen2'"):
        config_of({"general.architecture": "qwen2"})


def test_without_the_model_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    for load in (load_smollm2, load_tokenizer):
        with pytest.raises(FileNotFoundError, match="run `course fetch smollm2` once"):
            load()


@pytest.fixture(scope="module")
def model():
    return load_smollm2()


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.mark.slow
@needs_the_model
def test_it_has_the_size_in_its_name(model):
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    assert (model.config.num_layers, model.config.num_heads, model.config.num_kv_heads) == (30, 9, 3)
    assert not model.training
    assert all(x.dtype == torch.float32 and not x.requires_grad for x in model.parameters())


@pytest.mark.slow
@needs_the_model
@pytest.mark.parametrize("prompt", CONTINUATIONS)
def test_it_continues_as_recorded(model, tokenizer, prompt):
    expected = tokenizer.encode(CONTINUATIONS[prompt])
    new = greedy(model, tokenizer.encode(prompt), num_new=len(expected))
    assert tokenizer.decode(new) == CONTINUATIONS[prompt]


@pytest.mark.slow
@needs_the_model
def test_the_tokenizer_gives_every_text_back(tokenizer):
    text = "Café, 135 million — 你好 🙂\n\n  two spaces\t<|im_end|>"
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert int(tokens[-1]) == 2  # a control mark is one token
    assert tokenizer.encode("135").tolist() == [tokenizer.encode(digit).item() for digit in "135"]
    assert tokenizer.encode("The capital of France is").tolist() == [504, 3575, 282, 4649, 314]


@pytest.mark.slow
@needs_the_model
def test_what_ships_is_what_the_model_has(model, tokenizer):
    for (layer, name), weight in load_layer_weights().items():
        part = {"attention_norm": name, "down_proj": "mlp.down_proj"}.get(name, f"attention.{name}")
        own = model.get_parameter(f"layers.{layer}.{part}.weight")
        torch.testing.assert_close(torch.tensor(weight), own, rtol=0, atol=0)
    activations = load_activations()
    tokens = torch.stack([tokenizer.encode("".join(row)) for row in activations.tokens])
    for (layer, kind), x in record_inputs(model, tokens, activations.layers).items():
        recorded = torch.tensor(activations.inputs(layer, kind))
        torch.testing.assert_close(x, recorded, rtol=2e-3, atol=2e-3)


@pytest.mark.slow
@needs_the_model
def test_the_recorded_perplexity_comes_again(model, tokenizer):
    tokens = tokenizer.encode(load_prose())
    assert len(tokens) == 28_169
    measured = perplexity(model, sequences(tokens, count=8))
    assert measured.value == pytest.approx(58.75, abs=0.05)
    assert measured.standard_error == pytest.approx(3.6, abs=0.1)
