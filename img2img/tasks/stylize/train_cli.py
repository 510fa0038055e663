"""``img2img train stylize``."""


def train_stylize() -> None:
    """Placeholder, to be replaced by the command that trains."""
    raise NotImplementedError
