# %% [markdown]
# # 06 · Affine quantization: what eight bits keep
#
# A 32-bit weight takes four bytes, and a language model reads every weight for every token that it writes. Replace the
# weights by 8-bit integers, and a quarter of the bytes is left to read. The price is an error in each weight. In this
# lesson you build the map from numbers to integers and back, split its error into two kinds, find out when the usual
# estimate of it fails, multiply matrices in integers, and meet a tensor whose error looks healthy and is not.
#
# **You need** lesson 00, logarithms, and means of squares. No lesson of the contrastive half is needed. About 100
# minutes for the core; exercises marked *stretch* are extra.
#
# **Afterwards you can** derive scale and zero point for any range, say what an error in decibels means and hides,
# choose where to clip and how many scales to use, and write the integer matrix product from memory.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go straight to lesson 07.</summary>
#
# 1. A tensor's values lie between 2 and 6. Why should its grid reach down to 0 all the same?
# 2. Each bit more halves the step. How many decibels is that, and when is it less?
# 3. Which scales can be taken out of an integer matrix product: one for each output channel, or one for each input
#    channel?
#
# Answers: (1) Zeros occur that are not in the data: padding, masks, a ReLU. Without a code of its own a 0 becomes
# something else, and a zero point clamped into the codes shifts everything. (2) 6.02 dB; less when clipping makes up
# part of the error. (3) Output channels: the sum runs over the inputs, so a factor that depends on the input
# cannot leave it.
# </details>

# %%
import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("affine_quantization.quantize") gives the next of three
from course_lib import quantization
from course_lib.data import paired_features
from course_lib.experiments import affine_quantization as experiments
from course_lib.figures import bars, explore_affine, image_grid, lines, show

# %% [markdown]
# ## The question
#
# How few bits does a picture need? Pictures are quantized already: each colour value is one of 256 levels. So 8 bits
# keep everything, and these emoji show what fewer levels do.

# %% tags=["experiment"]
names = ["cat face", "pizza", "rocket", "rainbow"]
few = experiments.pictures(names, bits=(8, 4, 3, 2))
captions = [f"{bits} bits" for bits in few.bits for _ in names]
show(
    image_grid(
        few.versions.flatten(0, 1).numpy(),
        captions,
        title="Four emoji on 256, 16, 8 and 4 levels",
        columns=len(names),
    ),
    alt="Four emoji, each on 8, 4, 3 and 2 bits. On 4 bits hardly a difference can be "
    "seen; on 2 bits smooth shades have become a few flat colours.",
)
print(
    *(
        f"{b} bits: signal to noise {db:.1f} dB"
        for b, db in zip(few.bits[1:], few.sqnr[1:], strict=True)
    ),
    sep="\n",
)

# %% [markdown]
# On 4 bits one has to look twice; on 2 bits the shades are gone. But these values were made for a grid: they fill their
# range evenly and have no outliers. Weights and activations look like bell curves with long tails.
#
# **Predict.** Take 100,000 values of a bell curve, and put three codes ($-1$, $0$, $1$: two bits, symmetric) over
# their whole range, from $-\max|x|$ to $\max|x|$. The signal-to-noise ratio is 0 dB if every value is replaced by
# zero, and 20 dB if the error is a tenth of the signal. What is it here?

# %%
predict("affine_quantization.predict_two_bits", None)

# %% [markdown]
# ## Scale and zero point
#
# The map is affine. A value $x$ gets an integer code $q$, and a code stands for a value $\tilde x$:
#
# $$q = \operatorname{clip}\bigl(\operatorname{round}(x / s) + z,\ q_{\min},\ q_{\max}\bigr), \qquad
# \tilde x = s\,(q - z).$$
#
# $s$ is the *scale*, the width of one step. $z$ is the *zero point*, the code of the value 0. (In lessons
# 01–05, $s_{ij}$ is a cosine, $z_{ij}$ a label and $b$ a bias. They are not related.) $b$ bits hold the codes $-2^{b-1}, \dots, 2^{b-1} - 1$, or
# $0, \dots, 2^b - 1$ without a sign.
#
# Which $s$ and $z$ fit values between $x_{\min}$ and $x_{\max}$? **Derive it.** The codes from $q_{\min}$ to
# $q_{\max}$ are $q_{\max} - q_{\min}$ steps, so
#
# $$s = \frac{x_{\max} - x_{\min}}{q_{\max} - q_{\min}}, \qquad
# x_{\min} = s\,(q_{\min} - z) \ \Rightarrow\ z = q_{\min} - \operatorname{round}(x_{\min} / s).$$
#
# $z$ has to be rounded: it is a code. And 0 has to have one, so the range is first widened to contain it:
# $[\min(x_{\min}, 0),\ \max(x_{\max}, 0)]$. You will see below what happens otherwise.
#
# The *symmetric* grid is simpler: $z = 0$ and
#
# $$s = \frac{\max(|x_{\min}|, |x_{\max}|)}{2^{b-1} - 1}.$$
#
# Here the divisor is $q_{\max}$ (127 for int8), as in the papers. `torch.ao` divides by 127.5 instead, half of all
# steps; neither is wrong, but mixing them is.


