"""Contrastive learning of images and texts: similarities, the InfoNCE and sigmoid losses, and retrieval."""

from course_lib.contrastive.accumulation import accumulated_loss, mean_of_micro_batch_losses
from course_lib.contrastive.calibration import expected_calibration_error
from course_lib.contrastive.distributed import distributed_clip_loss, distributed_siglip_loss
from course_lib.contrastive.gradients import ClipLossGrad, clip_loss_grad, grad_wrt_logits, normalize_grad
from course_lib.contrastive.infonce import clip_loss, image_to_text_loss, text_to_image_loss
from course_lib.contrastive.negatives import effective_negatives, hardness_weights
from course_lib.contrastive.overflow import is_stable
from course_lib.contrastive.retrieval import recall_at_k
from course_lib.contrastive.siglip import (
    SiglipGrads,
    log_sigmoid,
    pair_labels,
    siglip_grads,
    siglip_loss,
)
from course_lib.contrastive.siglip_bias import initial_bias, positive_gradient_share
from course_lib.contrastive.siglip_chunked import siglip_loss_chunked
from course_lib.contrastive.siglip_pairs import match_or_none, siglip_grad_wrt_logits
from course_lib.contrastive.similarity import cosine_similarity, l2_normalize, similarity_logits
from course_lib.contrastive.softmax import log_softmax_rows
from course_lib.contrastive.temperature import (
    LearnableScale,
    expected_similarity,
    grad_log_scale,
    softmax_temperature,
)
from course_lib.contrastive.tiled import tiled_clip_loss

__all__ = [
    "ClipLossGrad",
    "LearnableScale",
    "SiglipGrads",
    "accumulated_loss",
    "clip_loss",
    "clip_loss_grad",
    "cosine_similarity",
    "distributed_clip_loss",
    "distributed_siglip_loss",
    "effective_negatives",
    "expected_calibration_error",
    "expected_similarity",
    "grad_log_scale",
    "grad_wrt_logits",
    "hardness_weights",
    "image_to_text_loss",
    "initial_bias",
    "is_stable",
    "l2_normalize",
    "log_sigmoid",
    "log_softmax_rows",
    "match_or_none",
    "mean_of_micro_batch_losses",
    "normalize_grad",
    "pair_labels",
    "positive_gradient_share",
    "recall_at_k",
    "siglip_grad_wrt_logits",
    "siglip_grads",
    "siglip_loss",
    "siglip_loss_chunked",
    "similarity_logits",
    "softmax_temperature",
    "text_to_image_loss",
    "tiled_clip_loss",
]
