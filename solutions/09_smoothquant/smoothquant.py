# %% [markdown]
# # 09 · SmoothQuant: outliers of a real language model
#
# Integer units multiply int8 by int8. To use them, activations have to be quantized too, and the activations of language
# models have outliers: a few entries are thousands of times as large as the rest, and one scale for the tensor must
# reach them all. SmoothQuant divides loud channels before the quantizer sees them, and lets the weights take the factor
# over. In this lesson you derive and build it, put a real model into W8A8, watch the published recipe fail on it, find out why,
# and see what each remedy is worth.
#
# **You need** lesson 06. Lesson 07 helps with calibration. About 100 minutes for the core; exercises marked *stretch*
# are extra.
#
# **Afterwards you can** derive the migration and its exponent, fold it into norms and gated MLPs, tell a persistent channel
# from a massive token, and say of a recipe for W8A8 which of the two it helps against.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go on to the formula sheet at the end.</summary>
#
# 1. Why can activations not simply get a scale for each channel, as weights do?
# 2. One token of a sequence is 4000 times as large as the others, in one channel. What does SmoothQuant do to the other
#    tokens of that channel, and which remedy leaves them alone?
# 3. q, k and v have different weights. Why do they need the same $s$?
#
# Answers: (1) The sum of the matrix product runs over these channels: such scales cannot be taken out of it. (2) It divides
# them as well, so that they become tiny on the grid; a scale for each token leaves them alone. (3) They read one
# tensor, which the norm before them can be divided only once.
# </details>

# %%
import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("smoothquant.smooth_scales") gives the next of three
from course_lib import quantization
from course_lib.data import smollm2_missing
from course_lib.experiments import smoothquant as experiments
from course_lib.figures import explore_outliers, explore_smoothquant, lines, show

# %% [markdown]
# ## The question
#
# SmolLM2-135M is a small LLaMA: 30 blocks, each with seven matrices. What goes into some of them was recorded while it read
# eight sequences of 16 tokens, and travels with this course. Calibration looks at the largest magnitude of every channel.
# Here is layer 11's `down_proj`, the matrix that ends the MLP, with 1536 input channels:

# %% tags=["experiment"]
look = experiments.first_look()
print(f"loudest channel:            {look.channel}, up to {look.largest:,.0f}")
print(f"median channel:             up to {look.median:.3f}")
print(f"ratio:                      {look.ratio:,.0f}")

# %% [markdown]
# An outlier channel: number 1229 is about 4,500 times as loud as the median channel. This is what the literature reports of
# language models, and what a source card says, from which this course grew: *"a few outlier channels dominate, so one
# scale per tensor wastes almost all levels"*. With 127 steps for the range from 0 to 2,898, a step is 23, and everything
# the other channels have is rounded to 0.
#
# One more look before you build anything. Leave out the first token of each sequence, 8 of 128. **Predict** the ratio that
# is left.

# %%
predict("smoothquant.predict_token", None)

# %% [markdown]
# ## What α does to the maxima
#
# The idea is an identity. Activations $X$ are $[M, K]$, a weight $W$ is $[N, K]$, and $Y = X W^{\mathsf T}$. For any
# positive numbers $s_1, \dots, s_K$, one for each input channel,
#
# $$Y = \bigl(X \operatorname{diag}(1/s)\bigr)\bigl(\operatorname{diag}(s)\, W^{\mathsf T}\bigr), \qquad
# Y_{mn} = \sum_k \frac{x_{mk}}{s_k} \cdot s_k w_{nk}.$$
#
# Nothing changes but what the two quantizers see. A scale for each input channel could not leave the sum (lesson 06);
# here it need not, because the weight has absorbed it beforehand.
#
# **A clash of names.** The card writes $\tilde W_{ij} = W_{ij} \alpha_j$, $\tilde X_{ij} = X_{ij} / \alpha_j$. The paper
# calls this factor $s_j$, and keeps $\alpha$ for another number, the *migration strength*:
#
# $$s_j = \frac{\max |X_j|^{\alpha}}{\max |W_j|^{1 - \alpha}}, \qquad 0 \le \alpha \le 1.$$
#
# We follow the paper. ($s_j$ is not the step $s$ of lesson 06, either.) Its maxima run over all tokens for $X_j$, and over
# all outputs for column $j$ of the weight.
#
# **Derive** what the maxima are afterwards: of channel $j$ of the activations, and of column $j$ of the weight.


# %% solution="smoothquant.smoothed_maxima"
def smoothed_maxima(act_absmax, weight_absmax, alpha):
    """Channel maxima after smoothing with strength alpha.

    act_absmax, weight_absmax: [channels], positive; alpha: a number from 0 to 1.
    Returns two tensors [channels]: the maxima of X / s, and those of W * s.
    """
    ### BEGIN SOLUTION
    product = act_absmax * weight_absmax
    return product ** (1 - alpha), product**alpha
    ### END SOLUTION


# %% check="smoothquant.smoothed_maxima"
check("smoothquant.smoothed_maxima", smoothed_maxima)

