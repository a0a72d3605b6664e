# %% [markdown]
# # 04 · Large batches: the whole matrix without the matrix
#
# CLIP was trained with batches of 32,768 pairs. Two things overflow any one machine's memory at that size: the matrix
# of all logits, and what the encoders keep for their backward pass. In this lesson you compute the exact loss
# of such a batch, and its exact gradients, on the machine in front of you: first without ever building the matrix,
# then without keeping the activations, then over several processes.
#
# **You need** lesson 01 (the loss and its gradient at the logits). The ring at the end, a stretch exercise, needs
# lesson 03. About 100 minutes for the core; exercises marked *stretch* are extra.
#
# **Afterwards you can** say which of three things fills the memory, write a loss with a backward pass of its own,
# cache gradients and say when that is wrong, and find the two classic bugs of a contrastive loss on several
# processes.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go straight to lesson 05.</summary>
#
# 1. You have the log-sum-exps of two halves of a row. How do you get that of the row, at any size of the logits?
# 2. Your model has dropout, and you encode each chunk twice, once for the loss and once for the gradient. What has to
#    be the same both times?
# 3. Eight processes gather their features, put their own back in place so that those carry gradients, and average
#    their weights' gradients. The loss is right. What is wrong?
#
# Answers: (1) $m + \log(e^{a-m} + e^{b-m})$ with $m = \max(a, b)$. (2) The random state, so that the masks are. (3) The
# encoders' gradients are eight times too small: nobody sends back what a feature did in the other seven losses.
# </details>

# %%
import math

import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("large_batches.tile_gradients") gives the next of three
from course_lib import contrastive
from course_lib.experiments import large_batches as experiments
from course_lib.figures import bars, explore_tiles, lines, show

# %% [markdown]
# ## What fills the memory
#
# Three things grow with the batch size $N$:
#
# | what | how many numbers | grows with |
# |---|---|---|
# | activations: what the encoders keep for their backward pass | very many per pair | $N$ |
# | features: $N$ images and $N$ texts of width $D$ | $2ND$ | $N$ |
# | logits: every image with every text | $N^2$, several times | $N^2$ |
#
# **Predict.** One matrix of logits, in 32-bit floats, for $N = 32{,}768$: how many gigabytes ($10^9$ bytes)?

# %%
predict("large_batches.predict_logits", None)

# %% tags=["experiment"]
reveal("large_batches.predict_logits", 4 * 32_768**2 / 1e9)
start = experiments.memory(batches=(1024, 2048, 4096))
print("N                              ", *(f"{n:8,}" for n in start.batches))
print("one matrix of logits, MB       ", *(f"{x:8.1f}" for x in start.logits))
print("held by clip_loss.backward, MB ", *(f"{x:8.1f}" for x in start.whole))
print(f"that is {start.matrices:.1f} matrices")

# %% [markdown]
# One matrix is 4.3 GB. But differentiating `clip_loss` holds *six* of them at once: cosines, logits, an exponential for
# each direction, and two for the gradients. (Counted: every tensor that torch makes between the features and their
# gradients, while it is alive.) At CLIP's batch size that is 26 GB, for a loss.
#
# The figure shows where this lesson goes. Left, the matrix in tiles, visited row by row; the strips at its edges show
# how much each row and each column has seen so far. Right, the memory on a logarithmic axis, plainly and with the two
# techniques of this lesson. **Find out:** which rows are final when half of the tiles are visited, and which columns?
# Which technique helps against which bar? (How many megabytes an encoder keeps per pair depends on the encoder; 10 is
# an assumption, so turn it.)

# %%
explore_tiles()

# %% [markdown]
# ## A sum that keeps its balance
#
# The loss needs the log-sum-exp of every row. Suppose a row comes in chunks, and each chunk is gone before the next one
# comes. A running sum of exponentials would do, if $e^{1000}$ were not infinite. So we sum relative to a maximum, as in
# lesson 01; but the maximum of the row is not known before its last chunk.
#
# Carry two numbers: $m$, the largest logit so far, and $S = \sum e^{\ell_j - m}$, the sum so far relative to it. A new
# chunk may hold a larger logit. Call the new maximum $m'$. What is the old sum relative to $m'$?
#
# $$\sum_{\text{old}} e^{\ell_j - m'} = \; ? \;\cdot S, \qquad
# S' = \sum_{\text{old}} e^{\ell_j - m'} + \sum_{\text{chunk}} e^{\ell_j - m'}.$$
#
# With which $m$ and $S$ do you start, before any chunk? Write it for all rows at once, with `exp`, `log`, `sum` and
# maxima only. One case measures how many numbers your function holds.


