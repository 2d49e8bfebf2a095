"""A plan as a person reads it: the tree of stages, what is done of it, what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from taskorder.harness.execution.agenda import Agenda
from taskorder.harness.execution.progress import duration
from taskorder.harness.preview.cost import Cost
from taskorder.harness.tree.plan import Node, Plan
from taskorder.results.sequences import Sequence, render

LINES = 60
"""Lines of a tree before its deeper stages are counted instead of drawn."""


@dataclass
class _Branch:
    """One stage after the same others, in all seeds."""

    label: str
    nodes: list[Node] = field(default_factory=list[Node])
    below: dict[str, _Branch] = field(default_factory=dict[str, "_Branch"])

    def lines(self, depth: int) -> int:
        """Return the lines that the branch takes, drawn so deep."""
        return 1 + (sum(b.lines(depth - 1) for b in self.below.values()) if depth else bool(self.below))

    def stages(self) -> int:
        """Return the stages below this one."""
        return sum(1 + branch.stages() for branch in self.below.values())

    def depth(self) -> int:
        """Return how many levels are below this one."""
        return max((1 + branch.depth() for branch in self.below.values()), default=0)


def drawn(plan: Plan, agenda: Agenda) -> RenderableType:
    """Draw the tree of each backbone and tuning; a stage stands once for all of its seeds."""
    return Group(*(_drawn(tree, agenda) for tree in _trees(plan.nodes)))


def _trees(nodes: Iterable[Node]) -> list[_Branch]:
    roots: dict[str, _Branch] = {}
    places: dict[tuple[str, Sequence, str], _Branch] = {}
    for node in nodes:
        name = f"{node.backbone}, {node.tuning}"
        if name not in roots:
            roots[name] = places[name, (), "intermediate"] = _Branch(name)
        key = (name, node.steps, node.role)
        if key not in places:
            label = render((node.own,)) + (" (target)" if node.role == "target" else "")
            places[key] = _Branch(label)
            places[name, node.steps[:-1], "intermediate"].below[f"{node.role} {label}"] = places[key]
        places[key].nodes.append(node)
    return list(roots.values())


def _drawn(root: _Branch, agenda: Agenda) -> Tree:
    depth = root.depth()
    while depth > 1 and root.lines(depth) > LINES:
        depth -= 1
    tree = Tree(Text(root.label, style="bold"), guide_style="dim")
    _grow(tree, root, depth, agenda)
    return tree


def _grow(tree: Tree, branch: _Branch, depth: int, agenda: Agenda) -> None:
    if not depth and branch.below:
        count = branch.stages()
        tree.add(Text(f"… {count:,} more stage{'' if count == 1 else 's'} after this one", style="dim"))
        return
    for below in branch.below.values():
        grown = tree.add(_label(below, agenda))
        _grow(grown, below, depth - 1, agenda)


def _label(branch: _Branch, agenda: Agenda) -> Text:
    count, done = len(branch.nodes), sum(node.id not in agenda for node in branch.nodes)
    text = Text(branch.label)
    if done:
        text.append("  done" if done == count else f"  {done} of {count} seeds done", style="green")
    return text


def told(cost: Cost, seeds: int) -> str:
    """Say what a plan costs."""
    speed = (
        f"at the speed of {_counted(cost.measured, 'finished training')}"
        if cost.measured
        else "an estimate for one CPU core: nothing has been trained here yet"
    )
    lines = [
        f"{_counted(cost.trainings, 'training')} ({_counted(seeds, 'seed')}); sharing saves {cost.saved:,}.",
        f"To do: {_counted(cost.left, 'training')} of about {cost.tokens:,} tokens,"
        f" {_counted(cost.scorings, 'node')} to score.",
    ]
    if cost.left:
        lines.append(f"Time: about {duration(cost.seconds)} one after the other ({speed}).")
        lines.append(f"Space: up to about {_bytes(cost.space)} of checkpoints.")
    return "\n".join(lines)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
