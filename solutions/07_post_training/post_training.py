# %% [markdown]
# # 07 · Post-training quantization: bytes, ranges and kernels
#
# A language model writes one token at a time, and for each of them it reads every one of its weights from memory. That
# reading, not the arithmetic, is what one waits for. So a model in fewer bytes can be faster, if the rest goes along. In
# this lesson you work out what your machine could do at best, measure what it does, choose ranges from calibration data,
# pack two codes into a byte, and find a layer of a real model for which no single range will do.
#
# **You need** lesson 06: scale, zero point, signal to noise, one scale for each channel. About 65 minutes for the core
# of this notebook; exercises marked *stretch* are extra. Lesson 07 takes two sittings: the second notebook,
# `gptq_awq.ipynb`, is about weights of 4 bits and fewer, whose rounding looks at the data.
#
# **Afterwards you can** bound the tokens a second of any model from two figures of a machine, say when fewer bits make
# decoding slower, compare the ways to calibrate, and explain why weights of four bits do not make arithmetic an integer
# one.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go straight to the second notebook.</summary>
#
# 1. A model of 7 billion weights on 16 bits, a bandwidth of 50 GB/s, one user. How many tokens a second, at most?
# 2. Weights of 4 bits, activations of 16: in which type are the products taken?
# 3. A layer's input reaches 2,900 at the first token of each sequence, and 7 everywhere else. Is there an int8 range
#    that suits both?
#
# Answers: (1) 50 / 14 = 3.6. (2) In floating point: the codes are turned into floats first. (3) No. With 255 steps up
# to 2,900 every other token is 0, and a range that suits those cuts the first token off.
# </details>

# %%
import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("post_training.pack_int4") gives the next of three
from course_lib import quantization
from course_lib.data import smollm2_missing
from course_lib.experiments import post_training as experiments
from course_lib.figures import bars, explore_calibration, explore_roofline, lines, show

# %% [markdown]
# ## The question
#
# Weights of 4 bits take an eighth of the bytes of float32. Is a layer with such weights eight times as fast? Take a
# layer of the size found in models of 7 billion parameters, 4096 inputs and 11008 outputs, and one token. The simplest
# way to multiply by 4-bit weights is to write them out as float32 first, $\tilde w = s\,q$, and to multiply as usual.
#
# **Predict:** how many times as fast as the float32 layer is that? (1 is as fast, 8 is eight times as fast, 0.5 takes
# twice as long.)

# %%
predict("post_training.predict_dequantize", None)

# %% [markdown]
# You will measure it on your machine below. First, what could one hope for?
#
# ## Bytes for each token
#
# To write a token, a model multiplies a vector by each of its matrices. A matrix of $P$ weights takes a product and a
# sum for each weight, $2P$ operations, and every weight has to come from memory. The *arithmetic intensity* is
# operations over bytes: with float32, $2P / 4P = 0.5$ operations for each byte. A processor does several to hundreds of
# operations in the time in which it reads one byte. It waits.
#
# What is read for one token, then? Three things:
#
# - **Codes**: $P$ weights of $b$ bits.
# - **Scales**: one of 16 bits for each group of `group_size` weights.
# - **The cache**: attention reads the keys and values of all tokens before. A token of the context takes `kv_bytes`.
#
# If $B$ sequences are decoded together, they share one reading of the weights. They do not share their pasts.
# **Derive** the bytes for one token of one sequence.


# %% solution="post_training.bytes_per_token"
def bytes_per_token(parameters, bits, group_size, batch, kv_bytes, context):
    """Bytes read from memory for one token of one sequence.

    parameters: weights; bits: of each; group_size: weights that share a scale of 16 bits;
    batch: sequences decoded together; kv_bytes: of cache for each token of the context;
    context: tokens before this one, in each sequence. Returns a number.
    """
    ### BEGIN SOLUTION
    weights = parameters * (bits + 16 / group_size) / 8
    return weights / batch + kv_bytes * context
    ### END SOLUTION


# %% check="post_training.bytes_per_token"
check("post_training.bytes_per_token", bytes_per_token)

# %% [markdown]
# Divide the bandwidth by it, and you have the most tokens a second that memory allows. SmolLM2-135M, the small real
# model of this course, counted on its sizes (weights of 8 and 4 bits in groups of 32; the cache with scales and zero
# points):

# %% tags=["experiment"]
counted = experiments.sizes()
print(f"{counted.parameters:.1f} million weights for each token")
print(
    "bits                                      ", *(f"{b:7d}" for b in (32, 16, 8, 4))
)
print(
    "weights, MB for each token                ",
    *(f"{mb:7.1f}" for mb in counted.weights),
)
print(
    "cache, kB for each token of context       ",
    *(f"{1e3 * mb:7.2f}" for mb in counted.cache),
)
print(
    "context at which the cache is as large    ",
    *(f"{n:7,.0f}" for n in counted.equal_at),
)
print(
    "operations for each byte, empty context   ",
    *(f"{i:7.2f}" for i in counted.intensity),
)

