"""What has to be read for one token: weights, their scales, and the cache."""

from typing import Any

from numpy.random import Generator

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization


def _format(
    name: str, bits: int, group_size: int, batch: int, context: int, group: str | None = None
) -> CaseSpec:
    def make(rng: Generator) -> dict[str, Any]:
        return {
            "parameters": 128 * int(rng.integers(500, 900)),
            "bits": bits,
            "group_size": group_size,
            "batch": batch,
            "kv_bytes": 4.0 * int(rng.integers(50, 90)),
            "context": context,
        }

    return case(name, make, group=group)


asked = Exercise(
    "post_training.bytes_per_token",
    title="Bytes for each token",
    minutes=7,
    skills=["memory bandwidth", "KV cache"],
    reference=quantization.bytes_per_token,
    outputs=["bytes"],
    groups={"weights": 1, "cache": 1, "batch": 1},
    cases=[
        _format("8 bits, groups of 128, an empty context", 8, 128, 1, 0),
        _format("4 bits, groups of 32, an empty context", 4, 32, 1, 0),
        _format("4 bits, groups of 64, 700 tokens of context", 4, 64, 1, 700, "cache"),
        _format("8 bits, groups of 32, 16 sequences, 300 tokens of context", 8, 32, 16, 300, "batch"),
        _format("4 bits, groups of 32, 3 sequences, an empty context", 4, 32, 3, 0, "batch"),
    ],
    hints=[
        "Three things are read: codes, a scale for each group of codes, and the cache. Which of them do sequences "
        "that are decoded together share?",
        "Bits for each weight: those of its code, and its part of the 16 bits of a scale. Divide by 8, share among the "
        "batch, and add what the context costs.",
        "weights = parameters * (bits + 16 / group_size) / 8; divide it by batch; then add kv_bytes * context, "
        "which no other sequence shares.",
    ],
    follow_up="A mixture-of-experts model has ten times the parameters that a token passes through. Which number goes in?",
)


def _count(
    parameters: int,
    bits: int,
    group_size: int,
    batch: int,
    kv_bytes: float,
    context: int,
    *,
    scale_bits: float = 16,
) -> float:
    return parameters * (bits + scale_bits / group_size) / 8 / batch + kv_bytes * context


@asked.misconception(
    "counts parameters, not bytes",
    says="You add up how many weights are read, whatever their bits are.",
    asks="How many bytes are two weights of 4 bits?",
)
def counts_parameters(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return parameters / batch + kv_bytes * context


@asked.misconception(
    "bits instead of bytes",
    says="Your weights are counted in bits: eight times too much.",
    asks="A bandwidth is in bytes a second. In what are your weights?",
)
def in_bits(parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int) -> float:
    return parameters * (bits + 16 / group_size) / batch + kv_bytes * context


@asked.misconception(
    "the scales are forgotten",
    says="You count the codes alone; at 4 bits in groups of 32, their scales are an eighth on top.",
    asks="How many scales of 16 bits does a layer have?",
)
def scales_forgotten(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, group_size, batch, kv_bytes, context, scale_bits=0)


@asked.misconception(
    "scales of 32 bits",
    says="You count 32 bits for a scale, as for float32. Here they are kept in 16.",
    asks="How many bytes does a scale of half precision take?",
)
def scales_of_32(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, group_size, batch, kv_bytes, context, scale_bits=32)


@asked.misconception(
    "scales of 16 bytes",
    says="You count 16 bytes for a scale, not 16 bits.",
    asks="How many bytes is a number of half precision?",
)
def scales_in_bytes(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, group_size, batch, kv_bytes, context, scale_bits=128)


@asked.misconception(
    "a scale for each weight",
    says="You add the 16 bits of a scale to every weight, without sharing them among the group.",
    asks="How many weights share a scale?",
)
def scale_for_each(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, 1, batch, kv_bytes, context)


@asked.misconception(
    "forgets the KV cache",
    says="Your bytes are those of the weights alone, however long the context is.",
    asks="What does attention read to write the next token, beside weights?",
)
def cache_forgotten(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, group_size, batch, 0, context)


@asked.misconception(
    "the cache of one token only",
    says="You count the keys and values of the newest token, not those of all tokens before it.",
    asks="With how many keys is the new query multiplied?",
)
def newest_token_only(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, group_size, batch, kv_bytes, min(context, 1))


@asked.misconception(
    "the cache is shared by the batch",
    says="You divide the cache by the batch as well, as if all sequences had the same past.",
    asks="Whose keys and values does a sequence attend to?",
)
def cache_shared(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, group_size, 1, kv_bytes, context) / batch


@asked.misconception(
    "the batch is ignored",
    says="Each of your sequences reads all weights for itself.",
    asks="How often do the weights come from memory, if 16 sequences take a step together?",
)
def batch_ignored(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return _count(parameters, bits, group_size, 1, kv_bytes, context)


@asked.misconception(
    "bytes of the whole step, not of one token",
    says="You give what all sequences read together: the weights once, and every cache.",
    asks="A step of 16 sequences makes 16 tokens. What is read for one of them?",
)
def whole_step(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    return batch * _count(parameters, bits, group_size, batch, kv_bytes, context)


@asked.also_correct("codes, scales and cache one after another")
def in_parts(parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int) -> float:
    codes = parameters * bits / 8
    scales = 2 * parameters / group_size
    return (codes + scales) / batch + context * kv_bytes


@asked.also_correct("the whole step, divided by its tokens")
def of_a_step(
    parameters: int, bits: int, group_size: int, batch: int, kv_bytes: float, context: int
) -> float:
    weights = parameters * quantization.effective_bits(bits, group_size) / 8
    return (weights + batch * kv_bytes * context) / batch