# %% [markdown]
# At $\alpha = \tfrac12$ both maxima are $\sqrt{\max|X_j| \max|W_j|}$: the difficulty is shared. At $\alpha = 1$ all
# activation channels are alike and the weights carry everything; at $\alpha = 0$ the reverse. The next cell evaluates the card's
# formula entry by entry in plain Python, beside `quantization`:

# %% tags=["experiment"]
printed = experiments.printed_migration()
print(f"product before and after, relative difference: {printed.product_error:.1e}")
print(f"the card's α_j and the paper's s_j at α = ½:   {printed.scale_error:.1e}")
print(f"maxima of the two sides differ by:             {printed.maxima_differ:.1e}")

# %% [markdown]
# ## How large each channel gets
#
# Calibration: some batches of ordinary data, and for each channel the largest magnitude that occurs in any of them. (The
# library's `act_absmax` takes a list, whose batches may have different lengths; here they are stacked.)


# %% solution="smoothquant.channel_absmax"
def channel_absmax(batches):
    """The largest magnitude of every channel.

    batches: [batches, tokens, channels]. Returns [channels].
    """
    ### BEGIN SOLUTION
    return batches.abs().amax(dim=(0, 1))
    ### END SOLUTION


# %% check="smoothquant.channel_absmax"
check("smoothquant.channel_absmax", channel_absmax)

# %% [markdown]
# ## The scales
#
# Now $s$. A channel may be 0 in all calibration data, or be read by no weight at all; then the formula gives 0 or $\infty$,
# and the next division NaN. Do as the authors' code does: let $\max|W_j|$ be at least $10^{-5}$, and in the end $s_j$ as well.


# %% solution="smoothquant.smooth_scales"
def smooth_scales(act_absmax, weights, alpha):
    """The factor s of every input channel.

    act_absmax: [channels], at least 0; weights: [outputs, channels]; alpha: a number from 0 to 1.
    Returns [channels], at least 1e-5.
    """
    ### BEGIN SOLUTION
    of_weights = weights.abs().amax(dim=0).clamp_min(1e-5)
    return (act_absmax**alpha / of_weights ** (1 - alpha)).clamp_min(1e-5)
    ### END SOLUTION


# %% check="smoothquant.smooth_scales"
check("smoothquant.smooth_scales", smooth_scales)

# %% [markdown]
# ## Test the tests
#
# Write a test that receives an implementation of `smooth_scales`, returns silently if it is right, and fails with `assert`
# if it is wrong. It will be run on several correct implementations, all of which it must accept, and on wrong ones: catch at
# least four of the plain ones, and for the last point two of three subtle ones.
#
# Think of numbers whose roots you know, a weight with as many outputs as channels, and the dead channels. Two correct
# implementations may differ in the last digit.


# %% solution="smoothquant.test_smooth_scales"
def test_smooth_scales(implementation):
    """Pass on right implementations of smooth_scales, raise AssertionError on wrong ones.

    implementation(act_absmax, weights, alpha) returns s, [channels].
    """
    ### BEGIN SOLUTION
    act = torch.tensor([8.0, 9.0, 4.0])
    weight = torch.tensor([[0.5, -1.0, 0.25], [0.0, 0.5, -4.0], [0.25, 0.0, 1.0]])
    half = implementation(act, weight, 0.5)
    torch.testing.assert_close(half, torch.tensor([4.0, 3.0, 1.0]))
    # At α = 1 the weights have the exponent 0.
    torch.testing.assert_close(implementation(act, weight, 1.0), act)
    dead = implementation(
        torch.tensor([0.0, 4.0, 4.0]), torch.tensor([[1.0, 0.0, 1.0]]), 0.5
    )
    assert dead.isfinite().all()
    assert (dead > 0).all()
    ### END SOLUTION


# %% check="smoothquant.test_smooth_scales"
check("smoothquant.test_smooth_scales", test_smooth_scales)

# %% [markdown]
# ## Into the norm and the weights
#
# Dividing activations at run time would cost time. It need not be done: the input of q, k and v comes out of a norm, which
# multiplies by a weight of its own, $\text{norm}(x) = n \cdot g + b$ with normalised $n$. Divide there, once and for all.
# (LLaMA's RMSNorm has no $b$; OPT's LayerNorm has.) Return new tensors, and leave the given ones as they are.


# %% solution="smoothquant.smooth_qkv"
def smooth_qkv(norm_weight, norm_bias, q_weight, k_weight, v_weight, scales):
    """The parameters of a norm and of the three layers that read it, smoothed by s.

    norm_weight, norm_bias, scales: [channels]; the other weights: [outputs, channels].
    Returns the five parameters in this order; together they compute what they did before.
    """
    ### BEGIN SOLUTION
    smoothed = [weight * scales for weight in (q_weight, k_weight, v_weight)]
    return norm_weight / scales, norm_bias / scales, *smoothed
    ### END SOLUTION


# %% check="smoothquant.smooth_qkv"
check("smoothquant.smooth_qkv", smooth_qkv)

# %% [markdown]
# <details>
# <summary><b>Why</b> may q, k and v not have an <i>s</i> each, fitted to their own weights? Think first.</summary>
#
# The norm puts out one tensor, which can be divided by one vector. With three vectors, two of the three layers would
# compute something else. So the maximum of column $j$ is taken over all three weights, stacked.
# </details>
#
# ## What may stand between
#
# *Stretch.* Not every layer has a norm before it. A path from a layer with weights to the layer that is to be smoothed
# will do, if every step in between passes a positive factor on: $f(x / s) = f(x) / s$. Which paths do?


