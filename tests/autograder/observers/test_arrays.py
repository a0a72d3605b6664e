"""What counts as an array, and what does not."""

import numpy as np
import pytest
import torch

from autograder.observers.arrays import NotAnArray, to_numpy, to_torch


class MyTensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    ("value", "kind", "dtype"),
    [
        (torch.ones(2), "torch", "float32"),
        (torch.ones(2, dtype=torch.bfloat16), "torch", "bfloat16"),
        (torch.ones(2, dtype=torch.float16), "torch", "float16"),
        (torch.ones(2, dtype=torch.int8), "torch", "int8"),
        (torch.tensor(True), "torch", "bool"),
        (torch.nn.Parameter(torch.ones(2)), "torch", "float32"),
        (torch.ones(2).as_subclass(MyTensor), "torch", "float32"),
        (torch.ones(2, requires_grad=True) * 2, "torch", "float32"),
        (np.ones(2), "numpy", "float64"),
        (np.float32(1), "numpy", "float32"),
        (np.ma.masked_array([1.0, 2.0]), "numpy", "float64"),
        (1.5, "python", "float64"),
        (3, "python", "int64"),
        (True, "python", "bool"),
    ],
)
def test_numbers_in_every_wrapping(value, kind, dtype):
    array, *described = to_numpy(value)
    assert type(array) is np.ndarray
    assert described == [kind, dtype]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing (None)"),
        ([1.0], "a list"),
        ((1.0,), "a tuple"),
        ("1.0", "a str"),
        (object(), "an object"),
        (1j, "a complex"),
        (10**30, "a number of type object"),
        (np.array(["a"]), "a numpy array of type <U1"),
        (np.ones(2, dtype=complex), "a numpy array of type complex128"),
        (torch.ones(2, dtype=torch.complex64), "a tensor of type complex64"),
        (torch.ones(2, 2).to_sparse(), "a float32 tensor that cannot be read as numbers"),
        (torch.ones(2, device="meta"), "a float32 tensor that cannot be read as numbers"),
        (torch.zeros(1).expand(10**12), "an array of shape (1000000000000,), too large to compare"),
        (np.broadcast_to(1.0, (10**6, 10**6)), "an array of shape (1000000, 1000000), too large to compare"),
    ],
)
def test_everything_else_is_called_by_its_name(value, said):
    with pytest.raises(NotAnArray) as error:
        to_numpy(value)
    assert str(error.value) == said


def test_views_are_copied_in_their_own_order():
    base = torch.arange(6.0).reshape(2, 3)
    array, _, _ = to_numpy(base.T[::2])
    base.zero_()
    assert array.tolist() == [[0.0, 3.0], [2.0, 5.0]]
    matrix = np.arange(6.0).reshape(2, 3)
    array, _, _ = to_numpy(matrix.T)
    matrix[:] = 0
    assert array.tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]


def test_a_given_tensor_shares_nothing_with_the_case():
    array = np.ones(2)
    to_torch(array).zero_()
    assert array.tolist() == [1.0, 1.0]
    assert to_torch("as it is") == "as it is"
