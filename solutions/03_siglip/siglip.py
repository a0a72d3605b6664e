# %% [markdown]
# # 03 · SigLIP: is this pair a pair?
#
# InfoNCE asks each image to *choose* one text of the batch. SigLIP (Zhai et al. 2023) asks something simpler, $N^2$
# times: *do this image and this text belong together, yes or no?* No softmax, no normaliser, and one new number, a
# bias. In this lesson you find out by measurement what that number does, write the loss, derive where its bias must
# start, compute it in blocks, and see what an answer "none of these" is worth.
#
# **You need** lesson 01, the sigmoid $\sigma(x) = 1/(1 + e^{-x})$ and the chain rule. About 100 minutes for the core;
# exercises marked *stretch* are extra. Lesson 02 is not needed.
#
# **Afterwards you can** write the loss from memory, say where the bias stands and why it starts near −10, tell what
# about this loss depends on the batch and what does not, and name four situations in which it disappoints.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go straight to lesson 04.</summary>
#
# 1. Somebody writes $\log \sigma(z_{ij} s_{ij}/\tau + b)$ with a learnable $b$. What happens in training?
# 2. Embeddings are random, $N = 4096$, and the loss is 9.3. Is that good?
# 3. Each pair is a decision of its own. Why is the mean loss of eight batches of 32 still not that of one batch of 256?
#
# Answers: (1) The bias grows, the loss goes towards 0 whatever the embeddings are, and nothing is learned. (2) It is
# chance: about $\log N + 1$, at the best bias, $-\log(N - 1)$. (3) The pairs that cross two small batches are missing:
# seven eighths of all negatives.
# </details>

# %%
import math

import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("siglip.siglip_loss") gives the next of three hints
from course_lib import contrastive
from course_lib.data import load_emoji
from course_lib.experiments import siglip as experiments
from course_lib.figures import bars, explore_siglip_bias, image_grid, lines, show

# %% [markdown]
# ## A label for every pair
#
# A batch of $N$ images and $N$ texts has $N^2$ combinations. $N$ of them were found together; the other $N(N - 1)$ are
# taken to be wrong: *positives* and *negatives*. Give each a label
#
# $$z_{ij} = \begin{cases} +1 & i = j \\ -1 & i \ne j. \end{cases}$$
#
# A sigmoid turns a number $x$ that is large for a good match into a probability, $\sigma(x)$. For a positive we want
# $\sigma(x)$ near 1; for a negative we want $1 - \sigma(x) = \sigma(-x)$ near 1. The label says both at once:
# $\sigma(z x)$ is the probability of the *right* answer.


# %% solution="siglip.pair_labels"
def pair_labels(batch):
    """The labels of all pairs of a batch: [batch, batch], +1 for a pair, −1 otherwise.

    batch: the number of pairs, an integer.
    """
    ### BEGIN SOLUTION
    return 2 * torch.eye(batch) - 1
    ### END SOLUTION


# %% check="siglip.pair_labels"
check("siglip.pair_labels", pair_labels)

# %% [markdown]
# ## The formula, as the card prints it
#
# The card that this course grew out of gives the loss as follows, with $\text{sim}_{ij}/\tau$ for our
# $\text{logit\_scale} \cdot s_{ij}$:
#
# $$L = -\frac1N \sum_i \sum_j \log \sigma\!\left( z_{ij}\, \frac{\text{sim}_{ij}}{\tau} + b \right).$$
#
# The bias is learnable. Before we build anything, let us see what it does. Take 64 *random* images and 64 *random*
# texts, which have nothing to do with each other, at $\tau = 0.1$, and evaluate this formula for several values of
# $b$.
#
# **Predict.** At $b = 0$ its value is 55 nats. What is it at $b = 20$?

# %%
predict("siglip.predict_printed", None)

# %% tags=["experiment"]
printed = experiments.printed_bias()
reveal("siglip.predict_printed", printed.last)
show(
    lines(
        printed.biases,
        {"the formula as printed, random embeddings": printed.printed},
        title="Nothing changes but the bias",
        xlabel="bias b",
        ylabel="loss in nats",
        yscale="log",
    ),
    alt="The printed loss of 64 random pairs against the bias, on a logarithmic axis: it falls from 639 nats at −10 "
    "to 0.0000003 at 20.",
)
print("b     ", *(f"{bias:9g}" for bias in printed.biases))
print("loss  ", *(f"{loss:9.3g}" for loss in printed.printed))

# %% [markdown]
# The embeddings are random, and the loss is $3 \cdot 10^{-7}$: a number that one would report with pride. So let an
# optimiser find it. Freeze the embeddings and let gradient descent move $b$ alone, from −10:

# %% tags=["experiment"]
alone = experiments.bias_alone()
print("step        b     loss as printed")
for step, bias, loss in zip(
    alone.steps, alone.printed_bias, alone.printed_loss, strict=True
):
    print(f"{step:5d}  {bias:7.2f}  {loss:12.4f}")
print(f"recall at 1, before and after: {alone.recall:.0%}")