# %% solution="affine_quantization.affine_qparams"
def affine_qparams(x_min, x_max, qmin, qmax, symmetric):
    """Scale and zero point of a grid over [x_min, x_max] and 0.

    x_min <= x_max: 0-d tensors, not both 0; qmin < qmax: integers; symmetric: a bool
    (then qmin < 0 < qmax, and max|x| gets the code qmax).
    Returns scale, zero_point: a 0-d tensor or number, and an integer.
    """
    ### BEGIN SOLUTION
    if symmetric:
        return torch.maximum(x_min.abs(), x_max.abs()) / qmax, 0
    low, high = x_min.clamp_max(0), x_max.clamp_min(0)
    scale = (high - low) / (qmax - qmin)
    return scale, int(qmin - torch.round(low / scale))
    ### END SOLUTION


# %% check="affine_quantization.affine_qparams"
check("affine_quantization.affine_qparams", affine_qparams)

# %% [markdown]
# ### A zero that is missing
#
# Values between 2 and 6, int8, and one padding zero. Three ways to make a grid: over $[2, 6]$ alone, whose zero point
# is not a code; the same with $z$ clamped into the codes; and over $[0, 6]$. All three are found in public code.

# %% tags=["experiment"]
missing = experiments.without_zero()
print(f"grid over [2, 6]:              0 becomes {missing.zero_becomes:.3f}")
print(
    f"the same, z clamped:           0 becomes {missing.clamped_zero_becomes:.3f}, "
    f"and {missing.clamped_share_cut:.0%} of the values are cut off"
)
print(f"widened to [0, 6]:             0 becomes {missing.widened_zero_becomes:.3f}")

# %% [markdown]
# The first turns every padding zero into a 2. The second repairs the zero and cuts off half of the data: it moved the
# grid without widening it. The third pays with a step that is 1.5 times as wide, and with nothing else.

# %% [markdown]
# ## From values to codes
#
# Now the map itself. Round to the nearest code (halves either way), clip to the codes, and return `torch.int8`.
# The order of the last two matters.


# %% solution="affine_quantization.quantize"
def quantize(x, scale, zero_point, qmin, qmax):
    """Codes of the values x.

    x: a float tensor of any shape; scale: a number > 0; zero_point, qmin, qmax: integers
    with -128 <= qmin < qmax <= 127. Returns a tensor of torch.int8, shaped like x.
    """
    ### BEGIN SOLUTION
    codes = torch.round(x / scale) + zero_point
    return codes.clamp(qmin, qmax).to(torch.int8)
    ### END SOLUTION


# %% check="affine_quantization.quantize"
check("affine_quantization.quantize", quantize)

# %% [markdown]
# ## And back
#
# One line. Mind the dtype in which you subtract.


# %% solution="affine_quantization.dequantize"
def dequantize(codes, scale, zero_point):
    """Values that the codes stand for.

    codes: a tensor of torch.int8; scale: a 0-d tensor; zero_point: an integer.
    Returns a tensor of the dtype of scale, shaped like codes.
    """
    ### BEGIN SOLUTION
    return scale * (codes.to(scale.dtype) - zero_point)
    ### END SOLUTION


# %% check="affine_quantization.dequantize"
check("affine_quantization.dequantize", dequantize)

# %% [markdown]
# <details>
# <summary><b>Why</b> is no value inside the range off by more than half a step, although <i>z</i> was rounded? Think first.</summary>
#
# Rounding $z$ moves the whole grid by at most half a step. Inside it, the nearest grid point is at most $s/2$ away.
# At the ends the range may stick out of the moved grid, but by no more than half a step; such a value is clipped to
# the end and is also off by at most $s/2$.
# </details>
#
# ### As printed, and as computed
#
# The card from which this course grew prints these formulas, $s = \max|X| / (2^{b-1} - 1)$, and the error
# $E = \lVert X - \tilde X \rVert_2^2$. The next cell evaluates them value by value in plain Python, beside
# `quantization`.

