# %% [markdown]
# # 08 · Quantization-aware training: learning on a staircase
#
# Rounding after training costs little on 8 bits and almost everything on 2. The remedy is old and simple: round
# during the training as well, so that the weights can settle where rounding does little harm. But rounding is a
# staircase, and the slope of a staircase is 0. So training follows a slope that is not there. In this lesson you
# build it, find out what it is the slope of, take the formula on the source card at its word, and ask of every gain
# whether training alone would not have brought it.
#
# **You need** lesson 06, and for the model lesson 05's idea of two towers. About 100 minutes for the core; exercises
# marked *stretch* are extra.
#
# **Afterwards you can** write fake quantization with its gradient, name the two things that the printed formula leaves
# out and what that does with SGD and with Adam, derive the gradient of a learned step, fold batch normalisation, and
# design the control that a claim about quantization-aware training needs.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go straight to lesson 09.</summary>
#
# 1. In fake quantization, what is the gradient of a value outside of the clipping range, and why?
# 2. Somebody reports that training with rounding raised the accuracy of a 3-bit model by 17 points. Which two other
#    models do you want to see?
# 3. A weight wants a value between two codes. What does it do in training, and what ends it?
#
# Answers: (1) 0: its output is the end of the grid, wherever exactly it lies. (2) One that was trained as long
# without rounding and then quantized, and one whose batch normalisation has only had its statistics measured anew.
# (3) It crosses the border between the two codes back and forth, so often on either side that the mean fits; a
# smaller learning rate, or freezing it.
# </details>

# %%
import math

import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("quantization_aware.round_ste") gives the first of three
from course_lib import quantization
from course_lib.experiments import quantization_aware as experiments
from course_lib.figures import LiveCurves, explore_straight_through, lines, show

# %% [markdown]
# ## The question
#
# The image tower of lesson 05's mini-CLIP has four convolutions with batch normalisation and one linear layer. We put
# its weights on $b$ bits (symmetric, one step for each output channel) *and* the inputs of every layer on $b$ bits
# (affine, ranges from 512 training pictures). Biases stay as they are. The text tower is left alone: its outputs can
# be computed once and stored. Recall at 1 among 1,720 emoji that were trained on, the same by the other vendor, and
# 191 held-out ones:

# %% tags=["experiment"]
table = experiments.post_training_table()
print("bits    seen   other vendor   held out   weights that are 0")
rows = {
    "32": table.full,
    **dict(zip(map(str, table.bits), table.quantized, strict=True)),
}
zeros = {"32": 0.0, **dict(zip(map(str, table.bits), table.zeros, strict=True))}
for bits, one in rows.items():
    print(
        f"{bits:>4} {one.seen:7.1%} {one.other_vendor:14.1%} {one.held_out:10.1%}"
        f" {zeros[bits]:20.0%}"
    )

# %% [markdown]
# 8 bits are free, 4 bits cost 1.4 points, 3 bits a quarter of the recall, and on 2 bits next to nothing is left. Will
# training help? That needs a control. **Predict:** the tower is trained for 208 more steps *in floating point* (16
# times all emoji), and then put on 3 bits. Which recall at 1 will it have on the emoji that it was trained on?
# (Without these steps: 56 %.)

# %%
predict("quantization_aware.predict_control", None)

# %% [markdown]
# ## A gradient for a staircase
#
# Let $y = \operatorname{round}(x)$. Move $x$ a little, and $y$ does not move at all, except at the halves, where it
# jumps. So $dy/dx = 0$ wherever there is a derivative. That is not an approximation: `torch.round` has the right
# gradient, and it is useless. No weight in front of a rounding would ever learn.
#
# The *straight-through estimator* replaces the slope of the staircase by the slope of the ramp that it climbs:
#
# $$y = \operatorname{round}(x), \qquad \frac{\partial L}{\partial x} := \frac{\partial L}{\partial y}.$$
#
# Write it. For rounding alone, a gradient of 1 everywhere is right.


# %% solution="quantization_aware.round_ste"
def round_ste(x):
    """Whole numbers nearest to x, whose gradient passes straight through.

    x: a float tensor of any shape. Returns a tensor like x.
    """
    ### BEGIN SOLUTION
    return x + (torch.round(x) - x).detach()
    ### END SOLUTION


# %% check="quantization_aware.round_ste"
check("quantization_aware.round_ste", round_ste)

# %% [markdown]
# ## What the estimator estimates
#
# Is there anything of which 1 *is* the derivative? Add noise before the rounding: $u$, uniform on
# $[-\frac12, \frac12]$, in steps. A value 0.3 steps above a code then goes up with probability 0.3, and down
# otherwise. **Derive** its mean, for a grid with the codes $q_{\min} \dots q_{\max}$ and $z = 0$. With
# $v = x/s = k + f$, where $k$ is whole and $0 \le f < 1$:
#
# $$E[\tilde x] = s\,\bigl[(1 - f)\,k + f\,(k + 1)\bigr] = s\,(k + f) = x \qquad \text{while } q_{\min} \le v \le q_{\max},$$
#
# and beyond an end both neighbours are clipped to it. So
# $E[\tilde x] = \operatorname{clip}(x,\ s\,q_{\min},\ s\,q_{\max})$: the noise has turned the staircase into a ramp,
# with slope 1 inside and 0 outside. *The estimator is the derivative of the mean under dither.* Write the dithered
# rounding.


