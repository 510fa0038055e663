"""``python -m img2img``."""

from img2img.cli import main

main()
