"""The picture of a fit: losses, best sizes, parabolas or agreement, residuals. Needs the extra `plot`."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import Any

import numpy as np

from prep.errors import BadSettings, Unable
from prep.pipeline.plan import fit_report
from prep.pipeline.plan.fit import NAMES, Fit, Result
from prep.pipeline.plan.fit_isoflop import bowl, budgets
from prep.pipeline.plan.fit_runs import Array

COLOURS = {1: "#b5651d", 2: "#1f6f8b", 3: "#a4243b"}  # told apart by the colour-blind too, and in grey
KINDS = (".svg", ".png", ".html")
SHADES = "viridis"
LABELS = 12  # parabolas that bear their compute


def kind(path: str | Path) -> str:
    """What the ending asks for: svg, png or html.

    Errors: BadSettings.
    """
    ending = Path(path).suffix
    if ending not in KINDS:
        raise BadSettings(f"--plot {path}: {ending or 'no ending'!r} is no picture; end in {', '.join(KINDS)}")
    return ending[1:]


def save(found: Fit, path: str | Path) -> None:
    """Write the picture; an `.html` holds the report as text beside it.

    Errors: BadSettings for another ending or without matplotlib.
    """
    form = kind(path)
    content = _page(found) if form == "html" else _drawn(found, form)
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise Unable(f"{path}: cannot write the picture ({error.strerror}); name a folder that is there") from error


def _page(found: Fit) -> bytes:
    text = html.escape("\n".join(fit_report.lines(found)))
    picture = _drawn(found, "svg").decode("utf-8")
    title = html.escape(f"Scaling law of {Path(found.runs.path).name}")
    style = "body{font-family:sans-serif;margin:2em} pre{white-space:pre-wrap} svg{max-width:100%;height:auto}"
    page = f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{style}</style><h1>{title}</h1>"
    return f"{page}<pre>{text}</pre>{picture[picture.index('<svg') :]}".encode()


def _drawn(found: Fit, form: str) -> bytes:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BadSettings("--plot needs matplotlib: install the extra `plot` (prep-corpus[plot])") from error
    with mpl.rc_context({"svg.hashsalt": "prep", "font.size": 10, "axes.grid": True, "grid.alpha": 0.25}):
        figure = Figure(figsize=(12, 9), layout="constrained")
        (top_left, top_right), (low_left, low_right) = figure.subplots(2, 2)
        _losses(figure, top_left, found)
        _sizes(top_right, found)
        second = next((each for each in found.results if each.own.approach == 2), None)
        _parabolas(low_left, found, second) if second else _agreement(low_left, found.best)
        _residuals(low_right, found)
        figure.suptitle(f"{Path(found.runs.path).name}: {fit_report.lines(found)[0]}", fontsize=11)
        out = io.BytesIO()
        # no date, so that the same fit is the same file
        figure.savefig(out, format=form, dpi=110, metadata={"Date": None} if form == "svg" else None)
    return out.getvalue()


def _computes(found: Fit) -> Array:
    ends = [*found.runs.flops, found.flops]
    return np.geomspace(min(ends), max(ends), 200)


def _losses(figure: Any, axes: Any, found: Fit) -> None:
    from matplotlib.colors import LogNorm

    runs = found.runs
    dots = axes.scatter(runs.flops, runs.loss, c=runs.params, norm=LogNorm(), cmap=SHADES, s=18, zorder=2)
    figure.colorbar(dots, ax=axes, label="parameters N")
    for result in found.results:
        law = result.own.law
        if law.surface is not None:
            at = _computes(found)
            best = [law.surface(*law.optimum(float(flops))) for flops in at]
            axes.plot(at, best, color=COLOURS[result.own.approach], label="lowest loss by approach 3", zorder=3)
        if result.estimate.points:
            flops, _, loss, _ = zip(*result.estimate.points, strict=True)
            _mark(axes, flops, loss, result, "lowest loss found by")
    axes.set(xscale="log", yscale="log", xlabel="training compute C (FLOPs)", ylabel="loss", title="Loss of the runs")
    _plain(axes.yaxis)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=9)


def _plain(axis: Any) -> None:
    """A loss axis spans less than a decade or so: plain numbers, and not one at each minor tick."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    axis.set_major_locator(MaxNLocator(7))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axis.set_minor_formatter(NullFormatter())


