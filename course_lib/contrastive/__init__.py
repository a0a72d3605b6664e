"""Contrastive learning of images and texts: similarities, the InfoNCE loss, its gradient, and retrieval."""

from course_lib.contrastive.accumulation import accumulated_loss, mean_of_micro_batch_losses
from course_lib.contrastive.calibration import expected_calibration_error
from course_lib.contrastive.gradients import ClipLossGrad, clip_loss_grad, grad_wrt_logits, normalize_grad
from course_lib.contrastive.infonce import clip_loss, image_to_text_loss, text_to_image_loss
from course_lib.contrastive.negatives import effective_negatives, hardness_weights
from course_lib.contrastive.overflow import is_stable
from course_lib.contrastive.retrieval import recall_at_k
from course_lib.contrastive.similarity import cosine_similarity, l2_normalize, similarity_logits
from course_lib.contrastive.softmax import log_softmax_rows
from course_lib.contrastive.temperature import (
    LearnableScale,
    expected_similarity,
    grad_log_scale,
    softmax_temperature,
)

__all__ = [
    "ClipLossGrad",
    "LearnableScale",
    "accumulated_loss",
    "clip_loss",
    "clip_loss_grad",
    "cosine_similarity",
    "effective_negatives",
    "expected_calibration_error",
    "expected_similarity",
    "grad_log_scale",
    "grad_wrt_logits",
    "hardness_weights",
    "image_to_text_loss",
    "is_stable",
    "l2_normalize",
    "log_softmax_rows",
    "mean_of_micro_batch_losses",
    "normalize_grad",
    "recall_at_k",
    "similarity_logits",
    "softmax_temperature",
    "text_to_image_loss",
]