# %% [markdown]
# The bias climbs, slower and slower but without end, and takes the loss with it. The ranking of the texts is the same
# at every step, since $b$ is added to all of them: nothing is learned.
#
# **Where must the bias stand?** Look at the argument of $\sigma$ once for a pair, $z = +1$, and once for a negative,
# $z = -1$. What does raising $b$ do to the cost of each? What *should* it do to them? Decide before you open this.
#
# <details>
# <summary>What raising the bias should do.</summary>
#
# A bias says how likely pairs are in general. Raising it must make a "yes" cheaper and a "no" dearer. In the printed
# formula it makes *both* cheaper: $b$ stands outside the sign. The label has to multiply the whole,
# $z_{ij}(\text{sim}_{ij}/\tau + b)$. That is what the paper and its code do; the card has lost a pair of parentheses.
# </details>
#
# The same random batch, and the same descent on $b$, with the bias inside:

# %% tags=["experiment"]
print("b                ", *(f"{bias:9g}" for bias in printed.biases))
print("as printed       ", *(f"{loss:9.3g}" for loss in printed.printed))
print("bias inside      ", *(f"{loss:9.4g}" for loss in printed.inside))
print()
print("step             ", *(f"{step:9d}" for step in alone.steps))
print("b, bias inside   ", *(f"{bias:9.2f}" for bias in alone.inside_bias))
print("loss, bias inside", *(f"{loss:9.3f}" for loss in alone.inside_loss))

# %% [markdown]
# At $b = 20$ the right loss is 1,259 where the printed one was $3 \cdot 10^{-7}$. Its descent stops, at $b = -4.87$
# and 6.04 nats. Both numbers can be known beforehand; below you derive them.

# %% [markdown]
# ## The logarithm of a sigmoid
#
# The loss needs $\log \sigma(\ell)$, with $\ell$ the *logit* of a pair. In two steps it fails: in 32-bit floats
# $\sigma(-120)$ is exactly 0, and its logarithm $-\infty$. Take the logarithm on paper first:
#
# $$\log \sigma(\ell) = -\log\left(1 + e^{-\ell}\right) = \ell - \log\left(1 + e^{\ell}\right).$$
#
# Each form overflows on one side. Find one that never does, with its gradient, for logits from −1000 to 1000. Use only
# `exp`, `log`, `log1p`, `abs`, `clamp` and the like. (`torch.where` is tempting; the check says what is wrong with it
# here.)


# %% solution="siglip.log_sigmoid"
def log_sigmoid(logits):
    """The logarithm of the sigmoid of each entry, safe for any logit.

    logits: [N, M]. Returns [N, M].
    """
    ### BEGIN SOLUTION
    return logits.clamp(max=0) - torch.log1p(torch.exp(-logits.abs()))
    ### END SOLUTION


# %% check="siglip.log_sigmoid"
check("siglip.log_sigmoid", log_sigmoid)

# %% [markdown]
# ## The sigmoid loss
#
# Now the whole loss. The logit of a pair is its scaled cosine plus the bias $b$ (`logit_bias`); the label multiplies
# the logit; the costs of all $N^2$ answers are *summed*, and divided by $N$, the number of images:
#
# $$L = -\frac1N \sum_i \sum_j \log \sigma\left( z_{ij}\, \ell_{ij} \right), \qquad
# \ell_{ij} = \text{logit\_scale} \cdot s_{ij} + b.$$
#
# As in open_clip, features arrive **already normalised** and `logit_scale` **already exponentiated**. You may use
# `contrastive.pair_labels` (it takes a `dtype=`) and `contrastive.log_sigmoid`.


# %% solution="siglip.siglip_loss"
def siglip_loss(image_features, text_features, logit_scale, logit_bias):
    """The sigmoid loss of a batch of pairs.

    image_features, text_features: [N, D], rows of length 1; row i of both is pair i.
    logit_scale, logit_bias: 0-d tensors. Returns a 0-d tensor, in nats.
    """
    ### BEGIN SOLUTION
    logits = logit_scale * image_features @ text_features.T + logit_bias
    labels = contrastive.pair_labels(len(logits), dtype=logits.dtype)
    return -contrastive.log_sigmoid(labels * logits).sum() / len(logits)
    ### END SOLUTION


# %% check="siglip.siglip_loss"
check("siglip.siglip_loss", siglip_loss)

# %% [markdown]
# ### Not only differences count
#
# Lesson 01: add a constant to all logits, and InfoNCE does not notice. Here? On 128 held-out emoji with the features
# of lesson 01, add 5 to every logit:

# %% tags=["experiment"]
moved = experiments.shift(pairs=128, by=5.0)
print(f"InfoNCE changes by      {moved.infonce_all:.1f}")
print(
    f"the sigmoid loss rises by {moved.sigmoid_all:.1f}, from {moved.sigmoid_before:.1f}"
)

# %% [markdown]
# By 0 and by 116. A softmax knows only which text is *better*; a sigmoid also says how good it *is*. That is the price
# of the bias, and, further down, its use.

# %% [markdown]
# ## Test the tests
#
# Write a test that receives an implementation of `siglip_loss`, returns silently if it is right, and fails with
# `assert` if it is wrong. It is run on several correct implementations, all of which it must accept, and on wrong
# ones: catch at least three plain ones (a point), the printed formula (a point), and one of three whose *value* on an
# ordinary batch is right (a point).
#
# Think of batches whose loss you can write down: at `logit_scale = 0` every logit is $b$. Compare with `torch.isclose`
# or `torch.allclose`, never with `==`.