# %% [markdown]
# At 12,000 tokens of context, the cache is as large as the weights: from there on it is the cache that has to shrink.
# And even with 4 bits there are fewer than four operations for each byte.
#
# ## Where arithmetic takes over
#
# Reading is one roof over the speed, and arithmetic is another. For $B$ sequences and $P$ weights of $b$ bits, a step
# reads $P b / 8$ bytes and takes $2 P B$ operations. With a bandwidth $\beta$ in bytes a second and a rate $\rho$ in
# operations a second,
#
# $$\text{reading: } \frac{P\,b/8}{\beta} \text{ seconds}, \qquad \text{arithmetic: } \frac{2PB}{\rho} \text{ seconds}.$$
#
# While the first is longer, another sequence costs nothing. **Derive** the batch at which both are equal. Leave the
# cache out.


# %% solution="post_training.critical_batch"
def critical_batch(bits_per_weight, bandwidth, rate):
    """The batch at which arithmetic takes as long as reading the weights.

    bits_per_weight: scales included; bandwidth: bytes a second; rate: operations a second.
    Returns a number, not rounded.
    """
    ### BEGIN SOLUTION
    seconds_to_read = (bits_per_weight / 8) / bandwidth  # for each weight
    seconds_to_multiply = 2 / rate  # for each weight and sequence
    return seconds_to_read / seconds_to_multiply
    ### END SOLUTION


# %% check="post_training.critical_batch"
check("post_training.critical_batch", critical_batch)

# %% [markdown]
# ### Your machine
#
# Two figures are all that the roofline needs. The next cell measures them: the bandwidth by looking for the largest of
# 256 MB of numbers, the rate by multiplying two large matrices, in float32 and (where torch has an exact kernel for it)
# in 8-bit integers. Each is repeated; other programs and the processor's temperature disturb some of the repetitions,
# so the greatest is taken for the roof, and median and least are printed beside it. Everything here is timed on one
# thread, which is steadiest. `roofline(threads=4)` and `layer_speeds(threads=4)` use more: the arithmetic grows with the
# threads, the bandwidth soon stops growing, so that both roofs meet farther to the right.

# %% tags=["experiment"]
machine = experiments.roofline()
vnni = {True: "yes", False: "no", None: "the system does not say"}[machine.has_vnni]
print(f"{machine.processor}, {machine.instructions}, {machine.threads} thread(s)")
print(f"an instruction for sums of 8-bit products (VNNI or its like): {vnni}")
print("                          roof   median    least")
for name, rate, unit in (
    ("bandwidth", machine.bandwidth, "GB/s"),
    ("float32", machine.float32, "GFLOP/s"),
    ("int8", machine.int8, "Gop/s"),
):
    values = (rate.high, rate.median, rate.low)
    print(f"{name:9s} {unit:>11s}", *(f"{value / 1e9:8.1f}" for value in values))
ridge = machine.float32.high / machine.bandwidth.high
print(f"operations in the time of one byte, float32: {ridge:.1f}")
for bits in (32, 16, 4.5):
    equal = quantization.critical_batch(
        bits, machine.bandwidth.high, machine.float32.high
    )
    print(f"batch at which both roofs meet, {bits} bits: {equal:.1f}")

# %% [markdown]
# On the two-core machine on which this was written, one thread undisturbed had 24 to 33 GB/s and 90 to 100 GFLOP/s, which
# makes 3 to 4 operations in the time of a byte. Decoding in float32 offers 0.5.
#
# The figure has these rates built in. **Find out:** how many sequences must be decoded together until arithmetic is the
# limit, at 32 bits and at 4? What does a context of 32,768 tokens do to a busy server, and how does the remedy look?
# Where is a prompt of 512 tokens, which is read at once?

# %% tags=["experiment"]
explore_roofline(machine.bandwidth.high, machine.float32.high, machine.int8.high)

# %% [markdown]
# Fewer bits move the decoding to the right, and *down* the batch from which on they no longer help: with 4.5 bits for a
# weight, it is a seventh of float32's. A prompt lies far out on the flat part, and so does a busy server with short
# contexts. A long context moves it back to the left, because each sequence brings a cache of its own; then it is the
# cache that wants fewer bits.
#
# ### Predicted and measured
#
# Now the clock. A model decodes one sequence; if you have fetched SmolLM2 (`course fetch smollm2`), that is the model,
# and otherwise one of the same sizes with random weights, which takes as long. The matrices of its 30 blocks are
# replaced by layers with fewer bits. The output layer, which is the embedding, stays float32. This takes half a minute.

