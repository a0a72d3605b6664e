# %% [markdown]
# # 02 · Temperature: how sure should a softmax be?
#
# Lesson 01 multiplied the cosines by `logit_scale` and asked no questions. That number decides how sure the softmax
# is, which negatives are pushed, whether `exp` overflows, and what a probability means. CLIP learns it. In this
# lesson you derive its gradient, build the parameter as CLIP does, and measure where it goes and what it costs.
#
# **You need** lesson 01. About 80 minutes for the core; exercises marked *stretch* are extra.
#
# **Afterwards you can** tell τ, 1/τ and log(1/τ) apart in other people's code, derive the gradient of the scale, say
# who is pushed at which temperature, and say why CLIP clips and what the clip does not do.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go straight to lesson 03.</summary>
#
# 1. Somebody halves τ. The recall stays exactly the same and the loss doubles. Is there a bug?
# 2. CLIP stores log(1/τ), and clamps it after the optimizer's step. Why the logarithm, and why not clamp in `forward`?
# 3. At τ = 0.01, how many of 190 negatives get a noticeable gradient, and which ones should worry you?
#
# Answers: (1) No: recall depends on the order of the cosines, which τ keeps; the loss is a U in τ. (2) A step
# multiplies τ by a factor and cannot make it negative; inside `forward` a clamp has gradient 0 above the limit, so
# that the scale could not come back. (3) About three, on held-out emoji; the false negatives, which are the hardest
# of all.
# </details>

# %%
import math

import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("temperature.is_stable") gives the next hint
from course_lib import contrastive
from course_lib.experiments import temperature as experiments
from course_lib.figures import explore_temperature, lines, show

# %% [markdown]
# ## A softmax with a knob
#
# A row of cosines $s_{i1}, \dots, s_{iN}$ becomes probabilities. The *temperature* $\tau > 0$ says how sharply:
#
# $$P_{ij} = \frac{e^{s_{ij}/\tau}}{\sum_k e^{s_{ik}/\tau}}.$$
#
# Three numbers go by the name "scale" in public code, and are mixed up there:
#
# | number | CLIP's start | CLIP's limit | in this course |
# |---|---|---|---|
# | $\tau$, by which the cosines are divided | 0.07 | 0.01 | `temperature` |
# | $1/\tau$, by which they are multiplied | 14.3 | 100 | `logit_scale` |
# | $\log(1/\tau)$, which is stored and learned | 2.66 | 4.61 | `log_scale` |
#
# The card from which this course grew calls τ a "scaling multiplier". What multiplies is $1/\tau$: whoever multiplies
# by 0.07 makes the softmax flatter, not sharper.
#
# Keep it safe for small τ, as in lesson 01 (torch's own `softmax` is).


# %% solution="temperature.softmax_temperature"
def softmax_temperature(similarity, temperature):
    """The softmax of each row at a temperature.

    similarity: [N, M]; temperature: a 0-d tensor > 0. Returns [N, M], rows sum to 1.
    """
    ### BEGIN SOLUTION
    return (similarity / temperature).softmax(dim=1)
    ### END SOLUTION


# %% check="temperature.softmax_temperature"
check("temperature.softmax_temperature", softmax_temperature)

# %% [markdown]
# Why is a knob needed at all? Cosines end at −1 and 1. The best that any geometry can do at $\tau = 1$ is to put the
# right text at 1 and all others at −1:

# %% tags=["experiment"]
limit = experiments.sharpest(batch=191)
for scale, probability in zip(limit.scales, limit.probabilities, strict=True):
    print(
        f"scale {scale:3.0f}: no geometry gives the right text more than {probability:.1%}"
    )

# %% [markdown]
# At scale 1 even a perfect model gives the right text among 191 no more than 3.7 %. At scale 5 there is room, and CLIP
# starts at 14.3.
#
# ### Recall stays, the loss moves
#
# Two batches of 191 real pairs from lesson 01's emoji. *Held out*: the closed-form map has never seen them.
# *Learned*: training pairs of two small linear maps after a few steps. Only τ changes:

# %% tags=["experiment"]
held_out, learned = experiments.unseen_sweep(), experiments.learned_sweep()
show(
    lines(
        held_out.temperatures,
        {"held-out pairs": held_out.losses, "learned pairs": learned.losses},
        title="The loss is a U in τ, with its lowest point where the features want it",
        xlabel="temperature τ",
        ylabel="loss in nats",
        xscale="log",
        yscale="log",
        references={"chance, log 191 = 5.25": math.log(191)},
    ),
    alt="Loss against temperature for two batches, both axes logarithmic. Held-"
    "out pairs: lowest, 3.19, near τ = 0.1, and far above chance below 0.03. "
    "Learned pairs: lowest, 0.05, near τ = 0.03.",
)
print("τ              ", *(f"{t:6g}" for t in held_out.temperatures))
for name, found in (("held out, loss ", held_out), ("learned, loss  ", learned)):
    print(name, *(f"{loss:6.2f}" for loss in found.losses))