# %% solution="siglip.test_siglip_loss"
def test_siglip_loss(implementation):
    """Pass on right implementations of siglip_loss, raise AssertionError on wrong ones.

    implementation(image_features, text_features, logit_scale, logit_bias) returns
    the loss, and can be differentiated.
    """
    ### BEGIN SOLUTION
    same = torch.ones(4, 1)  # all cosines 1
    bias = torch.tensor(-2.0, requires_grad=True)
    flat = implementation(same, same, torch.tensor(0.0), bias)  # every logit is −2
    yes, no = torch.sigmoid(torch.tensor(-2.0)), torch.sigmoid(torch.tensor(2.0))
    assert torch.isclose(flat, -yes.log() - 3 * no.log())
    shifted = implementation(same, same, torch.tensor(3.0), torch.tensor(-5.0))
    assert torch.isclose(shifted, -yes.log() - 3 * no.log())  # 3 − 5 is −2 again
    # One positive at −2 pulls with σ(2), three negatives push with σ(−2) each.
    assert flat.requires_grad
    (slope,) = torch.autograd.grad(flat, bias, allow_unused=True)
    assert slope is not None
    assert torch.isclose(slope, 3 * yes - no)
    ### END SOLUTION


# %% check="siglip.test_siglip_loss"
check("siglip.test_siglip_loss", test_siglip_loss)

# %% [markdown]
# ## The gradient of one pair
#
# What does the loss tell one logit? One term of it is $-\frac1N \log \sigma(z\ell)$, and it contains no other logit.
# The derivative of $\log \sigma$ is short:
#
# $$\frac{d}{dx} \log \sigma(x) = \frac{\sigma(x)(1 - \sigma(x))}{\sigma(x)} = 1 - \sigma(x) = \sigma(-x).$$
#
# With $x = z\ell$ and the chain rule, what is $\partial L / \partial \ell_{ij}$? Write it for the whole matrix.


# %% solution="siglip.siglip_grad_wrt_logits"
def siglip_grad_wrt_logits(logits):
    """The gradient of the sigmoid loss with respect to the logits.

    logits: [N, N], bias included. Returns [N, N], entry [i, j] = dL/dlogits[i, j].
    """
    ### BEGIN SOLUTION
    labels = contrastive.pair_labels(len(logits), dtype=logits.dtype)
    return -labels * torch.sigmoid(-labels * logits) / len(logits)
    ### END SOLUTION


# %% check="siglip.siglip_grad_wrt_logits"
check("siglip.siglip_grad_wrt_logits", siglip_grad_wrt_logits)

# %% [markdown]
# <details>
# <summary><b>Why</b> is this the same as (σ(ℓ) − 1[i = j]) / N, and where have you seen that? Think first.</summary>
#
# For a positive, $-\sigma(-\ell) = \sigma(\ell) - 1$; for a negative, $+\sigma(\ell)$. Probability minus truth, as in
# lesson 01. But there the rows of the gradient summed to zero: what one text gained, others lost. Here nothing ties
# the entries of a row together, so the sum over all of them, which is $\partial L/\partial b$, can be anything.
# </details>

# %% [markdown]
# ## The whole gradient
#
# *Stretch.* With $G = \partial L/\partial \ell$ from above and $\ell_{ij} = \text{logit\_scale} \cdot I_i \cdot T_j +
# b$, write all four gradients. Use `contrastive.siglip_grad_wrt_logits`.


# %% solution="siglip.siglip_grads"
def siglip_grads(image_features, text_features, logit_scale, logit_bias):
    """The gradients of siglip_loss by hand.

    Arguments as for siglip_loss. Returns four tensors, shaped like the arguments:
    dL/dimage_features, dL/dtext_features, dL/dlogit_scale, dL/dlogit_bias.
    """
    ### BEGIN SOLUTION
    cosines = image_features @ text_features.T
    gradient = contrastive.siglip_grad_wrt_logits(logit_scale * cosines + logit_bias)
    return (
        logit_scale * gradient @ text_features,
        logit_scale * gradient.T @ image_features,
        (gradient * cosines).sum(),
        gradient.sum(),
    )
    ### END SOLUTION


# %% check="siglip.siglip_grads"
check("siglip.siglip_grads", siglip_grads)

# %% [markdown]
# ## Where the bias should start
#
# An untrained model knows nothing: its cosines are all near 0, so every logit is near $b$.
#
# **Predict.** $N = 4096$, and $b = 0$. What is the loss, in nats? (InfoNCE would be at $\log 4096 = 8.3$.)

# %%
predict("siglip.predict_untrained", None)

# %% [markdown]
# Now derive the best $b$. If every logit is exactly $b$, one image pays for its positive and for $N - 1$ negatives:
#
# $$L(b) = -\log \sigma(b) - (N - 1) \log \sigma(-b), \qquad
# \frac{dL}{db} = -\sigma(-b) + (N - 1)\, \sigma(b).$$
#
# (Sum the gradient of the last section over a row, times $N$, and you get the same.) Set it to zero, and use
# $\sigma(b)/\sigma(-b) = e^b$. Which $b^*$ comes out?


# %% solution="siglip.initial_bias"
def initial_bias(batch):
    """The bias with the lowest loss if every logit equals it.

    batch: the number of pairs, at least 2. Returns a number.
    """
    ### BEGIN SOLUTION
    return -math.log(batch - 1)
    ### END SOLUTION


# %% check="siglip.initial_bias"
check("siglip.initial_bias", initial_bias)

