"""Contrastive learning of images and texts: similarities, the InfoNCE loss, its gradient, and retrieval."""

from course_lib.contrastive.accumulation import accumulated_loss, mean_of_micro_batch_losses
from course_lib.contrastive.gradients import ClipLossGrad, clip_loss_grad, grad_wrt_logits, normalize_grad
from course_lib.contrastive.infonce import clip_loss, image_to_text_loss, text_to_image_loss
from course_lib.contrastive.retrieval import recall_at_k
from course_lib.contrastive.similarity import cosine_similarity, l2_normalize, similarity_logits
from course_lib.contrastive.softmax import log_softmax_rows
from course_lib.contrastive.temperature import LearnableScale

__all__ = [
    "ClipLossGrad",
    "LearnableScale",
    "accumulated_loss",
    "clip_loss",
    "clip_loss_grad",
    "cosine_similarity",
    "grad_wrt_logits",
    "image_to_text_loss",
    "l2_normalize",
    "log_softmax_rows",
    "mean_of_micro_batch_losses",
    "normalize_grad",
    "recall_at_k",
    "similarity_logits",
    "text_to_image_loss",
]