for name, found in (("held out", held_out), ("learned ", learned)):
    print(
        f"{name}: recall at 1 is {found.recall[0]:.1%} at every τ, "
        f"the loss is lowest at τ = {found.best_temperature:.3f}"
    )

# %% [markdown]
# Dividing a row by τ keeps its order, so no τ changes the recall. The loss is a U: too warm, and it cannot be sure
# where it should be; too cold, and it is sure where it is wrong. At τ = 0.01, which the card recommends, the held-out
# pairs cost 16.1 nats, three times chance, with the very features that cost 3.19 at τ = 0.1. Learned pairs want a
# colder softmax, 0.026. **A loss means nothing without its temperature.**

# %% [markdown]
# ## What the softmax expects
#
# How does the loss ask for another temperature? Derive it in two short steps. Write $c$ for the scale $1/\tau$. One
# row of the image-to-text half of the loss is
#
# $$-\log P_{ii} = \log \sum_j e^{c\, s_{ij}} - c\, s_{ii}.$$
#
# Differentiate the first term by $c$. The result is a mean of the cosines of the row; which weights does it have?
# Write it for all rows.


# %% solution="temperature.expected_similarity"
def expected_similarity(similarity, logit_scale):
    """The derivative of log sum_j exp(logit_scale * s_ij) by logit_scale, for each row.

    similarity: [N, M]; logit_scale: a 0-d tensor. Returns [N].
    """
    ### BEGIN SOLUTION
    probabilities = (logit_scale * similarity).softmax(dim=1)
    return (probabilities * similarity).sum(dim=1)
    ### END SOLUTION


# %% check="temperature.expected_similarity"
check("temperature.expected_similarity", expected_similarity)

# %% [markdown]
# ## The gradient at the log-scale
#
# So the row's derivative is $E_P[s]_i - s_{ii}$: what the softmax expects, minus what the label says. Now put it
# together: mean over the rows, mean over the two directions (the columns have a softmax of their own), and one more
# factor, since CLIP does not learn $c$ but $t = \log c$, that is $c = e^t$:
#
# $$\frac{\partial L}{\partial t} = \; ?$$
#
# You may use `contrastive.expected_similarity`.


# %% solution="temperature.grad_log_scale"
def grad_log_scale(similarity, log_scale):
    """The gradient of the symmetric loss by log_scale = log(1/temperature).

    similarity: [N, N] cosines, positives on the diagonal; log_scale: a 0-d tensor.
    Returns a 0-d tensor.
    """
    ### BEGIN SOLUTION
    scale = log_scale.exp()
    rows = contrastive.expected_similarity(similarity, scale)
    columns = contrastive.expected_similarity(similarity.T, scale)
    return scale * ((rows + columns) / 2 - similarity.diagonal()).mean()
    ### END SOLUTION


# %% check="temperature.grad_log_scale"
check("temperature.grad_log_scale", grad_log_scale)

# %% [markdown]
# <details>
# <summary><b>Why</b> does the loss have one minimum in the scale, and when has it none? Think first.</summary>
#
# The second derivative by $c$ is the variance of $s$ under $P$, which is not negative: the loss is convex in the
# scale. At the minimum the softmax expects, on average, exactly the cosine that the pairs have. But if every positive
# is the largest of its row and of its column, $E_P[s] < s_{ii}$ at every scale: the gradient never turns, and the
# loss wants the scale to grow without end. Remember that for the training run below.
# </details>

# %% [markdown]
# ## Who is pushed
#
# Lesson 01 found the gradient at the logits: negative $j$ of row $i$ is pushed in proportion to $P_{ij}$. How is the
# push *shared* among the negatives? Divide the size of the push out:
#
# $$w_{ij} = \frac{P_{ij}}{1 - P_{ii}} = \frac{e^{s_{ij}/\tau}}{\sum_{k \ne i} e^{s_{ik}/\tau}} \quad (j \ne i),
# \qquad w_{ii} = 0.$$
#
# Write it, with its limits: as $\tau \to \infty$ and as $\tau \to 0$. Work out on paper what they are before you code
# them (two negatives may tie).


# %% solution="temperature.hardness_weights"
def hardness_weights(similarity, temperature):
    """The share of each negative in its row's push on negatives.

    similarity: [N, N], positives on the diagonal; temperature: a number from 0 to
    math.inf, both included. Returns [N, N]: rows sum to 1, zeros on the diagonal.
    """
    ### BEGIN SOLUTION
    positives = torch.eye(len(similarity), dtype=torch.bool)
    negatives = similarity.masked_fill(positives, -math.inf)
    if temperature == 0:  # those that tie for the hardest share everything
        hardest = (negatives == negatives.amax(dim=1, keepdim=True)).to(similarity)
        return hardest / hardest.sum(dim=1, keepdim=True)
    logits = (similarity / temperature).masked_fill(positives, -math.inf)
    return logits.softmax(dim=1)
    ### END SOLUTION