# %% [markdown]
# ## Whom the gradient listens to
#
# The loss is one way to see what a bias does; the gradient is another. In a batch of untrained embeddings, $N$
# positives pull and $N(N - 1)$ negatives push. Which share of $\sum_{ij} |\partial L/\partial \ell_{ij}|$ do the
# positives have, if every logit is $b$?


# %% solution="siglip.positive_gradient_share"
def positive_gradient_share(batch, logit_bias):
    """The positives' share of the sum of all |dL/dlogit|, if every logit is the bias.

    batch: the number of pairs; logit_bias: a number. Returns a number from 0 to 1.
    """
    ### BEGIN SOLUTION
    pull = 1 / (1 + math.exp(logit_bias))
    pushes = (batch - 1) / (1 + math.exp(-logit_bias))
    return pull / (pull + pushes)
    ### END SOLUTION


# %% check="siglip.positive_gradient_share"
check("siglip.positive_gradient_share", positive_gradient_share)

# %% [markdown]
# Both at once, for 4,096 pairs: with all cosines exactly 0, and with random vectors of width 512 at scale 10, whose
# cosines are not quite 0.

# %% tags=["experiment"]
start = experiments.untrained(batch=4096)
reveal("siglip.predict_untrained", start.without_spread[0])
print("                                b = 0    b = −10     b = b*")
for name, values, form in (
    ("loss, cosines 0              ", start.without_spread, "10.2f"),
    ("loss, random vectors         ", start.losses, "10.2f"),
    ("gradient of pairs, cosines 0 ", start.exact_shares, "10.2%"),
    ("gradient of pairs, random    ", start.shares, "10.2%"),
):
    print(name, *(format(value, form) for value in values))
print(
    f"b* = {start.biases[2]:.3f}; −10 is the best bias for N = {start.batch_of_ten:,}"
)

# %% [markdown]
# Without a bias an untrained model pays 2,839 nats, for answering "perhaps" to 16.8 million questions of which all
# but 4,096 have the answer no; 0.02 % of the gradient comes from the pairs that it is to learn, and all the rest says
# "apart!". At $b^*$ the two sides weigh the same, and the loss is 9.32.
#
# The paper starts at −10 whatever the batch. By your formula that is right for 22,027 pairs, close to what it trains
# with; at 4,096 the pairs have 84 % of the gradient. (Of the random vectors the pairs have 48 % at $b^*$, not 50: a
# spread of the logits raises the mean of $e^\ell$ and moves the best bias down by half its variance, here 0.10.)
#
# Does $-\log(N - 1)$ hold at other sizes? The next cell *searches* the best bias for random vectors:

# %% tags=["experiment"]
best = experiments.best_bias()
print("N                          ", *(f"{n:8d}" for n in best.batches))
print("best bias found            ", *(f"{bias:8.3f}" for bias in best.found))
print("−log(N − 1)                ", *(f"{bias:8.3f}" for bias in best.predicted))
print("−log(N − 1) − variance/2   ", *(f"{bias:8.3f}" for bias in best.corrected))
print("sigmoid loss there         ", *(f"{loss:8.3f}" for loss in best.loss))
print("log N + 1                  ", *(f"{loss:8.3f}" for loss in best.log_n_plus_1))
print("InfoNCE of the same vectors", *(f"{loss:8.3f}" for loss in best.infonce))

# %% [markdown]
# It does, up to the spread. (In the random batch at the beginning, of width 64, the variance is 100/64 = 1.56, and the descent
# stopped at −4.87: $-\log 63 = -4.14$, minus 0.78, gives −4.92.) And chance has a value that is easy to remember:
# $L(b^*) = \log N + (N - 1)\log\frac{N}{N - 1} \approx \log N + 1$, one nat above that of InfoNCE. A sigmoid loss of
# 9.3 at $N = 4096$ is not a good start. It is chance.
#
# Now play. **Find out:** at which bias is the balance even for $N = 32{,}768$? Then train the model by hand: raise
# the pairs' cosine to 0.6. Which probability does a pair get? Now raise the scale: what does that change, who moves
# the batch then, and is $b^*$ still near the lowest loss?

# %%
explore_siglip_bias()

# %% [markdown]
# <details>
# <summary>What there is to find.</summary>
#
# The button puts $b$ on $b^* = -10.40$ for 32,768. With a cosine of 0.6 at scale 10, a pair still has a logit of only
# $6 - 10.4$ and a probability of 1 %: the cosine alone cannot pay off the bias. At a scale of 20 it is 81 %, the negatives
# have 88 % of the gradient, and the lowest loss has moved to $b = -11.75$. So scale and bias have to be learned
# together, and $b^*$ is a place to start, not one to stay.
# </details>
#
# ### Does it matter in training?
#
# Two linear maps, from fixed descriptors of pictures and captions into 64 dimensions, trained on 1,720 emoji in
# batches of 128, with Adam, which learns scale and bias too. Recall is measured on 191 other emoji. Four starts,
# three seeds each; the fourth is the printed formula.

