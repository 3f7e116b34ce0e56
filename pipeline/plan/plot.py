"""Pictures of a plan: parameters against tokens with isoFLOP lines, frontiers and known models; serving; repetition.

Needs matplotlib, the extra `plot`. No window is opened and no global state touched: figures are made and saved.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prep.pipeline.numbers import format_count
from prep.pipeline.plan import published, repetition, tables
from prep.pipeline.plan.answer import Answer
from prep.pipeline.plan.demand import ServedByLaw
from prep.pipeline.plan.laws import Chinchilla, Law
from prep.pipeline.plan.picture import STYLE, must_be_drawable, page, save
from prep.pipeline.plan.question import Question

__all__ = ["DPI", "must_be_drawable", "write"]

Box = tuple[float, float, float, float]  # left, bottom, right, top

DPI = 130
MARGIN = 8.0  # the plan stands at least this factor from the edges
SPAN = ((1e10, 1e14), (3e8, 1.5e12))  # tokens and parameters that are always shown
# Okabe and Ito's colours, which people who see colours differently can tell apart; one hue for each family.
STYLES: dict[str, tuple[str, str]] = {
    "chinchilla-1": ("#0072B2", "-"),
    "besiroglu": ("#56B4E9", "-"),
    "chinchilla-2": ("#0072B2", "--"),
    "chinchilla-3": ("#D55E00", "-"),
    "chinchilla-3-table": ("#D55E00", "--"),
    "sardana": ("#D55E00", ":"),
    "muennighoff": ("#009E73", "--"),
    "llama-3": ("#CC79A7", "-"),
    "deepseek": ("#E69F00", "-"),
    "ratio-20": ("#777777", ":"),
    "kaplan": ("#777777", "-."),
}
OWN = ("#000000", "-")
PLAN, PLAN_LABEL = "#D40000", "100B on 100.0T, in bold"
# Under a name, so that lines do not run through it. A path effect would make each letter a shape, eight times the file.
PAPER = {"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.8}
SPOTS = ((1, 0), (-1, 0), (1, -1), (1, 1))  # beside a point, or a line below or above: not over to another's
FAMOUS = (
    "GPT-3", "Gopher", "Chinchilla", "PaLM", "LaMDA", "GLaM", "BLOOM", "MT-NLG", "LLaMA 7B", "Llama 2 7B",
    "Llama 2 70B", "Llama 3.1 8B", "Llama 3.1 70B", "Llama 3.1 405B", "DeepSeek-V3", "CroissantLLM",
    "PLaMo-13B", "Falcon 180B",
)  # fmt: skip


def write(found: Answer, question: Question, path: str) -> None:
    """Draw a plan into a file.

    Errors: BadSettings, where no picture can be made or the file cannot be written.
    """
    must_be_drawable(path)
    import matplotlib as mpl

    ending = Path(path).suffix.lower()
    with mpl.rc_context(STYLE):
        content = _rendered(found, question, "png" if ending == ".png" else "svg")
    from prep.pipeline.plan.screen import headline

    save(path, page(content, headline(found)) if ending == ".html" else content)


def _rendered(found: Answer, question: Question, kind: str) -> bytes:
    from matplotlib.figure import Figure

    panels = [panel for panel in (_serving, _repetition) if _wanted(panel, found)]
    made = Figure(figsize=(9.2, 6.2 + 3.4 * bool(panels)), layout="constrained", dpi=DPI)
    grid = made.add_gridspec(1 + bool(panels), max(1, len(panels)), height_ratios=[6.2, 3.4][: 1 + bool(panels)])
    _frontiers(made.add_subplot(grid[0, :]), found, question)
    for place, panel in enumerate(panels):
        panel(made.add_subplot(grid[1, place]), found)
    buffer = io.BytesIO()
    made.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def _wanted(panel: Any, found: Answer) -> bool:
    return (found.inference if panel is _serving else found.repetition) is not None


def _frontiers(axes: Any, found: Answer, question: Question) -> None:
    size = found.active_params or found.params
    tokens, params = (_limits(span, at) for span, at in zip(SPAN, (found.tokens, size), strict=True))
    axes.set(xscale="log", yscale="log", xlim=tokens, ylim=params, xlabel="training tokens", ylabel="parameters")
    _isoflops(axes, tokens, params)
    for law in _drawn(found, question):
        color, line = STYLES.get(law.name, OWN)
        ends = [law.params(each) for each in tokens]
        width = 2.6 if law.name == found.law else 1.2
        axes.plot(tokens, ends, line, color=color, lw=width, label=law.title, zorder=2)
    _known(axes, tokens, params, (found.tokens, size))
    axes.plot([found.tokens], [size], "*", color=PLAN, ms=15, zorder=5, mec="white", mew=0.8, label="this plan")
    axes.annotate(
        f"{format_count(size)} on {format_count(found.tokens)}", (found.tokens, size), (9, -4), color=PLAN,
        textcoords="offset points", weight="bold", zorder=3, bbox=PAPER,
    )  # fmt: skip
    _readable(axes, axes.xaxis, axes.yaxis)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title="compute-optimal by")


def _limits(span: tuple[float, float], at: float) -> tuple[float, float]:
    return min(span[0], at / MARGIN), max(span[1], at * MARGIN)


def _drawn(found: Answer, question: Question) -> Iterator[Law]:
    if found.law not in published.LAWS:
        yield published.law(question.law)
    yield from published.LAWS.values()


def _isoflops(axes: Any, tokens: tuple[float, float], params: tuple[float, float]) -> None:
    """Lines of equal 6·N·D, labelled where they leave the picture at the top."""
    small: Any = {"textcoords": "offset points", "color": "#888888", "size": 8}
    for power in range(15, 36):
        compute = 10.0**power
        axes.plot(tokens, [compute / (6 * each) for each in tokens], color="#bbbbbb", lw=0.7, zorder=1)
        top = compute / (6 * params[1])
        if tokens[0] < top < tokens[1]:
            axes.annotate(f"$10^{{{power}}}$", (top, params[1]), (0, 3), ha="center", **small)
    axes.annotate("FLOPs", (1.0, 1.0), (4, 3), xycoords="axes fraction", **small)


def _known(axes: Any, tokens: tuple[float, float], params: tuple[float, float], plan: tuple[float, float]) -> None:
    """All known models as points, and names where they run into nothing, the famous and the newest first."""
    shown = [each for each in tables.models() if each.tokens and tokens[0] < each.tokens < tokens[1]]
    shown.sort(key=lambda each: (each.name not in FAMOUS, -each.year))
    places = [(each.tokens or 1.0, each.computing_params) for each in shown]
    axes.plot(*zip(*places, strict=True), "o", ms=3.6, color="#333333", zorder=4)
    room = _Room(tokens, params)
    room.take_points([*places, plan])
    room.boxes.append(room.box(plan, PLAN_LABEL))
    for model, place in zip(shown, places, strict=True):
        side, rise = next((spot for spot in SPOTS if room.fits(room.box(place, model.name, *spot))), (0, 0))
        if side:
            axes.annotate(
                model.name, place, (4 * side, 9 * rise - 2.5), textcoords="offset points", size=7, color="#333333",
                ha="left" if side > 0 else "right", zorder=3, bbox=PAPER,
            )  # fmt: skip


class _Room:
    """Where names already are, in shares of the picture; so large is a letter of 7 points in one of this size."""

    letter, line, gap = 0.0105, 0.021, 0.006

    def __init__(self, tokens: tuple[float, float], params: tuple[float, float]) -> None:
        self.tokens, self.params = tokens, params
        self.boxes: list[Box] = []

    def at(self, place: tuple[float, float]) -> tuple[float, float]:
        x, y = (
            math.log(value / low) / math.log(high / low)
            for value, (low, high) in zip(place, (self.tokens, self.params), strict=True)
        )
        return x, y

    def take_points(self, places: list[tuple[float, float]]) -> None:
        for x, y in map(self.at, places):
            self.boxes.append((x - self.gap / 2, y - self.gap, x + self.gap / 2, y + self.gap))

    def box(self, place: tuple[float, float], name: str, side: int = 1, rise: int = 0) -> Box:
        """What a name takes to the right (1) or left (-1) of a point, a line higher (1) or lower (-1)."""
        x, y = self.at(place)
        y += rise * self.line * 1.05
        left, right = sorted((x + side * self.gap, x + side * (self.gap + self.letter * len(name))))
        return left, y - self.line / 2, right, y + self.line / 2

    def fits(self, box: Box) -> bool:
        """Take the room, if it is there."""
        if box[0] < 0 or box[2] > 1 or any(_overlap(box, each) for each in self.boxes):
            return False
        self.boxes.append(box)
        return True


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _readable(axes: Any, *counted: Any) -> None:
    """Ticks as people say them, 10B and 1T, on the axes that count; no box around the picture."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in counted:
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 1000 else (1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: format_count(value)))
        axis.set_minor_formatter(NullFormatter())
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _serving(axes: Any, found: Answer) -> None:
    """FLOPs to train and to serve over the model's size, at equal quality."""
    if found.inference is None:
        return
    row, served = found.inference.laws[0], found.inference.weighed_tokens
    points = list(_equal_quality(row, served))
    sizes, training, serving = zip(*points, strict=True)
    total = [one + other for one, other in zip(training, serving, strict=True)]
    axes.plot(sizes, total, color="#000000", lw=2, label="together")
    axes.plot(sizes, training, "--", color="#0072B2", label="training")
    axes.plot(sizes, serving, ":", color="#D55E00", lw=2, label="serving")
    for params, cost, name, mark in (
        (row.before_params, 6 * row.before_params * row.before_tokens + 2 * row.before_params * served, "asked", "o"),
        (row.params, row.training_flops + row.serving_flops, "cheapest", "*"),
    ):
        axes.plot([params], [cost], mark, color=PLAN, ms=12 if mark == "*" else 6, zorder=5)
        below = (4, -14) if mark == "*" else (-4, 8)
        align = "left" if mark == "*" else "right"
        axes.annotate(
            f"{name}: {format_count(params)}", (params, cost), below, textcoords="offset points", color=PLAN, ha=align,
            bbox=PAPER,
        )  # fmt: skip
    unit = "FLOPs" if found.inference.by == "FLOPs" else "cost, in FLOPs of training"
    axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel=unit)
    axes.set_ylim(min(*training, *serving) / 1.3, max(total) * 1.6)
    served_tokens = format_count(found.inference.served_tokens)
    axes.set_title(f"Equal quality, {served_tokens} tokens served\n({row.title})", size=9, loc="left")
    axes.legend(frameon=False, fontsize="small")
    _readable(axes, axes.xaxis)