# %% solution="quantization_aware.dithered_quantize"
def dithered_quantize(x, noise, scale, qmin, qmax):
    """Values of the grid, after adding noise (in steps) before the rounding.

    x, noise: float tensors of one shape; scale: a number > 0; qmin, qmax: integers.
    The zero point is 0. Returns a tensor like x.
    """
    ### BEGIN SOLUTION
    codes = torch.round(x / scale + noise)
    return scale * codes.clamp(qmin, qmax)
    ### END SOLUTION


# %% check="quantization_aware.dithered_quantize"
check("quantization_aware.dithered_quantize", dithered_quantize)

# %% [markdown]
# What is and what is not justified by this? Training does not add noise, and a loss is not linear. Take
# $L = \frac12 (\tilde x - t)^2$ with $t = 0.3$, on the codes $-2 \dots 1$ with steps of 1. Three slopes: the exact
# one of the mean loss under dither; the estimator's, averaged over the noise; and the estimator's without noise, as
# in training.

# %% tags=["experiment"]
dither = experiments.dithered()
show(
    lines(
        dither.x,
        {
            "slope of the mean loss": dither.slope,
            "estimator, averaged over noise": dither.estimated,
            "estimator in training": dither.without_noise,
        },
        title="The estimator follows the slope of the mean loss, half a step off at most",
        xlabel="x (codes −2 … 1, target 0.3)",
        ylabel="slope of the loss",
    ),
    alt="Three curves that rise from about −2 at x = −2 to 0.7 at x = 1 and are 0 outside: "
    "two staircases with steps at different places, and the straight line between them.",
)
print(
    f"mean of dithered values against clip(x): off by {dither.largest_error:.0e} at most"
)
gap = max(abs(a - b) for a, b in zip(dither.slope, dither.estimated, strict=True))
print(f"estimator against the slope of the mean loss: off by up to {gap:.2f}")

# %% [markdown]
# The mean is the clip, as closely as 4,001 draws can tell. The slope of the mean *loss* is another matter: it also counts the
# variance that the noise adds, $\frac12 s^2 f (1 - f)$, and the estimator does not see that. The two agree in the
# middle between codes, and differ by up to half a step elsewhere. So the estimator is exact for linear losses under
# dither, and in training it is a useful bias. Nothing guarantees that following it goes downhill. That it does is
# measured.

# %% [markdown]
# ## Fake quantization
#
# Now the whole map of lesson 06 in one step, from values to values:
#
# $$\tilde x = s\,\bigl(\operatorname{clip}(\operatorname{round}(x/s) + z,\ q_{\min},\ q_{\max}) - z\bigr), \qquad
# \frac{\partial L}{\partial x} = \frac{\partial L}{\partial \tilde x} \cdot \begin{cases} 1 & \text{inside} \\ 0 & \text{outside.}\end{cases}$$
#
# The 1 comes from $s \cdot 1 \cdot \frac1s$. The 0 needs no estimator: a clip has an honest derivative. Is a value
# that lies less than half a step beyond the last code inside? `torch` says yes, for its *rounded* code is a code; the
# papers say no, for the *value* is beyond the grid. Both are in use, and the checks accept both.


# %% solution="quantization_aware.fake_quantize"
def fake_quantize(x, scale, zero_point, qmin, qmax):
    """Values of x on the grid, with the straight-through gradient.

    x: a float tensor of any shape; scale: a number > 0; zero_point, qmin, qmax: integers.
    Returns a tensor like x; its gradient is 1 inside the clipping range and 0 outside.
    """
    ### BEGIN SOLUTION
    codes = quantization.round_ste(x / scale) + zero_point
    return scale * (codes.clamp(qmin, qmax) - zero_point)
    ### END SOLUTION


# %% check="quantization_aware.fake_quantize"
check("quantization_aware.fake_quantize", fake_quantize)

# %% [markdown]
# ## Test a gradient
#
# Write a test of `fake_quantize`: silent on right implementations, an `AssertionError` on wrong ones. Comparing with
# finite differences is out of the question here (why?), so you have to know what the gradient should be. Catch five
# of six plain mistakes, and for the last point three of four subtle ones. Stay clear of halves, and of the last half
# step beyond the ends.


# %% solution="quantization_aware.test_fake_quantize"
def test_fake_quantize(implementation):
    """Pass on right implementations of fake_quantize, raise AssertionError on wrong ones.

    implementation(x, scale, zero_point, qmin, qmax) returns a tensor with a gradient.
    """
    ### BEGIN SOLUTION
    # Grid: codes -4 … 3 with z = -1 and s = 0.5 stand for -1.5 … 2.
    x = torch.tensor([-9.0, -1.3, 0.1, 0.9, 1.9, 9.0], requires_grad=True)
    y = implementation(x, 0.5, -1, -4, 3)
    assert torch.allclose(y, torch.tensor([-1.5, -1.5, 0.0, 1.0, 2.0, 2.0]))
    upstream = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (gradient,) = torch.autograd.grad(y, x, upstream)
    assert torch.allclose(gradient, torch.tensor([0.0, 2.0, 3.0, 4.0, 5.0, 0.0]))
    ### END SOLUTION