# %% solution="smoothquant.folds_through"
def folds_through(path):
    """Whether a division by s, done in the first step of a path, arrives unchanged at its end.

    path: a list of names: "linear", "layernorm", "rmsnorm", "relu", "gelu", "silu", "softmax",
    "dropout", "times another branch", "plus another branch". The first can be divided only if it
    has weights of its own. Returns True or False.
    """
    ### BEGIN SOLUTION
    first, *between = path
    can_start = first in ("linear", "layernorm", "rmsnorm")
    return can_start and all(
        step in ("relu", "dropout", "times another branch") for step in between
    )
    ### END SOLUTION


# %% check="smoothquant.folds_through"
check("smoothquant.folds_through", folds_through)

# %% [markdown]
# ## A layer in W8A8
#
# Smoothed or not, the layer now has to be computed in integers. Weights are symmetric, with one scale for the
# matrix or one for each output. Activations are symmetric too, with one of two kinds of scale:
#
# - **static**: one number for all tokens, fixed by calibration. Nothing has to be measured at run time. What lies beyond is
#   clipped.
# - **dynamic, per token**: $\max |x_t| / 127$ of each token, found when it comes.
#
# Codes go from −127 to 127. Both kinds of scale can be taken out of the sum. A token of zeros must not give NaN.


# %% solution="smoothquant.w8a8_linear"
def w8a8_linear(x, weight, x_scale, per_channel):
    """X @ W.T with int8 activations and int8 weights.

    x: [tokens, dim]; weight: [outputs, dim]; x_scale: a number, the static scale, or None for
    a scale for each token; per_channel: whether each output of the weight has its own scale.
    Returns [tokens, outputs], in the dtype of x.
    """
    ### BEGIN SOLUTION
    if x_scale is None:
        x_scale = x.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
    largest = weight.abs().amax(dim=1) if per_channel else weight.abs().max()
    w_scale = largest.expand(len(weight)) / 127
    x_codes = torch.round(x / x_scale).clamp(-127, 127)
    w_codes = torch.round(weight / w_scale[:, None])
    # int32 for the sums: 127 · 127 already leaves int8.
    return (x_codes.int() @ w_codes.int().T) * x_scale * w_scale
    ### END SOLUTION


# %% check="smoothquant.w8a8_linear"
check("smoothquant.w8a8_linear", w8a8_linear)

# %% [markdown]
# ### A whole model
#
# How much does it matter? All 210 matrices of SmolLM2's blocks in W8A8 (the output matrix and the attention products stay float32),
# ranges from 32 sequences of 256 tokens, and perplexity on 64 others of the same novel, *Northanger Abbey*: $e$ to the
# mean loss per token, 1 if every token were foreseen. Each recipe takes a minute, so the table was recorded beforehand, by
# `experiments.measured`; further down you can repeat part of it. Every ratio is that of two runs on the same sequences,
# with its standard error.


# %%
def table(*recipes):
    """Rows of the recorded study."""
    print("perplexity   against float32   recipe")
    for row in experiments.recorded(*recipes):
        name = row.recipe.replace("the norms and down_proj", "norms+down").replace(
            "the norms", "norms"
        )
        ratio = f"{row.ratio:.4f} ± {row.ratio_error:.4f}"
        print(f"{row.perplexity:10.2f} {ratio:>17s}   {name}")


# %% tags=["experiment"]
table("float32", "W8 per channel, float activations", "static")

# %% [markdown]
# Int8 weights cost next to nothing: 0.2 %. Int8 activations with one static scale destroy the model: 118 instead of 45. The outlier
# has done its work, so it seems. Here SmoothQuant is to help. The authors' recipe for LLaMA models smooths what the two
# norms put out, that is the inputs of q, k, v and of gate and up.
#
# **Predict** the perplexity with static scales after smoothing these with $\alpha = \tfrac12$.

# %%
predict("smoothquant.predict_recipe", None)

# %% tags=["experiment"]
(recipe,) = experiments.recorded("static, α=.5 on the norms")
reveal("smoothquant.predict_recipe", recipe.perplexity)
table(
    "static",
    "static, α=.5 on the norms",
    "static, α=.85 on the norms",
    "static, down_proj's input float",
)

# %% [markdown]
# It repairs little: 102 instead of 118, where float32 has 45. With $\alpha = 0.85$, which the authors use for LLaMA 2, even
# that is lost: more of the outliers goes into weights that have one scale for the whole matrix. The last line shows where the damage
# is done. Leave the inputs of the 30 `down_proj` in float32 and quantize all other 180 as before, unsmoothed: 54. The recipe
# smooths elsewhere.

# %% [markdown]
# ## A channel or a token?
#
# Look at the numbers themselves, token by token. Colours are powers of ten of the ordinary magnitude. **Find out:** what is
# special about channel 1229 of layer 11's `down`? What about channel 247 of layer 12's `qkv`? What changes when the first
# token is left out? And which input has both kinds of outlier?

