"""From the flags of `prep plan` to a question; what contradicts itself is refused by name."""

from __future__ import annotations

from typing import Any

from prep.errors import BadSettings
from prep.pipeline.numbers import parse_share
from prep.pipeline.plan import tables
from prep.pipeline.plan.question import (
    USUAL_ACCELERATORS,
    Architecture,
    Hardware,
    Question,
    Served,
    Supply,
    Text,
)
from prep.pipeline.plan.shape import Shape

Flags = dict[str, Any]
DEFAULTS = {"law": "chinchilla-1", "by": "language", "seq": 2048}
SERVING_FLAGS = (
    "inference_price", "inference_gpu", "inference_peak", "mfu_prefill", "mfu_decode", "prompt_tokens", "answer_tokens",
)  # fmt: skip
WHOLE = 1e-6  # shares that people write may be off by this


def question(flags: Flags) -> Question:
    """The question that the flags ask.

    Errors: BadSettings.
    """
    return Question(
        params=flags["params"],
        tokens=flags["tokens"],
        flops=flags["flops"],
        active_params=flags["active_params"],
        law=flags["law"],
        hardware=_hardware(flags),
        architecture=_architecture(flags),
        served=_served(flags),
        supply=_supply(flags),
        text=_text(flags),
    )


def must_stand_alone(flags: Flags) -> None:
    """`--check` and `--compare` plan nothing, so no flag of a plan goes with them.

    Errors: BadSettings.
    """
    if flags["check"] is not None and flags["compare"]:
        raise BadSettings("--check and --compare: give one of them")
    alone = "--check" if flags["check"] is not None else "--compare"
    for name, value in flags.items():
        if name not in ("check", "compare", "as_json") and value not in (None, False, (), DEFAULTS.get(name)):
            raise BadSettings(f"{alone} stands alone, but for --json; drop {_flag(name)}")


def asks_what_is_fed(flags: Flags) -> bool:
    """Whether `--from RUN` stands without anything that a plan could start from: then the sources say how much."""
    known = ("params", "tokens", "flops", "gpus", "days", "unique_tokens_from", "unique_tokens")
    return flags["text_from"] is not None and all(flags[name] is None for name in known)


def _flag(name: str) -> str:
    return "--from" if name == "text_from" else f"--{name.replace('_', '-')}"


def _hardware(flags: Flags) -> Hardware:
    names = tuple(tables.accelerator(name).name for name in flags["gpu"]) or USUAL_ACCELERATORS
    return Hardware(names, flags["gpus"], flags["days"], flags["mfu"], flags["watts"], flags["price"])


def _architecture(flags: Flags) -> Architecture:
    layers, width, heads = (flags[name] for name in ("layers", "d_model", "heads"))
    missing = [name for name in ("layers", "d_model", "heads") if flags[name] is None]
    shaped = [name for name in ("layers", "heads", "head_dim", "ffw") if flags[name] is not None]
    if shaped and missing:
        raise BadSettings(f"{_flag(shaped[0])} counts FLOPs by layer; add {' and '.join(map(_flag, missing))}")
    if flags["vocab"] is not None and width is None:
        raise BadSettings("--vocab counts embeddings; add --d-model")
    shape = None
    if shaped:
        if flags["head_dim"] is None and width % heads:
            raise BadSettings(f"--d-model {width} does not part into {heads} --heads; add --head-dim")
        head = flags["head_dim"] or width // heads
        shape = Shape(layers, width, heads, head, flags["ffw"] or 4 * width, flags["seq"])
    return Architecture(flags["vocab"], width, flags["untied"], shape)


def _served(flags: Flags) -> Served | None:
    tokens, requests = flags["inference_tokens"], flags["requests"]
    if tokens is None and requests is None:
        odd = next((name for name in SERVING_FLAGS if flags[name] is not None), None)
        if odd is not None:
            raise BadSettings(f"{_flag(odd)} is about serving; add --inference-tokens, or --requests")
        return None
    if tokens is not None and requests is not None:
        raise BadSettings("--inference-tokens and --requests both say how much is served; give one of them")
    prompt, answer = flags["prompt_tokens"] or 0, flags["answer_tokens"] or 0
    if requests is not None and not prompt + answer:
        raise BadSettings("--requests needs --prompt-tokens, --answer-tokens or both")
    if requests is None and prompt + answer:
        raise BadSettings("--prompt-tokens and --answer-tokens are of one request; add --requests")
    machine = flags["inference_gpu"]
    return Served(
        tokens, requests, prompt, answer, flags["inference_price"],
        None if machine is None else tables.accelerator(machine).name, flags["inference_peak"],
        flags["mfu_prefill"], flags["mfu_decode"],
    )  # fmt: skip


def _supply(flags: Flags) -> Supply | None:
    unique, folder, shares = flags["unique_tokens"], flags["unique_tokens_from"], flags["shares"]
    if unique is not None and folder is not None:
        raise BadSettings("--unique-tokens and --unique-tokens-from both say how much text there is; give one of them")
    if shares is not None and folder is None:
        raise BadSettings("--shares are of the parts of a count; add --unique-tokens-from FOLDER")
    if folder is not None:
        from prep.pipeline.plan import measured

        counted = measured.read(folder, flags["tokenizer"])
        return counted.supply(flags["by"], {} if shares is None else parse_shares(shares))
    return None if unique is None else Supply({"all": float(unique)})


def parse_shares(text: str) -> dict[str, float]:
    """`ja=40%,en=0.4,code=20%`, which must sum to 1.

    Errors: BadSettings.
    """
    shares: dict[str, float] = {}
    for each in text.split(","):
        name, equals, value = (part.strip() for part in each.partition("="))
        if not (name and equals):
            raise BadSettings(f"--shares: {each!r} is no share; write ja=40%,en=40%,code=20%")
        if name in shares:
            raise BadSettings(f"--shares: {name} stands twice")
        try:
            shares[name] = parse_share(value)
        except ValueError as error:
            raise BadSettings(f"--shares {name}: {error}") from error
    if abs(sum(shares.values()) - 1) > WHOLE:
        raise BadSettings(f"--shares sum to {sum(shares.values()):.4g}, not 1; write ja=40%,en=40%,code=20%")
    return shares


def _text(flags: Flags) -> Text | None:
    folder = flags["text_from"] or flags["unique_tokens_from"]
    if folder is None:
        if flags["tokenizer"] is not None:
            raise BadSettings("--tokenizer picks one of a count; add --from FOLDER or --unique-tokens-from FOLDER")
        return None
    from prep.pipeline.plan import measured

    return measured.read(folder, flags["tokenizer"]).text()
