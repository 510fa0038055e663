"""The errors that img2img raises on purpose: each says what was given, what was expected and what to do."""


class Img2ImgError(Exception):
    """An error with a message for the user: one line, no traceback needed. The command line prints it and exits with 1."""


class PictureError(Img2ImgError):
    """A picture cannot be read or written."""


class ModelError(Img2ImgError):
    """A model file or name cannot be used."""


class DataError(Img2ImgError):
    """A data folder cannot be trained on or evaluated."""


class ConfigError(Img2ImgError):
    """An option or a configuration contradicts itself or is out of range."""


class TrainingError(Img2ImgError):
    """A training run cannot start, go on or be resumed."""