# %%
explore_outliers()

# %% [markdown]
# Your prediction from the beginning:

# %% tags=["experiment"]
reveal("smoothquant.predict_token", look.ratio_without_first)
print(
    f"layer 11, down, all tokens:            ratio {look.ratio:8,.0f}, channel {look.channel} up to {look.largest:,.0f}"
)
print(
    f"the same without the {look.first_tokens} first tokens:    ratio {look.ratio_without_first:8,.0f}, "
    f"channel {look.channel} up to {look.largest_without_first:.3f}"
)

# %% [markdown]
# **It is not a channel. It is a token.** For every token but the first of a sequence, channel 1229 is quieter than most:
# at most 0.1. The first token makes 2,898 there, whatever word it is. Such *massive activations* are known: the model uses the first
# position as a place where attention can rest. A maximum over tokens cannot tell them from an outlier channel. Medians can:
#
# - *typical*: the median of all $|x|$. $m_j$: the median of $|x_{tj}|$ over the tokens.
# - Channel $j$ is **persistent** if $m_j \ge r_c \cdot \text{typical}$.
# - Token $t$ is **massive** if $|x_{tj}| \ge r_t \cdot \max(m_j, \text{typical})$ for some $j$: it stands out even from its own
#   channel.


# %% solution="smoothquant.find_outliers"
def find_outliers(x, channel_ratio, token_ratio):
    """Which channels are persistent, and which tokens massive.

    x: [tokens, channels]; channel_ratio, token_ratio: r_c and r_t, numbers > 0.
    Returns two boolean masks: [channels], [tokens].
    """
    ### BEGIN SOLUTION
    size = x.abs()
    typical = size.median()
    of_channel = size.median(dim=0).values
    persistent = of_channel >= channel_ratio * typical
    massive = size >= token_ratio * of_channel.clamp_min(typical)
    return persistent, massive.any(dim=1)
    ### END SOLUTION


# %% check="smoothquant.find_outliers"
check("smoothquant.find_outliers", find_outliers)

# %% [markdown]
# The library's `outlier_kind` with $r_c = 20$ and $r_t = 1000$, on all twelve recorded inputs. (What is behind a gated
# MLP has heavy tails: a threshold of a few medians would call ordinary tokens massive.)

# %% tags=["experiment"]
kinds = experiments.kinds()
print("layer, input   kind      max/median   without first tokens")
for name, kind, ratio, without in zip(
    kinds.inputs, kinds.kinds, kinds.ratios, kinds.ratios_without_first, strict=True
):
    print(f"{name:14s} {kind:8s} {ratio:11,.1f} {without:22,.1f}")

# %% tags=["experiment"]
whole = experiments.model_outliers()
print("the whole model, 90 inputs, 2048 tokens:")
for name, channels, tokens in zip(
    whole.inputs, whole.with_channels, whole.with_tokens, strict=True
):
    print(
        f"  {name:8s} persistent channels in {channels:2d} of 30 layers, massive tokens in {tokens}"
    )
for block, name, ratio, without, only_first in whole.massive:
    where = "at first tokens only" if only_first else "at many tokens"
    print(
        f"  massive {where}: layer {block} {name}, max/median {ratio:,.0f}, {without:,.0f} without first tokens"
    )

# %% [markdown]
# So the literature's picture is right for the inputs of q, k and v: all 30 have persistent channels, with the first
# token or without. And it is wrong for the ratio that we met first. The massive activations enter `down_proj`, and in three of
# four layers they are those of the first token and of no other; in layer 2 they are scattered, and far smaller.
#
# ### What each remedy repairs
#
# Layer 11's `down_proj`, with ranges from four sequences and errors from the four others. The error is that of the
# layer's output, $\lVert \hat Y - Y \rVert / \lVert Y \rVert$, over all tokens but the first.

# %% tags=["experiment"]
static = experiments.static_scale()
print(f"one static scale: {static.zeros:.0%} of the ordinary tokens' codes are 0")
print("                                          error of ordinary tokens")
rows = experiments.remedies()
for name, error in zip(rows.names, rows.ordinary, strict=True):
    print(f"{name:42s} {error:8.1%}")

# %% [markdown]
# With one static scale *all* codes of the ordinary tokens are 0: the layer says nothing but for the first token. Smoothing does help a
# little with $\alpha = \tfrac12$ and more with 0.85, because the massive entry sits in two channels, which can be
# sacrificed: everybody's values there are divided by hundreds. Keeping the first token out helps far more, and a scale for each
# token most. And **where each token has its own scale, smoothing makes it worse**, 7.7 % instead of 2.9 %: the weights of
# two columns are multiplied by a number that one token dictated, and all other weights of a row are rounded on the coarse grid
# that these columns now need.
#
# Now the whole model, with the first position of each sequence kept in float32 and out of the calibration:

# %% tags=["experiment"]
table(
    "static",
    "static, position 0 float",
    "static, α=.5 on the norms, position 0 float",
    "static, down_proj's input float",
)