# %% tags=["experiment"]
runs = experiments.bias_training()
names = {
    "from_minus_ten": "from b = −10",
    "from_best": f"from b* = {runs.best_bias:.2f}",
    "from_zero": "from b = 0",
    "as_printed": "as printed, from −10",
}
curves = {names[key]: getattr(runs, key) for key in names}
show(
    lines(
        runs.steps,
        curves,
        errors={names[key]: runs.spread[key] for key in names},
        title="Held-out recall at 1, mean and standard deviation of three seeds",
        xlabel="training steps",
        ylabel="recall at 1 of 191",
        xscale="log",
        references={"chance": 1 / 191},
    ),
    alt="Recall against training steps. From −10 and from b* it reaches a quarter within 100 steps; "
    "from 0 it stays at chance for 200 steps and then climbs; as printed it stays at chance.",
)
print(
    "steps               ",
    *(f"{step:6d}" for step in runs.steps),
    "     b   training loss",
)
for key, name in names.items():
    print(
        f"{name:20s}",
        *(f"{recall:6.1%}" for recall in getattr(runs, key)),
        f"{runs.final_bias[key]:7.1f}",
        f"{runs.first_loss[key]:7.0f} → {runs.last_loss[key]:.1f}",
    )

# %% [markdown]
# From $b = 0$ the model spends 200 steps on being told "apart!" and finds nothing; only when the bias itself has crept
# down does it begin to learn. It is not lost, it is late. As printed, recall stays at chance for 800 steps, although
# the loss falls from 1,281 to 199 nats (you saw how).
#
# And −10 against $b^*$? For this batch of 128, $b^* = -4.84$ has the lower loss and the balanced gradient; −10 is
# *faster* at first (22 % against 13 % after 25 steps), since 99 % of its gradient comes from the pairs. After 100
# steps the two cannot be told apart. A bias that is too low costs little; one that is too high costs the run its first
# act. That may be why one constant has served so many batch sizes.

# %% [markdown]
# ## The loss in blocks
#
# No term of the loss needs another, so the $N \times N$ matrix never has to exist: compute a block of `chunk` images
# with `chunk` texts, add up its costs, forget it. The paper exchanges such blocks between devices. Write it, exactly,
# for any `chunk`. You may use `contrastive.log_sigmoid`.


# %% solution="siglip.siglip_loss_chunked"
def siglip_loss_chunked(image_features, text_features, logit_scale, logit_bias, chunk):
    """siglip_loss of the whole batch, from blocks of [chunk, chunk] logits.

    Arguments as for siglip_loss; chunk: an integer, which need not divide N.
    Returns a 0-d tensor.
    """
    ### BEGIN SOLUTION
    total = image_features.new_zeros(())
    for row, images in enumerate(image_features.split(chunk)):
        for column, texts in enumerate(text_features.split(chunk)):
            logits = logit_scale * images @ texts.T + logit_bias
            labels = torch.full_like(logits, -1.0)
            if row == column:  # only these blocks hold pairs
                labels.fill_diagonal_(1.0)
            total = total - contrastive.log_sigmoid(labels * logits).sum()
    return total / len(image_features)
    ### END SOLUTION


# %% check="siglip.siglip_loss_chunked"
check("siglip.siglip_loss_chunked", siglip_loss_chunked)

# %% [markdown]
# Exact, then. And small? Autograd keeps what it needs for the backward pass. The next cell counts it, for 1,024 emoji
# in blocks of 128: for the whole matrix, for a plain loop like yours, and for the library's version.

# %% tags=["experiment"]
pieces = experiments.chunks(batch=1024, chunk=128)
print(f"loss, whole against blocks:     differ by {pieces.loss_error:.1e}")
print(f"gradient, whole against blocks: differ by {pieces.gradient_error:.1e}")
print(
    f"blocks: {pieces.blocks}, of which {pieces.blocks_with_positives} hold positives"
)
print(
    f"logits alive in the forward pass: {pieces.block_entries:,} instead of {pieces.matrix_entries:,}"
)
print("numbers kept for the backward pass:")
print(f"  whole matrix       {pieces.kept_by_full:9,}")
print(f"  blocks in a loop   {pieces.kept_by_plain_blocks:9,}")
print(f"  the library's      {pieces.kept_by_library:9,}")

# %% [markdown]
# In training the loop saves *nothing*: autograd keeps every block, and with the labels even a little more than for
# the whole matrix. Chunked code that is trained by plain autograd is chunked in name only. The library's version
# computes the gradients of a block along with its loss, by your formula $-z\,\sigma(-z\ell)/N$, and keeps only those
# of the features: $2ND$ numbers, here 24 times fewer, and linear in $N$. A softmax cannot do that in one sweep, since
# its gradients wait for the normaliser. That is what "decoupled" buys. Lesson 04 goes on from here.

# %% [markdown]
# ## Does the batch still matter?
#
# The card says that the loss treats each pair as an independent decision and is therefore stable at much smaller
# batches. Take that apart. First, one and the same negative pair (two emoji) in batches of several sizes, at a fixed
# bias of −5:

# %% tags=["experiment"]
pair = experiments.pair_in_batches()
print("batch N                           ", *(f"{n:8d}" for n in pair.batches))
print("N·∂L/∂ℓ of the pair, sigmoid       ", *(f"{push:8.4f}" for push in pair.sigmoid))
print("                     InfoNCE       ", *(f"{push:8.4f}" for push in pair.softmax))
print(
    "share of the positives, sigmoid    ",
    *(f"{share:8.1%}" for share in pair.positive_share),
)
print(
    "b*                                 ",
    *(f"{bias:8.2f}" for bias in pair.best_bias),
)