# %% solution="large_batches.streaming_logsumexp"
def streaming_logsumexp(logits, chunk_size):
    """log Σ_j exp(logits[i, j]) of every row i, from chunk_size columns at a time.

    logits: [N, M]; chunk_size: an integer, which need not divide M. Returns [N].
    """
    ### BEGIN SOLUTION
    maximum = torch.full((len(logits),), -math.inf, dtype=logits.dtype)
    total = torch.zeros_like(maximum)
    for chunk in logits.split(chunk_size, dim=1):
        larger = torch.maximum(maximum, chunk.amax(dim=1))
        new = (chunk - larger[:, None]).exp().sum(dim=1)
        # Old terms are relative to the old maximum: carry them over to the new one.
        total = total * (maximum - larger).exp() + new
        maximum = larger
    return maximum + total.log()
    ### END SOLUTION


# %% check="large_batches.streaming_logsumexp"
check("large_batches.streaming_logsumexp", streaming_logsumexp)

# %% [markdown]
# <details>
# <summary><b>Why</b> can nothing overflow any more, and why can the last logarithm not be −∞? Think first.</summary>
#
# Every exponent is a logit minus a maximum that is at least as large, so it is at most 0. And the largest logit so far
# contributes $e^0 = 1$ to $S$, so $S \ge 1$.
# </details>
#
# ## Test the stream
#
# The mistakes in such a function hide in its joints: where one chunk meets the next, before the first, after the last.
# Random normal logits bend none of these. Write a test that accepts every right implementation and catches at least
# five of seven plain mistakes, and two of three that are well hidden.


# %% solution="large_batches.test_streaming_logsumexp"
def test_streaming_logsumexp(implementation):
    """Pass on right implementations of streaming_logsumexp, raise AssertionError on wrong ones.

    implementation(logits, chunk_size) returns one log-sum-exp for each row.
    """
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, generator=generator)
    logits[1] += torch.arange(7) * 150  # each chunk above the one before
    logits[2] -= torch.arange(7) * 150  # each chunk below it
    logits[3] -= 2000  # far below 0, and far below the other rows
    expected = torch.logsumexp(logits, dim=1)
    for chunk_size in (1, 3):  # 3 does not divide 7
        assert torch.allclose(implementation(logits, chunk_size), expected)
    ### END SOLUTION


# %% check="large_batches.test_streaming_logsumexp"
check("large_batches.test_streaming_logsumexp", test_streaming_logsumexp)

# %% [markdown]
# ## Rows and columns at once
#
# The loss needs two kinds of normalisers,
#
# $$r_i = \log \sum_j e^{\ell_{ij}}, \qquad c_j = \log \sum_i e^{\ell_{ij}}, \qquad
# L = \frac1N \sum_i \left( \frac{r_i + c_i}{2} - \ell_{ii} \right).$$
#
# Cut the matrix into tiles of `tile` × `tile`. A tile knows a part of its rows and a part of its columns, and completes
# neither. But it needs to be computed only once for both: merge its row log-sum-exps into $r$ and its column
# log-sum-exps into $c$. Merging is the streaming update again, in one call: $\log(e^a + e^b)$ is
# `torch.logaddexp(a, b)`, and `.logsumexp` is allowed from here on.
#
# The features arrive normalised. With 60 pairs the matrix has 3,600 entries; one case allows you to hold 3,000 numbers.


# %% solution="large_batches.tile_statistics"
def tile_statistics(image_features, text_features, logit_scale, tile):
    """The log-sum-exps of all rows and all columns of the logits, tile by tile.

    image_features, text_features: [N, D]; logit_scale: 0-d; tile: an integer, which
    need not divide N. Returns two tensors: rows [N] and columns [N].
    """
    ### BEGIN SOLUTION
    batch = len(image_features)
    rows, columns = (
        torch.full((batch,), -math.inf, dtype=image_features.dtype) for _ in range(2)
    )
    for i in range(0, batch, tile):
        for j in range(0, batch, tile):
            images, texts = image_features[i : i + tile], text_features[j : j + tile]
            logits = logit_scale * images @ texts.T
            rows[i : i + tile] = torch.logaddexp(
                rows[i : i + tile], logits.logsumexp(dim=1)
            )
            columns[j : j + tile] = torch.logaddexp(
                columns[j : j + tile], logits.logsumexp(dim=0)
            )
    return rows, columns
    ### END SOLUTION


# %% check="large_batches.tile_statistics"
check("large_batches.tile_statistics", tile_statistics)

# %% [markdown]
# ## Backward without the matrix
#
# With $r$ and $c$ the *value* of the loss needs $O(N)$ numbers. But if autograd differentiates your loop, it keeps what
# every tile needs for the way back, and that is the whole matrix again, in pieces. So we write the way back ourselves.
#
# From lesson 01, the gradient at the logits is $\left[(P^{\text{row}} - I) + (P^{\text{col}} - I)\right]/(2N)$. Once $r$
# and $c$ are known, a tile can compute its share of $P^{\text{row}}$ and $P^{\text{col}}$ by itself:
#
# $$P^{\text{row}}_{ij} = e^{\ell_{ij} - r_i}, \qquad P^{\text{col}}_{ij} = e^{\ell_{ij} - c_j}, \qquad
# G_{ij} = \frac{g}{2N} \left( P^{\text{row}}_{ij} + P^{\text{col}}_{ij} - 2\,[i = j] \right),$$
#
# $$g \frac{\partial L}{\partial I_i} = \text{logit\_scale} \sum_j G_{ij} T_j, \qquad
# g \frac{\partial L}{\partial T_j} = \text{logit\_scale} \sum_i G_{ij} I_i, \qquad
# g \frac{\partial L}{\partial\, \text{logit\_scale}} = \sum_{ij} G_{ij}\, s_{ij}.$$
#
# $g$ is the *upstream* gradient: the derivative of whatever is differentiated with respect to the loss. If somebody
# computes $3L + \dots$ and differentiates that, $g = 3$.
#
# The logits are computed a second time. That costs a matrix product, and saves $N^2$ numbers. (One case with 60 pairs
# allows 5,000 numbers at once; whole matrices would take 20,000.)


