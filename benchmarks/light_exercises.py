"""The exercises of the light assignment: for each a right answer, a wrong one, and plain asserts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Light:
    """One exercise.

    Parameters
    ----------
    name, arguments : str
        Of the function that is asked for.
    right, wrong : str
        Bodies of the function.
    test : str
        The cell that grades it. Where there is partial credit, its value is a number of points.
    points : int
    partly : tuple of str and float, or None
        A body that earns some of the points, and how many.
    """

    name: str
    arguments: str
    right: str
    wrong: str
    test: str
    points: int = 1
    partly: tuple[str, float] | None = None

    def answer(self, body: str) -> str:
        """The cell that a student writes."""
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        return f"def {self.name}({self.arguments}):\n{lines}"


TENSORS = (
    Light(
        "unit_rows",
        "x",
        "return x / x.norm(dim=1, keepdim=True)",
        "return x / x.norm()",
        "x = torch.tensor([[3.0, 4.0], [0.0, 2.0]])\n"
        "assert torch.allclose(unit_rows(x).norm(dim=1), torch.ones(2))",
    ),
    Light(
        "cosine",
        "a, b",
        "return a @ b / (a.norm() * b.norm())",
        "return a @ b",
        "a, b = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])\n"
        "assert torch.isclose(cosine(a, b), torch.tensor(1.0))",
    ),
    Light(
        "softmax",
        "x",
        "e = (x - x.max()).exp()\nreturn e / e.sum()",
        "return x / x.sum()",
        "x = torch.tensor([0.0, 1.0, 2.0])\n"
        "value = torch.allclose(softmax(x), torch.softmax(x, 0))\n"
        "stable = bool(torch.isfinite(softmax(1000 * x)).all())\n"
        "float(value) + float(value and stable)",
        points=2,
        partly=("return x.exp() / x.exp().sum()", 1.0),
    ),
    Light(
        "one_hot",
        "labels, classes",
        "return torch.eye(classes)[labels]",
        "return torch.zeros(len(labels), classes)",
        "got = one_hot(torch.tensor([2, 0]), 3)\nassert got.tolist() == [[0, 0, 1], [1, 0, 0]]",
    ),
    Light(
        "distances",
        "a, b",
        "return (a[:, None] - b[None]).norm(dim=2)",
        "return a @ b.T",
        "a, b = torch.randn(200, 8), torch.randn(150, 8)\n"
        "assert torch.allclose(distances(a, b), torch.cdist(a, b), atol=1e-4)",
    ),
    Light(
        "draw_curve",
        "values",
        "figure, axes = plt.subplots(figsize=(3, 2))\naxes.plot(values)\n"
        'axes.set_xlabel("step")\nreturn figure',
        "figure, axes = plt.subplots(figsize=(3, 2))\nreturn figure",
        "figure = draw_curve([3, 1, 2])\n"
        "assert len(figure.axes[0].lines) == 1\nassert figure.axes[0].get_xlabel() == 'step'",
    ),
)
ARRAYS = (
    Light(
        "moving_average",
        "x, width",
        'return np.convolve(x, np.ones(width) / width, mode="valid")',
        "return x",
        "assert np.allclose(moving_average(np.arange(5.0), 3), [1, 2, 3])",
    ),
    Light(
        "standardize",
        "x",
        "return (x - x.mean(axis=0)) / x.std(axis=0)",
        "return x - x.mean(axis=0)",
        "x = np.random.default_rng(0).normal(3, 2, size=(500, 4))\n"
        "assert np.allclose(standardize(x).std(axis=0), 1)",
    ),
    Light(
        "quantize",
        "x, scale",
        "return np.clip(np.round(x / scale), -128, 127).astype(np.int8)",
        "return x",
        "inside = np.array_equal(quantize(np.array([0.1, -0.26]), 0.1), [1, -3])\n"
        "outside = np.array_equal(quantize(np.array([99.0]), 0.1), [127])\n"
        "0.5 * inside + 1.5 * (inside and outside)",
        points=2,
        partly=("return np.round(x / scale).astype(np.int64)", 0.5),
    ),
    Light(
        "confusion",
        "truth, guess, classes",
        "counts = np.zeros((classes, classes), int)\nnp.add.at(counts, (truth, guess), 1)\nreturn counts",
        "return np.zeros((classes, classes), int)",
        "assert confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist() == [[1, 0], [1, 1]]",
    ),
    Light(
        "largest",
        "x, k",
        "return np.argsort(-x)[:k]",
        "return np.argsort(x)[:k]",
        "assert largest(np.array([1.0, 5.0, 3.0]), 2).tolist() == [1, 2]",
    ),
    Light(
        "draw_histogram",
        "x, bins",
        "figure, axes = plt.subplots(figsize=(3, 2))\naxes.hist(x, bins=bins)\nreturn figure",
        "return None",
        "figure = draw_histogram(np.arange(20.0), 4)\nassert len(figure.axes[0].patches) == 4",
    ),
)
NOTEBOOKS = {"tensors": TENSORS, "arrays": ARRAYS}
