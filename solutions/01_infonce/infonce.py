# %% [markdown]
# # 01 · InfoNCE: which text belongs to which image?
#
# CLIP was trained on 400 million images with the texts found beside them, and with no class labels at all. Its only
# question is: *in this batch, which text belongs to which image?* In this lesson you build the loss that asks it,
# derive its gradient by hand, test it, and measure what it can and cannot see.
#
# **You need** lesson 00, matrix products, logarithms, and partial derivatives. About 100 minutes for the core;
# exercises marked *stretch* are extra.
#
# **Afterwards you can** write the loss from memory, derive its gradient, say what its value means, and name two
# situations in which it misleads.
#
# <details>
# <summary><b>Skip test.</b> If you can answer these three, go straight to lesson 02.</summary>
#
# 1. A batch has 256 pairs, and the loss is 5.55. What has the model learned?
# 2. Why is averaging the losses of eight batches of 32 not the loss of one batch of 256?
# 3. The gradient of the loss with respect to an image *embedding* (before normalisation) is orthogonal to it. Why?
#
# Answers: (1) Nothing: log 256 = 5.545 is what guessing costs. (2) Each pair would meet 31 negatives instead of
# 255; the softmax runs over the batch. (3) Moving along the embedding changes its length only, which the cosine
# ignores.
# </details>

# %%
import math

import torch

from autograder import check, predict, reveal, rubric
from course import hint  # hint("infonce.clip_loss") gives the next of three hints
from course_lib import contrastive
from course_lib.data import load_emoji
from course_lib.experiments import infonce as experiments
from course_lib.figures import explore_circle, explore_softmax
from course_lib.figures import image_grid, lines, retrieval_gallery, show

# %% [markdown]
# ## The question
#
# These are five emoji as one vendor draws them, with their names: real image–text pairs, of which this course
# carries 1,911. Had somebody shuffled the names, you could put them back, because you know what a picture and a word
# have in common. A model that can do this for *any* pictures and *any* texts has learned what they mean, and nobody had
# to define classes.

# %%
emoji = load_emoji("noto")
names = ["cat face", "dog face", "pizza", "rocket", "umbrella"]
pictures = emoji.images[[emoji.names.index(name) for name in names]]
show(
    image_grid(pictures, names, title="Five pairs", columns=5),
    alt="Five emoji pictures with their names: " + ", ".join(names) + ".",
)

# %% [markdown]
# A batch holds $N$ pairs. Image $i$ must find its text among the $N$ texts: it chooses one of $N$, like a classifier
# whose classes are the texts that happen to be in the batch. And text $j$ must find its image among the $N$ images.
#
# **Predict.** The loss will be a cross-entropy in nats (natural logarithms). What is it for a model that knows
# nothing, with $N = 256$?

# %%
predict("infonce.predict_chance", None)

# %% [markdown]
# ## Unit vectors
#
# Two encoders turn image $i$ into a vector $x_i$ and text $j$ into a vector $y_j$, both of width $D$: the
# *embeddings*. How alike are they? A dot product would reward long vectors, so we first give every embedding length
# 1:
#
# $$u_i = \frac{x_i}{\max(\lVert x_i \rVert_2,\ \varepsilon)}.$$
#
# The small $\varepsilon$ matters only for a row of zeros, where $0/0$ would put a NaN into the loss of the whole
# batch.


# %% solution="infonce.l2_normalize"
def l2_normalize(x, eps=1e-12):
    """Divide each row by its length, or by eps if the length is smaller.

    x: [N, D]. Returns [N, D].
    """
    ### BEGIN SOLUTION
    return x / x.norm(dim=1, keepdim=True).clamp_min(eps)
    ### END SOLUTION


# %% check="infonce.l2_normalize"
check("infonce.l2_normalize", l2_normalize)

# %% [markdown]
# ## From embeddings to logits
#
# The similarity of image $i$ and text $j$ is the cosine of the angle between them,
#
# $$s_{ij} = \frac{x_i \cdot y_j}{\lVert x_i \rVert_2 \lVert y_j \rVert_2} \in [-1, 1].$$
#
# A softmax over numbers between −1 and 1 can never be sharp, so they are multiplied by a number called `logit_scale`
# before they become *logits*:
#
# $$\ell_{ij} = \text{logit\_scale} \cdot s_{ij} = s_{ij} / \tau, \qquad \tau = 1/\text{logit\_scale}.$$
#
# $\tau$ is the temperature. CLIP learns $\log(\text{logit\_scale})$, starting at $\tau = 0.07$; what that does is
# lesson 02. Here `logit_scale` is a given number, **already exponentiated**. Mixing up the scale, its logarithm and
# its inverse is the most common mistake in public CLIP code.
#
# The numbers of images and texts may differ. You may use `contrastive.l2_normalize`.