# %% tags=["experiment"]
printed = experiments.printed_map()
print(f"codes that differ:                                  {printed.codes_differ}")
print(f"largest difference of a dequantized value:          {printed.values_error:.1e}")
print(f"difference of the scales:                           {printed.scale_error:.1e}")
print(f"difference of the errors E:                         {printed.error_error:.1e}")
print(
    f"code of 0 in a tensor of zeros, by the formula:     {printed.code_of_a_dead_tensor}"
)
print(
    f"codes changed by clipping after the cast to int8:   {printed.clipped_too_late} of 1000"
)

# %% [markdown]
# The formulas are right. They leave two things to you: a tensor of zeros has $s = 0$, and its code is $0/0$, so a scale
# needs a lower bound (the library's is $2^{-23}$); and the clip has to come before the conversion, because in int8 a
# 200 is a −56. (That line uses a grid over a quarter of the range, as calibration gives one.)

# %% [markdown]
# ## Test the tests
#
# Write a test that receives an implementation of `quantize`, returns silently if it is right, and fails with `assert`
# if it is wrong. It will be run on several correct implementations, all of which it must accept, and on wrong ones:
# catch at least four of the plain ones, and for the last point two of three subtle ones.
#
# Think of values whose codes you can work out by hand, on both sides of 0, inside and far outside. Correct
# implementations may round halves differently: avoid them.


# %% solution="affine_quantization.test_quantize"
def test_quantize(implementation):
    """Pass on right implementations of quantize, raise AssertionError on wrong ones.

    implementation(x, scale, zero_point, qmin, qmax) returns int8 codes.
    """
    ### BEGIN SOLUTION
    x = torch.tensor([-100.0, -0.9, -0.4, 0.0, 0.4, 0.9, 60.0, 100.0])
    four_bits = implementation(x, 0.25, 2, -8, 7)
    assert four_bits.tolist() == [-8, -2, 0, 2, 4, 6, 7, 7]
    # 60 / 0.25 = 240 fits into no int8: here a clip that comes too late can be seen.
    eight_bits = implementation(x, 0.25, -3, -128, 127)
    assert eight_bits.tolist() == [-128, -7, -5, -3, -1, 1, 127, 127]
    ### END SOLUTION


# %% check="affine_quantization.test_quantize"
check("affine_quantization.test_quantize", test_quantize)

# %% [markdown]
# ## Signal and noise
#
# $E$ grows with the tensor and with the unit of $x$. To compare, divide the power of the signal by the power of the
# error, and take the logarithm: the *signal to quantization noise ratio*, in decibels,
#
# $$\text{SQNR} = 10 \log_{10} \frac{\sum x^2}{\sum (x - \tilde x)^2}.$$


# %% solution="affine_quantization.sqnr_db"
def sqnr_db(x, x_hat):
    """Signal to quantization noise ratio in dB.

    x, x_hat: float tensors of one shape, x not all zeros. Returns a number.
    """
    ### BEGIN SOLUTION
    return 10 * torch.log10((x**2).sum() / ((x - x_hat) ** 2).sum())
    ### END SOLUTION


# %% check="affine_quantization.sqnr_db"
check("affine_quantization.sqnr_db", sqnr_db)

# %% [markdown]
# ## How much noise to expect
#
# If the steps are small beside the spread of the values, the rounding error $e$ is as good as uniform on
# $[-s/2, s/2]$, whatever the distribution of $x$. Its mean square is
#
# $$\frac1s \int_{-s/2}^{s/2} e^2 \, de = \frac{s^2}{12}.$$
#
# **Derive** the ratio from it, for a symmetric grid over the whole range. Let the *crest* be $\max|x|$ divided by the
# root mean square of $x$: how far the largest value stands out. The unit of $x$ has to cancel.


# %% solution="affine_quantization.predicted_sqnr_db"
def predicted_sqnr_db(bits, crest):
    """SQNR in dB, if the noise power is s**2 / 12 and s = max|x| / (2**(bits - 1) - 1).

    bits: an integer >= 2; crest: max|x| / rms(x). Returns a number.
    """
    ### BEGIN SOLUTION
    levels = 2 ** (bits - 1) - 1
    # In units of the rms the signal's power is 1, and max|x| is the crest.
    step = torch.tensor(crest, dtype=torch.float64) / levels
    return 10 * torch.log10(1 / (step**2 / 12))
    ### END SOLUTION


# %% check="affine_quantization.predicted_sqnr_db"
check("affine_quantization.predicted_sqnr_db", predicted_sqnr_db)

# %% [markdown]
# One bit more halves the step: $20 \log_{10} 2 = 6.02$ dB. An outlier that doubles the crest costs the same 6.02 dB:
# *one stray value can cost a bit of every other value.*
#
# How far does the twelfth carry? The ratio of the measured rounding error to $s^2/12$, for 400,000 values of a bell curve:

# %% tags=["experiment"]
law = experiments.twelfth()
print("bits                       ", *(f"{b:7d}" for b in law.bits))
print("measured / (s²/12)         ", *(f"{r:7.3f}" for r in law.ratio))
print("steps per standard deviation", *(f"{n:6.2f}" for n in law.steps_per_deviation))

# %% [markdown]
# It is right to 0.2 % down to 3 bits, where a standard deviation is hardly more than half a step. At 2 bits it is off
# by a factor of two: nearly all values lie in the one step around 0, and are anything but uniform in it.

# %% [markdown]
# ## Two sources of error
#
# A value inside the grid is *rounded*; one outside is *clipped* to the end. Each value has one of the two errors, so the
# mean squared error is a sum of two parts. The grid reaches from $s(q_{\min} - z)$ to $s(q_{\max} - z)$.


# %% solution="affine_quantization.clip_and_round_error"
def clip_and_round_error(x, scale, zero_point, qmin, qmax):
    """The mean squared error of x on a grid, split by its source.

    Arguments as for quantize. Returns rounding, clipping: 0-d tensors that add up to the
    mean squared error over all of x.
    """
    ### BEGIN SOLUTION
    codes = quantization.quantize(x, scale, zero_point, qmin, qmax)
    squared = (x - scale * (codes.to(x.dtype) - zero_point)) ** 2
    outside = (x < scale * (qmin - zero_point)) | (x > scale * (qmax - zero_point))
    return squared[~outside].sum() / x.numel(), squared[outside].sum() / x.numel()
    ### END SOLUTION


# %% check="affine_quantization.clip_and_round_error"
check("affine_quantization.clip_and_round_error", clip_and_round_error)

# %% [markdown]
# Now play. Grey are the values, the ticks are the grid, the green diamond is 0 with its code. Move the limits inwards
# (click a slider, then use the arrow keys). **Find out:** at 3 bits, how much of the bell curve should be cut off? What
# does one stray value do, and what is it worth to cut it off? After a ReLU, which grid wastes half of its codes?
# And does clipping still pay at 8 bits? The last entry of "Values" is real: features of emoji pictures.

# %%
features = torch.tensor(paired_features("noto", 191).first)
explore_affine({"emoji features": features})

# %% [markdown]
# The same as curves, for 4 bits. A narrower grid has a smaller step, so rounding falls with the square of the limit,
# while clipping grows:

# %% tags=["experiment"]
curve = experiments.error_curve(bits=4)
lowest = min(range(len(curve.limits)), key=curve.total.__getitem__)
show(
    lines(
        curve.limits,
        {
            "rounding": curve.rounding,
            "clipping": curve.clipping,
            "their sum": curve.total,
        },
        title="A bell curve on 4 bits: the least error lies between two evils",
        xlabel="clip limit, in standard deviations",
        ylabel="mean squared error",
        yscale="log",
    ),
    alt="Rounding error rising and clipping error falling with the clip limit, and "
    f"their sum, which is least at {curve.limits[lowest]:.1f} standard deviations.",
)
print(
    f"least at {curve.limits[lowest]:.1f} standard deviations: rounding "
    f"{curve.rounding[lowest]:.4f} + clipping {curve.clipping[lowest]:.4f}"
)

# %% [markdown]
# ## Where to cut
#
# *Stretch.* So the whole range is seldom the best range. Search: for each candidate limit $c$, lay the symmetric grid
# with $s = c / (2^{b-1} - 1)$ and codes $-(2^{b-1}-1), \dots, 2^{b-1}-1$, and return the candidate with the least mean
# squared error. You may use `quantization.fake_quantize`, which quantizes and dequantizes at once.


# %% solution="affine_quantization.best_clip"
def best_clip(x, bits, candidates):
    """The candidate clip limit with the least mean squared error.

    x: a float tensor; bits: an integer >= 2; candidates: [M], all positive.
    Returns one of the candidates.
    """
    ### BEGIN SOLUTION
    top = 2 ** (bits - 1) - 1
    errors = [
        ((x - quantization.fake_quantize(x, limit / top, 0, -top, top)) ** 2).mean()
        for limit in candidates
    ]
    return candidates[torch.stack(errors).argmin()]
    ### END SOLUTION


# %% check="affine_quantization.best_clip"
check("affine_quantization.best_clip", best_clip)

# %% [markdown]
# And your prediction:

# %% tags=["experiment"]
few_bits = experiments.few_bits()
reveal("affine_quantization.predict_two_bits", few_bits.whole_range[0])
print("bits                    ", *(f"{b:6d}" for b in few_bits.bits))
print("whole range, dB         ", *(f"{db:6.1f}" for db in few_bits.whole_range))
print("  predicted by s²/12    ", *(f"{db:6.1f}" for db in few_bits.predicted))
print("best clip limit, dB     ", *(f"{db:6.1f}" for db in few_bits.clipped))
print("  in standard deviations", *(f"{c:6.2f}" for c in few_bits.limits))

# %% [markdown]
# Three codes over the whole range keep almost nothing: 0.2 dB, where zeros would have 0. The largest of 100,000 values is
# 4.96 standard deviations out, and everything below half of that rounds to 0. Cut at 1.24 standard deviations, the
# same three codes have 7.2 dB. At 4 bits the gain is 5 dB, nearly a bit; at 8 bits it is 1.2 dB.
#
# From 3 bits on, $s^2/12$ predicts the first line to 0.03 dB. At 2 bits it predicts −3.1 dB, worse than nothing.
#
# ### On real features
#
# What does this do to a task? Emoji pictures and captions, as the features of lesson 01, in which 28 % of 191
# unseen pictures find their caption first (chance is 0.5 %). Put both sides on few bits, over the whole range and with
# the best limit.
#
# **Predict** the recall at 1 with 2 bits and the best limit, in percent.

# %%
predict("affine_quantization.predict_recall", None)

# %% tags=["experiment"]
found = experiments.retrieval()
reveal("affine_quantization.predict_recall", 100 * found.recall_clipped[-1])
print("bits                       ", *(f"{b:6d}" for b in found.bits))
print("whole range: recall at 1   ", *(f"{r:6.1%}" for r in found.recall))
print("             features, dB  ", *(f"{db:6.1f}" for db in found.sqnr))
print("best limit:  recall at 1   ", *(f"{r:6.1%}" for r in found.recall_clipped))
print("             features, dB  ", *(f"{db:6.1f}" for db in found.sqnr_clipped))
print(f"32 bits:     recall at 1    {found.full:6.1%}")

# %% [markdown]
# With the whole range, 2 bits find nothing at all: nearly every feature is 0, and all captions tie. With a good
# limit, 2 bits keep 23 %, of 28. Down to 4 bits neither grid costs more than two of the 191 pictures (one is
# 0.5 %). The error of the features says which grid is better, but not what it costs in recall: 12 dB were nearly free,
# and 5 dB cost a fifth.
#
# ### Codes that nothing uses
#
# After a ReLU no value is negative. A symmetric int8 grid keeps half of its codes for values that never come:

# %% tags=["experiment"]
relu = experiments.after_relu()
print(f"mean squared error, affine:    {relu.affine:.2e}")
print(
    f"mean squared error, symmetric: {relu.symmetric:.2e}, {relu.ratio:.2f} times that"
)
print(f"negative codes that are used:  {relu.negative_codes_used} of 128")

# %% [markdown]
# A factor of $(255/127)^2 = 4.03$: a bit. That is why activations mostly get affine grids or unsigned codes, and
# weights, which are centred on 0, symmetric ones.

# %% [markdown]
# ## A scale for each channel
#
# One scale for a tensor is set by its largest value. If channels differ in size, the small ones pay. Give each channel
# a grid of its own: a vector of scales, a vector of zero points. You may use `quantization.affine_qparams`, which takes
# vectors, and has the lower bound that a channel of zeros needs. Think about which axis is reduced, and how the
# scales line up with `x` afterwards.


# %% solution="affine_quantization.quantize_per_channel"
def quantize_per_channel(x, qmin, qmax, axis):
    """Quantize each channel over its own range (affine, not symmetric).

    x: [rows, columns]; qmin, qmax: integers of at most 8 bits; axis: 0 if the rows are
    the channels, 1 if the columns are.
    Returns codes, like x and of torch.int8, and scale and zero_point, [channels].
    """
    ### BEGIN SOLUTION
    other = 1 - axis
    scale, zero_point = quantization.affine_qparams(
        x.amin(dim=other), x.amax(dim=other), qmin, qmax
    )
    codes = torch.round(x / scale.unsqueeze(other)) + zero_point.unsqueeze(other)
    return codes.clamp(qmin, qmax).to(torch.int8), scale, zero_point
    ### END SOLUTION


# %% check="affine_quantization.quantize_per_channel"
check("affine_quantization.quantize_per_channel", quantize_per_channel)

# %% [markdown]
# ### The healthy tensor
#
# A weight of 256 channels, all alike but for one, which is 100 times as loud. One int8 scale for all. Its signal-to-noise
# ratio is 18 dB: in amplitude, the error is an eighth of the signal. **Predict:** of the codes of the *other* 255 channels, how many are 0?