# %% tags=["experiment"]
decoded = experiments.decoding(machine)
print(f"{decoded.model}, one sequence; tokens a second, medians")
print(
    "format    kernel       MB a token   bound   products alone   whole model (least–most)"
)
for row in zip(
    decoded.formats,
    decoded.kernels,
    decoded.megabytes,
    decoded.bound,
    decoded.products,
    decoded.measured,
    strict=True,
):
    form, kernel, read, bound, products, whole = row
    print(
        f"{form:9s} {kernel:12s} {read:9.0f} {bound:8.1f} {products.median:13.1f}"
        f"{whole.median:15.1f} ({whole.low:.1f}–{whole.high:.1f})"
    )
through = decoded.products[0].high * decoded.megabytes[0] / 1e3
print(f"the products in float32 get through {through:.1f} GB/s, at best")
prompt = decoded.prefill.median
print(f"a prompt of 128 tokens: {prompt:.0f} tokens a second")
print(f"bound on it, by arithmetic: {decoded.prefill_bound:.0f}")
print(
    f"the float32 output layer's share of the bytes at 4 bits: {decoded.head_share:.0%}"
)

# %% [markdown]
# Read it from left to right.
#
# - **The bound is not reached.** On our machine float32 came to two fifths of it, and to a tenth when other programs
#   were running. Two gaps: the products alone miss it, because many products of small matrices and a vector read more
#   slowly than one sweep over 256 MB (compare the GB/s, and those of the large layer in the next section); and the whole
#   model adds what reads hardly any weights: norms, rotations, attention, Python between some thousand small operations.
# - **The order is right.** Fewer bytes, more tokens. On our machine, weights of 4 bits wrote 1.5 to 1.7 times as many
#   tokens as float32. If a line of yours says `dequantize` or `float`, your processor has no kernel for that format, and
#   then fewer bytes cost time. The next section is about that.
# - **What stays in float32 is what remains.** At 4 bits the output layer, a fifth of the weights, is two thirds of the
#   bytes: this model cannot get faster by another factor of two without touching it.
# - **A prompt is another matter.** The same weights, read once for 128 tokens, make more than ten times as many tokens
#   a second, and there the bound is arithmetic.
#
# Several sequences at once, in float32:

# %% tags=["experiment"]
together = experiments.batches(machine)
show(
    lines(
        together.sequences,
        {"measured, best": together.high, "measured, median": together.measured},
        references={"roofline": together.roof},
        title=f"Roofs meet at {together.critical:.1f} sequences, in float32",
        xlabel="sequences decoded together",
        ylabel="tokens a second, all sequences",
        xscale="log",
        yscale="log",
    ),
    alt="Tokens a second of all sequences together against their number, rising below a roofline that is "
    f"flat from {together.critical:.1f} sequences on: best and median of the repetitions.",
)

# %% [markdown]
# By the roofline, a further sequence is free up to the bend; behind it, twice the sequences take twice the time, and
# it no longer matters how few bytes the weights are. The measured curve lies lower, and bends later and more softly:
# products of small matrices reach neither roof.

# %% [markdown]
# ## Fewer bits, slower
#
# The large layer of your prediction, in five formats, and once more with its 4-bit weights made float32 before each
# product:

# %% tags=["experiment"]
one = experiments.layer_speeds(tokens=1)
reveal("post_training.predict_dequantize", one.dequantized_speed)
through = one.float32_read.high / 1e9
print(f"the float32 layer gets through {through:.1f} GB/s of weights, at best")
print(f"{one.tokens} token: times as fast as float32 (least–most)")
for form, kernel, read, speed in zip(
    one.formats, one.kernels, one.megabytes, one.speed, strict=True
):
    print(
        f"{form:27s} {kernel:11s} {read:6.1f} MB {speed.median:8.3f} ({speed.low:.3f}–{speed.high:.3f})"
    )

# %% [markdown]
# The last line is the surprise: an eighth of the bytes, and *slower* than float32, on our machine by a factor of ten to
# sixteen. Unpacking makes a float32 weight out of the codes, in several sweeps over memory, writes it, and then the
# product reads it after all. The packed kernels never write it: they unpack in registers, while the next bytes are on
# their way. With them, 4 and 8 bits were three to four times as fast as float32 here on one thread, and four to seven on
# two. Fewer bytes are a saving in memory at once, and a saving in time only with a kernel that reads them. (Which number you see depends on your processor's caches
# and on its instructions. If the second column says `dequantize` or `float`, there is no such kernel here, and the
# format is slower than float32.)
#
# ### A busy server
#
# Now 128 tokens, which is 128 users, or a prompt:

# %% tags=["experiment"]
many = experiments.layer_speeds(tokens=128)
show(
    bars(
        [
            form.replace("4 bits, made float32 first", "made float32")
            for form in many.formats
        ],
        {
            "1 token": [speed.median for speed in one.speed],
            "128 tokens": [speed.median for speed in many.speed],
        },
        title="One layer: what is fast for one token, and for many",
        ylabel="times as fast as float32",
        number_format=".2g",
    ),
    alt="Speed of six formats of a layer beside float32, for 1 and for 128 tokens: "
    + "; ".join(
        f"{form} {a.median:.2g} and {b.median:.2g}"
        for form, a, b in zip(many.formats, one.speed, many.speed, strict=True)
    ),
)

# %% [markdown]
# With 128 tokens the order turns round. Weight-only formats, W8A16 and W4A16 (weights of 8 or 4 bits, activations of
# 16), are hardly faster than float32 now: the weights are read once for all tokens. W8A8, whose activations are 8-bit
# integers too, is faster, if the processor multiplies integers faster. (bfloat16 gains as well where the processor
# has instructions for it, as ours has.)
#
# Does W4A16 multiply integers? One can find out from the results. Choose activations and weights that *are* codes, whole
# numbers with a scale of 1, and sums beyond $2^{24}$, up to which float32 can count. Which formats get the sums exactly?

# %% tags=["experiment"]
sums = experiments.arithmetic()
for form, share in zip(sums.formats, sums.exact, strict=True):
    print(f"{form:10s} {share:6.1%} of the sums are exact")

# %% [markdown]
# Only W8A8 counts. In the weight-only formats codes are turned into floating-point numbers before the product, which is
# rounded like any other; 16-bit activations rule out an integer product.
#
# So "W4A16 cuts memory, and W8A8 unlocks integer compute" is right, and it is half of the answer. Which of the two
# matters depends on the batch.

# %% [markdown]
# ## A scale for each group
#
# Weights first. At 4 bits one scale for a row is too coarse (lesson 06), so each run of `group_size` neighbours in a row
# gets its own. Symmetric, $z = 0$, the codes $-(2^{b-1} - 1) \dots 2^{b-1} - 1$. The groups lie along the inputs.


# %% solution="post_training.quantize_weight_only"
def quantize_weight_only(weight, bits, group_size):
    """Codes and scales of a weight, symmetric, one scale for each group.

    weight: [outputs, inputs]; bits: 2 to 8; group_size: divides inputs; no group is all zeros.
    Returns codes, [outputs, inputs] of torch.int8, and scale, [outputs, inputs / group_size].
    """
    ### BEGIN SOLUTION
    groups = weight.reshape(len(weight), -1, group_size)
    scale = groups.abs().amax(dim=2) / (2 ** (bits - 1) - 1)
    codes = torch.round(groups / scale[:, :, None]).to(torch.int8)
    return codes.reshape(weight.shape), scale
    ### END SOLUTION


# %% check="post_training.quantize_weight_only"
check("post_training.quantize_weight_only", quantize_weight_only)

# %% [markdown]
# <details>
# <summary><b>Why</b> may a group lie along the inputs, although lesson 06 forbade scales of inputs?</summary>
#
# It forbade them in an *integer* product, where every scale has to leave the sum. With activations in floating point
# there is no such product. A kernel multiplies a group's part of the sum, scales it, and adds it to the others; or it
# scales the weights on the way.
# </details>
#
# ## Two codes in a byte
#
# A tensor has no 4-bit type, so two codes share a byte. The format, as in the library: the code with the **even index
# in the low nibble**, its right neighbour in the high one, both in **two's complement**: a code $q$ from −8 to 7 is
# the nibble $q \bmod 16$. So 1 and 2 are `0x21`, and −1 and 3 are `0x3F`.


# %% solution="post_training.pack_int4"
def pack_int4(codes):
    """Two neighbours of the last axis in each byte.

    codes: [..., dim] of torch.int8, from -8 to 7, dim even. Returns [..., dim / 2] of torch.uint8.
    """
    ### BEGIN SOLUTION
    nibbles = (codes & 15).to(torch.uint8)
    return nibbles[..., 0::2] | (nibbles[..., 1::2] << 4)
    ### END SOLUTION


# %% check="post_training.pack_int4"
check("post_training.pack_int4", pack_int4)

# %% [markdown]
# ## And out again
#
# The inverse. Mind the sign.


# %% solution="post_training.unpack_int4"
def unpack_int4(packed, dim):
    """The codes of packed bytes.

    packed: [..., dim / 2] of torch.uint8; dim: even. Returns [..., dim] of torch.int8, from -8 to 7.
    """
    ### BEGIN SOLUTION
    nibbles = torch.stack([packed & 15, packed >> 4], dim=-1).flatten(-2).to(torch.int8)
    return torch.where(nibbles > 7, nibbles - 16, nibbles)
    ### END SOLUTION


