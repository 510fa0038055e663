"""How far a picture is from the truth: pure functions over tensors in [0, 1]; values outside are clamped."""

from img2img.metrics.lpips import lpips_alex
from img2img.metrics.pixel import psnr, quantized, rgb_to_y, ssim

__all__ = ["lpips_alex", "psnr", "quantized", "rgb_to_y", "ssim"]
