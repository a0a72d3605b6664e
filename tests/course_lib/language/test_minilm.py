"""BERT and its word pieces; and the real model, where ``course fetch minilm`` brought it.

Nothing is fetched here. Without the model the slow tests are skipped, and say what would run them.
"""

import pytest
import torch
from torch import nn

from course_lib.data import load_minilm_layer, load_prose
from course_lib.data.minilm import minilm_missing
from course_lib.language import Bert, BertConfig, WordPiece, linear_inputs, load_minilm
from course_lib.language.minilm import our_name

needs_the_model = pytest.mark.skipif(minilm_missing() is not None, reason=str(minilm_missing()))
CONFIG = BertConfig(vocab_size=12, dim=8, hidden_dim=16, num_layers=2, num_heads=2)
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "##s", ".", "cafe"]


@pytest.fixture
def bert():
    torch.manual_seed(0)
    return Bert(CONFIG).eval().requires_grad_(False)


def test_a_block_is_torchs_encoder_layer(bert):
    """torch's own post-norm layer with the same weights, padding included."""
    block = bert.layers[0]
    theirs = nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", 1e-12, batch_first=True).eval()
    attention, parts = theirs.self_attn, (block.query, block.key, block.value)
    with torch.no_grad():
        attention.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        attention.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        for mine, other in (
            (block.output, attention.out_proj),
            (block.up, theirs.linear1),
            (block.down, theirs.linear2),
        ):
            other.load_state_dict(mine.state_dict())
        x = torch.randn(2, 5, 8)
        real = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
        torch.testing.assert_close(block(x, real)[real], theirs(x, src_key_padding_mask=~real)[real])


def test_padding_changes_no_sentence(bert):
    tokens, padded = torch.tensor([[2, 5, 3]]), torch.tensor([[2, 5, 3, 0, 0]])
    alone = bert.sentence(tokens, torch.ones_like(tokens, dtype=torch.bool))
    torch.testing.assert_close(bert.sentence(padded, padded != 0), alone)
    assert alone.norm().item() == pytest.approx(1)


def test_bad_inputs_are_said(bert):
    with pytest.raises(ValueError, match=r"tokens must lie in the vocabulary, 0\.\.11, got 12"):
        bert(torch.tensor([[12]]))
    with pytest.raises(ValueError, match="at most 512 a sequence, got 513"):
        bert(torch.zeros(1, 513, dtype=torch.int64))
    with pytest.raises(ValueError, match="dim must be a multiple of num_heads, got 8 and 3"):
        BertConfig(vocab_size=12, dim=8, hidden_dim=16, num_layers=2, num_heads=3)


def test_recording_takes_what_goes_in_and_leaves_no_hook(bert):
    tokens = torch.tensor([[2, 5, 6, 3]])
    inputs = linear_inputs(bert, ["layers.1.query", "layers.1.value"], tokens)
    first = bert.layers[0](
        bert.norm(bert.words(tokens) + bert.positions.weight[:4] + bert.segment), tokens >= 0
    )
    torch.testing.assert_close(inputs["layers.1.query"], first)
    torch.testing.assert_close(inputs["layers.1.value"], first)
    assert not any(module._forward_pre_hooks for module in bert.modules())
    with pytest.raises(AttributeError):
        linear_inputs(bert, ["layers.0.query", "layers.7.query"], tokens)
    assert not any(module._forward_pre_hooks for module in bert.modules())


def test_word_pieces():
    tokenizer = WordPiece(PIECES, max_length=6)
    ids, real = tokenizer.encode(["A Cats.", "Café"])
    assert ids.tolist() == [[2, 5, 6, 7, 8, 3], [2, 9, 3, 0, 0, 0]]
    assert real.tolist() == [[True] * 6, [True] * 3 + [False] * 3]
    assert tokenizer.encode(["a a a a a a a"])[0].shape == (1, 6)  # cut
    assert tokenizer.pieces("a a a a a a a dog").tolist() == [5] * 7 + [1]  # not cut, no marks


def test_names_are_translated():
    assert our_name("encoder.layer.3.output.LayerNorm.bias") == "layers.3.mlp_norm.bias"
    assert our_name("encoder.layer.0.attention.output.dense.weight") == "layers.0.output.weight"
    assert our_name("embeddings.word_embeddings.weight") == "words.weight"


def test_without_the_model_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="run `course fetch minilm` once"):
        load_minilm()


@pytest.fixture(scope="module")
def minilm():
    return load_minilm()


@pytest.mark.slow
@needs_the_model
def test_it_gives_the_vectors_of_transformers(minilm):
    """Word pieces, vectors and cosines as transformers 5.24.0 gives them with these weights."""
    model, tokenizer = minilm
    sentences = ["This is an example sentence", "That is a happy person", "That is a very happy person"]
    ids, real = tokenizer.encode(sentences)
    assert ids[0].tolist() == [101, 2023, 2003, 2019, 2742, 6251, 102, 0]
    vectors = model.sentence(ids, real)
    assert vectors[0, :5].tolist() == pytest.approx([0.0677, 0.0635, 0.0487, 0.0793, 0.0374], abs=1e-4)
    assert (vectors[1] @ vectors[2]).item() == pytest.approx(0.9429, abs=1e-4)
    assert (vectors[0] @ vectors[1]).item() == pytest.approx(0.2205, abs=1e-4)
    assert sum(x.numel() for x in model.parameters()) == 22_564_992


@pytest.mark.slow
@needs_the_model
def test_what_ships_is_what_the_model_has(minilm):
    model, tokenizer = minilm
    layer = load_minilm_layer()
    for name, weight in layer.weights.items():
        own = model.get_parameter(f"layers.{layer.layer}.{name}.weight")
        torch.testing.assert_close(torch.tensor(weight), own, rtol=1e-3, atol=1e-6)
    rows = tokenizer.pieces(load_prose())[: 256 * 30].reshape(256, 30)
    marks = [torch.full((256, 1), mark) for mark in (101, 102)]
    name = f"layers.{layer.layer}.query"
    x = linear_inputs(model, [name], torch.cat([marks[0], rows, marks[1]], dim=1))[name].flatten(0, 1)
    torch.testing.assert_close(x[:1024], torch.tensor(layer.calibration), rtol=2e-3, atol=2e-3)
    gram = torch.tensor(layer.factors["prose"]).double()
    torch.testing.assert_close(gram.T @ gram, x.double().T @ x.double(), rtol=1e-3, atol=0.5)