# %% check="quantization_aware.test_fake_quantize"
check("quantization_aware.test_fake_quantize", test_fake_quantize)

# %% [markdown]
# ## As printed, and as meant
#
# The source card prints the estimator as $\partial L/\partial X \approx \partial L/\partial X_{\text{int}}$. Take it
# at its word. $X_{\text{int}}$ are the codes, and $\tilde X = s\,(X_{\text{int}} - z)$, so
#
# $$\frac{\partial L}{\partial X_{\text{int}}} = s\,\frac{\partial L}{\partial \tilde X}.$$
#
# Read literally, the gradient is $s$ times the one that is meant, and there is no clip in it. What does that do? Play
# first. Blue is the slope as meant, orange the printed one. **Find out:** how does a weight behave whose target lies
# between two codes? What becomes of a clipped weight, with either? Which of the two would you rather have in the case
# "Target outside"?

# %%
explore_straight_through()

# %% [markdown]
# A weight at 2.5, beyond a grid that ends at 1.75, under 500 steps of gradient descent towards 0.5 and towards 4:

# %% tags=["experiment"]
clipped = experiments.clipped_weight()
print("target       as meant   as printed")
for target, one, other in zip(
    clipped.targets, clipped.meant, clipped.literal, strict=True
):
    print(f"{target:6.1f} {one:14.2f} {other:12.2f}")
print(f"as printed, it is back inside after {clipped.steps_to_return} steps")

# %% [markdown]
# Neither is simply better. As meant, a clipped weight is *stuck*, even where the loss wants it back. As printed, it
# returns; but where the target is beyond the grid, it runs away, for ever: its $\tilde x$ has long been the last
# code, and nothing that it does changes the loss. The mask is the true derivative of the clip. Against stuck weights
# there are better means: a step that follows the largest weight, so that none is clipped, or one that learns (below).
#
# ### The factor $s$
#
# Now a layer of 16×32 weights, on 4 bits with $s = 0.05$, that learns to do what another one does: 200 steps, the
# loss as a share of that at the start.

# %% tags=["experiment"]
runs = experiments.optimizers()
print("                                          loss at the end")
print(f"gradient descent, as meant          {runs.sgd_meant:20.1%}")
print(f"gradient descent, as printed        {runs.sgd_literal:20.1%}")
print(f"  the same, and a rate 1/s as large {runs.sgd_literal_compensated:20.1%}")
print(f"Adam, as meant                      {runs.adam_meant:20.1%}")
print(f"Adam, as printed                    {runs.adam_literal:20.1%}")
print(f"weights of the first and the third differ by {runs.difference:.0e}")

# %% [markdown]
# For plain gradient descent the printed formula is the one that is meant, with a learning rate $s$ times as large:
# here a twentieth. Multiply the rate by $1/s$, and the paths are the same to the last bits. Adam divides by the size
# of the gradient, and a constant factor nearly cancels. So is it harmless, with Adam? One layer is no network. Here
# is one backward pass through the image tower; the number is the norm of the printed gradient, divided by that of the
# one meant.

# %% tags=["experiment"]
passes = [experiments.printed_gradients(bits) for bits in (8, 3, 2)]
print("layer              first    second     third    fourth      last")
for one in passes:
    print(f"{one.bits} bits, ratio ", *(f"{r:9.1e}" for r in one.ratio))
    print("    inputs' step", *(f"{s:9.3f}" for s in one.activation_steps))

# %% [markdown]
# Activations are quantized too, and on its way back the gradient passes each of them: *the factors multiply.* On 8
# bits the first layer's gradient is a billionth of what it should be. And steps need not be less than 1: on 2 bits
# the inputs' steps are 3.6 to 7.6, and the first layer's gradient becomes 75 times too *large*. "$s$ times too small"
# is true of weights.
#
# And Adam? It divides by $\sqrt{\hat v} + \varepsilon$ with $\varepsilon = 10^{-8}$, and a billionth of a small
# gradient is less than that. How far do six steps move each layer, as printed over as meant?

# %% tags=["experiment"]
for bits in (8, 3):
    travel = experiments.adam_travel(bits)
    print(
        f"{bits} bits, Adam: first to last layer", *(f"{r:8.3f}" for r in travel.ratio)
    )

# %% [markdown]
# On 3 bits Adam undoes the factor, to two parts in a thousand. On 8 bits $\varepsilon$ wins: the first layer moves a
# quarter of a per cent of the way, and the second not one per cent. Whoever debugs this will find a model that trains a
# little, in its last layers. Two recorded comparisons of 52 steps, three seeds each; recall at 1 of seen emoji, ±
# standard error:

# %% tags=["experiment"]
for bits in (3, 2):
    study = experiments.gradient_study(bits)
    for place, name in enumerate(study.optimizers):
        print(
            f"{bits} bits, {name:4}: as meant {study.meant[place]:6.1%} ± {study.meant_error[place]:.1%}"
            f" (loss {study.meant_loss[place]:.2f}), as printed {study.literal[place]:6.1%}"
            f" ± {study.literal_error[place]:.1%} (loss {study.literal_loss[place]:.2f})"
        )