# %%
predict("affine_quantization.predict_zeros", None)

# %% tags=["experiment"]
loud = experiments.loud_channel()
reveal("affine_quantization.predict_zeros", 100 * loud.int8_zeros)
print(
    "                           whole tensor   other 255 channels   their codes that are 0"
)
for name, overall, others, zeros in (
    ("8 bits, one scale       ", loud.int8_overall, loud.int8_others, loud.int8_zeros),
    ("3 bits, scale a channel ", loud.int3_overall, loud.int3_others, loud.int3_zeros),
):
    print(f"{name} {overall:11.1f} dB {others:17.1f} dB {zeros:21.0%}")

# %% tags=["experiment"]
seen = experiments.each_channel()
show(
    bars(
        [str(channel) for channel in range(16)],
        {"one scale": seen.one_scale[:16], "a scale each": seen.own_scales[:16]},
        title=f"8 bits, the first 16 of 256 channels: {seen.overall:.0f} dB in all, and 255 as good as dead",
        ylabel="signal to noise in dB",
        references={"zeros everywhere": 0},
        number_format=".0f",
    ),
    alt="Signal to noise of sixteen channels on 8 bits. With one scale, channel 0 has "
    "more than 40 dB and all others about 2; with a scale each, all have about 41.",
)

# %% [markdown]
# The tensor looks healthy, and 255 of its 256 channels are all but dead: 2.3 dB, with 84 % of their codes 0. Nearly all
# of $\sum x^2$ is the loud channel's, and it is well served. *Three* bits with a scale for each channel are better for
# the others (8.7 dB) than eight with one for all. An average over a tensor is a statement about its largest entries.
#
# ### How fine?
#
# Scales can be given to smaller groups still: runs of 128 or 32 neighbours in a row. They cost bits, too:
# a 16-bit scale for each 32 weights is half a bit for each weight. A synthetic weight at 4 bits, with rows of different
# loudness and a few columns that stand out:

# %% tags=["experiment"]
grains = experiments.granularity()
print("a scale for each     signal to noise   bits for each weight")
for name, db, bits in zip(grains.names, grains.sqnr, grains.bits, strict=True):
    group = f"{name} weights" if name.isdigit() else name
    print(f"{group:18s} {db:14.1f} dB {bits:18.2f}")

# %% [markdown]
# What is saved in memory, scales included, counted on the tensors that hold a weight of 1024 × 1024:

# %% tags=["experiment"]
size = experiments.weight_bytes()
for name, count in (
    ("float32", size.float32),
    ("float16", size.float16),
    ("int8, a scale a row", size.int8),
    ("int4, a scale for 32", size.int4),
):
    print(f"{name:21s} {count:9,d} bytes, {count / size.float32:6.1%} of float32")

# %% [markdown]
# Fewer bytes are fewer bytes to read for every token. Whether reading was the bottleneck, and whether anything gets
# faster, is another question: it needs a kernel that reads these codes. Lesson 07 measures that.

# %% [markdown]
# ## Multiplying codes
#
# To save arithmetic as well as memory, the product itself has to be taken in integers. Activations $X$ are $[M, K]$,
# weights $W$ are $[N, K]$, and $Y = X W^{\mathsf T}$. With $\tilde x = s_x (q_x - z_x)$ and
# $\tilde w = s_w (q_w - z_w)$, the scales leave the sum at once:
#
# $$\tilde Y_{mn} = s_x s_w \sum_k (q_x - z_x)(q_w - z_w).$$
#
# Multiply out. Only one of the four terms is a matrix product of codes, which hardware does fast; two are sums over a
# row, and one is a number. **Derive them**, and mind where 8 bits do not suffice: the sums are kept in int32.


# %% solution="affine_quantization.int_matmul"
def int_matmul(x_codes, w_codes, x_scale, x_zero_point, w_scale, w_zero_point):
    """X @ W.T of two quantized matrices, with the sums taken in integers.

    x_codes: [M, K], w_codes: [N, K], both torch.int8; scales: 0-d tensors; zero points: integers.
    Returns [M, N], in the dtype of the scales.
    """
    ### BEGIN SOLUTION
    x, w = x_codes.int(), w_codes.int()
    total = (
        x @ w.T
        - w_zero_point * x.sum(dim=1, keepdim=True)
        - x_zero_point * w.sum(dim=1)
        + x.shape[1] * x_zero_point * w_zero_point
    )
    return x_scale * w_scale * total
    ### END SOLUTION


# %% check="affine_quantization.int_matmul"
check("affine_quantization.int_matmul", int_matmul)

