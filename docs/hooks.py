"""MkDocs hooks: pages and pictures of the checkout outside of ``docs/`` are part of the site, under their path in the checkout.

Links are written as they work in a checkout (``../samples/results/cat.jpg``), and lose the step out of ``docs/`` here.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "weights/README.md", "samples/README.md", "samples/results/*.jpg")


def on_files(files: Files, config: Any) -> Files:
    """The files of the site, with those of ``OUTSIDE``."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """The page's text, its links as the site wants them."""
    up = "../" * (len(PurePosixPath(page.file.src_uri).parents) - 1)
    inside = page.file.generated_by is None
    return re.sub(r"\]\(" + re.escape(up + "../" if inside else up + "docs/"), f"]({up}", markdown)