# %% check="temperature.hardness_weights"
check("temperature.hardness_weights", hardness_weights)

# %% [markdown]
# "A small τ penalises the hardest negatives most", says the card. On the held-out emoji, with 190 negatives per row:

# %% tags=["experiment"]
pushed = experiments.concentration()
show(
    lines(
        pushed.temperatures,
        {
            "the hardest negative": pushed.hardest,
            "the hardest tenth": pushed.hardest_tenth,
        },
        title="The colder, the fewer negatives share the push",
        xlabel="temperature τ",
        ylabel="share of the push on negatives",
        xscale="log",
        references={"an equal share, 1/190": pushed.uniform},
    ),
    alt="Share of the push against temperature. At τ = 1 the hardest negative "
    "gets 0.9 percent and the hardest tenth 13 percent; at τ = 0.07 they get "
    "34 and 87 percent, at τ = 0.01 79 and 100 percent.",
)
print("τ             ", *(f"{t:6g}" for t in pushed.temperatures))
print("the hardest   ", *(f"{share:6.1%}" for share in pushed.hardest))
print("hardest tenth ", *(f"{share:6.1%}" for share in pushed.hardest_tenth))
print(
    f"these weights and autograd's gradient differ by at most {pushed.gradient_matches:.0e}"
)

# %% [markdown]
# The first half of the claim holds. At τ = 1 the hardest negative gets hardly more than its equal share of 0.5 %; at
# CLIP's start it gets a third, and at CLIP's limit four fifths.
#
# ### The hardest negative may be no negative
#
# Which negative is the hardest of all? One that is *right*. Noto draws some emoji alike to the pixel (lesson 01), so
# for 25 of the 1,911 the candidates hold a twin of the right picture. No model can tell them apart, and the loss calls
# the twin a negative. What share of the push does it get, among 1,910 negatives?

# %% tags=["experiment"]
twins = experiments.false_negatives()
print("τ                   ", *(f"{t:7g}" for t in twins.temperatures))
print("the twins' share    ", *(f"{share:7.2%}" for share in twins.twin_share))
print(
    f"an equal share would be {twins.uniform:.2%}  ({twins.queries} emoji with twins)"
)

# %% [markdown]
# At τ = 0.07 a quarter of the push, at τ = 0.01 more than half goes to tearing apart what is the same. A small τ hunts
# hard negatives, and finds false ones first. With noisy web data this is a reason not to go too cold.

# %% [markdown]
# ## How many negatives count
#
# If $k$ negatives share a push equally, $k$ count. For any other weights, the entropy gives the answer:
#
# $$N_{\text{eff},i} = \exp \Bigl( -\sum_{j \ne i} w_{ij} \log w_{ij} \Bigr), \qquad 0 \log 0 = 0.$$
#
# It is $N - 1$ if all weigh the same, and 1 if one takes all.
#
# **Predict.** On the held-out emoji with 190 negatives: how many count, on average, at CLIP's limit τ = 0.01?

# %%
predict("temperature.predict_effective", None)

# %% [markdown]
# Write it, one number per row. At small τ some weights underflow to exactly 0, and then $0 \cdot \log 0$ must be 0: do
# it exactly, without an epsilon (`torch.xlogy` can help). You may use `contrastive.hardness_weights`.


# %% solution="temperature.effective_negatives"
def effective_negatives(similarity, temperature):
    """The exponential of the entropy of each row's weights on its negatives.

    similarity: [N, N], positives on the diagonal; temperature: a number > 0.
    Returns [N], from 1 to N - 1.
    """
    ### BEGIN SOLUTION
    weights = contrastive.hardness_weights(similarity, temperature)
    return (-torch.xlogy(weights, weights).sum(dim=1)).exp()
    ### END SOLUTION


# %% check="temperature.effective_negatives"
check("temperature.effective_negatives", effective_negatives)

# %% tags=["experiment"]
place = held_out.temperatures.index(0.01)
reveal("temperature.predict_effective", held_out.effective_negatives[place])
print("τ        ", *(f"{t:6g}" for t in held_out.temperatures))
for name, found in (("held out ", held_out), ("learned  ", learned)):
    print(name, *(f"{count:6.1f}" for count in found.effective_negatives))

