"""The benchmark compares like with like: the same gradients as open_clip, honest memory, turns taken."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from benchmarks import contrastive_runs
from benchmarks.contrastive import AGAINST
from benchmarks.timing import interleaved, ratio

ROOT = Path(__file__).resolve().parents[2]
needs_open_clip = pytest.mark.skipif(find_spec("open_clip") is None, reason="make bench installs open_clip")


@needs_open_clip
@pytest.mark.parametrize("batch", [1, 7, 1500])
def test_both_sides_give_the_same_loss_and_gradients(batch):
    dtype = torch.float64 if batch < 1000 else torch.float32
    given = contrastive_runs.inputs(batch, "cpu")
    given = contrastive_runs.Inputs(*(tensor.detach().to(dtype).requires_grad_() for tensor in given))
    results = {name: run() for name, run in contrastive_runs.contenders(given).items()}
    for ours, theirs in AGAINST.items():
        assert len(results[ours]) == (
            5 if "siglip" in ours else 4
        )  # the loss, and for every input a gradient
        for got, expected in zip(results[ours], results[theirs], strict=True):
            assert (got - expected).abs().max() <= 1e3 * torch.finfo(dtype).eps


@needs_open_clip
def test_a_missing_open_clip_is_named(monkeypatch):
    monkeypatch.setattr("benchmarks.open_clip_losses.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"needs open_clip_torch: pip install -e '\.\[bench\]'"):
        contrastive_runs.contenders(contrastive_runs.inputs(2, "cpu"))


@pytest.mark.skipif(sys.platform == "win32", reason="has no getrusage")
def test_extra_memory_is_what_a_run_adds_in_a_fresh_process_whatever_its_parent_held():
    held = torch.ones(2**26)  # 256 MiB here, and 64 MiB there
    code = (
        "import torch; from benchmarks.contrastive_runs import extra_memory;"
        "print(extra_memory(lambda: torch.ones(2**24), 'cpu'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert held.numel() > 0
    assert 64 <= int(done.stdout) / 2**20 < 100


def test_contenders_take_turns():
    turns = []
    seconds = interleaved({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, rounds=3)
    assert "".join(turns) == "ababab"
    assert [len(seconds[name]) for name in "ab"] == [3, 3]


def test_a_ratio_is_the_median_of_the_rounds_with_their_spread():
    assert ratio([2.0, 3.0, 8.0], [1.0, 1.0, 2.0]) == "3.00× (2.00–4.00)"