# %% [markdown]
# On 3 bits the printed formula costs SGD two points, and Adam nothing. On 2 bits, where the first layer's gradient is
# 75 times too large, SGD ends at 4 % instead of 12 %; Adam's two results agree within their errors. One thing here
# should make you suspicious. On 3 bits even SGD with the printed formula, whose layers learn 7 to 40 times too slowly,
# lifts the recall from 56 to 71 %. Keep that in mind.

# %% [markdown]
# ## A step that learns
#
# With a step from the largest weight, 2 bits are the codes $-1, 0, 1$ for $-\max$, 0 and $\max$, and nine of
# ten weights become 0 (see the first table). Lesson 06 searched for a better clip limit. Here is a gradient for it, from *learned step size
# quantization*.
#
# **Derive it**, for $z = 0$. With $v = x/s$ inside the range, $\tilde x = s \operatorname{round}(v)$. Write
# $r = \operatorname{round}(v) - v$ for the rounding offset, and take it for a constant: that is the straight-through
# estimator again. Then
#
# $$\tilde x = s\,(v + r) = x + s\,r \ \Rightarrow\ \frac{\partial \tilde x}{\partial s} = r = \operatorname{round}(v) - v,
# \qquad \frac{\partial \tilde x}{\partial x} = 1.$$
#
# Outside, $\tilde x = s\,q_{\min}$ or $s\,q_{\max}$, and the derivative is that code. So values inside ask for a step
# that puts a code nearer to them, with at most half a vote each; a clipped value votes with $q_{\max}$ or $q_{\min}$
# to be let in.
#
# $s$ is one number for many values, and its gradient is a sum over all of them. The paper multiplies it by
#
# $$g = \frac{1}{\sqrt{\text{numel} \cdot q_{\max}}}$$
#
# so that a step changes, relative to its size, about as fast as the weights do. It starts at
# $2\,\overline{\lvert x \rvert}/\sqrt{q_{\max}}$.


# %% solution="quantization_aware.lsq_grads"
def lsq_grads(x, scale, qmin, qmax, upstream):
    """Gradients of learned step size quantization.

    x: a float tensor of any shape; scale: a 0-d tensor > 0; qmin <= 0 < qmax: integers;
    upstream: the gradient of the loss at the quantized values, shaped like x.
    Inside means qmin <= x/scale <= qmax. Returns the gradient of x, and that of scale with
    the factor 1 / sqrt(numel * qmax).
    """
    ### BEGIN SOLUTION
    v = x / scale
    inside = (v >= qmin) & (v <= qmax)
    offset = torch.where(inside, torch.round(v) - v, v.clamp(qmin, qmax))
    grad_scale = (upstream * offset).sum() / math.sqrt(x.numel() * qmax)
    return upstream * inside, grad_scale
    ### END SOLUTION


# %% check="quantization_aware.lsq_grads"
check("quantization_aware.lsq_grads", lsq_grads)

# %% [markdown]
# `quantization.lsq_fake_quantize` has this gradient, with one step for each output channel if you like. Torch's own
# (`torch._fake_quantize_learnable_per_tensor_affine`) decides by the rounded code whether a value is inside, so it
# differs in the half step beyond each end; elsewhere the two agree.

# %% [markdown]
# ## Two layers become one
#
# On the device there is no batch normalisation: it is folded into the layer in front of it. In evaluation mode both
# together compute, for output channel $n$,
#
# $$\gamma_n\,\frac{(W_n \cdot x + b_n) - \mu_n}{\sqrt{\sigma_n^2 + \varepsilon}} + \beta_n.$$
#
# **Derive** the weight and the bias of one layer that does the same. $\mu$ and $\sigma^2$ are the *running*
# statistics: those of a batch would make the result of a picture depend on its neighbours.


# %% solution="quantization_aware.fold_batch_norm"
def fold_batch_norm(weight, bias, gamma, beta, running_mean, running_var, eps):
    """Weight and bias of one layer that replaces a layer and its batch normalisation.

    weight: [outputs, inputs], or [outputs, channels, height, width] of a convolution;
    bias: [outputs] or None; the others: [outputs]; eps: a number > 0.
    Returns the weight, of the same shape, and the bias, [outputs].
    """
    ### BEGIN SOLUTION
    factor = gamma / torch.sqrt(running_var + eps)
    before = -running_mean if bias is None else bias - running_mean
    rows = factor.reshape(-1, *[1] * (weight.ndim - 1))
    return weight * rows, before * factor + beta
    ### END SOLUTION


# %% check="quantization_aware.fold_batch_norm"
check("quantization_aware.fold_batch_norm", fold_batch_norm)

# %% [markdown]
# When should it be folded: before the weights are quantized, or after? The first convolution of the tower, on 4 bits:

# %% tags=["experiment"]
folding = experiments.folding()
print(f"codes that change, one step for each output: {folding.per_channel:6.1%}")
print(f"                   one step for the weight:  {folding.per_tensor:6.1%}")
print(
    f"the integer tower's features, off by {folding.converted_error:.0e} (median, relative)"
)