# %% [markdown]
# Of 190 negatives, 188 count at τ = 1, 21 at CLIP's start, and 3 at its limit. A batch of 32,768 is paid for in memory
# and communication; at a cold τ each row then listens to a handful. (The larger the batch, the harder that handful.)
#
# Now everything together. **Find out:** (1) on the held-out pairs, is the lowest loss left or right of τ = 0.07? (2)
# On the learned pairs the gradient norm has a hill and a valley: where, and why does it rise again on the cold side?
# (3) Go to CLIP's limit: how many negatives still count, and which text gets the probability when the model is wrong?

# %%
explore_temperature(
    {"held out": experiments.unseen_pairs(), "learned": experiments.learned_pairs()}
)

# %% tags=["experiment"]
print("τ                      ", *(f"{t:6g}" for t in held_out.temperatures))
for name, found in (
    ("gradient norm, held out", held_out),
    ("gradient norm, learned ", learned),
):
    print(name, *(f"{norm:6.2f}" for norm in found.gradient_norms))

# %% [markdown]
# The gradient of the features carries the factor $1/\tau$, and the error $P - I$. On the held-out pairs, where three
# rows of four are wrong, the factor wins: the norm grows steadily, 230-fold. On the learned pairs the two fight: from
# τ = 1 to 0.2 the factor wins, then the errors vanish and the norm falls to a valley of 0.21 at τ = 0.07, and below
# that the few rows that are still wrong are multiplied by a growing factor. **The gradient norm is not monotone in
# τ**, and a learning rate tuned at one temperature is not right at another.

# %% [markdown]
# ## Test the count
#
# Write a test for `effective_negatives`: silent on right implementations, failing with `assert` on wrong ones. Catch
# at least four of the plain mistakes, and for the last point two of three subtle ones, which are right for *most*
# inputs. For which similarities do you know the count without computing it? What must not matter?


# %% solution="temperature.test_effective_negatives"
def test_effective_negatives(implementation):
    """Pass on right implementations, raise AssertionError on wrong ones.

    implementation(similarity, temperature) returns one number per row.
    """
    ### BEGIN SOLUTION
    equal = torch.ones(6, 6)
    assert torch.allclose(implementation(equal, 0.2), torch.full((6,), 5.0))

    generator = torch.Generator().manual_seed(0)
    similarity = 2 * torch.rand(5, 5, generator=generator, dtype=torch.float64) - 1
    weights = similarity.masked_fill(torch.eye(5, dtype=torch.bool), -math.inf)
    weights = (weights / 0.4).softmax(dim=1)
    expected = torch.special.entr(weights).sum(dim=1).exp()
    assert torch.allclose(implementation(similarity, 0.4), expected)

    # Nearly cold: one negative takes all, and the others' weights underflow to 0.
    one = torch.ones(5, dtype=torch.float64)
    assert torch.allclose(implementation(similarity, 1e-5), one)
    ### END SOLUTION


# %% check="temperature.test_effective_negatives"
check("temperature.test_effective_negatives", test_effective_negatives)

# %% [markdown]
# ## Where exp overflows
#
# **Predict.** The largest $x$ for which $e^x$ is finite in 32-bit floats.

# %%
predict("temperature.predict_overflow", None)

# %% [markdown]
# A softmax *without* the shift of lesson 01 computes $\sum_j e^{c\, s_{ij}}$ as it stands. The cosines may all be 1,
# so the sum may be $N e^c$. For which scales is it finite, whatever the cosines are? Write the judgement for a whole
# tensor of scales, and let nothing overflow on the way.


# %% solution="temperature.is_stable"
def is_stable(logit_scale, batch, largest):
    """Whether the denominator of a softmax without a shift is finite in the worst case.

    logit_scale: [K] scales; batch: N, the terms of the sum; largest: the largest
    finite number of the dtype. Returns [K], bool.
    """
    ### BEGIN SOLUTION
    return logit_scale <= math.log(largest) - math.log(batch)
    ### END SOLUTION


# %% check="temperature.is_stable"
check("temperature.is_stable", is_stable)

# %% tags=["experiment"]
limits = experiments.overflow()
reveal("temperature.predict_overflow", limits.measured[2])
for dtype, measured, log_largest in zip(
    limits.dtypes, limits.measured, limits.log_largest, strict=True
):
    print(
        f"{dtype:9} exp is finite up to {measured:7.2f}   log(largest) = {log_largest:.2f}"
    )
print(f"float32, a sum of 32,768 terms:    {limits.naive_batch_limit:.2f}")
print(f"at scale 100, float32, without a shift: {limits.naive_at_clip}")
print(f"at scale 100, float32, with a shift:    {limits.shifted_at_clip}")

# %% [markdown]
# CLIP's limit of 100 lies *above* the overflow of float32, 88.72, and far above that of float16, 11.09. (bfloat16 has
# the range of float32.) The clip is no guard against overflow; only the shift is. What the clip is for, you see next.

