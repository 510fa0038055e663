"""Model files: what they say of themselves, reading and writing, those of other projects, and models by name."""

from img2img.models.catalog import catalog, find_model, load_info, load_model, peek_info
from img2img.models.files import read_info, read_model, save_model, size_in_memory
from img2img.models.info import ImageSpec, Int8Spec, Model, ModelInfo

__all__ = [
    "ImageSpec",
    "Int8Spec",
    "Model",
    "ModelInfo",
    "catalog",
    "find_model",
    "load_info",
    "load_model",
    "peek_info",
    "read_info",
    "read_model",
    "save_model",
    "size_in_memory",
]
