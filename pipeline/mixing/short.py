"""What to say where the sources cannot feed the mix: which cell lacks how much, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prep.errors import Short
from prep.pipeline.mixing.tree import Node, Place
from prep.pipeline.numbers import format_count

HELP = (
    "raise `mix.max_epochs`, lower the budget, loosen `quality.keep`, or collect more; or say in `mix.when_short` who "
    "fills in: fill_within_language, fill_all, or shrink"
)
MOST = 20  # cells that a message names


def must_hold(root: Node) -> None:
    """What is fixed and what is a floor must be there.

    Errors: Short.
    """
    for node in root.cells:
        if node.floor > node.cap:
            raise Short(
                f"mix.floors: {node.name} must have {format_count(node.floor)} tokens, and has "
                f"{format_count(node.cap)} in its epochs ({format_count(node.available)} once{_taken(node)}); "
                "lower the floor or raise `mix.max_epochs`"
            )
    for node in _fixed(root):
        there = sum(each.cap for each in node.cells)
        if (node.fixed or 0) > there:
            raise Short(
                f"mix: {node.name} is fixed at {format_count(node.fixed or 0)} tokens, and has "
                f"{format_count(there)} in its epochs ({format_count(node.available)} once{_taken(node)}); "
                "ask for less or raise `mix.max_epochs`"
            )


def _fixed(node: Node) -> Iterator[Node]:
    if node.fixed is not None:
        yield node
    for each in node.within:
        yield from _fixed(each)


def narrow(node: Node, total: int) -> str:
    """A name's tokens are fewer than what is fixed in it."""
    held = [f"{each.name} {format_count(each.low)}" for each in node.within if each.low]
    name = node.name or "the corpus"
    return (
        f"mix: {name} has {format_count(total)} tokens, and {', '.join(held[:MOST])} must be in it "
        f"({format_count(node.low)} in all); lower the floors and fixed amounts, or raise the budget"
    )


def table(total: int, feasible: int, root: Node, asked: Mapping[Place, int]) -> str:
    """Every cell that is asked for more than it has in its epochs."""
    lines = [f"mix: {format_count(total)} tokens are asked, and {_feeds(root, feasible)}:"]
    lines += _lines(root, asked)
    return "\n".join((*lines, HELP))


def _feeds(root: Node, feasible: int) -> str:
    epochs = {round((node.cap + node.taken) / node.available, 2) for node in root.cells if node.available}
    within = f"{max(epochs):g} epochs" if len(epochs) == 1 else "their epochs"
    return f"the sources feed {format_count(feasible)} at these ratios in {within}"


def nothing(root: Node, asked: Mapping[Place, int]) -> str:
    """There is nothing to shrink to."""
    return "\n".join(("mix: at these ratios there is no corpus, however small:", *_lines(root, asked), HELP))


def full(policy: str, total: int, groups: Sequence[tuple[Node, int]]) -> str:
    """What others may fill is not enough."""
    lines = [f"mix: {format_count(total)} tokens are asked, and {policy} does not find them:"]
    lines += [
        f"  {node.name or 'all together'}: asked {format_count(number)}, "
        f"{format_count(node.available)} are left after filters{_taken(node)}, {format_count(node.most)} in their "
        "epochs"
        for node, number in groups
    ]
    return "\n".join((*lines, HELP))


def _lines(root: Node, asked: Mapping[Place, int]) -> list[str]:
    lines = []
    for node in root.cells:
        if node.cell is None or (wanted := asked[node.cell.place]) <= node.cap:
            continue
        if not node.available:
            lines.append(f"  {node.name}: asked {format_count(wanted)}, nothing is left of it")
            continue
        epochs, missing = (wanted + node.taken) / node.available, missed(node, wanted)
        lines.append(
            f"  {node.name}: asked {format_count(wanted)}, {format_count(node.available)} are left after filters"
            f"{_taken(node)} = {epochs:.2f} epochs; {format_count(missing)} more to collect"
        )
    return lines[:MOST] + ([f"  and {len(lines) - MOST} more"] if len(lines) > MOST else [])


def _taken(node: Node) -> str:
    return f", {format_count(node.taken)} are taken by earlier phases" if node.taken else ""


def missed(node: Node, wanted: int) -> int:
    """The unique tokens that a cell lacks to be asked for so many, within its epochs."""
    if wanted <= node.cap:
        return 0
    most = node.cap + node.taken
    if not node.available or not most:
        return wanted
    return -(-(wanted + node.taken) * node.available // most) - node.available