# %% [markdown]
# ## A learnable scale
#
# CLIP makes the scale a parameter. Three decisions, each with a reason:
#
# - **Stored is the logarithm**, `log_scale` $= \log(1/\tau)$. A step of the optimizer then multiplies τ by a factor,
#   the same at 0.5 and at 0.01, and no step can make it negative.
# - **`forward` returns its exponential, and nothing else.** A clamp in there would have gradient 0 above the limit,
#   also where the loss asks for a smaller scale: a scale that got there could never come back.
# - **The limit is applied after `optimizer.step()`**, outside the graph, in place (the optimizer holds on to this very
#   tensor), and between logarithms: $\text{log\_scale} \le \log 100$.
#
# Write the class. It is a module with one parameter, a single number called `log_scale`, of torch's default dtype.


# %% solution="temperature.LearnableScale"
class LearnableScale(torch.nn.Module):
    """CLIP's scale: log_scale is a 0-d torch.nn.Parameter holding log(1/temperature)."""

    def __init__(self, temperature=0.07, max_scale=100.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.max_scale = max_scale
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(1 / temperature)))
        ### END SOLUTION

    def forward(self):
        """The scale 1/temperature, a 0-d tensor through which gradients flow."""
        ### BEGIN SOLUTION
        return self.log_scale.exp()
        ### END SOLUTION

    def clamp_(self):
        """Lower log_scale, if it is too large, so that the scale is at most max_scale."""
        ### BEGIN SOLUTION
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(self.max_scale))
        ### END SOLUTION


# %% check="temperature.LearnableScale"
check("temperature.LearnableScale", LearnableScale)

# %% [markdown]
# ### Where it goes
#
# Now let it learn. Two linear maps on fixed descriptions of pictures (colours, edges) and captions (words), 1,720
# training emoji, batches of 256, AdamW for 2,000 steps, the scale starting at CLIP's 14.3. The card says that τ should
# be about 0.01, that is a scale of 100.
#
# **Predict** the scale at the end.

# %%
predict("temperature.predict_learned", None)

# %% tags=["experiment"]
runs = {
    "all pairs": experiments.learned_scale(),
    "pairs that can be told apart": experiments.learned_scale(only_distinct=True),
    "all pairs, weight decay 0.2": experiments.learned_scale(weight_decay=0.2),
}
reveal("temperature.predict_learned", runs["all pairs"].scales[-1])
everything = runs["all pairs"]
show(
    lines(
        everything.steps,
        {
            **{name: run.scales for name, run in runs.items()},
            "best for held-out pairs": (math.nan, *everything.best_held_out_scales[1:]),
        },
        title="The learned scale follows the training pairs, not the held-out ones",
        xlabel="step",
        ylabel="scale 1/τ",
        references={"CLIP's limit": 100.0},
    ),
    alt="The scale 1/τ against the training step. With all pairs it rises from 14"
    " to 31 and stays; with pairs that can be told apart it reaches 41 and "
    "still rises; with weight decay it ends at 15. The scale of lowest held-"
    "out loss stays near 10. None reaches the limit of 100.",
)
print(
    "                               pairs   1/τ at the end   held-out loss   recall at 1: train, held out"
)
for name, run in runs.items():
    print(
        f"{name:30} {run.pairs:5d} {run.scales[-1]:16.1f} {run.held_out_losses[-1]:15.2f}"
        f"   {run.train_recall:18.1%} {run.held_out_recall[-1]:9.1%}"
    )

# %% [markdown]
# It did not go to 100. It rose to 31 and stopped, and what stopped it were *pairs that cannot be told apart*. For a
# fifth of the training emoji (more than half of them flags, whose country names are too rare for the vocabulary)
# another emoji has the same picture or the same known words, or no word is known at all. Each of them is wrong at any
# scale, and more expensively so at a large one. Leave them out, and every training pair can be found: now the gradient
# that you derived stays negative, and the scale goes on rising, past 41 here and 54 after 6,000 steps. *That* is what
# the clip is for. The released CLIP models, trained on 400 million pairs, carry a scale of 100: they stand at their
# limit.
#
# The curve of the held-out pairs is the sting. The best scale for *them* is about 10 all the time. The learned scale
# says how well the *training* pairs can be separated, and the held-out loss pays for it: 4.3 nats after 200 steps, 6.3
# at the end, while the recall hardly moves (26 %, 24 %).
#
# Weight decay on the log-scale counts as a bug, since it pulls τ towards 1 whatever the data say. Here it holds the
# scale at 15 and the held-out loss at 4.4: a bug that regularises. The clean remedy is to choose the scale on
# held-out pairs; see "Are they probabilities?" below. The usual rule, and open_clip's, is to decay only what has two
# axes or more: matrices, not biases, gains or scales.