# %% solution="large_batches.tile_gradients"
def tile_gradients(
    image_features, text_features, logit_scale, rows, columns, upstream, tile
):
    """The gradients of upstream · L, tile by tile, from the saved log-sum-exps.

    image_features, text_features: [N, D]; logit_scale, upstream: 0-d; rows, columns: [N];
    tile: an integer. Returns the gradients of image_features, text_features, logit_scale.
    """
    ### BEGIN SOLUTION
    batch = len(image_features)
    grad_images, grad_texts = (
        torch.zeros_like(image_features),
        torch.zeros_like(text_features),
    )
    grad_scale = torch.zeros_like(logit_scale)
    for i in range(0, batch, tile):
        for j in range(0, batch, tile):
            images, texts = image_features[i : i + tile], text_features[j : j + tile]
            cosines = images @ texts.T
            logits = logit_scale * cosines
            grad = (logits - rows[i : i + tile, None]).exp()
            grad += (logits - columns[None, j : j + tile]).exp()
            if i == j:  # the pairs stand on the diagonals of the diagonal tiles
                grad.diagonal().sub_(2)
            grad *= upstream / (2 * batch)
            grad_images[i : i + tile] += logit_scale * grad @ texts
            grad_texts[j : j + tile] += logit_scale * grad.T @ images
            grad_scale += (grad * cosines).sum()
    return grad_images, grad_texts, grad_scale
    ### END SOLUTION


# %% check="large_batches.tile_gradients"
check("large_batches.tile_gradients", tile_gradients)

# %% [markdown]
# ## The loss with its own backward
#
# Now tell autograd. A `torch.autograd.Function` is a forward pass and a backward pass that you write:
#
# ```python
# class Square(torch.autograd.Function):
#     @staticmethod
#     def forward(ctx, x, power):          # no graph is recorded in here
#         ctx.save_for_backward(x)         # tensors; anything else: ctx.name = ...
#         return x * x
#
#     @staticmethod
#     def backward(ctx, upstream):         # one gradient for each argument of forward
#         (x,) = ctx.saved_tensors
#         return upstream * 2 * x, None    # None: this argument has no gradient
#
# y = Square.apply(x, 2)
# ```
#
# Put the two passes together. You may use `contrastive.tile_statistics` and `contrastive.tile_gradients`, which take the
# same arguments as yours. Save five tensors, none of them of $N^2$ numbers.


# %% solution="large_batches.tiled_clip_loss"
def tiled_clip_loss(image_features, text_features, logit_scale, tile):
    """The loss of clip_loss, with O(N) numbers kept for the backward pass.

    image_features, text_features: [N, D]; logit_scale: 0-d; tile: an integer. Returns a 0-d tensor.
    """

    ### BEGIN SOLUTION
    class Tiled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, images, texts, scale):
            rows, columns = contrastive.tile_statistics(images, texts, scale, tile)
            ctx.save_for_backward(images, texts, scale, rows, columns)
            positives = scale * (images * texts).sum(dim=1)
            return ((rows + columns) / 2 - positives).mean()

        @staticmethod
        def backward(ctx, upstream):
            return tuple(contrastive.tile_gradients(*ctx.saved_tensors, upstream, tile))

    return Tiled.apply(image_features, text_features, logit_scale)
    ### END SOLUTION


# %% check="large_batches.tiled_clip_loss"
check("large_batches.tiled_clip_loss", tiled_clip_loss)

# %% [markdown]
# ### What it holds
#
# The next cell runs **your** function (or, while it is not right yet, the library's) beside `contrastive.clip_loss`,
# with $D = 128$ and tiles of 512, and counts every byte.

# %% tags=["experiment"]
held = experiments.memory(tiled_clip_loss)
show(
    lines(
        held.batches,
        {
            "whole matrix, measured": held.whole,
            "tiles, measured": held.tiled,
        },
        title="The matrix grows with N², the tiles' loss with N",
        xlabel="batch size N",
        ylabel="megabytes held at once",
        xscale="log",
        yscale="log",
        references={"six matrices of N² floats": [6 * x for x in held.logits]},
    ),
    alt="Memory against batch size, both on logarithmic axes. The whole matrix "
    "follows the line of six matrices, 403 MB at 4,096; the tiled loss stays near "
    "10 MB and hardly rises.",
)
print("yours" if held.yours else "the library's (yours is not right yet)")
print("N              ", *(f"{n:8,}" for n in held.batches))
print("whole, MB      ", *(f"{x:8.1f}" for x in held.whole))
print("tiles, MB      ", *(f"{x:8.1f}" for x in held.tiled))

