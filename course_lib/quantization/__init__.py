"""Quantization: the affine map and its error, granularity, calibration, integer products and layers."""

from course_lib.quantization.affine import dequantize, quantize
from course_lib.quantization.calibration import MinMax, MovingAverage, Observer
from course_lib.quantization.entropy import Entropy
from course_lib.quantization.error import (
    ErrorParts,
    best_clip,
    clip_and_round_error,
    predicted_sqnr_db,
    quantization_error,
    sqnr_db,
)
from course_lib.quantization.granularity import (
    Quantized,
    channel_qparams,
    effective_bits,
    quantize_per_channel,
    quantize_per_group,
    quantize_per_tensor,
)
from course_lib.quantization.histogram import Histogram, Percentile
from course_lib.quantization.integer import int_matmul
from course_lib.quantization.packing import pack_int4, unpack_int4
from course_lib.quantization.qparams import CodeRange, QParams, affine_qparams, code_range
from course_lib.quantization.straight_through import fake_quantize
from course_lib.quantization.w8a8 import W8A8Linear
from course_lib.quantization.weight_only import WeightOnlyLinear

__all__ = [
    "CodeRange",
    "Entropy",
    "ErrorParts",
    "Histogram",
    "MinMax",
    "MovingAverage",
    "Observer",
    "Percentile",
    "QParams",
    "Quantized",
    "W8A8Linear",
    "WeightOnlyLinear",
    "affine_qparams",
    "best_clip",
    "channel_qparams",
    "clip_and_round_error",
    "code_range",
    "dequantize",
    "effective_bits",
    "fake_quantize",
    "int_matmul",
    "pack_int4",
    "predicted_sqnr_db",
    "quantization_error",
    "quantize",
    "quantize_per_channel",
    "quantize_per_group",
    "quantize_per_tensor",
    "sqnr_db",
    "unpack_int4",
]