# %% check="post_training.unpack_int4"
check("post_training.unpack_int4", unpack_int4)

# %% [markdown]
# ## Test the tests
#
# You will be tempted to test packing by packing and unpacking. If both functions swap the nibbles, that test passes,
# and the file that you wrote cannot be read by anybody else. Write a test of `pack_int4` alone. It receives an
# implementation, returns silently if it is right, and fails with `assert` if it is wrong; it will be run on correct
# ones, all of which it must accept, and on wrong ones: catch at least three of four plain ones, and two of three subtle
# ones.


# %% solution="post_training.test_pack_int4"
def test_pack_int4(implementation):
    """Pass on right implementations of pack_int4, raise AssertionError on wrong ones.

    implementation(codes) takes [..., dim] of torch.int8 and returns [..., dim / 2] of torch.uint8.
    """
    ### BEGIN SOLUTION
    # Bytes that can be worked out by hand; both signs in both halves, and two rows.
    codes = torch.tensor([[1, 2, -1, 3], [5, -8, -2, -7]], dtype=torch.int8)
    assert implementation(codes).tolist() == [[0x21, 0x3F], [0x85, 0x9E]]
    ### END SOLUTION


# %% check="post_training.test_pack_int4"
check("post_training.test_pack_int4", test_pack_int4)

# %% [markdown]
# ## An observer
#
# Weights are there to be looked at. Activations are not: they come with the next input. To give them a grid beforehand,
# one lets the model read some *calibration data*, and an *observer* at each layer watches what goes by, batch by batch.
# Afterwards it says which range the codes should cover. No gradient, no training step: that is *post-training
# quantization*.
#
# The simplest observer remembers the smallest and the largest value ever seen. Write it. `quantization.affine_qparams`
# of lesson 06 makes scale and zero point from a range.


# %% solution="post_training.MinMax"
class MinMax:
    """Watches batches; its grid covers everything that was seen.

    qmin, qmax: integers, the codes; symmetric: a bool, as for affine_qparams.
    """

    def __init__(self, qmin, qmax, symmetric):
        """Nothing is seen yet."""
        ### BEGIN SOLUTION
        self.codes, self.symmetric = (qmin, qmax), symmetric
        self.low, self.high = None, None
        ### END SOLUTION

    def observe(self, x):
        """Take note of a batch. x: a float tensor of any shape. Returns nothing."""
        ### BEGIN SOLUTION
        low, high = x.min(), x.max()
        self.low = low if self.low is None else torch.minimum(self.low, low)
        self.high = high if self.high is None else torch.maximum(self.high, high)
        ### END SOLUTION

    def qparams(self):
        """Scale and zero point for all batches so far; called after at least one."""
        ### BEGIN SOLUTION
        return quantization.affine_qparams(
            self.low, self.high, *self.codes, self.symmetric
        )
        ### END SOLUTION


# %% check="post_training.MinMax"
check("post_training.MinMax", MinMax)

# %% [markdown]
# ## A limit from a histogram
#
# One stray value stretches a min–max range for good. Other observers keep a histogram, and choose a range that leaves
# something out:
#
# | observer | its range |
# |---|---|
# | MinMax | everything |
# | MovingAverage | averages of the batches' ends, old batches fading; meant for training |
# | Percentile | leaves out a fixed share of the values |
# | Histogram | least mean squared error, by the histogram |
# | Entropy | the limit whose quantized histogram diverges least from the true one (TensorRT) |
#
# Write the heart of the third: the value below which `percentile` percent of a histogram lie. Values count as evenly
# spread inside a bin. If the share is reached just where empty bins begin, the limit is the *beginning* of the gap:
# codes for nothing are wasted.


# %% solution="post_training.percentile_limit"
def percentile_limit(counts, edges, percentile):
    """The value below which a share of the histogram lies.

    counts: [bins], how many values are in each bin; edges: [bins + 1], ascending;
    percentile: a number above 0, up to 100. Returns a number or a 0-d tensor.
    """
    ### BEGIN SOLUTION
    wanted = percentile / 100 * counts.sum()
    reached = counts.cumsum(dim=0)
    k = int((reached < wanted).sum())  # the first bin by whose end it is reached
    inside = (wanted - (reached[k] - counts[k])) / counts[k]
    return edges[k] + inside * (edges[k + 1] - edges[k])
    ### END SOLUTION


# %% check="post_training.percentile_limit"
check("post_training.percentile_limit", percentile_limit)

# %% [markdown]
# Now compare the five. Half of the batches are for calibration, and the decibels are those of the other half. Three
# of the data sets are synthetic; three are real inputs of linear layers of SmolLM2, which travel with the course.
# **Find out:** at 8 bits, does it ever pay to cut anything off? And at 4? Which observer fails badly, and where? Look
# at the axis before you judge: it is logarithmic outside of the middle.