# %% [markdown]
# ## Does it smooth the landscape?
#
# The second half of the card's sentence: a small τ "smooths the optimization landscape". A landscape is smooth where
# the gradient changes slowly, that is where the Hessian's largest eigenvalue is small: a learning rate above about 2
# over that eigenvalue makes gradient descent bounce. We measure it for the two linear maps by power iteration on
# Hessian-vector products, and beside it the noise of the gradient of a batch of 64: its variance over the squared
# length of its mean. Two points, the same for all τ: a random start, and maps after 60 steps of training. Three seeds.

# %% tags=["experiment"]
start, later = experiments.landscape(), experiments.landscape(trained_steps=60)
show(
    lines(
        start.temperatures,
        {"at a random start": start.curvature, "after 60 steps": later.curvature},
        title="Colder is more curved, at both points (bars: half the range of three seeds)",
        xlabel="temperature τ",
        ylabel="largest curvature",
        xscale="log",
        yscale="log",
        errors={
            name: [
                (high - low) / 2
                for low, high in zip(
                    found.curvature_low, found.curvature_high, strict=True
                )
            ]
            for name, found in (("at a random start", start), ("after 60 steps", later))
        },
    ),
    alt="Largest curvature against temperature, both axes logarithmic. It grows "
    "as τ shrinks at both points: from 0.9 to 1,550 at a random start, from "
    "1.0 to 54 after 60 steps of training.",
)
print("τ                              ", *(f"{t:7g}" for t in start.temperatures))
for name, found in (("random start", start), ("after 60 steps", later)):
    print(
        f"{name:15} curvature        ", *(f"{value:7.1f}" for value in found.curvature)
    )
    print(f"{'':15} noise: mean      ", *(f"{value:7.1f}" for value in found.noise))
    print(f"{'':15} noise: from      ", *(f"{value:7.1f}" for value in found.noise_low))
    print(
        f"{'':15} noise: to        ", *(f"{value:7.1f}" for value in found.noise_high)
    )

# %% [markdown]
# It does the opposite. From τ = 1 to τ = 0.01 the largest curvature grows 1,700-fold at a random start and 50-fold
# after some training, at every step of the way. The gradient noise grows as well: at the start from 2.5 to
# 4.3 (the seeds' ranges overlap between neighbouring temperatures, not between the two ends); after training from 2.0
# to 31 at τ = 0.07, and it is 17 when colder still. Nothing here is smoother at small τ.
#
# Why does anybody use it, then? Because sharpness pays, once the learning rate is made to fit:

# %% tags=["experiment"]
reached = experiments.descent()
print("τ                    ", *(f"{t:7g}" for t in reached.temperatures))
print("recall after 60 steps", *(f"{value:7.1%}" for value in reached.recall))
print("best learning rate   ", *(f"{value:7.2g}" for value in reached.best_rate))

# %% [markdown]
# (Plain gradient descent on one batch of 256; each temperature picks the best of five learning rates.) The colder
# softmax needs a learning rate a hundred times smaller, and *with* it separates more pairs in the same number of
# steps: 90 % at τ = 1, 99 % from 0.1 to 0.03. A small τ concentrates the push on what is still wrong. That is an
# argument for it; a smooth landscape is not.

# %% [markdown]
# ## Are they probabilities?
#
# *Stretch.* $P_{ij}$ sums to 1, so people read it as a probability: "the model is 98 % sure that this is a cat".
# A model is *calibrated* if, of all answers given with confidence 0.7, 70 % are right. The **expected calibration
# error** cuts the confidences into bins of equal width, and averages the gap between accuracy and mean confidence,
# weighted by the number $n_b$ of answers in bin $b$, of $n$ in all:
#
# $$\text{ECE} = \sum_b \frac{n_b}{n} \,\Bigl| \text{accuracy}_b - \text{confidence}_b \Bigr|.$$
#
# Bin $b$ of $B$ (counted from 0) holds confidences above $b/B$ and up to $(b+1)/B$; a confidence of exactly 0 belongs
# to the first.


# %% solution="temperature.expected_calibration_error"
def expected_calibration_error(confidence, correct, bins):
    """The mean gap between accuracy and confidence over bins, weighted by their size.

    confidence: [n], from 0 to 1; correct: [n], bool; bins: how many. Returns 0-d.
    """
    ### BEGIN SOLUTION
    place = ((confidence * bins).ceil() - 1).clamp(min=0)
    error = torch.zeros((), dtype=confidence.dtype)
    for b in range(bins):
        inside = place == b
        if inside.any():
            accuracy = correct[inside].to(confidence.dtype).mean()
            gap = (accuracy - confidence[inside].mean()).abs()
            error = error + gap * inside.sum() / len(confidence)
    return error
    ### END SOLUTION


# %% check="temperature.expected_calibration_error"
check("temperature.expected_calibration_error", expected_calibration_error)

# %% [markdown]
# Two retrieval tasks among 1,024 emoji: a picture looks for its caption, and a Noto drawing for its Twemoji twin. Same
# features at every scale, so the same answers; only the confidence changes.