# %% [markdown]
# Eight bits for everything but one position of 256: 62 instead of 118. Here smoothing the norms adds a little, 1.36 instead
# of 1.39 times float32. That is not yet good: behind SwiGLU the tails are heavy without any massive token, and keeping
# all of `down_proj`'s inputs in float32 leaves a ratio of 1.20.

# %% [markdown]
# ## Through the gated MLP
#
# *Stretch.* The massive activation enters `down_proj`, which the recipe leaves alone. It has no norm before it: its input is
# $\text{SiLU}(\text{gate}(x)) \cdot \text{up}(x)$. Still it can be smoothed exactly. Where do you divide?


# %% solution="smoothquant.fold_into_up"
def fold_into_up(gate_weight, up_weight, down_weight, scales):
    """The weights of a gated MLP whose down_proj is smoothed by s.

    gate_weight, up_weight: [hidden, dim]; down_weight: [dim, hidden]; scales: [hidden].
    Returns the three weights in this order; together they compute what they did before.
    """
    ### BEGIN SOLUTION
    # SiLU lets no factor through; the product with up does.
    return gate_weight, up_weight / scales[:, None], down_weight * scales
    ### END SOLUTION


# %% check="smoothquant.fold_into_up"
check("smoothquant.fold_into_up", fold_into_up)

# %% [markdown]
# With `down_proj` smoothed as well, with finer weights, and with more migration:

# %% tags=["experiment"]
table(
    "static, α=.5 on the norms",
    "static, α=.5 on the norms and down_proj",
    "static, α=.85 on the norms and down_proj",
    "static, W per channel",
    "static, W per channel, α=.5 on the norms",
    "static, W per channel, α=.5 on the norms and down_proj",
    "static, W per channel, position 0 float",
    "static, W per channel, α=.5 on the norms and down_proj, position 0 float",
)

# %% [markdown]
# Folding into `up_proj` repairs most of the damage: 64 instead of 102, and 58 where each output of a weight has its own scale. Finer weights
# by themselves do little. But how much may be migrated hangs on the grid of the weights: with one scale for the matrix,
# $\alpha = 0.85$ multiplies the perplexity by 29. The columns of `down_proj` that took over a massive token's factor are now
# thousands of times as large as the others, and the one scale has to reach them: the outlier tensor is now the weight. The last
# line combines everything with a first position kept in float32: 1.09.
#
# ### A scale for each token
#
# The authors' setting for LLaMA models: weights with a scale for each output, activations with one for each token.

# %% tags=["experiment"]
dynamic = "per token, W per channel"
table(
    dynamic,
    f"{dynamic}, α=.5 on the norms",
    f"{dynamic}, α=.85 on the norms",
    f"{dynamic}, α=.5 on the norms and down_proj",
)
for other in (
    "α=.5 on the norms",
    "α=.85 on the norms",
    "α=.5 on the norms and down_proj",
):
    against = experiments.compared(f"{dynamic}, {other}", dynamic)
    print(
        f"{other:35s} against no smoothing: {against.value:.4f} ± {against.standard_error:.4f}"
    )

# %% [markdown]
# Without any smoothing, 1.03: where each token has its own scale, the massive one spoils nobody else's. Smoothing the norms
# now gains a little, 1.6 %, and with pairs of runs on the same sequences that is six standard errors: the persistent channels are in
# every token, and no scale for a token gets rid of them. $\tfrac12$ and 0.85 are alike. Smoothing `down_proj` as well gains another half a percent, although
# layer 11 by itself got worse: massive tokens are in four of the 30 layers.

# %% tags=["experiment"]
if missing := smollm2_missing():
    print(f"Skipped: {missing}")
else:
    print("On 6 of the 64 sequences, with ranges from 6 of the 32, about a minute:")
    for row in experiments.live():
        print(
            f"{row.name:32s} perplexity {row.perplexity:8.2f}, ratio {row.ratio.value:.3f} ± {row.ratio.standard_error:.3f}"
        )

# %% [markdown]
# ## Search α
#
# One half, or 0.85? The best strength depends on the layer, on the scales, and on the data. So search: for each candidate, one
# set of tokens sets the ranges, and another judges. For the static scale,
#
# $$\text{error}(\alpha) = \frac{\lVert \hat Y - Y \rVert^2}{\lVert Y \rVert^2}, \qquad
# Y = X W^{\mathsf T}, \quad \hat Y = \text{W8A8}(X / s,\ W s) \quad \text{on held-out } X.$$
#
# $s$ and the static scale come from the calibration tokens. You may use `quantization.act_absmax`,
# `quantization.smooth_scales` and `quantization.w8a8_linear` (a scale for each output is its default).


# %% solution="smoothquant.search_alpha"
def search_alpha(calibration, held_out, weights, alphas):
    """The migration strength with the least output error on held-out tokens, static scale.

    calibration, held_out: [tokens, channels], [more_tokens, channels]; weights: [outputs,
    channels]; alphas: [candidates]. Returns the best of alphas, and the errors, [candidates].
    """
    ### BEGIN SOLUTION
    most = quantization.act_absmax([calibration])
    truth = held_out @ weights.T
    errors = []
    for alpha in alphas.tolist():
        s = quantization.smooth_scales(most, weights, alpha)
        x_scale = float((most / s).max()) / 127
        y = quantization.w8a8_linear(held_out / s, weights * s, x_scale)
        errors.append(((y - truth) ** 2).sum() / (truth**2).sum())
    errors = torch.stack(errors)
    return alphas[errors.argmin()], errors
    ### END SOLUTION


