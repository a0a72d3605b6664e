"""The benchmark's layers all compute the same linear map, from the same input, each with its own error."""

import torch

from benchmarks import linears


def test_every_layer_is_the_same_linear_map():
    linear = torch.nn.Linear(64, 32)
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    exact = linear(x)
    runs = linears.contenders(linear, x)
    assert len(runs) in (6, 7)  # the last one where torch still has it
    for name, run in runs.items():
        got = run().float()
        assert got.shape == exact.shape
        assert (got - exact).norm() <= (0.2 if name.startswith("W4") else 0.03) * exact.norm(), name


def test_ours_are_named_by_the_kernel_that_runs(monkeypatch):
    monkeypatch.setattr("course_lib.quantization.kernels.w8a8_works", lambda: False)
    runs = linears.contenders(torch.nn.Linear(64, 32), torch.ones(1, 64))
    assert "W8A8 per token, float" in runs


def test_a_torch_without_its_dynamic_layer(monkeypatch):
    def gone(*_, **__):
        raise AttributeError("quantize_dynamic")

    monkeypatch.setattr("torch.ao.quantization.quantize_dynamic", gone)
    table = linears.table(64, 32, 1, rounds=1)
    assert table.row_count == 6


def test_the_table_has_a_row_for_every_layer():
    table = linears.table(64, 32, 2, rounds=2)
    assert table.row_count == len(linears.contenders(torch.nn.Linear(64, 32), torch.ones(2, 64)))
    assert torch.backends.cpu.get_cpu_capability() in str(table.title)