# %% tags=["experiment"]
captions, drawings = experiments.caption_calibration(), experiments.vendor_calibration()
show(
    lines(
        captions.scales,
        {"picture → caption": captions.errors, "Noto → Twemoji": drawings.errors},
        title="One scale is calibrated, and it differs from task to task",
        xlabel="scale 1/τ",
        ylabel="expected calibration error",
        xscale="log",
    ),
    alt="Expected calibration error against the scale. Picture to caption: "
    "lowest, 0.04, at scale 10. Noto to Twemoji: lowest near scale 25. At "
    "scale 100 the errors are 0.55 and 0.37.",
)
print(
    "                     right   ECE at 100   confidence at 100   scale of lowest ECE   of lowest loss"
)
for name, found in (("picture → caption", captions), ("Noto → Twemoji   ", drawings)):
    print(
        f"{name} {found.accuracy:8.0%} {found.error_at_clip:12.2f} {found.confidence[-1]:19.0%}"
        f" {found.best_scale_for_error:21.1f} {found.best_scale_for_loss:16.1f}"
    )

# %% [markdown]
# At scale 100 the first model claims 66 % on average and is right for 11 %. At scale 10 the same answers are nearly
# calibrated. The scale of lowest ECE and that of lowest loss lie near each other, 10.0 beside 9.0 and 25.1 beside
# 18.2, but they are not the same, and they differ from task to task: a scale calibrated for captions is not
# calibrated for drawings, or for another number of candidates. To read a softmax over cosines as a probability, fit
# the one number τ on held-out pairs of *your* task (that is temperature scaling), and say on which.

# %% [markdown]
# ## Caveats
#
# What to say when somebody asks for the limits of a learned temperature, and where this lesson shows each:
#
# | caveat | seen in |
# |---|---|
# | The loss is comparable only at equal τ (and equal $N$): one set of features costs 3.2 or 16 nats | "A softmax with a knob" |
# | Small τ: few negatives count (3 of 190 at 0.01), so a large batch is paid for and hardly used | "How many negatives count" |
# | False negatives are the hardest negatives, and get more than half of the push at τ = 0.01 | "Who is pushed" |
# | The learned scale follows the training pairs; with separable ones it grows until it is clipped, and held-out confidence suffers | "A learnable scale" |
# | The clip at 100 does not prevent overflow in float32, and in float16 it is far beyond it | "Where exp overflows" |
# | Clamped in `forward`, the scale gets stuck at its limit; decayed, it is pulled towards τ = 1 | "A learnable scale" |
# | Curvature grows as τ shrinks, so learning rate and τ cannot be tuned apart | "Does it smooth the landscape?" |
# | The softmax is no probability until it is calibrated, per task and per number of candidates | "Are they probabilities?" |
#
# All of it was measured on emoji, with linear maps. The directions follow from the formulas; the sizes are ours.

# %% [markdown]
# ## Explain it
#
# A colleague reports: *"We lowered τ from 0.07 to 0.01, because a small temperature smooths the landscape. Recall
# is the same, but the loss went up, so the features got worse. The scale sits at the clip, which is there to keep exp
# from overflowing. At least the model is now 98 % sure of its answers."* Answer sentence by sentence, in about eight
# lines.

# %% [markdown] solution="temperature.explain_scale"
# **1.** Recall depends on the order of the cosines only, and no τ changes that. The loss of the same features is a U
# in τ; that it rose says that 0.01 is colder than these features deserve, not that they got worse.
#
# **2.** A small τ does not smooth anything: curvature grows with 1/τ. What it does is to give the push to the few
# hardest negatives, and the hardest of all are false negatives.
#
# **3.** The scale sits at the clip because the training pairs can be told apart, so the gradient keeps asking for
# more. The clip bounds that growth. It does not prevent overflow: exp overflows float32 above 88.7, and only the
# shift by the row's maximum helps.
#
# **4.** 98 % is what this scale makes of the cosines. Compare it with the accuracy on held-out pairs and fit τ there.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("temperature.explain_scale")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* One training step of the scale, written by hand: gradient descent on the log-scale, then the limit. It
# runs, and it has three bugs.
#
# ```python
# def scale_step(log_scale, similarity, learning_rate, max_scale):
#     log_scale = log_scale.detach().clone().requires_grad_()
#     logits = log_scale.clamp(max=max_scale) * similarity
#     labels = torch.arange(len(logits))
#     entropy = torch.nn.functional.cross_entropy
#     loss = (entropy(logits, labels) + entropy(logits.T, labels)) / 2
#     (gradient,) = torch.autograd.grad(loss, log_scale)
#     return (log_scale - learning_rate * (gradient + 0.2 * log_scale)).detach()
# ```
#
# (The 0.2 is CLIP's weight decay, which CLIP applies to its weight matrices.) Write it without the bugs.