# %% solution="infonce.similarity_logits"
def similarity_logits(image_embeddings, text_embeddings, logit_scale):
    """Scaled cosines of all images with all texts.

    image_embeddings: [N, D], text_embeddings: [M, D], neither normalised;
    logit_scale: a number or 0-d tensor.
    Returns [N, M]; entry [i, j] belongs to image i and text j.
    """
    ### BEGIN SOLUTION
    images = contrastive.l2_normalize(image_embeddings)
    texts = contrastive.l2_normalize(text_embeddings)
    return logit_scale * images @ texts.T
    ### END SOLUTION


# %% check="infonce.similarity_logits"
check("infonce.similarity_logits", similarity_logits)

# %% [markdown]
# Does the normalisation matter? Make all embeddings of a random batch ten times as long, and see how far a similarity
# moves:

# %% tags=["experiment"]
effect = experiments.length_effect()
print(f"cosine moves by at most      {effect.cosine:.1e}")
print(f"dot product moves by at most {effect.dot_product:.0f}")

# %% [markdown]
# ## A softmax over the batch
#
# Row $i$ of the logits holds image $i$'s score for each text. The softmax makes probabilities of them,
#
# $$P_{ij} = \frac{e^{\ell_{ij}}}{\sum_k e^{\ell_{ik}}}, \qquad
# \log P_{ij} = \ell_{ij} - \log \sum_k e^{\ell_{ik}}.$$
#
# The loss needs $\log P$. Computed as written it fails: CLIP lets `logit_scale` grow to 100, and $e^{100}$ is
# infinite in 32-bit floats (the limit is $e^{88.7}$). But subtracting one number $m_i$ from a whole row changes
# nothing:
#
# $$\log P_{ij} = (\ell_{ij} - m_i) - \log \sum_k e^{\ell_{ik} - m_i}.$$
#
# Choose $m_i$ well, and use only `exp`, `log`, `sum` and `max`: the point is to see why it is safe.