# %% [markdown]
# Independent: yes. What a pair is told is the same in every batch, to the last digit; under the softmax it shrinks
# from 0.24 to 0.005 as competitors join. But the *balance* moves: at one bias, the positives have 70 % of the
# gradient in a batch of 16 and 2 % in one of 1,024. The bias can follow ($b^*$ in the last line), and has to.
#
# Second, gradient accumulation. Each pair is independent, so surely eight batches of 32 are a batch of 256?

# %% tags=["experiment"]
micro = experiments.sigmoid_micro_batches(batch=256, size=32)
print(f"loss of the batch of 256:          {micro.whole:.2f}")
print(f"mean loss of eight batches of 32:  {micro.pieces:.2f}")
print(f"cosine between the two gradients:  {micro.gradient_cosine:.2f}")
print(f"pairs visited: {micro.pairs_pieces:,} of {micro.pairs_whole:,}")

# %% [markdown]
# No, and the gradients are farther apart than those of InfoNCE in lesson 01 (cosine 0.57 against 0.89): seven eighths
# of the pairs, all of them negatives, are never visited, and nothing renormalises what is left. *Blocks* are exact;
# *micro-batches* are another loss.
#
# Third, training: both losses at a small and at a larger batch, after eight passes over the same 1,720 emoji, four
# seeds.

# %% tags=["experiment"]
losses = experiments.two_losses()
show(
    bars(
        [f"batch {batch}" for batch in losses.batches],
        {
            "InfoNCE": [100 * recall for recall in losses.infonce],
            "sigmoid": [100 * recall for recall in losses.sigmoid],
        },
        errors={
            "InfoNCE": [100 * spread for spread in losses.infonce_spread],
            "sigmoid": [100 * spread for spread in losses.sigmoid_spread],
        },
        title="Held-out recall at 1 after equally many samples, four seeds",
        ylabel="recall at 1 of 191, in %",
        number_format=".1f",
    ),
    alt="Bars of recall at 1 for InfoNCE and the sigmoid loss at batch sizes 16 and 256: "
    "between 23 and 28 percent, with standard deviations of up to 3, overlapping.",
)

# %% [markdown]
# Nothing to be seen: 23.6 ± 3.3 % against 25.8 ± 1.7 % at 16, and 27.2 ± 2.1 % against 25.0 ± 0.5 % at 256, standard
# deviations over four seeds. "Stable at much smaller batches" is true of both losses here, since linear maps on 1,720
# emoji hardly care about the batch; that one needs a larger batch than the other, this cannot show. Lesson 05 trains
# real towers and asks again. (The paper itself finds that its loss improves with the batch up to about 32,000, and
# little beyond.)

# %% [markdown]
# ## A decision, not a ranking
#
# A softmax divides one unit of probability among the candidates, whoever they are. A sigmoid gives each its own. So a
# sigmoid can say *none of these*. Write that: for each image the best text, or −1 if not even the best is probable
# enough. The threshold is a **probability**.


# %% solution="siglip.match_or_none"
def match_or_none(logits, threshold):
    """The most probable text of each image, or −1 if it is less probable than threshold.

    logits: [N, M], any images and texts; threshold: a probability.
    Returns [N], column numbers or −1.
    """
    ### BEGIN SOLUTION
    best, column = logits.max(dim=1)
    return torch.where(torch.sigmoid(best) >= threshold, column, -1)
    ### END SOLUTION


# %% check="siglip.match_or_none"
check("siglip.match_or_none", match_or_none)

# %% [markdown]
# Now on real pairs. One pair of linear maps was trained with InfoNCE, one with the sigmoid loss (the training of
# above, 300 steps). Show each of 191 held-out pictures a list of *wrong* captions only.
#
# **Predict.** There are ten wrong captions. For which percentage of the pictures does the *softmax* give one of them a
# probability of at least one half?

# %%
predict("siglip.predict_sure", None)

# %% tags=["experiment"]
lists = experiments.list_length()
reveal("siglip.predict_sure", 100 * lists.softmax[2])
print("wrong captions on the list           ", *(f"{n:6d}" for n in lists.lengths))
print("a wrong one gets ≥ ½: softmax        ", *(f"{s:6.0%}" for s in lists.softmax))
print("                      sigmoid        ", *(f"{s:6.0%}" for s in lists.sigmoid))

# %% [markdown]
# With one candidate the softmax is certain by definition, and it stays sure of some wrong caption for most lists of
# ten. Its probability says "the best *of these*". The sigmoid's does not depend on the list. Look at the surest
# cases, with all other 190 captions on offer:

# %% tags=["experiment"]
instead = experiments.offered_instead(count=8)
emoji = load_emoji("noto")
show(
    image_grid(
        emoji.images[instead.rows],
        [
            f"“{caption}”: softmax {one:.2f}, sigmoid {other:.2f}"
            for caption, one, other in zip(
                instead.offered, instead.softmax, instead.sigmoid, strict=True
            )
        ],
        title="The right caption is taken away: what is offered instead, and how surely",
        columns=4,
    ),
    alt="Eight emoji pictures, and the caption that is offered when the right one is missing. "
    + "; ".join(
        f"{name}: {caption}, softmax {one:.2f}, sigmoid {other:.2f}"
        for name, caption, one, other in zip(
            instead.names,
            instead.offered,
            instead.softmax,
            instead.sigmoid,
            strict=True,
        )
    ),
)