# %% [markdown]
# With a step for each output channel it does not matter: the factor stretches the channel and its step alike, and no
# code changes (a negative $\gamma$ would turn their signs). With one step for the whole weight, four fifths of the
# codes change. So `prepare_qat`, which has one for each channel, trains with batch normalisation as it is, and
# `convert` folds it at the very end. What comes out has integer weights, and gives the same features to float
# rounding.

# %% [markdown]
# ## A layer in training
#
# Put the parts together. A layer in quantization-aware training keeps its weight in floating point, for the
# optimizer's small steps have to add up somewhere, and rounds a copy of it in every forward pass. It watches the
# range of its inputs until it is told to stop.
#
# Use what `quantization` has: `code_range`, `affine_qparams`, `channel_qparams`, `fake_quantize`, `quantize`.


# %% solution="quantization_aware.QuantLinear"
class QuantLinear:
    """A linear layer whose inputs and weight are rounded while it is trained.

    weight: [outputs, inputs], bias: [outputs]: float tensors to copy; attributes of these names
    require gradients. bits: of inputs and weight alike.
    low, high: 0-d tensors, the range of all inputs watched so far and 0; both start at 0.
    """

    def __init__(self, weight, bias, bits):
        ### BEGIN SOLUTION
        self.weight = weight.detach().clone().requires_grad_()
        self.bias = bias.detach().clone().requires_grad_()
        self.bits, self.observing = bits, True
        self.low = self.high = torch.zeros((), dtype=weight.dtype)
        self.weight_codes = quantization.code_range(bits, narrow=True)
        ### END SOLUTION

    def forward(self, x):
        """x: [batch, inputs]. Watch x unless told to stop; then round x and the weight.

        x: affine over [low, high], the codes of code_range(bits). Weight: symmetric, a step for
        each output from its largest entry, the codes of code_range(bits, narrow=True).
        """
        ### BEGIN SOLUTION
        if self.observing:
            self.low = torch.minimum(self.low, x.detach().min())
            self.high = torch.maximum(self.high, x.detach().max())
        codes = quantization.code_range(self.bits)
        scale, zero_point = quantization.affine_qparams(self.low, self.high, *codes)
        x = quantization.fake_quantize(x, scale, int(zero_point), *codes)
        weight = quantization.fake_quantize(
            self.weight, self._steps(), 0, *self.weight_codes, axis=0
        )
        return x @ weight.T + self.bias
        ### END SOLUTION

    def stop_observing(self):
        """From now on, low and high stay as they are."""
        ### BEGIN SOLUTION
        self.observing = False
        ### END SOLUTION

    def codes(self):
        """The weight as int8 codes: what the device will hold."""
        ### BEGIN SOLUTION
        return quantization.quantize(
            self.weight.detach(), self._steps(), 0, *self.weight_codes, axis=0
        )

    def _steps(self):
        return quantization.channel_qparams(
            self.weight, *self.weight_codes, symmetric=True
        ).scale
        ### END SOLUTION


# %% check="quantization_aware.QuantLinear"
check("quantization_aware.QuantLinear", QuantLinear)

# %% [markdown]
# `quantization.prepare_qat` does this to a whole model, on a copy. Watch it: the image tower on 3 bits, trained
# against the frozen texts, four times all emoji with Adam. Observers follow the first half, and rest in the second.
# Ten seconds on two idle cores. (Recall of the curves is among 191 candidates.)

# %% tags=["experiment"]
PANELS = {
    "loss in nats": ["loss"],
    "recall at 1 of 191": ["trained", "other_vendor", "held_out"],
}
curves = LiveCurves("The image tower, 3 bits", 4, PANELS)
watched = experiments.train_aware(
    bits=3, epochs=4, on_epoch=lambda epoch: curves(**epoch._asdict())
)
print(
    f"recall at 1 of 1,720, integers: {watched.before.seen:.1%} → {watched.after.seen:.1%}"
)

# %% [markdown]
# Recall of seen emoji rises from 56 to 74 %, in 52 steps. Is that what rounding in training is worth?

# %% [markdown]
# ## Does it pay?
#
# Not yet known: the tower was also *trained*. The recorded study (`scripts/study_quantization.py`) gives two sides the
# same batches, 208 steps, the same rate and five seeds. One side is trained in floating point and then quantized, the
# other is trained with rounding. The rate was tuned for neither.

# %% tags=["experiment"]
seen = experiments.arms_study("seen")
reveal("quantization_aware.predict_control", 100 * seen.float_then_quantized[2])
learned = experiments.arms_study("seen", arm="lsq")
show(
    lines(
        seen.bits,
        {
            "trained in floating point, then quantized": seen.float_then_quantized,
            "trained with rounding": seen.aware,
            "with rounding, and learned steps": (math.nan, *learned.aware),
        },
        errors={
            "trained in floating point, then quantized": seen.float_then_quantized_error,
            "trained with rounding": seen.aware_error,
        },
        references={"trained in floating point, 32 bits": seen.trained_float},
        title="Rounding in training pays where bits are few (bars: standard error)",
        xlabel="bits of weights and activations",
        ylabel="recall at 1 of seen emoji",
        xscale="log",
    ),
    alt="Recall against bits for three ways of training: alike at 8 bits, apart at 3 and 2.",
)
print("gain, in points of recall at 1:")
for measure in ("seen", "other_vendor", "held_out"):
    arms = experiments.arms_study(measure)
    gains = [
        f"{b} bits {100 * g:5.1f} ± {100 * e:.1f}"
        for b, g, e in zip(arms.bits, arms.gain, arms.gain_error, strict=True)
    ]
    print(f"  {measure.replace('_', ' '):13}", "   ".join(gains))