# %% solution="infonce.log_softmax_rows"
def log_softmax_rows(logits):
    """The logarithm of the softmax of each row, safe for large logits.

    logits: [N, M]. Returns [N, M].
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    ### END SOLUTION


# %% check="infonce.log_softmax_rows"
check("infonce.log_softmax_rows", log_softmax_rows)

# %% [markdown]
# ## Both directions
#
# The right text for image $i$ is text $i$. The loss of the image-to-text direction is the mean negative
# log-probability of the right texts; the other direction is the same with the roles exchanged, so its softmax runs
# over the images, that is over a *column* of the logits:
#
# $$L_{I \to T} = -\frac1N \sum_i \log \frac{e^{\ell_{ii}}}{\sum_j e^{\ell_{ij}}}, \qquad
# L_{T \to I} = -\frac1N \sum_i \log \frac{e^{\ell_{ii}}}{\sum_j e^{\ell_{ji}}}, \qquad
# L = \tfrac12 \left( L_{I \to T} + L_{T \to I} \right).$$
#
# In this function the features arrive **already normalised**, as in open_clip: do not normalise them again.


# %% solution="infonce.clip_loss"
def clip_loss(image_features, text_features, logit_scale):
    """The symmetric InfoNCE loss of a batch of pairs.

    image_features, text_features: [N, D], rows of length 1; row i of both is pair i.
    logit_scale: a 0-d tensor. Returns a 0-d tensor, in nats.
    """
    ### BEGIN SOLUTION
    logits = logit_scale * image_features @ text_features.T
    image_to_text = contrastive.log_softmax_rows(logits).diagonal().mean()
    text_to_image = contrastive.log_softmax_rows(logits.T).diagonal().mean()
    return -(image_to_text + text_to_image) / 2
    ### END SOLUTION


# %% check="infonce.clip_loss"
check("infonce.clip_loss", clip_loss)

# %% [markdown]
# ### As printed, and as computed
#
# The card from which this course grew prints the second denominator with $\mathrm{sim}(T_j, I_i)$. Read as a sum over
# *texts*, that is the first half again; the sum has to run over *images*. The next cell evaluates the printed formulas
# term by term in plain Python, with the sums read correctly, beside `contrastive.clip_loss`.

# %% tags=["experiment"]
printed = experiments.printed_loss()
print(
    f"image to text, printed against computed: differ by {printed.image_to_text_error:.1e}"
)
print(
    f"text to image, printed against computed: differ by {printed.text_to_image_error:.1e}"
)
print(
    f"their mean,    printed against computed: differ by {printed.symmetric_error:.1e}"
)
print(
    f"the two halves of this batch differ by             {printed.halves_differ_by:.2f}"
)
print(
    f"the formula typed as printed, float32, scale 100:  {printed.naive_float32_at_scale_100}"
)

# %% [markdown]
# The formulas are right, the halves are different numbers, and typed as they stand they give NaN at CLIP's largest
# scale.
#
# ### What a value of the loss means
#
# A model that knows nothing gives each of $N$ texts the probability $1/N$ and pays $-\log(1/N) = \log N$.
# That is *chance*, and it depends on the batch: comparing losses at different batch sizes compares nothing.

# %% tags=["experiment"]
marks = experiments.landmarks(batch=256)
reveal("infonce.predict_chance", marks.chance)
print(f"random features, scale 1:      {marks.random_at_scale_1:.3f}")
print(f"perfect geometry, scale 1:     {marks.perfect_at_scale_1:.3f}")
print(f"perfect geometry, scale 100:   {marks.perfect_at_scale_100:.3f}")

# %% [markdown]
# The third line should surprise you. In a perfect geometry each image coincides with its text, and all others are as
# far away as they can be at once. At scale 1 even this pays 4.548, hardly less than chance (5.545): between −1 and 1
# there is no room for confidence. The same geometry at scale 100 pays nothing.

# %% [markdown]
# ## The gradient at the logits
#
# What does the loss ask the model to change? Derive it in three steps, each short. First, with respect to the logits.
#
# Take one row of the image-to-text half: $-\log P_{ii} = -\ell_{ii} + \log \sum_k e^{\ell_{ik}}$. The first term has
# the derivative $-1$ at $j = i$; the second has $e^{\ell_{ij}} / \sum_k e^{\ell_{ik}} = P_{ij}$. So
#
# $$\frac{\partial}{\partial \ell_{ij}} \bigl( -\log P_{ii} \bigr) = P_{ij} - [i = j],$$
#
# where $[i = j]$ is 1 if $i = j$ and 0 otherwise: probability minus truth. Now you: put both halves and all rows
# together, with the factors that the means bring. Write $P^{\text{row}}$ for the softmax over rows and
# $P^{\text{col}}$ for the one over columns.


# %% solution="infonce.grad_wrt_logits"
def grad_wrt_logits(logits):
    """The gradient of the symmetric loss with respect to the logits.

    logits: [N, N]. Returns [N, N], entry [i, j] = dL/dlogits[i, j].
    """
    ### BEGIN SOLUTION
    identity = torch.eye(len(logits), dtype=logits.dtype)
    rows, columns = logits.softmax(dim=1), logits.softmax(dim=0)
    return (rows - identity + columns - identity) / (2 * len(logits))
    ### END SOLUTION


# %% check="infonce.grad_wrt_logits"
check("infonce.grad_wrt_logits", grad_wrt_logits)

# %% [markdown]
# <details>
# <summary><b>Why</b> does each row of <i>P</i><sup>row</sup> − <i>I</i> sum to zero, and what follows? Think first.</summary>
#
# Probabilities sum to 1, and so does the row of the identity. So the loss does not change when a constant is added to
# a whole row: only *differences* of logits count. In lesson 03 you meet a loss for which this is not true.
# </details>

# %% [markdown]
# Here are all three matrices at once: cosines, probabilities, gradient. (The pictures are real, the cosines are
# invented: cat and dog are alike.) Move the sliders: click one, then use the arrow keys. **Find out:** at which scale
# does one wrong text carry most of a row's push? What happens to the gradient of pairs that are already learned?

# %%
explore_softmax(names, pictures)

# %% [markdown]
# The weight of a wrong text $j$ in the gradient is its probability $P_{ij}$: the hardest negatives push most, and the
# larger the scale, the more the push concentrates on them.

# %% [markdown]
# ## Back through the normalisation
#
# The gradient at the logits becomes one at the unit vectors $u$ by the chain rule (that is the stretch exercise
# below). What remains is the way back through $u = x / \lVert x \rVert$. Let $g = \partial L / \partial u$. By the
# quotient rule,
#
# $$\frac{\partial u}{\partial x} = \frac{1}{\lVert x \rVert} \left( I - u u^{\mathsf T} \right), \qquad
# \frac{\partial L}{\partial x} = \; ?$$
#
# Work it out for one row, then for all rows at once. No loop is needed, and no $D \times D$ matrix.


# %% solution="infonce.normalize_grad"
def normalize_grad(x, grad_unit):
    """Carry a gradient from the unit vectors u = x / ||x|| back to x.

    x, grad_unit: [N, D], no zero rows; grad_unit is dL/du. Returns dL/dx, [N, D].
    """
    ### BEGIN SOLUTION
    norm = x.norm(dim=1, keepdim=True)
    u = x / norm
    radial = (u * grad_unit).sum(dim=1, keepdim=True) * u
    return (grad_unit - radial) / norm
    ### END SOLUTION


# %% check="infonce.normalize_grad"
check("infonce.normalize_grad", normalize_grad)

# %% [markdown]
# <details>
# <summary><b>Why</b> can a gradient step never shorten an embedding? Think first.</summary>
#
# The gradient is orthogonal to $x$. A step $x - \eta g_x$ makes a right angle with $x$, so by Pythagoras the new
# length is $\sqrt{\lVert x \rVert^2 + \eta^2 \lVert g_x \rVert^2}$: a little longer, never shorter. And the gradient
# is divided by $\lVert x \rVert$, so long embeddings turn slowly.
# </details>

# %% [markdown]
# In two dimensions, unit vectors are points on a circle and gradients can only push along it. Circles are images,
# squares their texts. **Find out:** step by step, where do the pairs go? What differs between scale 2 and scale 50?
# And shuffle a few times: some starts get stuck. Why? (On a circle two pairs cannot pass each other. In 512 dimensions
# there is room to go round.)

# %%
explore_circle()

# %% [markdown]
# ## The whole gradient
#
# *Stretch.* With $G = \partial L / \partial \ell$ from above and $\ell_{ij} = \text{logit\_scale} \cdot I_i \cdot T_j$
# (rows of the two feature matrices), write all three gradients. Use `contrastive.grad_wrt_logits`.


# %% solution="infonce.clip_loss_grad"
def clip_loss_grad(image_features, text_features, logit_scale):
    """The gradients of clip_loss by hand.

    Arguments as for clip_loss. Returns three tensors, shaped like the arguments:
    dL/dimage_features, dL/dtext_features, dL/dlogit_scale.
    """
    ### BEGIN SOLUTION
    cosines = image_features @ text_features.T
    gradient = contrastive.grad_wrt_logits(logit_scale * cosines)
    return (
        logit_scale * gradient @ text_features,
        logit_scale * gradient.T @ image_features,
        (gradient * cosines).sum(),
    )
    ### END SOLUTION


# %% check="infonce.clip_loss_grad"
check("infonce.clip_loss_grad", clip_loss_grad)

# %% [markdown]
# ## Test the tests
#
# Would *you* have noticed the mistakes that the checks named? Write a test that receives an implementation of
# `clip_loss`, returns silently if it is right, and fails with `assert` if it is wrong. It will be run on several
# correct implementations, all of which it must accept, and on wrong ones: catch at least three of the plain ones, and
# for the last point one of two subtle ones whose *value* is right.
#
# Think of batches whose loss you know without running anything, of symmetries that must hold, and of gradients.
# Correct implementations round differently: compare with `torch.allclose` or `torch.isclose`, never with `==`.


# %% solution="infonce.test_clip_loss"
def test_clip_loss(implementation):
    """Pass on right implementations of clip_loss, raise AssertionError on wrong ones.

    implementation(image_features, text_features, logit_scale) returns the loss,
    and can be differentiated.
    """
    ### BEGIN SOLUTION
    same = torch.ones(6, 1)  # all cosines 1: nothing to choose by, so the loss is log 6
    assert torch.isclose(
        implementation(same, same, torch.tensor(3.0)), torch.tensor(6.0).log()
    )

    generator = torch.Generator().manual_seed(0)
    images, texts = (
        contrastive.l2_normalize(torch.randn(5, 3, generator=generator))
        for _ in range(2)
    )
    scale = torch.tensor(8.0)
    logits, labels = scale * images @ texts.T, torch.arange(5)
    cross_entropy = torch.nn.functional.cross_entropy
    expected = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2
    assert torch.isclose(implementation(images, texts, scale), expected, rtol=1e-4)

    for moving in (
        images,
        texts,
    ):  # a gradient must reach both towers, the radial part included
        moving.requires_grad_()
        loss = implementation(images, texts, scale)
        (gradient,) = torch.autograd.grad(loss, moving, allow_unused=True)
        assert gradient is not None
        assert (gradient * moving).sum(dim=1).abs().max() > 1e-4
        moving.requires_grad_(False)
    ### END SOLUTION


# %% check="infonce.test_clip_loss"
check("infonce.test_clip_loss", test_clip_loss)

# %% [markdown]
# ## What the loss cannot see
#
# ### A ceiling at log N
#
# InfoNCE is also an estimate of how much images tell about texts: the mutual information is at least
# $\log N - L$. Since $L \ge 0$, this estimate can never exceed $\log N$, whatever the truth. The next cell takes
# Gaussian pairs whose mutual information is known exactly (23.28 nats) and the *best possible* critic for them.

# %% tags=["experiment"]
ceiling = experiments.information_ceiling()
show(
    lines(
        ceiling.batches,
        {"estimate, best critic": ceiling.estimates},
        title="The estimate follows log N, not the truth",
        xlabel="batch size N",
        ylabel="nats",
        xscale="log",
        references={
            "log N": ceiling.ceilings,
            f"true mutual information, {ceiling.truth:.2f}": ceiling.truth,
        },
    ),
    alt="Estimated mutual information against batch size. The estimate lies on the "
    "line log N, far below the truth of 23.28 nats, at every batch size from 2 to 512.",
)
print(
    "N = 256: log N", f"{ceiling.ceilings[4]:.3f}, estimate {ceiling.estimates[4]:.3f}"
)

# %% [markdown]
# At $N = 256$ the estimate is 5.545 nats, which is $\log 256$ to three decimals. The loss has reached its floor and
# knows nothing of the other 17.7 nats. A bigger batch raises the ceiling, but only logarithmically: doubling $N$ adds
# 0.69.
#
# ### False negatives
#
# **Predict.** A perfect model, a large scale, and a batch in which *every pair occurs twice*. Each image now has two
# equally right texts, but the labels accept only one. What is the lowest loss?

# %%
predict("infonce.predict_twins", None)

# %% tags=["experiment"]
doubled = experiments.twins()
reveal("infonce.predict_twins", doubled.loss)
print(f"without the twins the same model has loss {doubled.without_twins:.3f}")

# %% [markdown]
# Two candidates share the probability, so each row pays $\log 2 = 0.693$, and training would spend its effort pushing
# equals apart. The loss calls them negatives. Real data has them: of our 1,911 pictures, 14 repeat another to the
# pixel.

# %% tags=["experiment"]
same = experiments.same_pictures()
print(f"pictures that repeat another one: {same.repeated} of {len(emoji)}")
show(
    image_grid(
        emoji.images[same.rows], same.names, title="One picture, three names", columns=3
    ),
    alt="Identical emoji pictures with different names: " + "; ".join(same.names) + ".",
)

# %% [markdown]
#
# ### How hard the negatives are
#
# A batch teaches through its negatives. Is a small batch a problem because it holds *few* negatives, or few *hard*
# ones? The next cell uses real features: pictures and captions of 1,024 held-out emoji, mapped into one space by a
# closed-form method (regularised canonical correlation, fitted on the other emoji; no training loop). The same
# 1,024 pairs are cut into batches of every size.

# %% tags=["experiment"]
hard = experiments.hard_negatives()
show(
    lines(
        hard.batches,
        {
            "mean cosine of the hardest negative": hard.hardest_cosine,
            "share of images that a negative fits better": hard.hard_share,
        },
        title="Larger batches hold harder negatives, with no corner",
        xlabel="batch size N",
        ylabel="cosine, or share",
        xscale="log",
    ),
    alt="Two curves that rise steadily with the batch size, on a logarithmic axis: "
    "the cosine of the hardest negative, "
    "and the share of images for which a negative beats the right text.",
)
print("N       ", *(f"{n:6d}" for n in hard.batches))
print("hardest ", *(f"{c:6.2f}" for c in hard.hardest_cosine))
print("beaten  ", *(f"{s:6.0%}" for s in hard.hard_share))

# %% [markdown]
# Both. In a batch of 8, the hardest negative has a cosine of 0.22 on average, and for a third of the images it beats
# the right text; in a batch of 1,024 the numbers are 0.59 and 81 %. The rise has no corner: each doubling adds about
# the same. CLIP used batches of 32,768. What such batches buy in *trained* accuracy is measured in lesson 05; this
# experiment shows only what they contain.

# %% [markdown]
# ## A big batch in pieces
#
# *Stretch.* Suppose 256 pairs do not fit into memory. Gradient accumulation takes eight micro-batches of 32 and
# averages their losses. For an ordinary loss, a mean over samples, that is exact. Here it is not:

# %% tags=["experiment"]
pieces = experiments.micro_batches(batch=256, size=32)
print(f"loss of the batch of 256:              {pieces.whole:.3f}")
print(f"mean loss of eight batches of 32:      {pieces.pieces:.3f}")
print(f"cosine between the two gradients:      {pieces.gradient_cosine:.3f}")

# %% [markdown]
# (On emoji features at scale 10.) Each image met 31 negatives instead of 255. The gradient points in a similar
# direction, but it is that of an easier task.
#
# It is often said that the softmax therefore needs the whole $N \times N$ matrix in memory. It needs all
# *embeddings*; the matrix can be visited in pieces. Write the exact loss of the whole batch, with only
# `micro_batch_size` rows of logits at a time. Rows are complete in each piece; columns are not, so their log-sum-exps
# must be merged: $\log(e^a + e^b)$ is `torch.logaddexp(a, b)`.


# %% solution="infonce.accumulated_loss"
def accumulated_loss(image_features, text_features, logit_scale, micro_batch_size):
    """clip_loss of the whole batch, with micro_batch_size rows of logits at a time.

    Arguments as for clip_loss; micro_batch_size: an integer, which need not divide N.
    Returns a 0-d tensor.
    """
    ### BEGIN SOLUTION
    rows, positives = [], []
    columns = torch.full((len(text_features),), -math.inf, dtype=text_features.dtype)
    for start in range(0, len(image_features), micro_batch_size):
        block = (
            logit_scale
            * image_features[start : start + micro_batch_size]
            @ text_features.T
        )
        rows.append(block.logsumexp(dim=1))
        positives.append(block.diagonal(offset=start))
        columns = torch.logaddexp(columns, block.logsumexp(dim=0))
    return ((torch.cat(rows) + columns) / 2 - torch.cat(positives)).mean()
    ### END SOLUTION


# %% check="infonce.accumulated_loss"
check("infonce.accumulated_loss", accumulated_loss)

# %% tags=["experiment"]
exact = experiments.blocks(batch=1024, size=64)
print(f"loss, whole against blocks:     differ by {exact.loss_error:.1e}")
print(f"gradient, whole against blocks: differ by {exact.gradient_error:.1e}")
print(
    f"logits alive at once:           {exact.block_entries:,} instead of {exact.matrix_entries:,}"
)

# %% [markdown]
# So "softmax needs the whole matrix" is wrong, and "softmax needs all embeddings before any gradient" is right: the
# normaliser of a row runs over every text. (Autograd still keeps each block for the backward pass. Lesson 04 writes a
# backward pass that does not, and runs CLIP's own batch size on a laptop.)

# %% [markdown]
# ## Recall at k
#
# The loss trains; *retrieval* is what one wants. **Recall at k** is the fraction of images whose right text is among
# the $k$ most similar texts. One detail decides whether the number can be trusted: what if a wrong text has exactly
# the same similarity? Count it as **before** the right one.


# %% solution="infonce.recall_at_k"
def recall_at_k(similarity, k):
    """The fraction of rows i whose entry [i, i] is among the k largest of its row.

    An entry that ties with it comes before it.
    similarity: [N, N]; k: an integer from 1 to N. Returns a number between 0 and 1.
    """
    ### BEGIN SOLUTION
    positives = similarity.diagonal()[:, None]
    # One less, since the positive is not its own rival.
    rivals = (similarity >= positives).sum(dim=1) - 1
    return (rivals < k).double().mean()
    ### END SOLUTION


# %% check="infonce.recall_at_k"
check("infonce.recall_at_k", recall_at_k)

# %% [markdown]
# ### On real pairs
#
# Now on 191 emoji that the closed-form map never saw: find each picture's caption among 191. Chance is 0.5 %.
#
# **Predict** the recall at 1, in percent.

# %%
predict("infonce.predict_recall", None)

# %% tags=["experiment"]
found = experiments.retrieval(pairs=191)
reveal("infonce.predict_recall", 100 * found.images_to_texts[0])
print("recall at            1      5     10")
for name, values in (
    ("picture → caption", found.images_to_texts),
    ("Noto → Twemoji   ", found.noto_to_twemoji),
    ("chance           ", found.chance),
):
    print(name, *(f"{value:6.1%}" for value in values))

# %% [markdown]
# With no training loop at all, the right caption of an unseen picture comes first for 27 % of the pictures, fifty
# times more often than by chance. The second line compares two *drawings* of the same emoji by colour, shape and
# edges, with nothing fitted: a much easier pairing, 69 %. (The two lines answer different questions; neither is a
# score to beat.)
#
# The numbers hide which mistakes are made. Look at some:

# %% tags=["experiment"]
mistakes = experiments.confusions(pairs=191, count=6)
show(
    retrieval_gallery(
        emoji.images[mistakes.queries],
        mistakes.names,
        mistakes.retrieved,
        title="The surest mistakes: a wrong caption beats the right one by most",
    ),
    alt="Six emoji pictures, and the captions nearest to each. "
    + "; ".join(
        f"{name}: {', '.join(row)}"
        for name, row in zip(mistakes.names, mistakes.retrieved, strict=True)
    ),
)

# %% [markdown]
# Some of these errors are plain: the map knows colours and edges, not tickets. Others are reasonable, captions of
# things that look or feel alike. The loss makes no difference between the two kinds: whatever is not the paired
# caption is a negative.
#
# And the scale? The same features, the same pairs; only `logit_scale` changes:

# %% tags=["experiment"]
sweep = experiments.scale_sweep()
show(
    lines(
        sweep.scales,
        {"loss on 191 emoji": sweep.losses},
        title="One set of features, eight scales",
        xlabel="logit_scale",
        ylabel="loss in nats",
        xscale="log",
        references={f"chance, log 191 = {sweep.chance:.2f}": sweep.chance},
    ),
    alt="Loss against the scale: a U that starts near chance at scale 1, "
    "has its minimum near scale 10, and rises far above chance beyond scale 30.",
)
print("scale", *(f"{scale:6g}" for scale in sweep.scales))
print("loss ", *(f"{loss:6.2f}" for loss in sweep.losses))

# %% [markdown]
# Recall does not change with the scale, since the order of the candidates stays the same. The loss does: near chance at
# scale 1, lowest near 10, and *worse than chance* from 30 on, where the model is confidently wrong. Which scale is
# right, and how a model learns it, is the question of lesson 02.

# %% [markdown]
# ## Explain it
#
# A colleague reports: *"With batches of 256 our loss was 1.9. We went to batches of 1,024 and it rose to 2.7, so
# training got worse. Also, 256 is enough to measure that our images and texts share at most 5.5 nats."* Answer both
# sentences in your own words, in about six lines. Mention what duplicates in the data would do.

# %% [markdown] solution="infonce.explain_ceiling"
# **1.** Chance is log N: 5.55 nats for 256 and 6.93 for 1,024, so 1.9 and 2.7 are 3.65 and 4.23 nats below chance.
# Losses at different batch sizes cannot be compared as they stand; by this measure the second run is, if anything,
# better, and the task is harder because every query meets four times as many negatives.
#
# **2.** The loss cannot be negative, so log N − L is at most log N = 5.55. That is a ceiling of the estimate, not a
# property of the data: the true mutual information may be any larger number.
#
# **3.** Duplicates are false negatives. A caption that fits twice costs its row log 2, even for a perfect model, and
# a larger batch contains more of them.

# %% [markdown]
# In a class this is read by a person. Alone, tick it off yourself:

# %%
rubric("infonce.explain_ceiling")

# %% [markdown]
# ## Spot the bugs
#
# *Stretch.* This function takes raw embeddings and the parameter that CLIP stores, the **logarithm** of the scale. It
# runs without a complaint, and it has three bugs of kinds that are found in public code.
#
# ```python
# def loss_from_embeddings(image_embeddings, text_embeddings, log_scale):
#     images = image_embeddings / image_embeddings.norm(dim=0, keepdim=True)
#     texts = text_embeddings / text_embeddings.norm(dim=0, keepdim=True)
#     logits = log_scale * images @ texts.T
#     labels = torch.arange(len(logits))
#     image_to_text = torch.nn.functional.cross_entropy(logits, labels)
#     text_to_image = torch.nn.functional.cross_entropy(logits, labels)
#     return (image_to_text + text_to_image) / 2
# ```
#
# Write it without them. You may use everything in `contrastive`. If you mend some and miss others, the check says
# which is left.


# %% solution="infonce.loss_from_embeddings"
def loss_from_embeddings(image_embeddings, text_embeddings, log_scale):
    """The CLIP loss of raw embeddings.

    image_embeddings, text_embeddings: [N, D]; log_scale: 0-d, the logarithm of
    logit_scale. Returns a 0-d tensor.
    """
    ### BEGIN SOLUTION
    images = contrastive.l2_normalize(image_embeddings)  # along the rows
    texts = contrastive.l2_normalize(text_embeddings)
    # Both directions are in clip_loss, which wants the scale, not its logarithm.
    return contrastive.clip_loss(images, texts, log_scale.exp())
    ### END SOLUTION


# %% check="infonce.loss_from_embeddings"
check("infonce.loss_from_embeddings", loss_from_embeddings)

# %% [markdown]
# Would the loss curve have told you? Train two linear maps on one batch of 64 noisy pairs, with each of the two losses:

# %% tags=["experiment"]
trained = experiments.buggy_training()
print("              loss before   after 300 steps   recall at 1")
for name, before, after, recall in (
    ("three bugs", trained.buggy_start, trained.buggy_end, trained.buggy_recall),
    ("none      ", trained.right_start, trained.right_end, trained.right_recall),
):
    print(f"{name}    {before:11.2f}   {after:15.2f}   {recall:11.0%}")

# %% [markdown]
# No. The buggy loss falls steadily, and on this small task even the recall is perfect. What gives it away is a number
# that you can know beforehand: with 64 pairs that are told apart perfectly, the loss should be near 0, and it is stuck
# above 2. Know what your loss must be at the start, at chance, and at the end.

# %% [markdown]
# ## Formula sheet
#
# | what | formula |
# |---|---|
# | cosine | $s_{ij} = x_i \cdot y_j \,/\, (\lVert x_i \rVert \lVert y_j \rVert)$ |
# | logit | $\ell_{ij} = \text{logit\_scale} \cdot s_{ij} = s_{ij}/\tau$ |
# | loss | $L = \frac{1}{2N} \sum_i \left[ \log \sum_j e^{\ell_{ij}} + \log \sum_j e^{\ell_{ji}} - 2\ell_{ii} \right]$ |
# | chance; ceiling | $L = \log N$; $\log N - L \le \log N$ |
# | gradient at the logits | $\left[ (P^{\text{row}} - I) + (P^{\text{col}} - I) \right] / (2N)$ |
# | at the features | $\text{logit\_scale} \cdot G\,T$ and $\text{logit\_scale} \cdot G^{\mathsf T} I$, with $G$ from above |
# | through the normalisation | $(I - u u^{\mathsf T})\, g \,/\, \lVert x \rVert$ |
# | stable log-softmax | $\ell - m - \log \sum e^{\ell - m}$, $m$ the row's maximum |
# | false negatives | $c$ equally right candidates: floor $\log c$ |

# %% [markdown]
# ## What an interviewer asks next
#
# `course drill --topic infonce` in a terminal, or `import drills; drills.session(topic="infonce")` in a cell, drills these and
# more, each when you are about to forget it.
#
# 1. Your loss is 5.54 at batch 256 and does not move. What do you look at first? *(Scale, labels, a detached tower.)*
# 2. Why normalise at all? Why not learn the lengths?
# 3. Why two directions? Construct a batch where they differ. *(One text that every image likes.)*
# 4. Which negative gets the largest gradient, and what changes that?
# 5. How would you compute the exact loss when the $N \times N$ logits do not fit?
# 6. Two runs, batch 1k and 4k, losses 2.1 and 2.9: which is better?
#
# ## Reading
#
# - van den Oord, Li and Vinyals 2018, *Representation Learning with Contrastive Predictive Coding*, arXiv:1807.03748.
#   Where InfoNCE and the bound $\log N - L$ come from; read section 2.3 and appendix A.1.
# - Radford et al. 2021, *Learning Transferable Visual Models From Natural Language Supervision*, arXiv:2103.00020.
#   CLIP. Section 2.3 and the pseudocode of figure 3 are this lesson in twenty lines.
# - Poole et al. 2019, *On Variational Bounds of Mutual Information*, arXiv:1905.06922. Why the bound saturates at
#   $\log N$ and what estimators without that ceiling cost in variance.
# - Cheng et al. 2024, *Breaking the Memory Barrier*, arXiv:2410.17243. The exact loss in tiles, which you wrote in its
#   simplest form.
#
# ## A study group in 45 minutes
#
# | minutes | do |
# |---|---|
# | 0–5 | Everyone states the loss from memory and its value for a batch that knows nothing. |
# | 5–15 | One person derives the gradient at the logits at the board; the others look for a missing factor. |
# | 15–25 | Exchange your tests of `clip_loss`: whose catches the detached tower? |
# | 25–35 | Argue: is a bigger batch better because of more negatives, harder ones, or a higher ceiling? |
# | 35–45 | Each person asks one of the interviewer's questions above; the group answers in a minute. |
