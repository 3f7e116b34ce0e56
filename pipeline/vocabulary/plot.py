"""A picture of the comparison: bytes per token of each source, a bar for each tokenizer, with intervals."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from prep.errors import Unable
from prep.pipeline.plan.plot import DPI
from prep.pipeline.vocabulary.compare import Compared, Figure

# Okabe and Ito's colours, which people who see colours differently can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#777777", "#000000")


def write(found: Sequence[Compared], path: str) -> None:
    """Draw a comparison into a file; `plan.plot.must_be_drawable` has looked at its name.

    Errors: Unable, where the file cannot be written.
    """
    import matplotlib as mpl

    ending = Path(path).suffix.lower()
    # Text stays text, so that it can be searched; ids hang on nothing but the picture, so that it is the same twice.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "prep", "font.size": 9}):
        content = _drawn(found, "png" if ending == ".png" else "svg")
    if ending == ".html":
        picture = content.decode()
        head = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Tokenizers</title></head><body>\n'
        content = f"{head}{picture[picture.index('<svg') :]}\n</body></html>\n".encode()
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise Unable(f"--plot {path}: cannot be written: {error.strerror}; name a folder that is there") from error


def _drawn(found: Sequence[Compared], kind: str) -> bytes:
    from matplotlib.figure import Figure as Canvas

    labels = ["\n".join(figure.cell[:2]) for figure in found[0].cells] + ["mix"]
    made = Canvas(figsize=(max(6.0, 1.1 * len(labels)), 4.2), layout="constrained", dpi=DPI)
    axes = made.add_subplot()
    width = 0.8 / len(found)
    for place, one in enumerate(found):
        figures = [*one.cells, one.mix]
        at = [group - 0.4 + width * (place + 0.5) for group in range(len(labels))]
        heights = [figure.bytes_per_token for figure in figures]
        axes.bar(at, heights, width, yerr=[_half(figure) for figure in figures], color=COLOURS[place % len(COLOURS)],
                 label=f"{one.name} ({one.vocabulary:,})", error_kw={"lw": 0.8, "capsize": 1.5})  # fmt: skip
    axes.set_xticks(range(len(labels)), labels)
    axes.set_ylabel("bytes per token")
    axes.set_title("Held-out text: bytes per token, with 95% intervals", size=9, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    buffer = io.BytesIO()
    made.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def _half(figure: Figure) -> float:
    return 0.0 if figure.high is None else figure.high - figure.bytes_per_token
