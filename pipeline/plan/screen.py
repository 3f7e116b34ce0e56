"""A plan for people: the answer in the first line, then what was asked besides, the laws side by side, cost, disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from prep.pipeline.numbers import format_bytes, format_count, format_share
from prep.pipeline.plan.answer import Answer, ByLaw
from prep.pipeline.plan.cost import Cost, Interval
from prep.pipeline.plan.demand import Repeated, Serving
from prep.pipeline.plan.repetition import FREE_EPOCHS, LAST_EPOCHS
from prep.pipeline.plan.sections import Beside, Judged, Layers, Stored, TextBytes

LANGUAGES = {"en": "English", "ja": "Japanese"}  # shown where nothing was measured; all are in the JSON
NEAR = 1.15  # within this an optimum is met: laws differ by more


def show(found: Answer, console: Console) -> None:
    """Print a plan."""
    console.print(Text(headline(found), style="bold"))
    console.print(Text(second_line(found)))
    for part in _parts(found):
        console.print()
        console.print(part, highlight=False)


def _parts(found: Answer) -> Iterator[RenderableType]:
    if found.judged:
        yield Text("\n".join(_judged(found, found.judged)))
    if found.inference:
        yield from _serving(found.inference)
    if found.repetition:
        yield from _repeated(found.repetition)
    if found.layers:
        yield Text("\n".join(_layers(found.layers)))
    yield _laws(found)
    yield Text(f"Trained at like size: {'; '.join(map(_beside, found.known_models))}.")
    yield _costs(found)
    yield _stored(found.stored, found.tokens)
    if found.notes:
        yield Text("\n".join(f"Note: {note}." for note in found.notes))


def headline(found: Answer) -> str:
    """The answer in one line."""
    title, params, tokens = found.chosen.title, format_count(found.params), format_count(found.tokens)
    active = f" ({format_count(found.active_params)} active)" if found.active_params else ""
    if found.judged:
        optimal = f"{format_count(found.judged.optimal_tokens)} ({title})"
        return f"{params}{active} on {tokens} tokens: {_off(found.judged.tokens_over_optimum)} {optimal}"
    if found.asked == "params":
        return f"A model of {params} parameters{active} is compute-optimal at {tokens} tokens ({title})"
    if found.asked == "tokens":
        return f"{tokens} tokens are compute-optimal for a model of {params} parameters ({title})"
    return f"{power(found.flops)} FLOPs are best spent on {params} parameters and {tokens} tokens ({title})"


def _off(times: float) -> str:
    if 1 / NEAR < times < NEAR:
        return "about the compute optimum of"
    return f"{_times(times)} the optimum of" if times > 1 else f"{_times(1 / times)} under the optimum of"


def second_line(found: Answer) -> str:
    """Ratio, FLOPs, and how far the laws are apart."""
    ratio = f"{figure(found.tokens_per_param)} tokens a parameter"
    if found.tokens_per_active_param:
        ratio += f" ({figure(found.tokens_per_active_param)} an active one)"
    line = f"{ratio}, {power(found.flops)} FLOPs"
    if found.flops_interval:
        line += f" ({power(found.flops_interval.low)} to {power(found.flops_interval.high)} by MFU)"
    others = [each for each in found.laws[1:] if not each.warning]
    by_size = found.asked == "tokens"
    values = [each.params if by_size else each.tokens for each in others]
    what = "parameters" if by_size else "tokens"
    return f"{line}. Other laws: {format_count(min(values))} to {format_count(max(values))} {what}."


def _judged(found: Answer, said: Judged) -> Iterator[str]:
    better = said.loss_at_optimal_tokens - said.loss_nats_per_token
    more, lower = ("more", "lower") if better > 0 else ("fewer", "higher")
    surplus, params = format_count(abs(said.surplus_tokens)), found.active_params or found.params
    yield f"{surplus} tokens {more} than the optimum make the loss {abs(better):.3f} {lower} ({said.loss_law_title})."
    same = f"{format_count(said.same_flops_params)} parameters and {format_count(said.same_flops_tokens)} tokens"
    yield f"The same FLOPs on {same} reach {said.same_flops_loss:.3f}, this plan {said.loss_nats_per_token:.3f}."
    equal = f"{format_count(said.same_loss_params)} on {format_count(said.same_loss_tokens)}"
    train, serve = said.same_loss_flops / found.flops, said.same_loss_params / params
    yield f"As good is {equal}: {figure(train)} times the FLOPs to train, {figure(serve)} times to serve."


def _laws(found: Answer) -> Table:
    sized, given = found.asked in ("flops", "hardware", "tokens"), found.asked == "tokens"
    costed = found.asked not in ("flops", "hardware")
    heads = [*(["best N"] if sized else []), *([] if given else ["best D"]), "D/N", *(["FLOPs"] if costed else [])]
    heads += ["plan's D over it", "plan's loss"] if found.judged else ["loss", ""]
    made = table("law", *heads)
    for each in found.laws:
        row = [format_count(each.params)] if sized else []
        row += [] if given else [format_count(each.tokens)]
        row += [figure(each.tokens_per_param), *([power(each.flops)] if costed else [])]
        if found.judged:
            row += [figure(each.plan_tokens_over_optimum or 0), _loss(each.plan_loss_nats_per_token)]
        else:
            row += [_loss(each.loss_nats_per_token), _remark(each)]
        made.add_row(each.title, *row, style="dim" if each.warning else None)
    made.caption = "Losses of two laws are of different texts and tokenizers: they do not compare."
    made.caption_justify = "left"
    return made


def _remark(each: ByLaw) -> str:
    parts = []
    if each.printed_tokens:
        parts.append(f"{format_count(each.printed_tokens)} in the paper's table")
    if each.tokens_low and each.tokens_high:
        parts.append(f"{format_count(each.tokens_low)} to {format_count(each.tokens_high)} (80%)")
    if each.counts_params == "non-embedding":
        parts.append("N without embeddings")
    return ", ".join(parts)


def _beside(each: Beside) -> str:
    active = f" ({format_count(each.active_params)} active)" if each.active_params else ""
    return f"{each.name}{active} on {format_count(each.tokens)}, {figure(each.tokens_per_param)} a parameter"


def _costs(found: Answer) -> Table:
    mfu = found.mfu
    spread = f"{mfu.high:.2f}, {mfu.middle:.2f}, {mfu.low:.2f}" if mfu.low < mfu.high else f"{mfu.middle:.2g}"
    known = mfu.low == mfu.high
    made = table(f"MFU {spread} ({mfu.source})", *(["it takes"] if known else ["at best", "likely", "at worst"]))
    for each in found.costs:
        for name, interval, form in _figures(each):
            ends = (interval.likely,) if known else (interval.low, interval.likely, interval.high)
            made.add_row(name, *map(form, ends))
    return made


def _figures(each: Cost) -> Iterator[tuple[str, Interval, Callable[[float], str]]]:
    yield f"{each.title}-days", each.accelerator_days, _day
    if each.calendar_days and each.accelerators:
        yield f"  days on {format_count(each.accelerators)} of them", each.calendar_days, _day
    if each.accelerators_needed:
        yield "  how many, to be done in time", each.accelerators_needed, _day
    if each.energy_kwh:
        yield "  energy, MWh", each.energy_kwh.times(1e-3), _day
    if each.price:
        yield "  price", each.price, format_count


def _stored(stored: Stored, tokens: float) -> Table:
    made = table(f"{format_count(tokens)} tokens on disk", "size", "bytes a token")
    for each in stored.texts:
        measured = each.bytes_low == each.bytes_high
        if measured or each.language in LANGUAGES:
            made.add_row(_text_name(each), _span(each.bytes_low, each.bytes_high), _ratio(each))
    made.add_row("token ids, vocabulary up to 65,536", format_bytes(stored.ids_uint16_bytes), "2")
    made.add_row("token ids, larger vocabulary", format_bytes(stored.ids_uint32_bytes), "4")
    return made


def _text_name(each: TextBytes) -> str:
    language = LANGUAGES.get(each.language, each.language)
    tokenizer = "" if each.tokenizer == "any of these" else f", tokenizer: {each.tokenizer}"
    return f"{language} text{tokenizer}"


def _ratio(each: TextBytes) -> str:
    low, high = each.bytes_per_token_low, each.bytes_per_token_high
    return f"{low:.2f}" if low == high else f"{low:.1f} to {high:.1f}"


def _span(low: float, high: float) -> str:
    return format_bytes(low) if low == high else f"{format_bytes(low)} to {format_bytes(high)}"


def _layers(layers: Layers) -> Iterator[str]:
    if layers.embedding_params is not None and layers.non_embedding_params is not None:
        embeddings, rest = format_count(layers.embedding_params), format_count(layers.non_embedding_params)
        yield f"Without {embeddings} of embeddings the model has {rest} parameters."
    if layers.exact_flops and layers.exact_over_6nd:
        whole = layers.exact_flops_with_vocabulary
        more = f"; {power(whole)} with embeddings and logits" if whole else ""
        yield f"Counted by layer: {power(layers.exact_flops)} FLOPs, {layers.exact_over_6nd:.3f} of 6ND{more}."


def _serving(serving: Serving) -> Iterator[RenderableType]:
    first = serving.laws[0]
    after = f"{format_count(first.params)} parameters on {format_count(first.tokens)} tokens"
    before = f"{format_count(first.before_params)} on {format_count(first.before_tokens)}"
    yield Text(
        f"To serve {format_count(serving.served_tokens)} tokens, {after} are as good as {before}, and training and "
        f"serving together take {_percent(first.saving_share)} less ({serving.by}, {first.title})."
    )
    priced = any(each.price_before for each in serving.laws)
    made = table(
        "serving included",
        "best N",
        "best D",
        "D/N",
        "times the D",
        "saved",
        *(["price, before and after"] if priced else []),
    )
    for each in serving.laws:
        row = [format_count(each.params), format_count(each.tokens), figure(each.tokens_per_param)]
        row += [f"{each.times_the_tokens:.2f}", _percent(each.saving_share)]
        if each.price_before and each.price_after:
            row.append(f"{format_count(each.price_before)}, {format_count(each.price_after)}")
        made.add_row(each.title, *row)
    if any(each.extreme for each in serving.laws):
        made.caption = "Beyond 500 tokens a parameter laws fitted at ordinary ratios promise more than tokens bring."
        made.caption_justify = "left"
    yield made


def _repeated(repeated: Repeated) -> Iterator[RenderableType]:
    whole = repeated.whole
    unique, epochs = format_count(whole.unique_tokens), figure(whole.epochs)
    if whole.effective_tokens < whole.epochs * whole.unique_tokens:
        yield Text(_given_up(repeated, unique, epochs))
    else:
        yield Text(f"{unique} unique tokens are enough: {epochs} epochs, nothing need be repeated.")
    if len(repeated.parts) > 1:
        made = table("repeated", "unique", "in training", "epochs", "worth")
        for each in repeated.parts:
            row = (format_count(each.unique_tokens), format_count(each.tokens), figure(each.epochs))
            made.add_row(each.name, *row, format_count(each.effective_tokens))
        yield made


def _given_up(repeated: Repeated, unique: str, epochs: str) -> str:
    whole = repeated.whole
    best = f"{format_count(whole.best_params)} parameters on {format_count(whole.best_tokens)} tokens"
    more = whole.loss - whole.loss_if_all_unique
    return (
        f"{unique} unique tokens make {epochs} epochs, worth {format_count(whole.effective_tokens)} new tokens "
        f"({_percent(whole.average_worth)} of them); the loss is {more:.3f} higher than with new text throughout. "
        f"Up to {FREE_EPOCHS} epochs repetition is nearly free, beyond {LAST_EPOCHS} it hardly helps. "
        f"Best at the same FLOPs: {best}, {figure(whole.best_tokens / whole.unique_tokens)} epochs, "
        f"loss {whole.best_loss:.4f}, not {whole.loss:.4f} (Muennighoff et al. 2023)."
    )


def table(first: str, *heads: str) -> Table:
    """A table whose figures stand to the right."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    made.add_column(first, no_wrap=True)
    for head in heads:
        made.add_column(head, justify="right" if head else "left", no_wrap=bool(head))
    return made


def power(number: float) -> str:
    """1.23e22, as the papers write it."""
    return f"{number:.2e}".replace("e+", "e")


def figure(number: float) -> str:
    """Three digits."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _times(number: float) -> str:
    return f"{figure(number)} times"


def _percent(share: float) -> str:
    return format_share(round(share, 3))


def _loss(loss: float | None) -> str:
    return "" if loss is None else f"{loss:.3f}"


def _day(days: float) -> str:
    return f"{days:,.0f}" if days >= 10 else f"{days:.2g}"
