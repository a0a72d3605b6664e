"""Small models in torch: a Llama with SmolLM2's weights and its perplexity, a BERT with MiniLM's."""

from course_lib.language.bert import Bert, BertConfig
from course_lib.language.cache import KVCache
from course_lib.language.generation import greedy
from course_lib.language.llama import Llama, LlamaConfig
from course_lib.language.minilm import load_minilm
from course_lib.language.perplexity import Perplexity, Ratio, perplexity, perplexity_ratio, sequences
from course_lib.language.pretrained import load_smollm2, load_tokenizer
from course_lib.language.recording import linear_inputs, record_inputs
from course_lib.language.rope import rotate
from course_lib.language.tokenizer import Tokenizer
from course_lib.language.wordpiece import WordPiece

__all__ = [
    "Bert",
    "BertConfig",
    "KVCache",
    "Llama",
    "LlamaConfig",
    "Perplexity",
    "Ratio",
    "Tokenizer",
    "WordPiece",
    "greedy",
    "linear_inputs",
    "load_minilm",
    "load_smollm2",
    "load_tokenizer",
    "perplexity",
    "perplexity_ratio",
    "record_inputs",
    "rotate",
    "sequences",
]