# %% [markdown]
# <details>
# <summary><b>Why</b> may every output channel have its own scale, but not every input channel? Think first.</summary>
#
# A scale $s_n$ of output $n$ is the same for all terms of the sum over $k$, and can be multiplied in afterwards. A scale
# $s_k$ of input $k$ stands under the sum: taking it out is impossible, and leaving it in makes the products
# floating-point numbers again. (One can move it into the other matrix beforehand. That is SmoothQuant, lesson 09.)
# </details>
#
# How much is each term worth? Activations after a ReLU, 256 inputs:

# %% tags=["experiment"]
product = experiments.integer_product()
print(f"integers against dequantized matrices: differ by {product.rounding:.0e}")
print(f"against the float product:     {product.against_float_db:6.1f} dB")
print(f"without K·z_x·z_w:             {product.without_constant_db:6.1f} dB")
print(f"without any zero point:        {product.without_zero_points_db:6.1f} dB")
print(f"sums kept in int8:             {product.int8_sums_db:6.1f} dB")

# %% [markdown]
# The integer product is that of the dequantized matrices, to rounding; only the grids cost anything, and 40 dB is an
# error of 1 %. Each slip drowns the result: −20 dB is an error ten times as large as the signal. With symmetric weights,
# $z_w = 0$, two of the four terms vanish; and $z_x \sum_k q_w$ is known before any input is seen.

# %% [markdown]
# ## Explain it
#
# A colleague reports: *"Our int8 weights have a signal-to-noise ratio of 18 dB with one scale per tensor, so the
# quantization is fine. If anything is lost, we will add a scale for each input channel."* Answer both sentences in your
# own words, in about six lines. Say what you would measure.

# %% [markdown] solution="affine_quantization.explain_healthy"
# **1.** The ratio is one sum over the whole tensor divided by another. If one channel is 100 times as loud as the others,
# it supplies nearly all of Σ x², and its own error is small. The step is set by its maximum, so the others lie within
# half a step of 0: in our example they had 2.3 dB, and 84 % of their codes were 0, while the tensor had 18 dB.
#
# **2.** I would look at the ratio of each channel, at the share of zero codes, and at the error of the layer's output.
#
# **3.** A scale for each *output* channel is the remedy: it is constant in the sum over inputs, and can be multiplied in
# after the integer product. A scale for each *input* channel would stand under that sum, so no integer product could
# use it.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("affine_quantization.explain_healthy")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* This function is to put a weight `[out, in]` on `bits` bits, symmetrically, with a scale for each output
# channel, and to return what the codes stand for. It runs without a complaint, and it has three bugs.
#
# ```python
# def quantize_rows(weight, bits):
#     qmax = 2**bits - 1
#     scale = weight.abs().amax(dim=0, keepdim=True) / qmax
#     codes = (weight / scale).to(torch.int8)
#     return codes * scale
# ```
#
# Write it without them. If you mend some and miss others, the check says which is left.


# %% solution="affine_quantization.quantize_rows"
def quantize_rows(weight, bits):
    """A weight after symmetric quantization with one scale for each output channel.

    weight: [out, in], no row of zeros; bits: an integer from 2 to 8.
    Returns values, like weight.
    """
    ### BEGIN SOLUTION
    qmax = 2 ** (bits - 1) - 1  # half of the codes are negative
    scale = weight.abs().amax(dim=1, keepdim=True) / qmax  # of each row
    codes = torch.round(weight / scale).to(torch.int8)
    return codes * scale
    ### END SOLUTION


# %% check="affine_quantization.quantize_rows"
check("affine_quantization.quantize_rows", quantize_rows)

# %% [markdown]
# Would the error have told you? A Gaussian weight on "4 bits", with the printed function and with the mended one:

# %% tags=["experiment"]
rows = experiments.buggy_rows()
print("           signal to noise   different codes in a channel")
print(f"three bugs {rows.printed:12.1f} dB {rows.printed_codes:20d}")
print(f"none       {rows.mended:12.1f} dB {rows.mended_codes:20d}")

# %% [markdown]
# No: the buggy one looks *better*. Cutting off the fraction makes the mean squared error four times as large, which is 6
# dB, and codes of five bits instead of four bring 6 dB back. Two bugs cancel. Counting the codes gives them away: four
# bits cannot have 30. And the third bug, scales of the inputs, shows in no error at all; it shows in the layer that
# no integer product can compute. Know how many codes there may be, and how large the error must be.