# %% tags=["experiment"]
explore_calibration(experiments.calibration_data())

# %% tags=["experiment"]
for bits in (8, 4):
    table = experiments.calibrated(bits=bits)
    print(f"{bits} bits: dB on unseen batches")
    print(" " * 32, *(f"{name:>13s}" for name in table.observers))
    for name, row in zip(table.data, table.sqnr, strict=True):
        print(f"{name:32s}", *(f"{db:13.1f}" for db in row))
    print(
        f"{'farthest behind the best':32s}",
        *(f"{db:13.1f}" for db in table.worst_loss),
        "\n",
    )

# %% [markdown]
# - At **8 bits** MinMax is within half a decibel of the best everywhere. There are codes enough; cutting off costs more
#   than it saves. The usual 99.9 % loses 3 to 39 dB.
# - At **4 bits** the least-error range (Histogram) is the best everywhere, by up to 6 dB over MinMax.
# - **MovingAverage** with torch.ao's default of 1 % is the range of the *first* batch, barely moved by the three
#   after it.
# - **Percentile** and **Entropy** do not look at the error. They are fixed recipes, and where few values matter most
#   they cut those off: 0.0 dB for a percentile, 4.5 dB for entropy with a loud channel.
#
# MinMax with heavy tails never comes to rest: with each further batch the range grows, and still values to come lie
# outside.

# %% tags=["experiment"]
growing = experiments.unseen()
print("batches of 1,000 values seen     ", *(f"{n:7d}" for n in growing.batches))
print("width of the range               ", *(f"{w:7.1f}" for w in growing.range))
print("of a million later, outside      ", *(f"{n:7.0f}" for n in growing.outside))

# %% [markdown]
# ### A layer that no range suits
#
# The last data set is odd: its largest value is hundreds of times its usual ones. It is the input of `down_proj` in
# layer 11. Calibrate with MinMax on four recorded sequences, quantize the input of four others on int8, and multiply by
# the layer's own weight. The signal-to-noise ratio of the layer's output is 41 dB, which is good.
#
# **Predict:** the large values all sit at one token of each sequence. What is the ratio at all the other tokens, in dB?

# %%
predict("post_training.predict_massive", None)

# %% tags=["experiment"]
token = experiments.massive_token()
reveal("post_training.predict_massive", token.others[0])
print(
    f"largest input at the first token {token.largest_first:,.0f}, at all others {token.largest_others:.1f}"
)
print("output, dB                      range to    all tokens   first token   others")
for name, limit, overall, first, others in zip(
    token.observers, token.limit, token.overall, token.first, token.others, strict=True
):
    reach = f"{limit:.1f}" if limit > 0 else "its own"
    print(f"{name:28s} {reach:>11s} {overall:12.1f} {first:13.1f} {others:8.1f}")

# %% [markdown]
# 0.1 dB: at every ordinary token the int8 input is as good as all zeros, and the average does not show it, because
# nearly all of the signal's power is in the first tokens. The percentile does the reverse, and looks like a failure
# (0.0 dB) where it saves the 15 tokens out of 16 that carry the text. Calibrate without first tokens, and you get the
# same.
#
# No range suits both. What does is a scale for each token, found as it comes: the last line. A *massive activation* of
# a sequence's first token is no accident of this model; lesson 09 is about it, and about which remedy repairs what.
#
# What went in is what you get: **calibration data has to look like what will come**, beginnings of sequences included.

# %% [markdown]
# ## The cache on few bits
#
# With a long context the cache is what is read. Keys and values come token by token, each with a range of its own, so a
# token of each head gets a scale when it comes, and is never quantized again. What attention makes of the error, against
# the length of the context, for a real layer of SmolLM2 (queries, keys and values from its recorded input, 128
# positions):

# %% tags=["experiment"]
cached = experiments.cache_error()
show(
    lines(
        cached.context,
        dict(zip(cached.formats, cached.error, strict=True)),
        title="Error of attention, from a cache on few bits",
        xlabel="tokens in the cache",
        ylabel="relative error of the output",
        yscale="log",
    ),
    alt="Relative error of attention's output against the tokens in the cache, for five formats. At the end: "
    + "; ".join(
        f"{name} {100 * error:.1f} %"
        for name, error in zip(cached.formats, cached.longest, strict=True)
    ),
)
print("at the longest context              kB    error   keys alone   values alone")
for row in zip(
    cached.formats,
    cached.kilobytes[:-1],
    cached.longest,
    cached.keys_only,
    cached.values_only,
    strict=True,
):
    name, size, both, keys, values = row
    print(f"{name:30s} {size:7.1f} {both:8.1%} {keys:12.1%} {values:14.1%}")
