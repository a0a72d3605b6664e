"""A small Llama in torch, SmolLM2's weights for it, and its perplexity on a text."""

from course_lib.language.cache import KVCache
from course_lib.language.generation import greedy
from course_lib.language.llama import Llama, LlamaConfig
from course_lib.language.perplexity import Perplexity, Ratio, perplexity, perplexity_ratio, sequences
from course_lib.language.pretrained import load_smollm2, load_tokenizer
from course_lib.language.recording import record_inputs
from course_lib.language.rope import rotate
from course_lib.language.tokenizer import Tokenizer

__all__ = [
    "KVCache",
    "Llama",
    "LlamaConfig",
    "Perplexity",
    "Ratio",
    "Tokenizer",
    "greedy",
    "load_smollm2",
    "load_tokenizer",
    "perplexity",
    "perplexity_ratio",
    "record_inputs",
    "rotate",
    "sequences",
]