# %% check="smoothquant.search_alpha"
check("smoothquant.search_alpha", search_alpha)

# %% [markdown]
# Here is a layer where the premise holds: layer 12's q, k and v, with channel 247, which is loud for every token but the
# first.

# %% tags=["experiment"]
sweep = experiments.migration()
show(
    lines(
        sweep.alphas,
        {"static": sweep.static, "per token": sweep.per_token},
        title="Layer 12, q k v: a persistent channel, and α is worth a factor of six",
        xlabel="migration strength α",
        ylabel="output error, relative",
        yscale="log",
        references={
            "static, no smoothing": sweep.static_unsmoothed,
            "per token, no smoothing": sweep.per_token_unsmoothed,
        },
    ),
    alt="Output error over α for static and per-token scales: from above the line of no smoothing "
    f"at α = 0 down to about 1 % at α = {sweep.best:.2f}, and up again.",
)
print(
    f"static:    {sweep.static_unsmoothed:.1%} unsmoothed, {sweep.static[10]:.1%} at α = 0.5, "
    f"{min(sweep.static):.1%} at the best α, {sweep.best:.2f}"
)
print(
    f"per token: {sweep.per_token_unsmoothed:.1%} unsmoothed, {sweep.per_token[10]:.1%} at α = 0.5, "
    f"{min(sweep.per_token):.1%} at the best"
)

# %% [markdown]
# Here smoothing does what it promises, and no scale for each token replaces it: the channel is loud in *every* token.
#
# Play with it. Blue dots are channel maxima after smoothing, the grey line before; the error is that of the median token.
# **Find out:** why is the best α of layer 12 above one half? What happens to the weights of layer 11 at its best α? For the
# made-up token, set "per token": which α is best? And what does smoothing do where there is no outlier?

# %%
explore_smoothquant()

# %% [markdown]
# The same search for all blocks and inputs of the model, ranges from four sequences of 256 tokens and errors on four others, and the
# perplexity with the strengths that it found:

# %% tags=["experiment"]
strengths = experiments.searched_strengths()
print("input      α: least   median   largest of 30 layers")
for name, low, middle, high in zip(
    strengths.inputs, strengths.least, strengths.median, strengths.largest, strict=True
):
    print(f"{name:8s} {low:10.1f} {middle:8.1f} {high:9.1f}")
table(
    "static, W per channel, α=.5 on the norms and down_proj",
    "static, W per channel, α searched",
    dynamic,
)

# %% [markdown]
# The norms' outputs want 0.7 to 0.9, as in the authors' 0.85: weights with a scale for each output bear more than activations with
# one scale for all. `down_proj` wants 0.6 as a rule, more where there are massive tokens. And with these strengths, **static int8
# comes to 1.03 times float32**, where $\alpha = \tfrac12$ everywhere gave 1.30 and no smoothing 2.38. That is as good as a scale for each token
# without smoothing. So SmoothQuant does work here, if it is applied where
# the outliers are, with weights fine enough to take them, and with α searched.
#
# Two cautions. Searched on layers, reported on the model: layer 11's median token still has an output error of 27 % at its best
# α (the explorer shows it), and the perplexity does not mind. A layer's error is a guide, not the goal. And the text that was tested
# set no range and chose no α.

# %% [markdown]
# ## Where the premise holds
#
# Outliers of our own, twenty random layers each (256 tokens, 128 channels, weights with a scale for each output): one channel 50 times
# as loud, or one token with one entry of thousands, or neither. The number is the output error of the ordinary
# tokens, divided by that without smoothing: below 1 smoothing helps.

# %% tags=["experiment"]
results = {}
print("outlier   scales      α:   0      0.25     0.5     0.75      1")
for outlier in ("channel", "token", "none"):
    for per_token in (False, True):
        found = experiments.premise(outlier, per_token=per_token)
        scales = "per token" if per_token else "static"
        results[outlier, scales] = found
        print(f"{outlier:9s} {scales:9s}", *(f"{ratio:8.3f}" for ratio in found.mean))
half = results["channel", "per token"]
print(
    f"channel, per token, α = 0.5, over 20 seeds: {half.least[2]:.3f} to {half.largest[2]:.3f}"
)

# %% tags=["experiment"]
show(
    lines(
        results["channel", "per token"].alphas,
        {
            f"outlier: {name}": results[name, "per token"].mean
            for name in ("channel", "token", "none")
        },
        title="A scale for each token: a channel wants α = ½, a token wants no smoothing at all",
        xlabel="migration strength α",
        ylabel="error, relative to no smoothing",
        yscale="log",
        references={"no smoothing": 1},
    ),
    alt="Error with smoothing over error without, against α, with a scale for each token. For a channel it falls "
    "to a fifth at one half and rises again to 1; for a token it rises to 90; without outliers it stays at 1.",
)

