"""`prep plan`: it reads its flags, calls one function, prints. Only click at the top: `prep --help` must be quick."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from prep.errors import BadSettings

if TYPE_CHECKING:
    from prep.pipeline.plan.question import Question


def _given(read: Callable[[str], float]) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """What reads a flag's value, a number above zero; what is not is refused by the flag's name."""

    def convert(_: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        try:
            number = read(value)
        except ValueError as error:
            raise BadSettings(f"{param.opts[0]}: {error}") from error
        if number <= 0:
            raise BadSettings(f"{param.opts[0]}: {value!r} is not above zero")
        return number

    return convert


def _count(value: str) -> float:
    from prep.pipeline.numbers import parse_count

    return parse_count(value)


def _share(value: str) -> float:
    from prep.pipeline.numbers import parse_share

    return parse_share(value)


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a number; write one such as 1.5") from error
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a number to count with; write one such as 1.5")
    return number


COUNT: Any = {"callback": _given(_count), "metavar": "COUNT"}
SHARE: Any = {"callback": _given(_share), "metavar": "SHARE"}
NUMBER: Any = {"callback": _given(_number), "metavar": "NUMBER"}

FLAGS = (
    click.option("--params", **COUNT, help="Parameters of the model, embeddings and all experts included: 10e9, 10B."),
    click.option("--tokens", **COUNT, help="Training tokens. With --params the plan is judged."),
    click.option("--flops", **COUNT, help="Compute of the training: 1e22."),
    click.option("--gpu", multiple=True, help="Accelerator, such as a100 or h100-sxm.  [default: both]"),
    click.option("--gpus", **COUNT, help="How many; with --days and --gpu a budget of compute."),
    click.option("--days", **NUMBER, help="How long; without --gpus: how many are needed."),
    click.option("--mfu", **SHARE, help="Utilisation of the dense peak: 0.4, 40%.  [default: quartiles of known runs]"),
    click.option("--watts", **NUMBER, help="Power of one accelerator with its share of the rest."),
    click.option("--price", **NUMBER, help="Of one accelerator for an hour of training, in any currency."),
    click.option(
        "--law", default="chinchilla-1", show_default=True, help="A law's name, ratio:20, or a file of `prep fit`."
    ),
    click.option("--active-params", **COUNT, help="Of a mixture of experts, those that one token passes through."),
    click.option("--vocab", **COUNT, help="Vocabulary; with --d-model parameters are counted without embeddings."),
    click.option("--d-model", **COUNT, help="Width of the model."),
    click.option("--untied", is_flag=True, help="Input and output have embeddings of their own."),
    click.option("--layers", **COUNT, help="Layers; with --d-model and --heads FLOPs are counted by layer."),
    click.option("--heads", **COUNT, help="Attention heads."),
    click.option("--head-dim", **COUNT, help="Width of a head.  [default: d-model / heads]"),
    click.option("--ffw", **COUNT, help="Width of the feed-forward block.  [default: 4 d-model]"),
    click.option("--seq", **COUNT, default="2048", help="Tokens of a sequence."),
    click.option("--inference-tokens", **COUNT, help="Tokens the model will serve in its life."),
    click.option("--requests", **COUNT, help="Requests it will serve, with the two flags that follow."),
    click.option("--prompt-tokens", **COUNT, help="Tokens of a request."),
    click.option("--answer-tokens", **COUNT, help="Tokens of an answer."),
    click.option("--inference-price", **NUMBER, help="Of one for an hour of serving."),
    click.option("--inference-gpu", help="Accelerator that serves.  [default: that of training]"),
    click.option("--inference-peak", **COUNT, help="FLOPs a second of one that serves: 624e12 for int8 on an A100."),
    click.option("--mfu-prefill", **SHARE, help="Utilisation while reading prompts.  [default: that of training]"),
    click.option("--mfu-decode", **SHARE, help="Utilisation while writing answers.  [default: 1%]"),
    click.option("--unique-tokens", **COUNT, help="Tokens there are; the rest of the training repeats them."),
    click.option("--unique-tokens-from", metavar="FOLDER", help="The same from a finished `count`."),
    click.option("--by", type=click.Choice(["language", "source"]), default="language", help="Parts of that count."),
    click.option("--shares", help="Shares of the training by part: ja=40%,en=40%,code=20%."),
    click.option(
        "--from",
        "text_from",
        metavar="RUN",
        help="Bytes a token from a finished `count`; alone: the largest model that the run feeds.",
    ),
    click.option("--tokenizer", help="Of that count, where there are several."),
    click.option(
        "--check", metavar="CLAIM", help='Judge a claim: "70B 1.4T", "750GB = 500B tokens", "10B 1000 A100-days".'
    ),
    click.option("--compare", is_flag=True, help="Known models, and how far they are from the laws' optima."),
    click.option("--write", metavar="FILE", help="Leave the `budget:` block for a run file."),
    click.option("--plot", metavar="FILE", help="Draw the plan: .svg, .png or .html."),
    click.option("--json", "as_json", is_flag=True, help="Print the whole plan as JSON."),
)


# Under which heading the help shows a flag and those after it.
HEADINGS = {
    "params": "What is known (one, or two to be judged)",
    "gpu": "Hardware",
    "law": "Law and model",
    "inference_tokens": "What it will serve",
    "unique_tokens": "How much text there is",
    "check": "Other questions",
    "write": "Where the answer goes",
}


class Sectioned(click.Command):
    """A command whose help shows its flags under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the flags, a heading wherever one begins."""
        sections: list[tuple[str, list[tuple[str, str]]]] = []
        for param in self.get_params(ctx):
            if param.name in HEADINGS:
                sections.append((HEADINGS[param.name], []))
            record = param.get_help_record(ctx)
            if record is not None:
                sections[-1][1].append(record)
        for title, rows in sections:
            with formatter.section(title):
                formatter.write_dl(rows)


def _with_flags(command: Callable[..., None]) -> Callable[..., None]:
    for flag in reversed(FLAGS):
        command = flag(command)
    return command


@click.command(cls=Sectioned)
@_with_flags
def plan(**flags: Any) -> None:
    """Tokens for a model, a model for a budget, and what either takes.

    Give one of --params, --tokens, --flops or --gpu with --gpus and --days; give two to have a plan judged.

    \b
      prep plan --params 10e9                            tokens for a 10B model, by every law
      prep plan --flops 1e23                             the best model for a budget
      prep plan --gpu h100-sxm --gpus 20 --days 15       the same from hardware
      prep plan --params 8B --tokens 15T                 what 15T tokens buy
      prep plan --params 30B --inference-tokens 1e13     smaller and longer, for serving
      prep plan --params 8B --unique-tokens 50B          when text is short
      prep plan --from run.yaml                          the largest model that its sources feed
      prep plan --check "7B 13T"                         can that be right?
      prep plan --compare                                known models
    """
    from prep.pipeline.plan import flags as reading
    from prep.pipeline.plan import output

    if flags["check"] is not None or flags["compare"]:
        reading.must_stand_alone(flags)
        output.check_or_compare(flags["check"], flags["as_json"])
        return
    if reading.asks_what_is_fed(flags):
        from prep.pipeline import feeding

        feeding.show(flags["text_from"], flags["law"], flags["as_json"])
        return
    question: Question = reading.question(flags)
    output.plan(question, flags["as_json"], flags["plot"], flags["write"])