def _equal_quality(row: ServedByLaw, served: float) -> Iterator[tuple[float, float, float]]:
    """Sizes around the two models that matter, with what training and serving take."""
    loss = published.law(row.law).surface
    if not isinstance(loss, Chinchilla):
        return
    level = loss(row.before_params, row.before_tokens)
    low, high = row.params / 2.2, row.before_params * 2.2
    for step in range(81):
        params = low * (high / low) ** (step / 80)
        tokens = loss.tokens_for(level, params)
        if tokens < 8 * row.tokens:
            yield params, 6 * params * tokens, 2 * params * served


def _repetition(axes: Any, found: Answer) -> None:
    """What epochs are worth in new tokens."""
    if found.repetition is None:
        return
    whole = found.repetition.whole
    most = max(64.0, whole.epochs * 1.6)
    epochs = [most ** (step / 80) for step in range(81)]
    axes.plot(epochs, epochs, "--", color="#bbbbbb", label="new text")
    axes.plot(epochs, [repetition.worth(each, 1.0) for each in epochs], color="#009E73", lw=2, label="repeated text")
    for mark in (repetition.FREE_EPOCHS, repetition.LAST_EPOCHS):
        axes.axvline(mark, color="#888888", lw=0.8, ls=":")
        axes.annotate(f"{mark} epochs", (mark, 1), (3, 2), textcoords="offset points", color="#888888", size=8)
    worth = whole.effective_tokens / whole.unique_tokens
    axes.plot([whole.epochs], [worth], "*", color=PLAN, ms=13, zorder=5)
    axes.annotate(
        f"{whole.epochs:.3g} epochs,\nworth {worth:.3g}", (whole.epochs, worth), (4, -26), textcoords="offset points",
        color=PLAN, bbox=PAPER,
    )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(1, most), ylim=(1, most))
    axes.set(xlabel="epochs", ylabel="worth in epochs of new text")
    axes.set_title(f"{format_count(whole.unique_tokens)} unique tokens\n(Muennighoff et al. 2023)", size=9, loc="left")
    axes.legend(frameon=False, fontsize="small", loc="upper left")
    _readable(axes, axes.xaxis, axes.yaxis)