# %% [markdown]
# The whole loss holds 403 MB for 4,096 pairs, and at 8,192 it was not even tried. Tiles need a few of 1 MB each, and
# beyond them only features and gradients.
#
# ### What it costs
#
# The logits are computed twice. Is it slower? Beside the measured times, the *floor*: the four matrix products that a
# loss without stored logits cannot avoid, and nothing else.

# %% tags=["experiment"]
timed = experiments.times(tiled_clip_loss)
show(
    lines(
        timed.batches,
        {
            "whole matrix": timed.whole,
            "your tiles" if timed.is_yours else "tiles (the library's)": timed.yours,
            "the library's tiles": timed.library,
        },
        title="Computing twice, and faster",
        xlabel="batch size N",
        ylabel="seconds for loss and gradients",
        xscale="log",
        yscale="log",
        references={"four matrix products": timed.floor},
    ),
    alt="Time against batch size on logarithmic axes: the whole matrix above the "
    "tiles, more so the larger the batch; the library's tiles close to the floor of "
    "four matrix products.",
)
print(
    f"N = {timed.batches[-1]:,}: whole {timed.whole[-1]:.2f} s, "
    f"your tiles {timed.yours[-1]:.2f} s, "
    f"the library's {timed.library[-1]:.2f} s, floor {timed.floor[-1]:.2f} s"
)

# %% [markdown]
# More arithmetic, less time: a tile of 512 × 512 stays in the processor's cache, while six matrices of 67 MB travel to
# memory and back for every exponential. On the machine where this was written, the library's tiles took about a fifth of
# the whole matrix's time at $N = 4{,}096$, and a quarter more than the floor. (They share one exponential between rows
# and columns where that is safe.) The numbers above are your machine's.
#
# ### CLIP's batch on your machine
#
# And now the batch of 32,768, exactly, with all gradients. The whole matrix would hold 26 GB. (It takes half a
# minute to two minutes, with random features of width 128; CLIP's are 512 wide.)

# %% tags=["experiment"]
big = experiments.big_batch(tiled_clip_loss)
print(
    f"N = {big.batch:,}: loss {big.loss:.3f} (chance {big.chance:.3f}) in {big.seconds:.0f} s"
)
print(
    f"held at once: {big.megabytes:.0f} MB; one matrix of logits: {big.matrix_megabytes:,.0f} MB"
)
print(f"check of the gradients (see below): {big.euler_error:.0e}")

# %% [markdown]
# How does one check a gradient that cannot be computed in another way? By an identity. Images and scale enter the logits
# only as a product, so growing all images by 1 % is the same as growing the scale by 1 %:
# $\sum_i I_i \cdot \partial L/\partial I_i = \text{logit\_scale} \cdot \partial L/\partial\,\text{logit\_scale}$. The last
# line is the relative difference of the two sides.
#
# So the source's "unavoidable memory dependency" is half true. All *features* are needed before any gradient, since a
# row's normaliser runs over every text: $2ND$ numbers. The $N \times N$ matrix is not needed.

# %% [markdown]
# ## Gradient caching
#
# The logits are gone; the activations are what is left. An encoder keeps megabytes per pair for its backward pass, and
# lesson 01 showed that averaging the losses of small batches is another loss. But look at the chain rule. With
# $F$ the features and $\theta$ the encoder's weights,
#
# $$\frac{\partial L}{\partial \theta} = \sum_{\text{chunks } k} \frac{\partial L}{\partial F_k}
# \cdot \frac{\partial F_k}{\partial \theta}.$$
#
# $\partial L / \partial F$ needs all features, and no activation. $\partial F_k / \partial \theta$ needs the activations
# of chunk $k$, and no other chunk. So:
#
# 1. Encode every chunk *without* a graph; keep the features.
# 2. Take the loss of all features, and its gradient with respect to them: the *cache*.
# 3. Encode every chunk again, *with* a graph, and send its rows of the cache backward: `features.backward(rows)`.
#
# This is **GradCache** (Gao et al. 2021). One thing can go wrong silently. Dropout draws random numbers, and the second
# pass would draw others. `torch.get_rng_state()` and `torch.set_rng_state(state)` read and set the generator.


