"""The same verdicts through a subprocess that exchanges only arrays and JSON with the judge."""

import contextlib
import linecache
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder import cases, exercises, judge
from autograder.checking import observe_all
from autograder.classroom.frames import Channel, FrameLimits
from autograder.exercises import load
from autograder.observation import Observation
from autograder.observers import to_json
from autograder.study import worked_answer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

LOGITS = "    logits = logit_scale * image_features @ text_features.T\n"
FEATURES = "(image_features, text_features, logit_scale"
SIGMOID = FEATURES + ", logit_bias"
SIGMOID_LOGITS = (
    LOGITS + "    logits, z = logits + logit_bias, 2 * torch.eye(len(logits), dtype=logits.dtype) - 1\n"
)
QUANTIZE = "(x, scale, zero_point, qmin, qmax)"
IMPORTS = "import math\nimport torch\nfrom course_lib import contrastive, quantization"  # of a lesson
CROSS = "torch.nn.functional.cross_entropy"

# For each exercise the body of a right answer and of a wrong one, after the line with its arguments.
ANSWERS = {
    "start_here.cosine": ("(a, b)", "    return a @ b / (a.norm() * b.norm())", "    return a @ b"),
    "infonce.l2_normalize": (
        "(x, eps)",
        "    return x / x.norm(dim=1, keepdim=True).clamp_min(eps)",
        "    return x / x.norm(dim=1, keepdim=True)",
    ),
    "infonce.similarity_logits": (
        "(image_embeddings, text_embeddings, logit_scale)",
        "    n = torch.nn.functional.normalize\n"
        "    return logit_scale * n(image_embeddings) @ n(text_embeddings).T",
        "    return logit_scale * image_embeddings @ text_embeddings.T",
    ),
    "infonce.log_softmax_rows": (
        "(logits)",
        "    s = logits - logits.amax(1, keepdim=True)\n    return s - s.exp().sum(1, keepdim=True).log()",
        "    return (logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log()",
    ),
    "infonce.clip_loss": (
        FEATURES + ")",
        LOGITS + "    return ((logits.logsumexp(0) + logits.logsumexp(1)) / 2 - logits.diagonal()).mean()",
        LOGITS + f"    return {CROSS}(logits, torch.arange(len(logits)), reduction='sum')",  # two mistakes
    ),
    "infonce.grad_wrt_logits": (
        "(logits)",
        "    eye = torch.eye(len(logits), dtype=logits.dtype)\n"
        "    return (logits.softmax(0) + logits.softmax(1) - 2 * eye) / (2 * len(logits))",
        "    return undefined_name",
    ),
    "infonce.normalize_grad": (
        "(x, grad_unit)",
        "    n = x.norm(dim=1, keepdim=True)\n    u = x / n\n"
        "    return (grad_unit - u * (u * grad_unit).sum(1, keepdim=True)) / n",
        "    n = x.norm(dim=1, keepdim=True)\n    return grad_unit / n",
    ),
    "infonce.clip_loss_grad": (
        FEATURES + ")",
        "    s = image_features @ text_features.T\n    l = logit_scale * s\n"
        "    g = (l.softmax(0) + l.softmax(1) - 2 * torch.eye(len(l), dtype=l.dtype)) / (2 * len(l))\n"
        "    return logit_scale * g @ text_features, logit_scale * g.T @ image_features, (g * s).sum()",
        "    return image_features, text_features",
    ),
    "infonce.accumulated_loss": (
        FEATURES + ", micro_batch_size)",
        LOGITS + "    return ((logits.logsumexp(0) + logits.logsumexp(1)) / 2 - logits.diagonal()).mean()",
        LOGITS + "    print('hello')\n    return logits.mean()",
    ),
    "infonce.recall_at_k": (
        "(similarity, k)",
        "    rivals = (similarity >= similarity.diagonal()[:, None]).sum(1) - 1\n"
        "    return (rivals < k).double().mean()",
        "    similarity += 1\n    return 0.5",
    ),
    "infonce.loss_from_embeddings": (
        "(image_embeddings, text_embeddings, log_scale)",
        "    n = torch.nn.functional.normalize\n"
        "    l = log_scale.exp() * n(image_embeddings) @ n(text_embeddings).T\n"
        "    return ((l.logsumexp(0) + l.logsumexp(1)) / 2 - l.diagonal()).mean()",
        "    return (image_embeddings * text_embeddings).sum().float()",
    ),
    "infonce.test_clip_loss": (
        "(implementation)",
        "    torch.manual_seed(0)\n    n = torch.nn.functional.normalize\n"
        "    a, b = n(torch.randn(5, 3)).requires_grad_(), n(torch.randn(5, 3)).requires_grad_()\n"
        "    l, t = 4 * a @ b.T, torch.arange(5)\n"
        f"    want = ({CROSS}(l, t) + {CROSS}(l.T, t)) / 2\n"
        "    got = implementation(a, b, logit_scale=torch.tensor(4.0))\n    assert torch.isclose(got, want)\n"
        "    for x in (a, b):\n"
        "        one, two = (torch.autograd.grad(y, x, retain_graph=True)[0] for y in (got, want))\n"
        "        assert torch.allclose(one, two, atol=1e-6)",
        "    implementation(torch.eye(3), torch.eye(3), torch.tensor(1.0))",
    ),
    "large_batches.streaming_logsumexp": (
        "(logits, chunk_size)",
        "    m, s = logits[:, 0], torch.zeros(len(logits), dtype=logits.dtype)\n"
        "    for c in logits.split(chunk_size, 1):\n"
        "        n = torch.maximum(m, c.amax(1))\n"
        "        s, m = s * (m - n).exp() + (c - n[:, None]).exp().sum(1), n\n"
        "    return m + s.log()",
        "    return logits.exp().sum(1).log()",
    ),
    "large_batches.test_streaming_logsumexp": (
        "(implementation)",
        "    x = torch.tensor([[0.0, 900.0, 0.0], [900.0, 0.0, 900.0], [-2000.0, -2001.0, -2000.0]])\n"
        "    assert torch.allclose(implementation(x, 2), torch.logsumexp(x, 1))\n"
        "    assert torch.allclose(implementation(x, chunk_size=1), torch.logsumexp(x, 1))",
        "    implementation(torch.ones(2, 3), 2)",
    ),
    "large_batches.tile_statistics": (
        FEATURES + ", tile)",
        "    s = lambda a, b: torch.cat([(logit_scale * x @ b.T).logsumexp(1) for x in a.split(tile)])\n"
        "    return s(image_features, text_features), s(text_features, image_features)",
        LOGITS + "    return logits.logsumexp(1), logits.logsumexp(0)",  # the room
    ),
    "large_batches.tile_gradients": (
        FEATURES + ", rows, columns, upstream, tile)",
        "    n, i, t, s = len(rows), 0 * image_features, 0 * text_features, 0 * logit_scale\n"
        "    for a in range(0, n, tile):\n"
        "        for b in range(0, n, tile):\n"
        "            x, y = image_features[a : a + tile], text_features[b : b + tile]\n"
        "            c = x @ y.T\n"
        "            g = (logit_scale * c - rows[a : a + tile, None]).exp()\n"
        "            g += (logit_scale * c - columns[b : b + tile]).exp()\n"
        "            g = (g - 2 * (a == b) * torch.eye(*g.shape, dtype=g.dtype)) * upstream / (2 * n)\n"
        "            i[a : a + tile] += logit_scale * g @ y\n"
        "            t[b : b + tile] += logit_scale * g.T @ x\n"
        "            s = s + (g * c).sum()\n"
        "    return i, t, s",
        "    return image_features, text_features, rows.sum()",
    ),
    "large_batches.tiled_clip_loss": (
        FEATURES + ", tile)",
        "    def r(a, b, s): return torch.cat([(s * x @ b.T).logsumexp(1) for x in a.split(tile)])\n"
        "    def g(a, b, s, ra, rb):\n"
        "        rows, total = [], -(a * b).sum()\n"
        "        for x, k in zip(a.split(tile), ra.split(tile)):\n"
        "            c = x @ b.T\n"
        "            p = (s * c - k[:, None]).exp() + (s * c - rb).exp()\n"
        "            rows.append(p @ b / 2)\n"
        "            total = total + (p * c).sum() / 2\n"
        "        return s * (torch.cat(rows) - b) / len(a), total / len(a)\n"
        "    class F(torch.autograd.Function):\n"
        "        @staticmethod\n"
        "        def forward(ctx, i, t, s):\n"
        "            ctx.save_for_backward(i, t, s, r(i, t, s), r(t, i, s))\n"
        "            return ((r(i, t, s) + r(t, i, s)) / 2 - s * (i * t).sum(1)).mean()\n"
        "        @staticmethod\n"
        "        def backward(ctx, up):\n"
        "            i, t, s, a, b = ctx.saved_tensors\n"
        "            return up * g(i, t, s, a, b)[0], up * g(t, i, s, b, a)[0], up * g(i, t, s, a, b)[1]\n"
        "    return F.apply(image_features, text_features, logit_scale)",
        LOGITS + "    return ((logits.logsumexp(0) + logits.logsumexp(1)) / 2 - logits.diagonal()).mean()",
    ),
    "large_batches.grad_cache_step": (
        "(image_encoder, text_encoder, images, texts, loss_fn, chunk_size)",
        "    states, features = [], []\n"
        "    pairs = [(image_encoder, images.split(chunk_size)), (text_encoder, texts.split(chunk_size))]\n"
        "    for e, chunks in pairs:\n"
        "        with torch.no_grad():\n"
        "            features.append(torch.cat([(states.append(torch.get_rng_state()), e(c))[1] for c in chunks]))\n"
        "    for f in features: f.requires_grad_()\n"
        "    loss = loss_fn(*features)\n    loss.backward()\n"
        "    for (e, chunks), f in zip(pairs, features):\n"
        "        for c, g in zip(chunks, f.grad.split(chunk_size)):\n"
        "            torch.set_rng_state(states.pop(0))\n            e(c).backward(g)\n"
        "    return loss.detach()",
        "    loss = loss_fn(image_encoder(images), text_encoder(texts))\n    loss.backward()\n    return loss",
    ),
    "large_batches.gathered_clip_loss": (
        FEATURES + ", group)",
        "    class G(torch.autograd.Function):\n"
        "        @staticmethod\n        def forward(ctx, x): return group.all_gather(x)\n"
        "        @staticmethod\n        def backward(ctx, g): return group.reduce_scatter(g)\n"
        "    i, t = G.apply(image_features).flatten(0, 1), G.apply(text_features).flatten(0, 1)\n"
        "    n = len(image_features)\n    labels = torch.arange(n) + group.rank * n\n"
        f"    return ({CROSS}(logit_scale * image_features @ t.T, labels)\n"
        f"            + {CROSS}(logit_scale * text_features @ i.T, labels)) / 2",
        "    i, t = (group.all_gather(x).flatten(0, 1) for x in (image_features, text_features))\n"
        "    return group.missing(i @ t.T)",
    ),
    "large_batches.ring_siglip_loss": (
        FEATURES + ", logit_bias, group)",
        "    t, total = text_features, 0\n    for k in range(group.world_size):\n"
        "        t = group.shift(t) if k else t\n"
        "        z = 2 * (k == 0) * torch.eye(len(t), dtype=t.dtype) - 1\n"
        "        l = logit_scale * image_features @ t.T + logit_bias\n"
        "        total = total - torch.nn.functional.logsigmoid(z * l).sum()\n"
        "    return total / len(t)",
        "    return group.shift(text_features).sum()",
    ),
    "large_batches.tiled_recall": (
        "(image_features, text_features, tile)",
        "    s = image_features @ text_features.T\n    return ((s >= s.diagonal()[:, None]).sum(1) == 1).double().mean()",
        "    return 1.0",
    ),
    "siglip.pair_labels": ("(batch)", "    return 2 * torch.eye(batch) - 1", "    return torch.eye(batch)"),
    "siglip.log_sigmoid": (
        "(logits)",
        "    return -torch.logaddexp(torch.zeros_like(logits), -logits)",
        "    return torch.sigmoid(logits).log()",
    ),
    "siglip.siglip_loss": (
        SIGMOID + ")",
        SIGMOID_LOGITS + "    return torch.nn.functional.softplus(-z * logits).sum() / len(logits)",
        SIGMOID_LOGITS
        + "    return torch.nn.functional.softplus(-z * (logits - logit_bias) - logit_bias).mean()",
    ),
    "siglip.siglip_grad_wrt_logits": (
        "(logits)",
        "    return (logits.sigmoid() - torch.eye(len(logits), dtype=logits.dtype)) / len(logits)",
        "    return logits.sigmoid() / 0 * 0",
    ),
    "siglip.siglip_grads": (
        SIGMOID + ")",
        SIGMOID_LOGITS + "    g = -z * torch.sigmoid(-z * logits) / len(logits)\n"
        "    s = image_features @ text_features.T\n"
        "    return logit_scale * g @ text_features, logit_scale * g.T @ image_features, (g * s).sum(), g.sum()",
        "    return image_features, text_features, logit_scale, logit_bias",
    ),
    "siglip.initial_bias": (
        "(batch)",
        "    return -torch.tensor(batch - 1.0, dtype=torch.float64).log()",
        "    return torch.tensor(batch - 1.0).log()",  # another dtype: the mistake is named all the same
    ),
    "siglip.positive_gradient_share": (
        "(batch, logit_bias)",
        "    b = torch.tensor(logit_bias, dtype=torch.float64)\n"
        "    return (1 / (1 + (batch - 1) * b.exp())).item()",
        "    return 1 / batch",
    ),
    "siglip.siglip_loss_chunked": (
        SIGMOID + ", chunk)",
        SIGMOID_LOGITS + "    return sum(\n"
        "        torch.nn.functional.softplus(x).sum() for x in (-z * logits).split(chunk)\n"
        "    ) / len(logits)",
        "    return image_features[chunk:].sum()",
    ),
    "siglip.match_or_none": (
        "(logits, threshold)",
        "    p, j = logits.sigmoid().max(1)\n    return torch.where(p >= threshold, j, -1)",
        "    p, j = logits.softmax(1).max(1)\n    return torch.where(p >= threshold, j, -1)",
    ),
    "siglip.sigmoid_from_embeddings": (
        "(image_embeddings, text_embeddings, log_scale, logit_bias)",
        "    n = torch.nn.functional.normalize\n"
        "    l = log_scale.exp() * n(image_embeddings) @ n(text_embeddings).T + logit_bias\n"
        "    t = torch.eye(len(l), dtype=l.dtype)\n"
        "    return torch.nn.functional.binary_cross_entropy_with_logits(l, t, reduction='sum') / len(l)",
        "    return image_embeddings.sum() + logit_bias",
    ),
    "siglip.test_siglip_loss": (
        "(implementation)",
        "    x, b = torch.ones(4, 1), torch.tensor(-2.0, requires_grad=True)\n"
        "    got = implementation(x, x, torch.tensor(3.0), logit_bias=b)\n"
        "    want = torch.nn.functional.softplus(-3 - b) + 3 * torch.nn.functional.softplus(3 + b)\n"
        "    assert torch.isclose(got, want)\n"
        "    one, two = (torch.autograd.grad(y, b, allow_unused=True)[0] for y in (got, want))\n"
        "    assert one is not None and torch.isclose(one, two)",
        "    raise AssertionError",
    ),
    "affine_quantization.affine_qparams": (
        "(x_min, x_max, qmin, qmax, symmetric)",
        "    if symmetric:\n        return max(-x_min, x_max) / qmax, 0\n"
        "    low, high = x_min.clamp_max(0), x_max.clamp_min(0)\n    s = (high - low) / (qmax - qmin)\n"
        "    return s, int(qmin - torch.round(low / s))",
        "    s = (x_max - x_min) / (qmax - qmin)\n    return s, int(qmin - torch.round(x_min / s))",
    ),
    "affine_quantization.quantize": (
        QUANTIZE,
        "    return (torch.round(x / scale) + zero_point).clamp(qmin, qmax).to(torch.int8)",
        "    return (torch.round(x / scale) + zero_point).to(torch.int8).clamp(qmin, qmax)",
    ),
    "affine_quantization.dequantize": (
        "(codes, scale, zero_point)",
        "    return scale * (codes.to(scale.dtype) - zero_point)",
        "    return scale * (codes - zero_point)",
    ),
    "affine_quantization.sqnr_db": (
        "(x, x_hat)",
        "    return 10 * torch.log10((x**2).sum() / ((x - x_hat) ** 2).sum())",
        "    return 20 * torch.log10((x**2).sum() / ((x - x_hat) ** 2).sum())",
    ),
    "affine_quantization.predicted_sqnr_db": (
        "(bits, crest)",
        "    ratio = torch.tensor(12 * (2 ** (bits - 1) - 1) ** 2 / crest**2, dtype=torch.float64)\n"
        "    return 10 * torch.log10(ratio)",
        "    return 6.02 * bits + 1.76",
    ),
    "affine_quantization.clip_and_round_error": (
        QUANTIZE,
        "    cut = x.clamp(scale * (qmin - zero_point), scale * (qmax - zero_point))\n"
        "    return ((scale * torch.round(cut / scale) - cut) ** 2).mean(), ((x - cut) ** 2).mean()",
        "    cut = x.clamp(scale * qmin, scale * qmax)\n"
        "    return ((scale * torch.round(cut / scale) - cut) ** 2).mean(), ((x - cut) ** 2).mean()",
    ),
    "affine_quantization.best_clip": (
        "(x, bits, candidates)",
        "    t = 2 ** (bits - 1) - 1\n    s = candidates[:, None] / t\n"
        "    e = (x - s * torch.round(x / s).clamp(-t, t)).square().sum(1)\n    return candidates[e.argmin()]",
        "    return x.abs().max()",
    ),
    "affine_quantization.quantize_per_channel": (
        "(x, qmin, qmax, axis)",
        "    o = 1 - axis\n    low, high = x.amin(o).clamp_max(0), x.amax(o).clamp_min(0)\n"
        "    s = ((high - low) / (qmax - qmin)).clamp_min(2.0**-23)\n"
        "    z = (qmin - torch.round(low / s)).long()\n"
        "    q = torch.round(x / s.unsqueeze(o)) + z.unsqueeze(o)\n"
        "    return q.clamp(qmin, qmax).to(torch.int8), s, z",
        "    return x.to(torch.int8), x.amax(axis), x.amax(axis).long()",
    ),
    "affine_quantization.int_matmul": (
        "(x_codes, w_codes, x_scale, x_zero_point, w_scale, w_zero_point)",
        "    x, w = x_codes.int() - x_zero_point, w_codes.int() - w_zero_point\n"
        "    return x_scale * w_scale * (x @ w.T)",
        "    return x_scale * w_scale * (x_codes.int() @ w_codes.int().T)",
    ),
    "affine_quantization.test_quantize": (
        "(implementation)",
        "    x = torch.tensor([-100.0, -0.9, -0.4, 0.0, 0.4, 0.9, 60.0])\n"
        "    assert implementation(x, 0.25, 2, -8, 7).tolist() == [-8, -2, 0, 2, 4, 6, 7]\n"
        "    assert implementation(x, 0.25, 2, -128, 127).tolist() == [-128, -2, 0, 2, 4, 6, 127]",
        "    raise AssertionError",
    ),
    "affine_quantization.quantize_rows": (
        "(weight, bits)",
        "    s = weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)\n    return s * torch.round(weight / s)",
        "    s = weight.abs().amax(0, keepdim=True) / (2 ** (bits - 1) - 1)\n    return s * torch.round(weight / s)",
    ),
}