# %% [markdown]
# For a persistent channel, one half divides the error by 5; both ends, 0 and 1, gain nothing when each token has its scale, because then one of the two
# sides still carries the whole outlier. Without outliers smoothing does nothing, as it should. And for a massive token the
# answer depends on what else is done: with a static scale smoothing saves three quarters of the error, with a scale for each
# token it multiplies the error by 8.

# %% [markdown]
# ## How fast
#
# The point of W8A8 was integer arithmetic. A layer of the size of SmolLM2's `gate_proj` (576 → 1536) on **your** machine, one
# thread, with `W8A8Linear`:

# %% tags=["experiment"]
speed = experiments.speed()
print(f"kernel: {speed.kernel}")
print("tokens   float32     static    per token     (microseconds)")
for tokens, *times in zip(
    speed.tokens, speed.float32, speed.static, speed.per_token, strict=True
):
    print(f"{tokens:6d}", *(f"{time:10.0f}" for time in times))
last = -1
print(
    f"{speed.tokens[last]} tokens: static {speed.float32[last] / speed.static[last]:.1f} times as fast as float32, "
    f"per token {speed.float32[last] / speed.per_token[last]:.1f} times"
)
if speed.kernel == "float":
    print(
        "No exact int8 kernel here: integers are multiplied as floats, which is slower."
    )

# %% [markdown]
# On a processor with VNNI instructions ("fbgemm") int8 is several times as fast as float32 for many tokens, and gains little for
# one: there the fixed costs of rounding and calling a kernel count, and the weights of so small a layer fit into the cache
# either way. Finding a scale for each token costs little beside the product. Without such instructions the
# same integers are computed exactly but slowly ("float"): the gain is in the kernel, not in the number of bits.

# %% [markdown]
# ## Explain it
#
# A colleague reports: *"Channel 1229 of layer 11 is 4,500 times as loud as the median channel. We applied SmoothQuant as published,
# and static int8 is still broken. SmoothQuant does not work."* Answer in about eight lines: what have they seen, what can one $s_j$ for
# a channel do about it and what not, why did the published recipe not touch it, and what would you do?

# %% [markdown] solution="smoothquant.explain_outlier"
# **What it is.** A maximum over tokens cannot tell a loud channel from one loud token. Without the first token of each sequence the
# ratio is 11: channel 1229 is a massive activation of position 0, not a persistent channel. Medians over tokens show it.
#
# **What $s_j$ can do.** It is one factor for the channel, so it divides all tokens alike. A persistent channel is large
# for every token, and all profit. For one massive token it sacrifices the channel: it becomes tiny for all other tokens, and that
# column of the weight huge. With one static scale the others gain by this sacrifice; where each token has its own scale,
# that layer only loses.
#
# **Why the recipe missed it.** It smooths what the two norms put out. The massive activation enters down_proj, behind
# SwiGLU, which one reaches through up_proj.
#
# **What I would do.** A scale for each token. If scales must be static: smooth down_proj too, with finer weights and an α searched
# for each layer on held-out data, or keep the first position out of the int8 path and of calibration (a fixed prefix). Then
# measure perplexity with an error bar.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("smoothquant.explain_outlier")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* This function is to smooth the attention of a model whose norms are LayerNorms. It runs without a complaint, and it has
# three bugs.
#
# ```python
# def smooth_attention(norm_weight, norm_bias, q_weight, k_weight, v_weight, act_absmax, alpha):
#     smoothed = []
#     for weight in (q_weight, k_weight, v_weight):
#         largest = weight.abs().amax(dim=0)
#         s = act_absmax**alpha / largest ** (1 - alpha)
#         norm_weight = norm_weight / s
#         smoothed.append(weight * s)
#     return norm_weight, norm_bias, *smoothed
# ```
#
# Write it without them. If you mend some and miss others, the check says which is left.


# %% solution="smoothquant.smooth_attention"
def smooth_attention(
    norm_weight, norm_bias, q_weight, k_weight, v_weight, act_absmax, alpha
):
    """The five parameters after smoothing: those of the norm, and three weights.

    norm_weight, norm_bias, act_absmax: [channels]; weights: [outputs, channels]; alpha: a number.
    """
    ### BEGIN SOLUTION
    weights = (q_weight, k_weight, v_weight)
    # One s for the one tensor that all three read; smooth_scales knows the lower bounds.
    s = quantization.smooth_scales(act_absmax, weights, alpha)
    return norm_weight / s, norm_bias / s, *(weight * s for weight in weights)
    ### END SOLUTION


# %% check="smoothquant.smooth_attention"
check("smoothquant.smooth_attention", smooth_attention)

# %% [markdown]
# A test of the identity finds all three at once. The printed function, and the outputs of q, k and v before and after, in float64:

# %% tags=["experiment"]
buggy = experiments.buggy_attention()
print(f"relative difference of the outputs:           {buggy.error:.0%}")
print(f"the same with a bias of 0:                    {buggy.error_without_bias:.0%}")
print(
    f"with a channel that no weight reads: {buggy.nan_with_dead_channel} of {buggy.outputs} outputs are NaN"
)

# %% [markdown]
# Smoothing changes no output before anything is quantized. So check that first, to rounding error, and quantize then.