def _mark(axes: Any, x: Any, y: Any, result: Result, what: str) -> None:
    approach = result.own.approach
    axes.scatter(
        x, y, marker="D", s=42, facecolor="white", edgecolor=COLOURS[approach], linewidth=1.6, zorder=7 - approach,
        label=f"{what} approach {approach}",
    )  # fmt: skip


def _sizes(axes: Any, found: Fit) -> None:
    runs, at = found.runs, _computes(found)
    axes.scatter(runs.flops, runs.params, s=10, color="#999999", label="runs", zorder=1)
    for result in found.results:
        approach, law = result.own.approach, result.own.law
        label = f"{approach} {NAMES[approach]}: N ~ C^{law.a:.3f}"
        axes.plot(at, law.k * at**law.a, color=COLOURS[approach], label=label, zorder=3)
        drawn = np.array([each.k * at**each.a for each in result.own.resampled()])
        if len(drawn):
            low, high = np.percentile(drawn, [10, 90], axis=0)
            axes.fill_between(at, low, high, color=COLOURS[approach], alpha=0.15, linewidth=0)
        if result.estimate.points:
            flops, params, _, _ = zip(*result.estimate.points, strict=True)
            _mark(axes, flops, params, result, "best sizes of")
    axes.axvline(found.flops, color="black", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="training compute C (FLOPs)", ylabel="parameters N")
    axes.set_title("Best size for a compute (bands: 80% of resamples)")
    axes.legend(fontsize=9)


def _parabolas(axes: Any, found: Fit, result: Result) -> None:
    import matplotlib as mpl

    used = budgets(result.estimate.runs, found.ask.tolerance)
    shades = mpl.colormaps["plasma"](np.linspace(0, 0.85, len(used)))
    labelled = range(0, len(used), -(-len(used) // LABELS))
    for index, (budget, shade) in enumerate(zip(used, shades, strict=True)):
        found_bowl = bowl(budget)
        sizes = budget.runs.params
        axes.scatter(sizes, budget.runs.loss, s=18, color=shade, zorder=3)
        if found_bowl is not None:
            at = np.geomspace(sizes.min(), sizes.max(), 100)
            axes.plot(at, found_bowl.loss(at), color=shade, zorder=2)
            end = (float(sizes.max()), float(found_bowl.loss(sizes.max())))
            label = f"{budget.flops:.1e}".replace("e+", "e") if index in labelled else ""
            axes.annotate(label, end, (6, 0), textcoords="offset points", color=shade, fontsize=8, va="center")
            axes.scatter(*found_bowl.point[1:3], marker="D", s=42, facecolor="white", edgecolor=shade, zorder=4)
    axes.set(
        xscale="log", xlabel="parameters N", ylabel="loss", title="Approach 2: a parabola for each compute (FLOPs)"
    )
    axes.margins(x=0.12)


def _agreement(axes: Any, result: Result) -> None:
    runs, residuals = result.estimate.runs, result.estimate.residuals
    if len(residuals) != len(runs):
        axes.set_axis_off()
        return
    predicted = runs.loss * np.exp(residuals)
    ends = [min(runs.loss.min(), predicted.min()), max(runs.loss.max(), predicted.max())]
    axes.plot(ends, ends, color="black", linewidth=0.8, linestyle=":")
    axes.scatter(runs.loss, predicted, s=18, color=COLOURS[result.own.approach], zorder=2)
    axes.set(xscale="log", yscale="log", xlabel="measured loss", ylabel="predicted loss", title="Fitted and measured")
    _plain(axes.xaxis)
    _plain(axes.yaxis)


def _residuals(axes: Any, found: Fit) -> None:
    for result in found.results:
        runs, residuals = result.estimate.runs, result.estimate.residuals
        if len(residuals) == len(runs):
            approach = result.own.approach
            axes.scatter(
                runs.tokens / runs.params, 100 * residuals, s=18, color=COLOURS[approach], alpha=0.75,
                label=f"approach {approach}", zorder=approach,
            )  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(
        xscale="log", xlabel="tokens per parameter D/N", ylabel="predicted over measured loss (%)", title="Residuals"
    )
    if len(found.results) > 1:
        axes.legend(fontsize=9)