# %% [markdown]
# Most of these captions are near misses, and the two models agree on nearly all of them; what differs is the
# certainty. But do not take the sigmoid for an oracle. Here is the whole picture, with the right caption on the list
# and without it:

# %% tags=["experiment"]
none = experiments.no_match(threshold=0.5)
print("191 pictures, threshold ½               softmax  sigmoid")
for name, values, form in (
    ("recall at 1, a ranking               ", none.recall, "8.1%"),
    ("caption present: an answer is given  ", none.sure_with, "8.1%"),
    ("   and of these answers, right are   ", none.right_if_sure, "8.1%"),
    ("caption absent: an answer is given   ", none.sure_without, "8.1%"),
    ("area under the curve, any threshold  ", none.area, "8.3f"),
):
    print(name, *(format(value, form) for value in values))

# %% [markdown]
# As *rankings* the two models are alike. The softmax answers for a third of the pictures and is wrong in a quarter of
# these; with the right caption gone it still answers for 19 %. The sigmoid answers for a tenth, is right in 18 of 19
# of these, and with the caption gone answers for 1 %. Where it says yes it is nearly always right, and it says so
# rarely. But look at the last line, which asks whether the best candidate's probability tells the two situations
# apart at *any* threshold, 0.5 being a coin: 0.55 against 0.60, both poor, and the difference is of one training. A
# well-defined decision is not yet a good detector: these maps do not know pictures well enough.

# %% [markdown]
# ## Limitations and caveats
#
# | what | why | where you saw it |
# |---|---|---|
# | The bias must be started well. | From 0, the negatives have 99.98 % of the gradient at $N = 4096$. | *Does it matter in training?* |
# | $b^*$ depends on $N$. | One constant is right for one batch size; the balance of pulls and pushes moves with $N$. | *Does the batch still matter?* |
# | $N^2$ pairs. | "Decoupled" removes the normaliser, not the work: all embeddings still have to meet. | *The loss in blocks* |
# | Loss values cannot be compared across batch sizes. | Chance is about $\log N + 1$. | *Where the bias should start* |
# | Accumulating micro-batches is another loss. | Negatives between the pieces are missing. | *Does the batch still matter?* |
# | Probabilities are those of the training batch. | The model has learned "1 in $N$"; where pairs are more frequent, ½ is too strict a threshold. | *A decision, not a ranking* |
# | False negatives. | See below. | |
# | Ranking is not what it optimises. | See below. | |
#
# ### False negatives
#
# Lesson 01: if every pair is in the batch twice, InfoNCE cannot go below $\log 2$. Under the sigmoid loss a second
# right text is a pair with the label −1, at the *same* logit as one with the label +1:

# %% tags=["experiment"]
several = experiments.copies()
print("copies of each pair           ", *(f"{n:7d}" for n in several.copies))
print("lowest sigmoid loss           ", *(f"{loss:7.3f}" for loss in several.sigmoid))
print("lowest InfoNCE                ", *(f"{loss:7.3f}" for loss in several.softmax))
print(
    "σ(ℓ) of a right pair, sigmoid ",
    *(f"{chance:7.2f}" for chance in several.probability),
)

# %% [markdown]
# Twice as dear with two copies, $2 \log 2 = 1.386$, and worse than the price: to pay only that, the model has to say
# "perhaps" (½) to pairs that are right. The probability of a right pair falls to one over the number of copies, and
# with it the meaning of the threshold. (InfoNCE's ranking is unharmed by its floor.)
#
# ### Ranking is not what it optimises
#
# Retrieval needs an order, and an order does not change when each image's row of logits is raised or lowered as a
# whole: some pictures are simply easier. Give every row an offset of its own (normal, standard deviation 5):

# %% tags=["experiment"]
rows = experiments.shift(pairs=128, by=5.0)
print(f"image-to-text InfoNCE changes by {rows.infonce_rows:.1f}")
print(
    f"the sigmoid loss rises by        {rows.sigmoid_rows:.1f}, from {rows.sigmoid_before:.1f}"
)

# %% [markdown]
# The sigmoid loss asks for one scale of probability for all images, which a ranking never needed. Whoever only ranks
# pays for something that is not used; this is one explanation of reports that a sigmoid loss trails in dense
# retrieval (for instance big_vision issue 130). It is an argument, not a measurement: at our scale the two recalls
# did not differ.
#
# What the lesson shares with lesson 01: noisy and biased web pairs, the gap between the two modalities, and blindness
# to word order and counting are properties of the data and the towers. No choice of this loss mends them.

# %% [markdown]
# ## Explain it
#
# The card says that SigLIP treats each pair as an independent binary classification, "predicting 1 and 0"; in its
# formula $z$ is $\pm 1$. When are the two the same thing, and when is "1 and 0" wrong? And a colleague concludes:
# *"Each pair is independent, so the sigmoid loss does not depend on the batch."* Is that true? About eight lines.

