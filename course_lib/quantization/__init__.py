"""Quantization: the affine map and its error, calibration, integer layers, smoothing, GPTQ, AWQ, KV-cache."""

from course_lib.quantization.affine import dequantize, quantize
from course_lib.quantization.alpha_search import AlphaSearch, search_alpha
from course_lib.quantization.awq import AWQScale, awq_search_scale, awq_weight
from course_lib.quantization.batch_norm import fold_batch_norm
from course_lib.quantization.calibration import MinMax, MovingAverage, Observer
from course_lib.quantization.converted import IntegerLayer, convert
from course_lib.quantization.dither import dithered_quantize
from course_lib.quantization.entropy import Entropy
from course_lib.quantization.error import (
    ErrorParts,
    best_clip,
    clip_and_round_error,
    predicted_sqnr_db,
    quantization_error,
    sqnr_db,
)
from course_lib.quantization.folding import Smoothed, apply_smoothing, can_fold, fold_into_linear
from course_lib.quantization.gptq import GPTQ, gptq_quantize
from course_lib.quantization.granularity import (
    Quantized,
    channel_qparams,
    effective_bits,
    quantize_per_channel,
    quantize_per_group,
    quantize_per_tensor,
)
from course_lib.quantization.hessian import compensate, inverse_factor, layer_hessian
from course_lib.quantization.histogram import Histogram, Percentile
from course_lib.quantization.integer import int_matmul
from course_lib.quantization.kv_cache import attention_error, dequantize_kv, kv_bytes_per_token, quantize_kv
from course_lib.quantization.kv_store import QuantizedKVCache
from course_lib.quantization.lsq import lsq_fake_quantize, lsq_initial_step
from course_lib.quantization.oscillation import oscillating
from course_lib.quantization.outliers import Outliers, outlier_kind
from course_lib.quantization.packing import pack_int4, unpack_int4
from course_lib.quantization.qat import calibrate, prepare_qat, set_observing
from course_lib.quantization.qat_layer import QATLayer, Steps
from course_lib.quantization.qparams import CodeRange, QParams, affine_qparams, code_range
from course_lib.quantization.roofline import (
    bytes_per_token,
    critical_batch,
    roofline_tokens_per_second,
    tokens_per_second_bound,
)
from course_lib.quantization.smoothquant import act_absmax, smooth_scales
from course_lib.quantization.straight_through import fake_quantize, round_ste
from course_lib.quantization.w8a8 import W8A8Linear
from course_lib.quantization.w8a8_product import w8a8_linear
from course_lib.quantization.weight_only import WeightOnlyLinear

__all__ = [
    "GPTQ",
    "AWQScale",
    "AlphaSearch",
    "CodeRange",
    "Entropy",
    "ErrorParts",
    "Histogram",
    "IntegerLayer",
    "MinMax",
    "MovingAverage",
    "Observer",
    "Outliers",
    "Percentile",
    "QATLayer",
    "QParams",
    "Quantized",
    "QuantizedKVCache",
    "Smoothed",
    "Steps",
    "W8A8Linear",
    "WeightOnlyLinear",
    "act_absmax",
    "affine_qparams",
    "apply_smoothing",
    "attention_error",
    "awq_search_scale",
    "awq_weight",
    "best_clip",
    "bytes_per_token",
    "calibrate",
    "can_fold",
    "channel_qparams",
    "clip_and_round_error",
    "code_range",
    "compensate",
    "convert",
    "critical_batch",
    "dequantize",
    "dequantize_kv",
    "dithered_quantize",
    "effective_bits",
    "fake_quantize",
    "fold_batch_norm",
    "fold_into_linear",
    "gptq_quantize",
    "int_matmul",
    "inverse_factor",
    "kv_bytes_per_token",
    "layer_hessian",
    "lsq_fake_quantize",
    "lsq_initial_step",
    "oscillating",
    "outlier_kind",
    "pack_int4",
    "predicted_sqnr_db",
    "prepare_qat",
    "quantization_error",
    "quantize",
    "quantize_kv",
    "quantize_per_channel",
    "quantize_per_group",
    "quantize_per_tensor",
    "roofline_tokens_per_second",
    "round_ste",
    "search_alpha",
    "set_observing",
    "smooth_scales",
    "sqnr_db",
    "tokens_per_second_bound",
    "unpack_int4",
    "w8a8_linear",
]
