"""The measurements of lesson 06. The lesson, the claims ledger and the tests call the same functions."""

from course_lib.experiments.affine_quantization.bugs import BuggyRows, buggy_rows, rows_with_three_bugs
from course_lib.experiments.affine_quantization.channels import (
    Granularity,
    LoudChannel,
    PerChannel,
    each_channel,
    granularity,
    loud_channel,
)
from course_lib.experiments.affine_quantization.grids import (
    AfterRelu,
    ErrorCurve,
    FewBits,
    PrintedMap,
    Twelfth,
    WithoutZero,
    after_relu,
    crest,
    error_curve,
    few_bits,
    gaussian,
    printed_map,
    twelfth,
    without_zero,
)
from course_lib.experiments.affine_quantization.products import (
    Bytes,
    IntegerProduct,
    integer_product,
    weight_bytes,
)
from course_lib.experiments.affine_quantization.real_data import (
    Pictures,
    Retrieval,
    pictures,
    retrieval,
)

__all__ = [
    "AfterRelu",
    "BuggyRows",
    "Bytes",
    "ErrorCurve",
    "FewBits",
    "Granularity",
    "IntegerProduct",
    "LoudChannel",
    "PerChannel",
    "Pictures",
    "PrintedMap",
    "Retrieval",
    "Twelfth",
    "WithoutZero",
    "after_relu",
    "buggy_rows",
    "crest",
    "each_channel",
    "error_curve",
    "few_bits",
    "gaussian",
    "granularity",
    "integer_product",
    "loud_channel",
    "pictures",
    "printed_map",
    "retrieval",
    "rows_with_three_bugs",
    "twelfth",
    "weight_bytes",
    "without_zero",
]
