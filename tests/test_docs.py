"""The pages on Python name what is there, and all of it."""

import re
from pathlib import Path

import taskorder

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "python.md").read_text("utf-8")


def test_the_reference_has_every_name() -> None:
    named = re.findall(r"^::: taskorder\.(\w+)$", (DOCS / "reference.md").read_text("utf-8"), re.MULTILINE)
    assert sorted([*named, "__version__"]) == sorted(taskorder.__all__)


def test_the_page_names_what_is_there() -> None:
    named = set(re.findall(r"`taskorder\.(\w+)", PAGE))
    assert named <= set(dir(taskorder))
    functions = {name for name in taskorder.__all__ if name[0].islower()} - {"covariates", "published"}
    assert functions <= named


def test_the_page_names_all_that_a_fit_can_do() -> None:
    asked = set(re.findall(r"`fit\.(\w+)", PAGE))
    assert all(hasattr(taskorder.Fit, name) or name in taskorder.Fit.__dataclass_fields__ for name in asked)
    own = {name for name in vars(taskorder.Fit) if not name.startswith("_")}
    assert own - {"of", "table", "covariates"} <= asked
