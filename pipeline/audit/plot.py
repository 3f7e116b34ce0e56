"""The picture of an audit: bytes per token with intervals, known ranges behind them. Needs the extra `plot`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from prep.pipeline.audit import explain
from prep.pipeline.audit.explain import Judged
from prep.pipeline.audit.figures import Estimate, Source
from prep.pipeline.plan.picture import STYLE, must_be_drawable, page, save
from prep.pipeline.plan.plot import DPI

# Okabe and Ito's colours, which people who see colours differently can tell apart; markers tell them apart in print.
LOOKS = (
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "D"), ("#CC79A7", "^"), ("#E69F00", "v"), ("#56B4E9", "P"),
    ("#000000", "X"), ("#777777", "*"),
)  # fmt: skip
BAND = 0.22  # opacity of a known range
ROW = 0.22  # inches for one ratio
WIDEST = 28  # letters of a source's name that are shown; a kana takes two
ODD = "#D40000"  # out of its range
# Fonts that have Japanese, of which a machine has one or none; where it has none a name in SVG is drawn by the reader.
FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "IPAexGothic", "IPAGothic", "TakaoGothic", "Hiragino Sans", "Yu Gothic")
TITLE = "Bytes of text a token"


def write(sources: Sequence[Source], judged: Sequence[Judged], path: str) -> None:
    """Draw an audit into a file.

    Errors: BadSettings, where no picture can be made or the file cannot be written.
    """
    must_be_drawable(path)
    sources = [each for each in sources if each.tokens]
    import matplotlib as mpl
    from matplotlib import font_manager

    there = {each.name for each in font_manager.fontManager.ttflist}
    ending = Path(path).suffix.lower()
    with mpl.rc_context({**STYLE, "font.family": [each for each in FONTS if each in there] or ["sans-serif"]}):
        content = _drawn(sources, judged, "png" if ending == ".png" else "svg")
    save(path, page(content, TITLE) if ending == ".html" else content)


def _drawn(sources: Sequence[Source], judged: Sequence[Judged], kind: str) -> bytes:
    import warnings

    from matplotlib.figure import Figure

    rows = sum(max(1, len(each.tokens)) + 1 for each in sources)
    made = Figure(figsize=(9.2, 1.7 + ROW * rows), layout="constrained", dpi=DPI)
    _ratios(made.add_subplot(), sources, judged)
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # a glyph that no font here has is a box, and no reason to stop
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        made.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def _ratios(axes: Any, sources: Sequence[Source], judged: Sequence[Judged]) -> None:
    names = list(dict.fromkeys(each.tokenizer for source in sources for each in source.tokens))
    looks = {name: LOOKS[place % len(LOOKS)] for place, name in enumerate(names)}
    known = {(each.source, each.tokenizer): each for each in judged}
    at, ticks = 0.0, []
    for source in sources:
        first = at
        for each in source.tokens:
            color, marker = looks[each.tokenizer]
            found = known.get((source.name, each.tokenizer))
            span = found.range if found else None
            if span is not None:
                axes.barh(at, span.high - span.low, 0.86, span.low, color=color, alpha=BAND, lw=0, zorder=1)
            _point(axes, each.ratio, at, (color, marker), odd=found is not None and found.verdict in ("below", "above"))
            at += 1
        ticks.append(((first + at - 1) / 2, _named(source)))
        axes.axhline(at, color="#dddddd", lw=0.7, zorder=0)
        at += 1
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.set_ylim(at - 1, -1)
    _framed(axes, looks, max((each.ratio.high for source in sources for each in source.tokens), default=1.0))


def _point(axes: Any, ratio: Estimate, at: float, look: tuple[str, str], *, odd: bool) -> None:
    color, marker = look
    axes.plot([ratio.low, ratio.high], [at, at], "-", color=color, lw=1.4, zorder=3)
    face = color if ratio.exact else "white"
    axes.plot([ratio.value], [at], marker, color=color, mfc=face, ms=5.5, mew=1.3, zorder=4)
    axes.annotate(
        f"{ratio.value:.2f}", (ratio.high, at), (7, -2.7), textcoords="offset points", size=7, zorder=5,
        color=ODD if odd else "#333333", weight="bold" if odd else "normal",
    )  # fmt: skip


def _named(source: Source) -> str:
    spoken, guessed = explain.language(source)
    shown = f"({spoken})" if guessed and spoken else spoken or "?"
    name, room = "", WIDEST
    for letter in source.name:
        room -= 2 if east_asian_width(letter) in "WF" else 1
        if room < 0:
            name += "..."
            break
        name += letter
    return f"{name}  {shown}".replace("$", r"\$")


def _framed(axes: Any, looks: dict[str, tuple[str, str]], most: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    axes.set_xlim(0, max(7.5, min(most * 1.12, 14)))
    axes.set_xlabel("bytes of UTF-8 text a token")
    axes.xaxis.grid(visible=True, color="#eeeeee", zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    handles: list[Any] = [
        Line2D([], [], color=color, marker=marker, lw=1.4, label=name.replace("$", r"\$"))
        for name, (color, marker) in looks.items()
    ]
    handles.append(Patch(color="#888888", alpha=BAND, lw=0, label="known range"))
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(len(handles), 4), frameon=False)
    axes.figure.suptitle(
        f"{TITLE}: 95% intervals of a sample (open), or exact (filled)", size=10, weight="bold", x=0.01, ha="left"
    )
