"""How far pictures are from the truth, one by one or as a set: functions over tensors in [0, 1]; values outside are clamped."""

from img2img.metrics.distribution import frechet_distance, kernel_distance
from img2img.metrics.lpips import alex_activations, lpips_alex
from img2img.metrics.masked import masked_l1, masked_psnr, masked_ssim
from img2img.metrics.perception import PictureFeatures, feature_distances
from img2img.metrics.pixel import psnr, quantized, rgb_to_y, ssim

__all__ = [
    "PictureFeatures",
    "alex_activations",
    "feature_distances",
    "frechet_distance",
    "kernel_distance",
    "lpips_alex",
    "masked_l1",
    "masked_psnr",
    "masked_ssim",
    "psnr",
    "quantized",
    "rgb_to_y",
    "ssim",
]