# %% [markdown]
# ## What to gain, and what to watch
#
# The source card leaves its list of caveats empty. Here is one, each item with the place where you have seen it, or will.
#
# | for deployment | seen |
# |---|---|
# | a quarter (int8) or about a seventh (int4 with scales) of float32's bytes, and so of the bytes read for each token | counted above |
# | integer arithmetic where weights *and* activations are integers | "Multiplying codes"; lesson 09 |
# | at 8 bits usually no training: a range and a rounding | lesson 07 |
#
# | limitation or caveat | seen |
# |---|---|
# | few bits over the whole range may keep nothing: 0.2 dB, recall 0 | "Where to cut" |
# | one outlier costs all other values resolution: 6 dB for each doubling of the crest | "How much noise to expect" |
# | an average hides dead channels: 18 dB, of which 255 channels had 2 | "The healthy tensor" |
# | an error in dB is not an accuracy: 12 dB were nearly free, 5 dB cost a fifth of the recall | "On real features" |
# | "4-bit" weights take 4.1 to 5 bits: scales are stored too | "How fine?" |
# | zeros that are not in the data need a code | "A zero that is missing" |
# | conventions differ (127 or 127.5, zero inside or not, smallest scales), and mixing them is silent | "Scale and zero point" |
# | overflow and order of operations are silent: −56 for 200, −19 dB for int8 sums | "From values to codes", "Multiplying codes" |
# | smaller is not faster without a kernel for it | lesson 07 |
# | ranges come from calibration data, and the next input may lie outside | lesson 07 |

# %% [markdown]
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | codes of $b$ bits | $-2^{b-1} \dots 2^{b-1}-1$, or $0 \dots 2^b - 1$ |
# | quantize | $q = \operatorname{clip}(\operatorname{round}(x/s) + z,\ q_{\min},\ q_{\max})$ |
# | dequantize | $\tilde x = s\,(q - z)$ |
# | affine grid, on $[x_{\min}, x_{\max}] \cup \{0\}$ | $s = (x_{\max} - x_{\min}) / (q_{\max} - q_{\min})$, $z = q_{\min} - \operatorname{round}(x_{\min}/s)$ |
# | symmetric grid | $s = \max \lvert x \rvert / (2^{b-1} - 1)$, $z = 0$ |
# | rounding | $\lvert e \rvert \le s/2$, mean square $s^2/12$ if a deviation is more than half a step |
# | signal to noise | $10 \log_{10} (\sum x^2 / \sum e^2)$; whole range: $10 \log_{10} \bigl(12\,(2^{b-1}-1)^2 / \text{crest}^2\bigr)$ |
# | a bit; a doubled crest | $+6.02$ dB; $-6.02$ dB |
# | integer product | $s_x s_w \bigl[\sum q_x q_w - z_w \sum q_x - z_x \sum q_w + K z_x z_w\bigr]$ |
# | bits for each weight | $b + (\text{bits of the scale}) / (\text{group size})$ |

# %% [markdown]
# ## What an interviewer asks next
#
# `course drill --topic affine_quantization` in a terminal, or `import drills; drills.session(topic="affine_quantization")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. Why symmetric for weights and affine for activations? *(Where is the data; which terms of the product vanish.)*
# 2. Your int8 model is bad in one layer, whose weight has 30 dB. What do you look at? *(Channels; activations.)*
# 3. When is $s^2/12$ wrong, and in which direction?
# 4. You may spend half a bit more for each weight. Wider codes or smaller groups? *(Here: groups of 32.)*
# 5. What has to be int32 in an int8 matrix product, and up to which $K$ is that enough? *($2^{31} / 128^2 = 131{,}072$.)*
# 6. Does clipping ever hurt a task although it reduces the error? *(If the outliers carry the information: lesson 09.)*
#
# ## Reading
#
# - Jacob et al. 2017, *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*,
#   arXiv:1712.05877. Sections 2.1 to 2.3 are this lesson, integer product included.
# - Krishnamoorthi 2018, *Quantizing deep convolutional networks for efficient inference: A whitepaper*,
#   arXiv:1806.08342. Which granularity and which symmetry for what; read section 2.
# - Nagel et al. 2021, *A White Paper on Neural Network Quantization*, arXiv:2106.08295. Section 2.2 for rounding against
#   clipping, 3.1 for choosing ranges.
# - Bennett 1948, *Spectra of Quantized Signals*. When rounding error may be taken for uniform noise.
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–5 | Everyone writes scale and zero point for values from 2 to 6 on four bits; compare. |
# | 5–15 | One person derives the four terms of the integer product at the board; the others name the dtype of each. |
# | 15–25 | Exchange your tests of `quantize`: whose catches the clip that comes too late? |
# | 25–35 | Argue: is 18 dB good? What would you have to know? |
# | 35–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