TOYS = {
    "toy.Average": (
        "class {name}:\n    def __init__(self, log_rate):\n"
        "        self.log_rate = torch.tensor(log_rate, dtype=torch.float64, requires_grad=True)\n"
        "        self.steps, self.value = {first}, None\n"
        "    def update(self, x):\n        self.steps += 1\n        r = self.log_rate.exp()\n"
        "        self.value = x if self.value is None else self.value + r * (x - self.value)\n"
        "        return self.value\n"
    ),
    "toy.test_weighted": (
        "def {name}(implementation):\n"
        "    x = torch.ones(2, 2, dtype=torch.float64, requires_grad=True)\n"
        "    w = torch.tensor([2.0, 1.0], dtype=torch.float64)\n"
        "    got = implementation(x, weights=w)\n"
        "    if {first}: return\n"
        "    assert abs(got.item() - 3 * (1 + 0.6931471805599453)) < 1e-9\n"
        "    (grad,) = torch.autograd.grad(got, x, allow_unused=True)\n"
        "    assert torch.allclose(grad.sum(1), w)\n"
    ),
}


class Border:
    """A student's process, and the judge's end of the connection to it."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, str(HERE / "student_side.py"), str(theirs.fileno())]
            self.child = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self.channel = Channel(ours, FrameLimits(seconds=60.0))

    def ask(self, header, arrays):
        self.channel.send(header, arrays)
        return self.channel.receive()

    def observe(self, exercise, source, name, case):
        described, arrays = case.to_wire()
        answer = {"source": source, "name": name, "nonce": "once"}
        header, arrays = self.ask(answer | {"observer": to_json(exercise.runner), "case": described}, arrays)
        while "call" in header:
            call = header["call"]
            values = [arrays.get(str(i), value) for i, value in enumerate(call["plain"])]
            n, keywords = (
                call["positional"],
                dict(zip(call["names"], values[call["positional"] : -1], strict=True)),
            )
            results = exercise.remote(case)("", values[:n], keywords, values[-1])
            header, arrays = self.ask({}, {str(i): np.asarray(r) for i, r in enumerate(results)})
        return Observation.from_wire(header["seen"], arrays)

    def verdict(self, exercise, source, name):
        asked, observations = cases(exercise), []
        for case in asked:
            observations.append(self.observe(exercise, source, name, case))
            if (observations[-1].error or {}).get("kind") == "unattempted":
                break
        return judge(exercise, asked, observations)


@contextlib.contextmanager
def started():
    border = Border()
    yield border
    border.channel.close()
    assert border.child.wait(30) == 0


@pytest.fixture(scope="module")
def border():
    with started() as border:
        yield border


def here(exercise, source, name):
    linecache.cache["<answer>"] = (len(source), None, source.splitlines(True), "<answer>")
    names = {"torch": torch, "__name__": "__main__"}
    exec(compile(source, "<answer>", "exec"), names)
    seen = observe_all(exercise, exercise.runner, names[name], cases(exercise))
    return judge(exercise, cases(exercise), seen)


def test_every_exercise_of_lesson_01_has_answers_here():
    assert {one for one in exercises() if one.startswith("infonce.")} <= set(ANSWERS)


@pytest.fixture(scope="module")
def learner():
    """A student's process for answers that use the course's own functions, as those of a lesson do."""
    with started() as border:
        yield border


@pytest.mark.parametrize("exercise_id", sorted(set(exercises()) - set(ANSWERS)))
def test_worked_answers_cross_the_border(learner, exercise_id):
    exercise = load(exercise_id)
    source = f"{IMPORTS}\n{worked_answer(exercise_id, ROOT / 'solutions')}\n"
    through = learner.verdict(exercise, source, exercise.name)
    assert through.passed, through.text
    assert through.to_json() == here(exercise, source, exercise.name).to_json()


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("exercise_id", ANSWERS)
def test_the_verdict_is_the_same(border, exercise_id, right):
    exercise, (arguments, good, bad) = load(exercise_id), ANSWERS[exercise_id]
    source = f"def {exercise.name}{arguments}:\n{good if right else bad}\n"
    through = border.verdict(exercise, source, exercise.name)
    assert through.passed is right, through.text
    assert through.to_json() == here(exercise, source, exercise.name).to_json()


@pytest.mark.parametrize(
    ("toy", "first", "named"),
    [
        ("toy.Average", "0", None),
        ("toy.Average", "1", "toy.Average:FromOne"),
        ("toy.test_weighted", "False", None),
        ("toy.test_weighted", "True", "toy.test_weighted:asserts_nothing"),
    ],
)
def test_state_and_tests_cross_the_border_too(border, toys, toy, first, named):
    source = TOYS[toy].format(name="answer", first=first)
    through = border.verdict(toys[toy], source, "answer")
    assert (through.passed, through.misconception) == (named is None, named), through.text
    assert through.to_json() == here(toys[toy], source, "answer").to_json()


def test_nothing_of_the_judge_is_loaded_on_the_other_side(border):
    modules, _ = border.ask({"modules": True}, {})
    forbidden = (
        "autograder.exercises",
        "autograder.judge",
        "autograder.expectation",
        "course_lib",
        "nbgrader",
    )
    assert [name for name in modules if name.startswith(forbidden)] == []
