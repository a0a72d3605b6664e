"""Contrastive learning of images and texts: similarities, the InfoNCE and sigmoid losses, and retrieval."""

from course_lib.contrastive.accumulation import accumulated_loss, mean_of_micro_batch_losses
from course_lib.contrastive.augmentation import Augmentation, augment_images, drop_words
from course_lib.contrastive.calibration import expected_calibration_error
from course_lib.contrastive.corruption import corrupt_pairs
from course_lib.contrastive.distributed import distributed_clip_loss, distributed_siglip_loss
from course_lib.contrastive.encoding import encode, image_tensor
from course_lib.contrastive.grad_cache import grad_cache_step
from course_lib.contrastive.gradients import ClipLossGrad, clip_loss_grad, grad_wrt_logits, normalize_grad
from course_lib.contrastive.infonce import clip_loss, image_to_text_loss, text_to_image_loss
from course_lib.contrastive.mini_clip import LOSSES, EncodedPair, Loss, MiniClip, new_mini_clip
from course_lib.contrastive.modality_gap import modality_gap, modality_share
from course_lib.contrastive.negatives import effective_negatives, hardness_weights
from course_lib.contrastive.novelty import Novelty, novelty
from course_lib.contrastive.overflow import is_stable
from course_lib.contrastive.pretrained import load_mini_clip, mini_clip_recipe
from course_lib.contrastive.projection import ProjectedPair, encode_pair
from course_lib.contrastive.ranks import Group, TorchGroup, gathered_clip_loss, ring_siglip_loss
from course_lib.contrastive.retrieval import RetrievalReport, recall_at_k, retrieval_report
from course_lib.contrastive.siglip import SiglipGrads, log_sigmoid, pair_labels, siglip_grads, siglip_loss
from course_lib.contrastive.siglip_bias import initial_bias, positive_gradient_share
from course_lib.contrastive.siglip_chunked import siglip_loss_chunked
from course_lib.contrastive.siglip_pairs import match_or_none, siglip_grad_wrt_logits
from course_lib.contrastive.similarity import cosine_similarity, l2_normalize, similarity_logits
from course_lib.contrastive.softmax import log_softmax_rows
from course_lib.contrastive.streaming import (
    TileGradients,
    TileStatistics,
    streaming_logsumexp,
    tile_gradients,
    tile_statistics,
)
from course_lib.contrastive.temperature import (
    LearnableScale,
    expected_similarity,
    grad_log_scale,
    softmax_temperature,
)
from course_lib.contrastive.tiled import tiled_clip_loss
from course_lib.contrastive.trainer import Trainer
from course_lib.contrastive.training import Epoch, Trained, train_mini_clip
from course_lib.contrastive.zero_shot import zero_shot_accuracy, zero_shot_classifier, zero_shot_probabilities

__all__ = [
    "LOSSES",
    "Augmentation",
    "ClipLossGrad",
    "EncodedPair",
    "Epoch",
    "Group",
    "LearnableScale",
    "Loss",
    "MiniClip",
    "Novelty",
    "ProjectedPair",
    "RetrievalReport",
    "SiglipGrads",
    "TileGradients",
    "TileStatistics",
    "TorchGroup",
    "Trained",
    "Trainer",
    "accumulated_loss",
    "augment_images",
    "clip_loss",
    "clip_loss_grad",
    "corrupt_pairs",
    "cosine_similarity",
    "distributed_clip_loss",
    "distributed_siglip_loss",
    "drop_words",
    "effective_negatives",
    "encode",
    "encode_pair",
    "expected_calibration_error",
    "expected_similarity",
    "gathered_clip_loss",
    "grad_cache_step",
    "grad_log_scale",
    "grad_wrt_logits",
    "hardness_weights",
    "image_tensor",
    "image_to_text_loss",
    "initial_bias",
    "is_stable",
    "l2_normalize",
    "load_mini_clip",
    "log_sigmoid",
    "log_softmax_rows",
    "match_or_none",
    "mean_of_micro_batch_losses",
    "mini_clip_recipe",
    "modality_gap",
    "modality_share",
    "new_mini_clip",
    "normalize_grad",
    "novelty",
    "pair_labels",
    "positive_gradient_share",
    "recall_at_k",
    "retrieval_report",
    "ring_siglip_loss",
    "siglip_grad_wrt_logits",
    "siglip_grads",
    "siglip_loss",
    "siglip_loss_chunked",
    "similarity_logits",
    "softmax_temperature",
    "streaming_logsumexp",
    "text_to_image_loss",
    "tile_gradients",
    "tile_statistics",
    "tiled_clip_loss",
    "train_mini_clip",
    "zero_shot_accuracy",
    "zero_shot_classifier",
    "zero_shot_probabilities",
]