# %% solution="temperature.scale_step"
def scale_step(log_scale, similarity, learning_rate, max_scale):
    """One step of gradient descent on log_scale; afterwards the scale is at most max_scale.

    log_scale: 0-d; similarity: [N, N] cosines; learning_rate, max_scale: numbers.
    Returns the new log_scale, 0-d.
    """
    ### BEGIN SOLUTION
    gradient = contrastive.grad_log_scale(similarity, log_scale)
    return (log_scale - learning_rate * gradient).clamp(max=math.log(max_scale))
    ### END SOLUTION


# %% check="temperature.scale_step"
check("temperature.scale_step", scale_step)

# %% [markdown]
# Would you have noticed? Train nothing but the scale on the held-out emoji, from 14.3, with both versions:

# %% tags=["experiment"]
trained = experiments.buggy_scale()
print(
    f"three bugs: exp(log_scale) = {trained.buggy:6.2f}, loss there {trained.buggy_loss:.2f}"
)
print(
    f"none:       exp(log_scale) = {trained.right:6.2f}, loss there {trained.right_loss:.2f}"
)
print(f"the loss is lowest at        {trained.best:6.2f}")

# %% [markdown]
# The right step finds the minimum that your gradient promises. The other settles as well, quietly, somewhere else. The
# number to know beforehand is the scale itself: print $1/\tau$ beside the loss, always.

# %% [markdown]
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | softmax at τ | $P_{ij} = e^{s_{ij}/\tau} / \sum_k e^{s_{ik}/\tau}$ |
# | three numbers | $\tau$; $\;\text{logit\_scale} = 1/\tau$; $\;\text{log\_scale} = \log(1/\tau)$ |
# | CLIP | start 0.07; 14.3; 2.66. Limit 0.01; 100; 4.61 |
# | by the scale | $\partial L / \partial c = \frac{1}{2N} \sum_i \left( E_{\text{row}}[s]_i + E_{\text{col}}[s]_i - 2 s_{ii} \right)$ |
# | by the log-scale | $\partial L / \partial \log c = c \; \partial L / \partial c$ |
# | share of negative $j$ | $w_{ij} = P_{ij} / (1 - P_{ii})$ |
# | effective negatives | $\exp(-\sum_j w_{ij} \log w_{ij})$, from 1 to $N - 1$ |
# | best possible probability | $1 / (1 + (N-1)\, e^{-2/\tau})$ |
# | no overflow without a shift | $1/\tau \le \log(\text{largest}) - \log N$; 88.72 in float32, $N = 1$ |
# | calibration error | $\sum_b \frac{n_b}{n} \lvert \text{accuracy}_b - \text{confidence}_b \rvert$ |

# %% [markdown]
# ## What an interviewer asks next
#
# `course drill --topic temperature` in a terminal, or `import drills; drills.session(topic="temperature")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. Why does CLIP learn the logarithm of the scale? What would go wrong with τ itself?
# 2. Your learned scale sits at 100. Is that a problem? What does it say about the training data? *(They can be told
# apart.)*
# 3. Where exactly does the clamp belong, and what happens if it is in `forward`?
# 4. Derive $\partial L / \partial \log c$. When is it zero, and when never?
# 5. Which negatives does a small τ push, and why is that dangerous on web data?
# 6. A product manager wants to show "confidence 93 %" from a zero-shot classifier. What do you answer?
# 7. Does a small temperature make optimisation easier? How would you measure that?
#
# ## Reading
#
# - Radford et al. 2021, *Learning Transferable Visual Models From Natural Language Supervision*, arXiv:2103.00020.
#   Section 2.5: start, logarithm and clip in one paragraph.
# - Wu et al. 2018, *Unsupervised Feature Learning via Non-Parametric Instance Discrimination*, arXiv:1805.01978. Where
#   τ = 0.07 comes from.
# - Wang and Liu 2021, *Understanding the Behaviour of Contrastive Loss*, arXiv:2012.09740. The hardness-aware
#   property, and the dilemma between uniformity and tolerance to false negatives.
# - Guo et al. 2017, *On Calibration of Modern Neural Networks*, arXiv:1706.04599. The calibration error, and why one
#   number, a temperature, repairs so much of it.
# - openai/CLIP issues 46 and 530: how the clip is meant, in the authors' words.
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–5 | Everyone writes τ, 1/τ and log(1/τ) for CLIP's start and limit, from memory. |
# | 5–15 | One person derives the gradient at the log-scale at the board; the others look for the factor that is missing. |
# | 15–25 | Compare your predictions of the learned scale. What would have made it reach 100? |
# | 25–35 | Argue: is a batch of 32,768 wasted at τ = 0.01? |
# | 35–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