print(f"{'float32':30s} {cached.kilobytes[-1]:7.1f}")

# %% [markdown]
# int8 costs half a percent, at a quarter of the bytes; int4 costs 15 %, at an eighth and a little. One scale for a
# head is three to six times worse than one for each token: the loudest token so far sets the step for all. A scale
# for each *channel* of the keys (as KIVI does) is better still for keys, 3 % instead of 7 %: keys have loud channels.
# But a channel's range has to wait for all its tokens.
#
# With the model at hand, on running text:

# %% tags=["experiment"]
long = experiments.long_cache_error()
if long is None:
    print(f"Skipped. {smollm2_missing()}")
else:
    print(f"{long.source}: relative error of attention's output")
    print("tokens in the cache           ", *(f"{n:7d}" for n in long.context))
    for name, row in zip(long.formats, long.error, strict=True):
        print(f"{name:30s}", *(f"{error:7.1%}" for error in row))

# %% [markdown]
# On running text the error is larger: 1.3 to 1.7 % on int8 and 23 to 29 % on int4, of which a scale for each channel of
# the keys takes back a quarter to a half. It does not grow with the context, where each token has its own scale.

# %% [markdown]
# ## Without gradients?
#
# The source card says of post-training quantization: *no gradient updates*. Calibration needs none, as you saw. But some
# methods after training use gradients all the same: AdaRound learns for each weight whether to round it up or down, by a
# few hundred gradient steps on one layer's output. And GPTQ, the subject of the second notebook, changes weights in
# closed form. Neither trains the model. One layer of 64 × 64 on 3 bits, with correlated inputs, means of five seeds:

# %% tags=["experiment"]
rounded = experiments.rounding()
print(
    "rounding     gradient steps   codes not the nearest   weights, error   outputs, error (unseen)"
)
for row in zip(
    rounded.methods,
    rounded.gradient_steps,
    rounded.moved,
    rounded.weight_error,
    rounded.unseen,
    rounded.deviation,
    strict=True,
):
    method, steps, moved, weights, outputs, deviation = row
    print(
        f"{method:12s} {steps:14d} {moved:21.0%} {weights:17.1%} {outputs:15.2%} ± {deviation:.2%}"
    )

# %% [markdown]
# Rounding to the nearest has the least error in the *weights*, and the largest in the outputs. With a quarter of the
# codes moved by GPTQ, the squared error of the weights is more than twice as large, and that of the outputs a
# quarter. AdaRound, which may only choose between the two neighbours, comes to half, with gradients, and without any
# training of the model.

# %% [markdown]
# ## Explain it
#
# A colleague says: *"We moved our chat server from 16-bit weights to 4-bit weights. For one user it is three times as
# fast. With a hundred users it is no faster than before, and a profile shows no integer arithmetic at all. Is the kernel
# broken?"* Answer in about eight lines, and say what you would try.

# %% [markdown] solution="post_training.explain_weight_only"
# **One user.** Each weight is read from memory for one product and one sum. Reading takes the time, so a quarter of the
# bytes makes up to four times as many tokens.
#
# **No integers.** W4A16 keeps the activations in 16-bit floating point. The kernel turns each code into a float and
# multiplies floats: that is how it should be, and it is even some work on top. An integer product needs integers on both
# sides (W8A8), with scales that can leave the sum, and a processor with instructions for it.
#
# **A hundred users.** They share one reading of the weights, so now the arithmetic takes the time, and that is the same
# as before. I would compare the batch with rate · bytes of a weight / (2 · bandwidth), look at whether the caches are
# what is read, and try W8A8, or a cache on 8 bits if contexts are long.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("post_training.explain_weight_only")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* This function is to quantize keys or values, `[batch, heads, tokens, dim]`, with a scale and a zero point
# for each token of each head. It runs without a complaint, and it has three bugs.
#
# ```python
# def quantize_kv(states, bits):
#     qmin, qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
#     low = states.amin(dim=(1, 3), keepdim=True)
#     high = states.amax(dim=(1, 3), keepdim=True)
#     scale = (high - low) / (qmax - qmin)
#     zero_point = (qmin - low / scale).long()
#     codes = torch.round(states / scale + zero_point).clamp(qmin, qmax).to(torch.int8)
#     return codes, scale, zero_point
# ```
#
# Write it without them. If you mend some and miss others, the check says which is left.


# %% solution="post_training.quantize_kv"
def quantize_kv(states, bits):
    """Quantize keys or values, affine, each token of each head over its own range and 0.

    states: [batch, heads, tokens, dim]; bits: 4 or 8.
    Returns codes, like states and of torch.int8, and scale and zero_point, [batch, heads, tokens, 1].
    """
    ### BEGIN SOLUTION
    lowest, highest = quantization.code_range(bits)
    # Each head by itself, and 0 inside.
    low = states.amin(dim=3, keepdim=True).clamp_max(0)
    high = states.amax(dim=3, keepdim=True).clamp_min(0)
    step = (high - low) / (highest - lowest)
    zero = torch.round(lowest - low / step).long()  # a code has no fraction
    codes = (torch.round(states / step) + zero).clamp(lowest, highest)
    return codes.to(torch.int8), step, zero
    ### END SOLUTION