# %% solution="large_batches.grad_cache_step"
def grad_cache_step(image_encoder, text_encoder, images, texts, loss_fn, chunk_size):
    """The loss of the whole batch, and all gradients added to .grad, chunk by chunk.

    image_encoder, text_encoder: functions from a chunk of inputs to its features;
    images, texts: [N, ...]; loss_fn(image_features, text_features): a 0-d tensor, which may
    depend on parameters of its own, such as a scale; chunk_size: an integer.
    Returns the loss, without a graph.
    """
    ### BEGIN SOLUTION
    towers = [
        (image_encoder, images.split(chunk_size)),
        (text_encoder, texts.split(chunk_size)),
    ]
    states, features = [], []
    with torch.no_grad():
        for encoder, chunks in towers:
            encoded = []
            for chunk in chunks:
                states.append(torch.get_rng_state())
                encoded.append(encoder(chunk))
            features.append(torch.cat(encoded))
    features = [feature.requires_grad_() for feature in features]
    loss = loss_fn(*features)
    loss.backward()  # also reaches the parameters of the loss itself
    states = iter(states)
    for (encoder, chunks), feature in zip(towers, features, strict=True):
        for chunk, cache in zip(chunks, feature.grad.split(chunk_size), strict=True):
            torch.set_rng_state(next(states))
            encoder(chunk).backward(cache)
    return loss.detach()
    ### END SOLUTION


# %% check="large_batches.grad_cache_step"
check("large_batches.grad_cache_step", grad_cache_step)

# %% [markdown]
# ### What dropout does to it
#
# **Predict.** Two towers with dropout of 20 %, a batch of 256 emoji in chunks of 32, and a second pass that draws new
# masks. How long is the error of the gradient, in percent of the length of the right gradient?

# %%
predict("large_batches.predict_dropout", None)

# %% tags=["experiment"]
dropped = experiments.dropout(step=grad_cache_step)
reveal("large_batches.predict_dropout", 100 * dropped.not_replayed)
whose = "yours" if dropped.yours else "ours"
print(f"error with the random state replayed ({whose}): {dropped.replayed:.0e}")
print(f"error with new masks:                       {dropped.not_replayed:.2f}")
print(f"cosine of that gradient with the right one: {dropped.not_replayed_cosine:.2f}")
print(f"difference of the loss:                     {dropped.loss_difference:.0e}")
print(f"the same code without dropout, error:       {dropped.without_dropout:.0e}")

# %% [markdown]
# The error is 72 % of the gradient, and *the loss does not show it*: the loss comes from the first pass, which is
# right. Nor does a test without dropout. The cache says how the loss changes with features that the second pass never
# computes.
#
# ### What it saves, and what CLIP did
#
# The source says that the batch of 32,768 needed "gradient caching and multi-node synchronization". CLIP's paper
# (section 2.5) names three other things: *gradient checkpointing*, half precision, and similarities sharded over the
# GPUs. GradCache is another group's, of the same winter. Checkpointing also computes activations twice, but block by block: it keeps what enters each
# block, for the whole batch. Here are both, on 1,024 emoji and two towers of six blocks, each with the whole matrix of
# logits and with tiles.

# %% tags=["experiment"]
ways = experiments.activations()
show(
    bars(
        ways.ways,
        {"whole logits": ways.whole_logits, "tiles": ways.tiled_logits},
        title="Two remedies for two different things",
        ylabel="megabytes held at once",
    ),
    alt="Bars of memory for four ways to take the same step, with whole logits and "
    "with tiles. Plain: 115 and 67 MB; checkpointed 58 and 15; cached in chunks of "
    "256: 52 and 14; of 64: 52 and 8.",
)
print("time beside the plain step:", *(f"{x:.2f}" for x in ways.relative_time))
print(f"largest difference of any gradient from the plain one: {ways.worst_error:.0e}")

# %% [markdown]
# With the whole matrix, caching in smaller chunks gains nothing beyond 52 MB: that is the logits. With tiles alone, the
# activations remain. Only both together go down to 8 MB. All eight ways give the same gradient. The price of caching is
# one more forward pass, about a third of a step where the chunks are large; small chunks cost more, since small matrix
# products are less efficient.
#
# ### Where it is *not* the same step
#
# The chain rule above assumed that a row's features depend on that row alone. BatchNorm breaks this: it normalises with
# the mean and variance of whatever is encoded together.

# %% tags=["experiment"]
norms = experiments.batch_norm()
show(
    lines(
        norms.chunk_sizes,
        {"BatchNorm": norms.batch_norm, "LayerNorm": norms.layer_norm},
        title="With BatchNorm, a chunk is not a piece of the batch",
        xlabel="chunk size (batch 256)",
        ylabel="error of the gradient, relative",
        xscale="log",
    ),
    alt="Relative error of the cached gradient against the chunk size. LayerNorm: zero "
    "throughout. BatchNorm: 0.72 at chunks of 8, falling to 0.12 at 128 and 0 at the "
    "whole batch.",
)
print("chunk     ", *(f"{n:6d}" for n in norms.chunk_sizes))
print("BatchNorm ", *(f"{x:6.2f}" for x in norms.batch_norm))
print(
    f"loss, whole batch and chunks of 8: {norms.loss_whole:.4f}, {norms.loss_cached:.4f}"
)
print(
    f"updates of the running statistics in one step: {norms.updates_whole} and {norms.updates_cached}"
)