# %% [markdown]
# On 8 bits there is nothing to gain. On 3 bits training in floating point alone brings 60.5 % and training with
# rounding 77 %, of the 81 % that 32 bits reach; on 2 bits, 4 % and 34 %. On the other vendor's drawings the gain is 7
# points on 3 bits, and on held-out emoji 3. On 4 bits it is one point for seen emoji, and for held-out ones it is
# *negative*. (The errors are those of training again. That only 191 emoji are held out adds about 3 points of
# uncertainty to every recall there, but the two arms share the emoji.)
#
# ### The other control
#
# Batch normalisation's running statistics were measured on a tower without rounding. Rounding shifts means and
# variances, and any training *with rounding in the forward pass* mends that, whatever its gradient. So measure the
# statistics anew, with rounding, on all training pictures, and train nothing:

# %% tags=["experiment"]
print("recall at 1 of seen emoji     8 bits   4 bits   3 bits   2 bits")
print("no training                ", *(f"{one.seen:8.1%}" for one in table.quantized))
print("  and new statistics       ", *(f"{one.seen:8.1%}" for one in table.renewed))
fresh = experiments.arms_study("seen_renewed")
print("trained float, quantized   ", *(f"{r:8.1%}" for r in seen.float_then_quantized))
print("  and new statistics       ", *(f"{r:8.1%}" for r in fresh.float_then_quantized))
print("trained with rounding      ", *(f"{r:8.1%}" for r in seen.aware))
print("  and new statistics       ", *(f"{r:8.1%}" for r in fresh.aware))

# %% [markdown]
# New statistics alone, without one gradient, lift the 3-bit tower from 56 to 65 %: that is what you were to keep in
# mind. They lift the control as well, from 60.5 to 67 %, so the gain of training *with rounding* shrinks from 16.5 to
# 10 points. On 4 bits it shrinks from one point to nothing. On 2 bits they help nobody: there the features themselves
# are gone. A table with only "no training" and "trained with rounding" in it would have credited the estimator with
# 20 points on 3 bits, twice what is its own.
#
# ### Learned steps

# %% tags=["experiment"]
print("                 step from the largest weight   learned step")
for measure in ("seen", "held_out"):
    fixed = experiments.arms_study(measure)
    free = experiments.arms_study(measure, arm="lsq")
    for place, bits in enumerate(free.bits):
        print(
            f"{measure.replace('_', ' '):9} {bits} bits"
            f" {fixed.aware[place + 1]:16.1%} ± {fixed.aware_error[place + 1]:.1%}"
            f" {free.aware[place]:18.1%} ± {free.aware_error[place]:.1%}"
        )

# %% [markdown]
# On 4 and 3 bits the learned steps change nothing beyond the errors. On 2 bits they bring ten points: there a
# step from the largest weight leaves most codes at 0, and something has to cut the weights off. What did the step
# learn to do? For a bell curve and the squared error itself:

# %% tags=["experiment"]
limit = experiments.learned_limit()
print("largest code at, in standard deviations   signal to noise")
print(f"the largest value  {limit.largest:22.2f} {limit.largest_db:17.2f} dB")
print(f"learned            {limit.learned:22.2f} {limit.learned_db:17.2f} dB")
print(f"best               {limit.best:22.2f} {limit.best_db:17.2f} dB")

# %% [markdown]
# It cuts off, as it should, and not exactly at the best place: the gradient of the step is an estimate, and where it
# is 0 the error is not quite least.

# %% [markdown]
# ## Weights that cannot decide
#
# You have seen it in the explorer: a weight whose target lies between two codes does not come to rest. Let
# $L = \frac12(\tilde x - t)^2$ with $t = 0.3$ between the codes 0 and 1. Below the border, $\tilde x = 0$ and the
# weight is pushed up by $0.3\,\eta$ a step; above it, $\tilde x = 1$, and it is pushed down by $0.7\,\eta$. It can
# only shuttle across the border at 0.5, and it has to spend 30 % of its time above, so that the pushes cancel. **How
# would a smaller learning rate help?**

# %% tags=["experiment"]
print("rate      above the border   way covered   reversals per step")
for rate, steps in ((0.1, 200), (0.01, 2000)):
    one = experiments.between(learning_rate=rate, steps=steps)
    print(
        f"{rate:<9} {one.share_up:16.0%} {one.travel:13.3f} {one.reversals / steps:20.2f}"
    )

# %% [markdown]
# Hardly: the weight moves less, around the same border, and its code flips as often as before. In floating point a
# smaller rate means a smaller error. Here $\tilde x$ jumps by a whole step, whatever the rate.
#
# **Predict.** The tower is trained on 3 bits, at a constant rate. In the last 50 of 104 steps, which share of its
# half a million weights will reverse the direction of their code at least twice?

# %%
predict("quantization_aware.predict_flips", None)