# %% [markdown]
# ## What to gain, and what to watch
#
# The source card leaves this list empty. Each item with the place where you have seen it.
#
# | for deployment | seen |
# |---|---|
# | integer products: several times as fast as float32 for many tokens, where there is a kernel | "How fast" |
# | no training, no gradients: maxima of some batches, and two products folded into weights | "Into the norm and the weights" |
# | no cost at run time: the division is folded into norms and up_proj | "Through the gated MLP" |
# | a scale for each token costs 3 % of perplexity here, 1 % with smoothing; static scales with searched α 3 % | "A scale for each token", "Search α" |
#
# | limitation or caveat | seen |
# |---|---|
# | an outlier in a channel maximum may be one token; smoothing is made for channels | "A channel or a token?" |
# | with a scale for each token, smoothing a massive token does harm: 8 times the error on made-up layers | "Where the premise holds" |
# | the published recipe smooths the norms only; down_proj has the largest outliers | "A whole model" |
# | one static scale must cover all tokens to come; beyond it there is clipping | "A layer in W8A8" |
# | the best α depends on granularity, layer and data: search it, on tokens that set no range | "Search α" |
# | a layer's output error is not perplexity | "Search α" |
# | not every layer can be folded into: GELU, SiLU and residual sums let no factor through | "What may stand between" |
# | layers that share an input share one $s$ | "Spot the bugs" |
# | a channel that sleeps during calibration gets $s = 10^{-5}$, and is 100,000 times as large when it wakes | "The scales" |
# | int8 without a kernel is slower than float32, and at one token there may be no gain | "How fast" |
# | a small model, its weights from a 4-bit file, one novel: other models have other outliers | this lesson |

# %% [markdown]
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | migration | $X W^{\mathsf T} = (X \operatorname{diag}(1/s)) (\operatorname{diag}(s) W^{\mathsf T})$ |
# | scales | $s_j = \max\lvert X_j \rvert^{\alpha} / \max\lvert W_j \rvert^{1-\alpha}$, both at least $10^{-5}$ |
# | maxima afterwards | $(AB)^{1-\alpha}$ and $(AB)^{\alpha}$, with $A = \max\lvert X_j\rvert$, $B = \max\lvert W_j\rvert$ |
# | into a norm | $g \leftarrow g / s$, $b \leftarrow b / s$; $W \leftarrow W \operatorname{diag}(s)$ in all readers, one $s$ |
# | into a gated MLP | rows of up $/\,s$, columns of down $\cdot\, s$; gate unchanged |
# | a step passes $s$ on | $f(x/s) = f(x)/s$: ReLU, product, dropout; not GELU, SiLU, softmax, sum, norm |
# | static, per token | $s_x = \max\lvert X \rvert / 127$ from calibration; $s_{x,t} = \max\lvert x_t \rvert / 127$ |
# | W8A8 | $Y_{mn} = s_{x,m}\, s_{w,n} \sum_k q_x q_w$, sums in int32 |
# | persistent channel; massive token | $m_j \ge 20 \cdot \text{typical}$; $\lvert x_{tj}\rvert \ge 1000 \max(m_j, \text{typical})$ |

# %% [markdown]
# ## What an interviewer asks next
#
# `course drill --topic smoothquant` in a terminal, or `import drills; drills.session(topic="smoothquant")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. Why not a scale for each input channel of the activations? *(The sum runs over it.)*
# 2. Which statistic would have shown that channel 1229 is not a channel? *(A median over tokens; or leave position 0 out.)*
# 3. Why is α = ½ balanced, and why did layers here want 0.8? *(Weights had a scale for each output, activations one for all: the
#    coarser grid wants to be relieved more.)*
# 4. You smooth down_proj through up_proj. Why not through gate_proj?
# 5. Static or dynamic scales: what does each cost, and when? *(A reduction at run time; clipping of what calibration missed.)*
# 6. A chat model always begins with the same tokens. What could you do with the massive ones? *(Compute their keys and values once, in
#    float, and keep them.)*
#
# ## Reading
#
# - Xiao et al. 2022, *SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models*,
#   arXiv:2211.10438. Sections 3 and 4 are this lesson's core. Read with the question: what do their figures of activations show, channels
#   or tokens?
# - Dettmers et al. 2022, *LLM.int8()*, arXiv:2208.07339. Outlier features, and the other way out: keep those columns in half precision.
# - Sun et al. 2024, *Massive Activations in Large Language Models*, arXiv:2402.17762. What the first token is used for.
# - Yang et al. 2024, *Mitigating Quantization Errors Due to Activation Spikes in GLU-Based LLMs*, arXiv:2405.14428. Our layers 11 and 28,
#   in larger models.
# - Chen et al. 2024, *PrefixQuant*, arXiv:2410.05265. Static scales, once the outlier tokens stand in a prefix.
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–5 | Everyone writes $s_j$ from memory, and both maxima at α = 0, ½ and 1; compare. |
# | 5–15 | One person folds $s$ into a LayerNorm and into a gated MLP at the board; the others look for what is forgotten. |
# | 15–25 | Exchange your tests of `smooth_scales`: whose catches the dead channels? |
# | 25–35 | Argue: your model is broken by static int8. Which three measurements do you make, in which order? |
# | 35–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