# %% [markdown]
# With chunks of 8 the gradient is off by 72 %, while the loss differs in its third decimal. And the running mean and
# variance are updated 64 times in one step instead of once: 32 chunks, twice. Transformers use LayerNorm, which works
# within a row; for a ResNet tower you need BatchNorm with fixed statistics, or no caching.

# %% [markdown]
# ## One batch over several processes
#
# With $W$ processes (*ranks*, one for each GPU), rank $r$ holds $n = N/W$ pairs and encodes only those. It needs the
# features of all others, as negatives: an **all-gather** gives every rank the features of every rank, $2ND$ numbers.
# Then each rank takes the loss of its own rows and columns, $n \times N$ logits each, and afterwards the gradients of the
# shared weights are *averaged* over the ranks.
#
# Two bugs live here, and both have a public record. First, the labels: in which column of rank $r$'s logits does the
# text of its first image stand? Second, the gradients. `torch.distributed.all_gather` returns numbers without a graph.
# But image $i$ of rank 0 is a negative in the losses of all other ranks, and they have to send back what they want of
# it. If every rank used a copy of your features, your gradient is the *sum* over the copies: the backward of an
# all-gather is a **reduce-scatter**.
#
# You get a `group` with four members:
#
# | member | what it does |
# |---|---|
# | `group.rank`, `group.world_size` | $r$ and $W$ |
# | `group.all_gather(x)` | every rank's `x`, stacked: `[W, *x.shape]`, without a graph |
# | `group.reduce_scatter(y)` | for `y` of `[W, ...]`: the sum over all ranks of their `y[r]` |
#
# Write what one rank computes. The check plays all ranks in this process, and looks at the mean of their losses and at
# the gradients that averaging leaves.


# %% solution="large_batches.gathered_clip_loss"
def gathered_clip_loss(image_features, text_features, logit_scale, group):
    """One rank's loss, whose mean over the ranks is clip_loss of the whole batch, gradients included.

    image_features, text_features: [n, D], this rank's pairs; logit_scale: 0-d;
    group: see above. Returns a 0-d tensor.
    """

    ### BEGIN SOLUTION
    class AllGather(torch.autograd.Function):
        @staticmethod
        def forward(ctx, features):
            return group.all_gather(features)

        @staticmethod
        def backward(ctx, upstream):
            return group.reduce_scatter(upstream)

    all_images = AllGather.apply(image_features).flatten(0, 1)
    all_texts = AllGather.apply(text_features).flatten(0, 1)
    rows = logit_scale * image_features @ all_texts.T
    columns = logit_scale * text_features @ all_images.T
    labels = torch.arange(len(rows)) + group.rank * len(rows)
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(rows, labels) + cross_entropy(columns, labels)) / 2
    ### END SOLUTION


# %% check="large_batches.gathered_clip_loss"
check("large_batches.gathered_clip_loss", gathered_clip_loss)

# %% [markdown]
# ### In real processes
#
# The check has played all ranks one after the other. The next cell starts two, then four real processes, which exchange tensors by way of
# `torch.distributed` (with *gloo*, which needs no GPU). They cannot import what a notebook defines, so the cell first
# writes your function's source into a module in a temporary folder. Each process encodes its shard with the same linear
# towers and runs your loss; gradients are averaged. Beside it, the common idiom: gather, put your own features back in
# place, take the loss of the whole batch.

# %% tags=["experiment"]
runs = [experiments.processes(world_size, gathered_clip_loss) for world_size in (2, 4)]
print(
    "                                    ", *(f"    W = {r.world_size}" for r in runs)
)
for name, values in (
    ("loss, difference from one process   ", [r.loss_error for r in runs]),
    ("gradient, difference, relative      ", [r.gradient_error for r in runs]),
    ("the library's distributed_clip_loss ", [r.library_gradient_error for r in runs]),
    ("idiom: loss, difference             ", [r.naive_loss_error for r in runs]),
    ("idiom: towers' gradient, length     ", [r.naive_length for r in runs]),
    ("idiom: its cosine with the right one", [r.naive_cosine for r in runs]),
    ("idiom: scale's gradient, length     ", [r.naive_scale_length for r in runs]),
):
    print(name, *(f"{value:9.3g}" for value in values))
print("yours" if all(r.yours for r in runs) else "ours (yours does not run)")

# %% [markdown]
# Your function gives the loss and the gradient of a single process, to rounding, and so does the one for training,
# `contrastive.distributed_clip_loss`. The idiom has exactly the right loss,
# and the towers' gradient points in exactly the right direction; it is only $W$ times too short, and the scale's is not.
# With plain gradient descent the towers would learn $W$ times too slowly. Adam divides by the gradient's size and hides it,
# but not from clipping, which sees a norm that is too small. No curve of the loss shows this bug; a comparison with one
# process does.
#
# ### What one rank holds
#
# The source's table says: memory high for the softmax, which gathers all embeddings; low for the sigmoid, which goes
# pair by pair in chunks. Measured:

# %% tags=["experiment"]
losses = experiments.loss_memory()
rank = experiments.rank_memory()
show(
    bars(
        ["one process, whole", "one process, tiles", "one rank of eight"],
        {
            "softmax": [losses.softmax_whole, losses.softmax_tiled, rank.softmax],
            "sigmoid": [losses.sigmoid_whole, losses.sigmoid_tiled, rank.sigmoid],
        },
        title="It is not the softmax that needs the memory",
        ylabel="megabytes held at once",
    ),
    alt="Bars of memory. One process with the whole matrix of 4,096 pairs: 403 MB for "
    "softmax and sigmoid alike. In tiles: 2.7 and 4.2 MB. One rank of eight, 256 pairs "
    "each: 16.8 MB with gathered features, 8.0 MB round a ring.",
)
print(f"whole matrix: {losses.softmax_whole:.1f} and {losses.sigmoid_whole:.1f} MB")
print(f"in tiles:     {losses.softmax_tiled:.1f} and {losses.sigmoid_tiled:.1f} MB")
print(f"one rank:     {rank.softmax:.1f} and {rank.sigmoid:.1f} MB")

# %% [markdown]
# Written plainly, both hold the same 403 MB; in tiles, both hold next to nothing. What *is* different is the exchange: the
# sigmoid loss never needs all features at one place, because no sum over a row has to be finished before a gradient can
# be taken. That halves the memory of a rank here, and it makes a ring possible.

# %% [markdown]
# ## Round a ring
#
# *Stretch; needs lesson 03.* In the sigmoid loss, every pair is a question of its own:
# $L = -\frac1N \sum_{ij} \log \sigma(z_{ij}(\text{logit\_scale}\, s_{ij} + b))$. So nobody needs all texts at once. Each
# rank keeps its images, and the texts travel: `group.shift(texts)` hands them to the next rank and returns those of the
# previous one (gradients travel back the same way). Write what one rank computes, so that the mean over the ranks is the
# loss of the whole batch. The group has `rank`, `world_size` and `shift`.


# %% solution="large_batches.ring_siglip_loss"
def ring_siglip_loss(image_features, text_features, logit_scale, logit_bias, group):
    """One rank's sigmoid loss, with texts that travel round a ring.

    image_features, text_features: [n, D]; logit_scale, logit_bias: 0-d. Returns a 0-d tensor.
    """
    ### BEGIN SOLUTION
    texts, total = text_features, 0
    for step in range(group.world_size):
        if step:
            texts = group.shift(texts)
        logits = logit_scale * image_features @ texts.T + logit_bias
        labels = -torch.ones_like(logits)
        if step == 0:  # only at home do texts meet their own images
            labels.diagonal().fill_(1)
        total = total - torch.nn.functional.logsigmoid(labels * logits).sum()
    return total / len(image_features)
    ### END SOLUTION


# %% check="large_batches.ring_siglip_loss"
check("large_batches.ring_siglip_loss", ring_siglip_loss)

# %% [markdown]
# <details>
# <summary><b>Why</b> can the softmax not do the same? Think first.</summary>
#
# It can, nearly: with running maxima and sums that travel along with the texts, or stay with the images, the normalisers
# are complete after $W - 1$ exchanges. But only then can the first gradient be taken, so the texts have to go round a
# second time. The sigmoid's gradient is ready in the first round.
# </details>

# %% [markdown]
# ## Explain it
#
# A colleague writes: *"CLIP reached a batch of 32,768 with gradient caching. We use four GPUs, and run out of memory at
# 8,192. Somebody proposes to compute the loss in tiles; will that help?"* Answer in your own words, in about eight lines:
# what did CLIP do; what would you want to know first; which of activations, features and logits does each of
# checkpointing, caching, tiles and sharding save; and what must not be forgotten when features are gathered?

# %% [markdown] solution="large_batches.explain_memory"
# **1.** CLIP did not use gradient caching, which is another group's (Gao et al. 2021). It sharded the similarities over its
# GPUs and used gradient checkpointing and half precision.
#
# **2.** First find out what fills the memory. Logits grow with N²: at 8,192, one matrix is 268 MB and the plain loss
# holds six, 1.6 GB. Activations grow with N, at megabytes per pair: at 10 MB, 82 GB. Then tiles do not help.
#
# **3.** Tiles (and sharding rows over ranks) shrink the logits. Checkpointing and caching shrink the activations, each for
# about one more forward pass; caching down to a chunk, but not with BatchNorm, and dropout has to be replayed. The
# features, 2ND numbers, stay: the softmax needs all of them before any gradient.
#
# **4.** The gather has to carry gradients back (a reduce-scatter), or the encoders' gradients are W times too small; and
# labels need the offset of the rank.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("large_batches.explain_memory")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* Recall at 1 of a large batch, in tiles: the share of images whose own text is more similar than every other.
# Its author compared it with the whole matrix, with `tile = N`, and it agreed. It has three bugs.
#
# ```python
# def tiled_recall(image_features, text_features, tile):
#     positives = torch.zeros(len(image_features), dtype=image_features.dtype)
#     for start in range(0, len(text_features) - tile + 1, tile):
#         block = image_features @ text_features[start : start + tile].T
#         pairs = torch.arange(tile)
#         positives[pairs] = block[pairs, pairs]
#         block[pairs, pairs] = -torch.inf          # the own text is no rival
#         best = block.amax(dim=1)
#     return (positives > best).to(positives.dtype).mean()
# ```
#
# Write it without them. If you mend some and miss others, the check says which is left.