# %% [markdown] solution="siglip.explain_labels"
# **1.** As *targets* of a binary cross-entropy, $-y \log \sigma(\ell) - (1 - y)\log\sigma(-\ell)$, 1 and 0 give
# $-\log\sigma(\ell)$ for a pair and $-\log\sigma(-\ell)$ otherwise. That is $-\log\sigma(z\ell)$ with $z = \pm 1$: the
# same loss.
#
# **2.** Put 0 for $z$ in the printed formula, and each negative costs $-\log\sigma(0) = \log 2$, whatever its logit.
# Its gradient is 0: nothing is pushed apart, and all embeddings may collapse.
#
# **3.** What a pair is told depends on that pair alone, so blocks are exact and no normaliser is needed. But there
# are $N - 1$ negatives for each positive: the balance, $b^* = -\log(N - 1)$ and chance, $\log N + 1$, all move with
# $N$, and micro-batches leave pairs out. The loss is decoupled from the normaliser, not from the batch.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("siglip.explain_labels")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* This function takes raw embeddings and the two parameters that SigLIP stores: the logarithm of the scale,
# and the bias. It runs without a complaint, and it has three bugs of kinds that are found in public code.
#
# ```python
# def sigmoid_from_embeddings(image_embeddings, text_embeddings, log_scale, logit_bias):
#     images = torch.nn.functional.normalize(image_embeddings, dim=1)
#     texts = torch.nn.functional.normalize(text_embeddings, dim=1)
#     logits = log_scale.exp() * (images @ texts.T + logit_bias)
#     labels = torch.eye(len(logits), dtype=logits.dtype)  # 1 for a pair, 0 if not
#     return -torch.nn.functional.logsigmoid(labels * logits).mean()
# ```
#
# Write it without them. You may use everything in `contrastive`. If you mend some and miss others, the check says
# which is left.


# %% solution="siglip.sigmoid_from_embeddings"
def sigmoid_from_embeddings(image_embeddings, text_embeddings, log_scale, logit_bias):
    """The sigmoid loss of raw embeddings.

    image_embeddings, text_embeddings: [N, D]; log_scale, logit_bias: 0-d, the logarithm
    of logit_scale, and the bias. Returns a 0-d tensor.
    """
    ### BEGIN SOLUTION
    images = contrastive.l2_normalize(image_embeddings)
    texts = contrastive.l2_normalize(text_embeddings)
    # Labels of ±1, a bias beside the *scaled* cosine, and a sum over N are all in siglip_loss.
    return contrastive.siglip_loss(images, texts, log_scale.exp(), logit_bias)
    ### END SOLUTION


# %% check="siglip.sigmoid_from_embeddings"
check("siglip.sigmoid_from_embeddings", sigmoid_from_embeddings)

# %% [markdown]
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | logit | $\ell_{ij} = \text{logit\_scale} \cdot s_{ij} + b$ |
# | label | $z_{ij} = +1$ for a pair, $-1$ otherwise |
# | loss | $L = -\frac1N \sum_{ij} \log \sigma(z_{ij}\, \ell_{ij})$: the bias *inside*, the sum over $N$, not over $N^2$ |
# | stable | $\log\sigma(\ell) = \min(\ell, 0) - \log(1 + e^{-\lvert \ell \rvert})$ |
# | gradient at the logits | $-z_{ij}\, \sigma(-z_{ij}\, \ell_{ij})/N = (\sigma(\ell_{ij}) - [i = j])/N$ |
# | at the bias | the sum of all of them |
# | start of the bias | $b^* = -\log(N - 1)$; $-10$ for $N = 22{,}027$ |
# | chance | $L(b^*) \approx \log N + 1$ |
# | share of the positives | $\sigma(b^* - b)$, for equal logits |
# | false negatives | $c$ equally right texts: floor $\log c + (c - 1)\log\frac{c}{c - 1}$, at $\sigma(\ell) = 1/c$ |
#
# ## What an interviewer asks next
#
# `course drill --topic siglip` in a terminal, or `import drills; drills.session(topic="siglip")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. Where does the bias stand, and how would you notice in a training run if it stood elsewhere? *(The loss falls to 0
#    with $b$ growing, recall at chance.)*
# 2. Your sigmoid loss starts at 0.003. What did you write? *(A mean over $N^2$, divided by $N$ once more.)*
# 3. Why −10? For which batch is that the optimum, and what happens at 256?
# 4. What exactly is decoupled from the batch, and what is not?
# 5. Chunk the loss. How much memory does that save in training, and what is missing?
# 6. A user complains that SigLIP gives its best caption a probability of 0.22. Is that a bug? *(The
#    question of open_clip issue 716.)*
# 7. When would you still take a softmax?
#
# ## Reading
#
# - Zhai, Mustafa, Kolesnikov and Beyer 2023, *Sigmoid Loss for Language Image Pre-Training*, arXiv:2303.15343. Algorithm 1
#   is this lesson in ten lines; section 3.3 is the exchange of blocks; look for the ablation of the bias.
# - open_clip issue 650: somebody derives $b^*$ in public, and asks whether it is better than −10. You have measured it.
# - big_vision issue 115: a loss of 0.003 at the start, and the one word that has to be changed.
# - Guo, Pleiss, Sun and Weinberger 2017, *On Calibration of Modern Neural Networks*, arXiv:1706.04599. What it would take
#   to trust the probabilities of the last section.
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–5 | Everyone writes the loss from memory. Compare where the bias stands, and what the sum is divided by. |
# | 5–15 | One person derives $b^*$ and $L(b^*)$ at the board; the others check $N = 2$ by hand. |
# | 15–25 | Exchange your tests of `siglip_loss`: whose catches the printed formula, and whose would with $b = 0$? |
# | 25–35 | Argue: "the sigmoid loss does not depend on the batch." One side each, with the numbers of this lesson. |
# | 35–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