# %% check="post_training.quantize_kv"
check("post_training.quantize_kv", quantize_kv)

# %% [markdown]
# ## What to gain, and what to watch
#
# The source card leaves this list to be written, too.
#
# | for deployment | seen |
# |---|---|
# | no training, no labels: some batches of data, minutes | "An observer" |
# | fewer bytes for each token, so more tokens a second for one user | "Predicted and measured" |
# | a cache of a quarter of the bytes for about one percent of error | "The cache on few bits" |
#
# | limitation or caveat | seen |
# |---|---|
# | smaller is not faster: without a kernel it was ten to sixteen times slower | "Fewer bits, slower" |
# | a gain for one user may be none for a hundred: weight-only formats save reading, not arithmetic | "A busy server" |
# | what stays in floating point becomes the limit: a fifth of the weights, two thirds of the bytes | "Predicted and measured" |
# | the bound is no forecast: two fifths of it were reached | "Predicted and measured" |
# | a recipe that ignores the error (a percentile, entropy) can lose everything | "A limit from a histogram" |
# | one static range cannot suit a massive token and all others | "A layer that no range suits" |
# | calibration data that looks unlike what comes; ranges that never come to rest | "A limit from a histogram" |
# | formats of packed codes differ, and a round trip does not notice | "Test the tests" |
# | least error of the weights is not least error of the outputs | "Without gradients?"; the second notebook |
#
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | bytes for each token | $\dfrac{P\,(b + 16/\text{group size})}{8\,B} + \text{kv bytes} \cdot \text{context}$ |
# | cache for each token of context | $2 \cdot \text{layers} \cdot \text{kv heads} \cdot \text{head dim} \cdot b / 8$, and scales |
# | tokens a second, at most | $\min(\beta / \text{bytes},\ \rho / \text{operations})$, for all sequences together |
# | operations for each byte, at batch $B$ | $2B / (b/8)$, without a cache; the roofs meet at $\rho / \beta$ |
# | batch from which on arithmetic is the limit | $B^* = \rho\,(b/8) / (2\beta)$ |
# | two int4 in a byte | $(q_{2j} \bmod 16) + 16\,(q_{2j+1} \bmod 16)$ |
# | static and dynamic | one range from calibration; a range for each token as it comes |

# %% [markdown]
# ## What an interviewer asks next
#
# `course drill --topic post_training` in a terminal, or `import drills; drills.session(topic="post_training")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. Estimate the tokens a second of a 70-billion-parameter model on 4 bits and 1 TB/s. *(At most 28, less the cache.)*
# 2. Why does a prompt take so little time beside the answer of the same length? *(Weights are read once for all of it.)*
# 3. Your 4-bit model is slower than the 16-bit one. Three possible reasons? *(No kernel; a large batch; float layers.)*
# 4. When would you quantize the cache before the weights?
# 5. Static or dynamic activation scales? What does each cost? *(A calibration set; a maximum over each token.)*
# 6. Mixture of experts, batch 1: which parameters count in the bound? *(Those of the experts that are chosen.)*
#
# ## Reading
#
# - Williams, Waterman, Patterson 2009, *Roofline: An Insightful Visual Performance Model*. Section 3 is the figure
# above.
# - Pope et al. 2022, *Efficiently Scaling Transformer Inference*, arXiv:2211.05102. Section 2: what is read, and when.
# - Nagel et al. 2021, *A White Paper on Neural Network Quantization*, arXiv:2106.08295. Section 3: calibration.
# - Nagel et al. 2020, *Up or Down? Adaptive Rounding for Post-Training Quantization*, arXiv:2004.10568. Figure 1 first.
# - Liu et al. 2024, *KIVI*, arXiv:2402.02750. Why keys by channel and values by token.
# - Sun et al. 2024, *Massive Activations in Large Language Models*, arXiv:2402.17762. The token of "no range suits".
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–10 | Everyone reads out the figures of their machine and what was measured; who came closest to the bound, and why? |
# | 10–20 | One person derives the critical batch at the board; another adds the cache and says how it moves. |
# | 20–30 | Exchange your tests of `pack_int4`: whose catches the sign that fills the other nibble? |
# | 30–40 | Argue: MinMax, percentile or a scale for each token, for the layer that no range suits? |
# | 40–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
#
# Go on with `gptq_awq.ipynb`: what to do when even groups do not suffice.