# %% solution="large_batches.tiled_recall"
def tiled_recall(image_features, text_features, tile):
    """The share of images whose own text is more similar than every other one.

    image_features, text_features: [N, D]; tile: an integer, which need not divide N.
    Returns a number between 0 and 1.
    """
    ### BEGIN SOLUTION
    positives = (image_features * text_features).sum(dim=1)
    best = torch.full_like(positives, -math.inf)
    for start in range(0, len(text_features), tile):  # the short last tile included
        texts = text_features[start : start + tile]
        block = image_features @ texts.T
        columns = torch.arange(len(texts))
        block[start + columns, columns] = -math.inf
        best = torch.maximum(best, block.amax(dim=1))
    return (positives > best).double().mean()
    ### END SOLUTION


# %% check="large_batches.tiled_recall"
check("large_batches.tiled_recall", tiled_recall)

# %% [markdown]
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | running log-sum-exp | $m' = \max(m, \max \ell)$, $S' = S\,e^{m - m'} + \sum e^{\ell - m'}$; result $m + \log S$ |
# | merging two | $\log(e^a + e^b) = m + \log(e^{a-m} + e^{b-m})$, $m = \max(a, b)$ |
# | loss from statistics | $L = \frac1N \sum_i \left[ (r_i + c_i)/2 - \ell_{ii} \right]$ |
# | gradient of a tile | $G_{ij} = \frac{g}{2N} \left( e^{\ell_{ij} - r_i} + e^{\ell_{ij} - c_j} - 2[i = j] \right)$ |
# | memory of the plain loss | $6 N^2$ floats: 26 GB at $N = 32{,}768$ |
# | memory of the tiled loss | $O(ND + \text{tile}^2)$ |
# | matrix products | 3 with stored logits, 4 when they are computed again |
# | gradient caching | $\partial L/\partial\theta = \sum_k (\partial L/\partial F_k)(\partial F_k/\partial\theta)$; one more forward pass |
# | backward of an all-gather | reduce-scatter: the sum over the ranks |
# | label of pair $k$ on rank $r$ | $r\,n + k$ |

# %% [markdown]
# ## What an interviewer asks next
#
# `course drill --topic large_batches` in a terminal, or `import drills; drills.session(topic="large_batches")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. How much memory does the contrastive loss of 32,768 pairs need, and what is the least it could need?
# 2. FlashAttention never builds its matrix either. What does it have in common with the tiled loss, and what is different?
#    *(A running softmax in both; here rows and columns have to be normalised.)*
# 3. Gradient accumulation over eight micro-batches, or gradient caching in eight chunks: which is the step of the big
#    batch, and what does it cost?
# 4. Your cached gradient is wrong and the loss is right. Name two layers that could be guilty. *(Dropout, BatchNorm.)*
# 5. With Adam, a gather without gradients can train as well as the right one. Why, and what still goes wrong? *(Adam is
#    blind to a gradient's size; clipping is not. With a loss of the local rows only, the direction is wrong, too.)*
# 6. Why does SigLIP need no all-gather? Does it need a large batch?
#
# ## Reading
#
# - Radford et al. 2021, *Learning Transferable Visual Models From Natural Language Supervision*, arXiv:2103.00020.
#   Section 2.5: what CLIP did about memory, in one paragraph.
# - Gao et al. 2021, *Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup*, arXiv:2101.06983. Gradient
#   caching, with dropout handled as here.
# - Milakov and Gimelshein 2018, *Online normalizer calculation for softmax*, arXiv:1805.02867. The running log-sum-exp, in
#   four pages.
# - Dao et al. 2022, *FlashAttention*, arXiv:2205.14135. The same idea for attention: computing again is faster than
#   fetching from memory.
# - Cheng et al. 2024, *Breaking the Memory Barrier*, arXiv:2410.17243. Tiles within a GPU and a ring between them, to
#   batches of 12 million.
# - Zhai et al. 2023, *Sigmoid Loss for Language Image Pre-Training*, arXiv:2303.15343. Section 3.3: the ring.
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–5 | Everyone estimates the memory of activations, features and logits for a model they know, at 32,768. |
# | 5–15 | One person derives the running log-sum-exp at the board; the others hand in rows that break it. |
# | 15–25 | Draw four ranks. Follow one image's feature through the forward pass, and every gradient it gets back. |
# | 25–35 | Exchange your tests of the streaming sum: whose catches the maximum that starts at 0? |
# | 35–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
