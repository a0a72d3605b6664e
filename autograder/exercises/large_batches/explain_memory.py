"""Which technique saves which memory, and what CLIP did."""

from autograder.open_questions import Explanation

asked = Explanation(
    "large_batches.explain_memory",
    title="Explain it",
    minutes=8,
    points=2,
    skills=["memory", "large batches"],
    rubric=[
        "CLIP sharded the similarities over its GPUs and used gradient checkpointing and mixed precision; gradient "
        "caching (GradCache) is a separate, later paper.",
        "Tiles save the logits: O(N²) becomes O(N). They do nothing for the encoders' activations.",
        "Gradient caching saves the activations: those of a chunk instead of the batch, for one more forward pass. "
        "It does nothing for the logits.",
        "All N·D features are needed by the softmax before any gradient; that is what the processes exchange, and "
        "it is small. The gather has to carry gradients back.",
    ],
    hints=[
        "Three things fill the memory: activations of the encoders, features, logits. How does each grow?",
        "For each technique say which of the three it shrinks, and what it costs in time or in messages.",
        "Write: checkpointing and caching: activations, one more forward pass. Tiles and shards: logits. Features: "
        "N·D numbers, which stay.",
    ],
)