# %% tags=["experiment"]
restless = experiments.oscillation_study()
reveal("quantization_aware.predict_flips", 100 * restless.share[1])
print(
    "rate       oscillating          near a border       recall at 1          and new statistics"
)
for place, name in enumerate(restless.schedules):
    pairs = [
        (restless.share, restless.share_error),
        (restless.near, restless.near_error),
        (restless.recall, restless.recall_error),
        (restless.renewed, restless.renewed_error),
    ]
    print(f"{name:9}", *(f"{v[place]:8.2%} ± {e[place]:6.2%}  " for v, e in pairs))

# %% [markdown]
# At a constant rate one weight in forty oscillates, and a rate that falls to 0 leaves one in four hundred. The
# constant rate costs 3 points of recall. Is that the oscillation? Here is the control, the same steps *in floating
# point*:

# %% tags=["experiment"]
smooth = experiments.float_rate_study()
print("in floating point            recall at 1          and new statistics")
for place, name in enumerate(smooth.schedules):
    print(
        f"{name:9} {smooth.recall[place]:27.2%} ± {smooth.recall_error[place]:.2%}"
        f" {smooth.renewed[place]:14.2%} ± {smooth.renewed_error[place]:.2%}"
    )

# %% [markdown]
# A constant rate costs 2.5 points where nothing is rounded, too. So most of what it costs on 3 bits, 3.1 points, is the
# rate, and a price of oscillation cannot be seen beyond the errors. New statistics bring back a part on either side
# (0.7 points are left with rounding, 1.6 without): weights that keep moving leave batch normalisation behind. And
# freezing the weights that oscillate, at their most frequent code, changes the recall by no more than the errors,
# while *other* weights oscillate instead: 2.3 % of all.
#
# Nagel et al. find weights crowded at the borders between codes, after many epochs. We do not: within a tenth of a
# step of a border lie 21 % of the weights, and an even spread would have 20 %. 104 steps from a trained model are too
# few for that.

# %% [markdown]
# ## Explain it
#
# A colleague has implemented the card's formula as it is printed and says: *"We use Adam, so a constant factor cannot
# matter. And the clip is in the forward pass already."* Answer both sentences in about six lines. Then say what the
# straight-through estimator is the derivative of.

# %% [markdown] solution="quantization_aware.explain_printed"
# **1.** ∂L/∂X_int is s · ∂L/∂X̃. In one layer that is a factor, and Adam nearly removes it. But activations are
# quantized as well, and the factors of all later layers multiply: on 8 bits the first layer's gradient was a
# billionth, which is below Adam's ε, so that layer stood still. With SGD each layer has its own, much smaller rate.
# Where steps are wider than 1 the gradient grows instead.
#
# **2.** The clip in the forward pass means that a value outside cannot change its output. Its derivative is 0, and
# the printed formula gives s. A weight whose target is beyond the grid is pushed outwards for ever.
#
# **3.** It is the derivative of the mean of x̃ under dither, which is clip(x): exact for losses that are linear in
# x̃. Training has no dither, and its losses are not linear, so it is a bias that works in practice.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("quantization_aware.explain_printed")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* A linear layer without a bias, and the batch normalisation behind it, are to become integers after
# training. `last_batch` are the inputs of the last training step. The function runs without a complaint, and it has
# three bugs.
#
# ```python
# def convert_layer(weight, gamma, beta, running_mean, running_var, last_batch, bits, eps):
#     y = last_batch @ weight.T
#     mean, var = y.mean(dim=0), y.var(dim=0)
#     factor = gamma / (torch.sqrt(var) + eps)
#     folded, bias = weight * factor[:, None], beta - mean * factor
#     qmax = 2 ** (bits - 1) - 1
#     scale = folded.abs().amax(dim=1) / qmax
#     codes = torch.round(folded / scale[:, None]).to(torch.int8)
#     return codes, scale, scale * torch.round(bias / scale).clamp(-qmax, qmax)
# ```
#
# Write it without them. If you mend some and miss others, the check says which are left.


# %% solution="quantization_aware.convert_layer"
def convert_layer(
    weight, gamma, beta, running_mean, running_var, last_batch, bits, eps
):
    """Codes (int8), the step of each output, and the bias, of both layers together.

    weight: [outputs, inputs]; gamma, beta, running_mean, running_var: [outputs];
    last_batch: [batch, inputs]; bits: an integer from 2 to 8; eps: a number > 0.
    """
    ### BEGIN SOLUTION
    statistics = running_mean, running_var, eps
    folded, bias = quantization.fold_batch_norm(weight, None, gamma, beta, *statistics)
    codes, scale, _ = quantization.quantize_per_channel(
        folded, *quantization.code_range(bits, narrow=True), symmetric=True
    )
    return codes, scale, bias  # of floats: there is one for each output
    ### END SOLUTION


# %% check="quantization_aware.convert_layer"
check("quantization_aware.convert_layer", convert_layer)

# %% [markdown]
# What they cost, for a layer of 64 inputs on 8 bits and a last batch of 8. Signal to noise of the output:

# %% tags=["experiment"]
buggy = experiments.buggy_conversion()
print(f"three bugs                         {buggy.printed:6.1f} dB")
print(f"none                               {buggy.mended:6.1f} dB")
print(f"only the batch's statistics        {buggy.only_batch_statistics:6.1f} dB")
print(
    f"  compared in training mode on that batch {buggy.batch_statistics_on_their_batch:.1f} dB"
)
print(f"only the rounded bias              {buggy.only_bias:6.1f} dB")

