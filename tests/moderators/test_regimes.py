"""The regime of training that a row is an instance of."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.moderators import attach
from taskorder.moderators.regimes import regime_column, regime_of
from taskorder.results.catalogue import covariates, published

KINDS = {"mnli": "nli", "c4": "mlm", "aligned": "tlm", "muppet": "mixture", "best_intermediate": "mixture"}


@pytest.mark.parametrize(
    ("sequence", "regime"),
    [
        ("", "direct"),
        ("mnli", "task"),
        ("unheard_of[sw]", "task"),
        ("best_intermediate", "task"),
        ("mnli+squad", "joint"),
        ("muppet", "joint"),
        ("mlm+mnli", "joint"),
        ("mnli>squad", "sequence"),
        ("mnli+squad>muppet", "sequence"),
        ("mlm[sw]", "pretraining"),
        ("tlm[en-sw]", "pretraining"),
        ("c4", "pretraining"),
        ("mlm[sw]+mlm[yo]", "pretraining"),
        ("mlm[sw]>aligned", "pretraining"),
        ("mlm[sw]>mnli", "pretraining>task"),
        ("mlm[sw]>mnli>squad", "pretraining>task"),
        ("mnli+squad>mlm[sw]>tlm[en-sw]", "task>pretraining"),
        ("mnli>mlm[sw]>squad", "task>pretraining>task"),
    ],
)
def test_regimes(sequence: str, regime: str) -> None:
    assert regime_of(sequence, KINDS) == regime


@given(st.lists(st.sampled_from(["mnli", "squad", "mlm[sw]", "muppet"]), max_size=5))
def test_pretraining_is_told_wherever_it_stands(stages: list[str]) -> None:
    regime = regime_of(">".join(stages), KINDS)
    assert ("pretraining" in regime) == ("mlm[sw]" in stages)
    assert regime.startswith("pretraining") == (stages[:1] == ["mlm[sw]"])
    assert (regime == "direct") == (not stages)


def test_published_tables_have_regimes_that_the_task_table_knows() -> None:
    found: dict[str, set[str]] = {}
    for path in published():
        table = pd.read_csv(path, usecols=["sequence"], keep_default_na=False).drop_duplicates()
        found[path.stem] = set(regime_column(table, covariates()))
    assert set().union(*found.values()) == {"direct", "task", "joint", "sequence", "pretraining"}
    assert found["spot"] == {"direct", "task", "joint", "pretraining"}
    assert found["gururangan"] == {"direct", "pretraining"}
    assert found["muppet"] == {"direct", "joint"}


def test_a_column_of_that_name_stays() -> None:
    table = pd.DataFrame(
        {
            "study": ["s"], "backbone": ["b"], "tuning": ["full"], "sequence": ["mnli"], "target": ["rte"],
            "train_language": ["en"], "language": ["en"], "regime": ["mine"],
        }
    )  # fmt: skip
    assert attach(table, covariates())["regime"].tolist() == ["mine"]
