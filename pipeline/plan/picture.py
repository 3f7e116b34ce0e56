"""What all pictures share: which files can be written, their style, and a page round them. matplotlib is not loaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from prep.errors import BadSettings

FORMATS = (".svg", ".png", ".html")
# Text stays text, so that it can be searched; ids hang on nothing but the picture, so that it is the same twice.
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "prep", "font.size": 9}


def must_be_drawable(path: str) -> None:
    """Look before anything is worked out whether a picture can be made.

    Errors: BadSettings, where the ending is none of ours, or matplotlib is missing.
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise BadSettings(f"--plot {path}: write a file that ends with {', '.join(FORMATS)}")
    if find_spec("matplotlib") is None:
        raise BadSettings("--plot needs matplotlib; install it with: pip install 'prep-corpus[plot]'")


def save(path: str, content: bytes) -> None:
    """Write a picture.

    Errors: BadSettings, where the file cannot be written.
    """
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise BadSettings(f"--plot {path}: cannot be written: {error.strerror}") from error


def page(svg: bytes, title: str) -> bytes:
    """A page with a picture and its title."""
    picture = svg.decode("utf-8")
    title = title.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body{font-family:sans-serif;max-width:70em;margin:2em auto}svg{width:100%;height:auto}</style></head>\n"
        f"<body><p>{title}</p>\n{picture[picture.index('<svg') :]}\n</body></html>\n"
    ).encode()