# %% [markdown]
# Compared with the model in *training* mode, on the batch in question, the bug in the statistics looks perfect: that
# model uses the batch's statistics, too. Convert, and compare in evaluation mode.

# %% [markdown]
# ## What to gain, and what to watch
#
# | for deployment | seen |
# |---|---|
# | models on 3 bits and fewer, where rounding after training fails: 60.5 → 77 % on 3 bits, 4 → 34 % on 2 | "Does it pay?" |
# | the integer model is known during training: what is measured is what is shipped, to float rounding | "Two layers become one" |
# | learned steps, where the largest weight is a bad limit: 34 → 44 % on 2 bits | "Learned steps" |
#
# | limitation or caveat | seen |
# |---|---|
# | it needs training data, a loss and the whole training pipeline; rounding afterwards needs 512 pictures | "The question" |
# | on 8 bits nothing is gained, and on 4 bits nothing beyond new statistics | "The other control" |
# | the gradient is not one: a bias without a guarantee, and a step that ends beside the best | "What the estimator estimates", "Learned steps" |
# | some weights oscillate, at any constant rate (what that costs could not be seen here) | "Weights that cannot decide" |
# | clipped weights are stuck | "As printed, and as meant" |
# | on held-out emoji the gain is a fifth of that on seen ones (3.4 and 16.5 points on 3 bits) | "Does it pay?" |
# | 34 % on 2 bits is still far from 81 %: bits cannot be trained away | "Does it pay?" |
#

# %% [markdown]
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | true derivative of rounding | 0 almost everywhere |
# | straight-through estimator | $\partial L/\partial x = \partial L/\partial \tilde x$ inside $[q_{\min}, q_{\max}]$, 0 outside |
# | as printed, taken literally | $\partial L/\partial x = s\,\partial L/\partial \tilde x$ everywhere |
# | what it is the derivative of | $E_u[\tilde x] = \operatorname{clip}(x, s\,q_{\min}, s\,q_{\max})$, $u$ uniform on $\pm\frac12$ step |
# | slope of the mean loss, for $\frac12 (\tilde x - t)^2$ | $s\,(k + \frac12) - t$ between codes $k$ and $k + 1$ |
# | learned step | $\partial \tilde x/\partial s = \operatorname{round}(v) - v$ inside, $q_{\min}$ below, $q_{\max}$ above; times $1/\sqrt{\text{numel}\cdot q_{\max}}$ |
# | its start | $2\,\overline{\lvert x \rvert}/\sqrt{q_{\max}}$ |
# | folding | $W' = W\,\gamma/\sqrt{\sigma^2 + \varepsilon}$, $b' = (b - \mu)\,\gamma/\sqrt{\sigma^2 + \varepsilon} + \beta$ |
# | a weight between two codes | spends the share $(t - s k)/s$ of its time at the upper one, at any rate |
#
# ## What an interviewer asks next
#
# `course drill --topic quantization_aware` in a terminal, or `import drills; drills.session(topic="quantization_aware")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. Why does `torch.autograd.gradcheck` fail on fake quantization, and what would you test instead?
# 2. Your 8-bit model gains a point from quantization-aware training. What is the control? *(Training as long without.)*
# 3. Adam, ε and the printed formula: when does the factor $s$ matter? *(Deep chains; steps far from 1.)*
# 4. Where may batch normalisation be folded before training, and where only after? *(One step for each channel; one for all.)*
# 5. The weight is clipped, and its gradient is 0. Name two ways to bring it back. *(A range that follows; a step that learns; weight decay.)*
# 6. Why does a smaller learning rate not stop a weight from oscillating, and why does a rate that falls to 0 help?
# 7. What has to be kept in floating point during the training, and why? *(The weights behind the codes.)*
#
# ## Reading
#
# - Bengio et al. 2013, *Estimating or Propagating Gradients Through Stochastic Neurons*, arXiv:1308.3432. Section 3: the
#   estimator, and its authors' doubts.
# - Jacob et al. 2017, arXiv:1712.05877. Section 3: training with simulated quantization, ranges by moving averages, folding.
# - Esser et al. 2019, *Learned Step Size Quantization*, arXiv:1902.08153. Two pages of method; the ablation of the factor $g$ is in section 3.4.
# - Nagel et al. 2022, *Overcoming Oscillations in Quantization-Aware Training*, arXiv:2203.08452. The oscillation, what it does to batch
#   normalisation, and two remedies.
# - Yin et al. 2019, *Understanding Straight-Through Estimator in Training Activation Quantized Neural Nets*, arXiv:1903.05662. When the biased
#   slope does go downhill.
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–5 | Everyone writes the gradient of fake quantization from memory; compare masks. |
# | 5–15 | One person derives $E_u[\tilde x]$ at the board, another the gradient of the step. |
# | 15–25 | In the explorer: find settings in which the printed formula is better than the one meant. Are they honest? |
# | 25–35 | Design a table that would convince you that a 4-bit model needs training with rounding. How many rows has it? |
# | 35–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
