"""Inference: a model applied to pictures and folders, exactly, in bounded memory."""

from img2img.inference.engine import Pipeline, load

__all__ = ["Pipeline", "load"]
