"""Fixed terms by least squares: within the trials of a network, and over all rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from taskorder.inference.frequentist.within import estimates
from taskorder.inference.spec import ModelSpec, parse_model


def model(**content: Any) -> ModelSpec:
    standard = {"name": "m", "data": {"schema": "any"}, "outcome": {"column": "score", "scale": "identity"}}
    return parse_model(standard | content)


NETWORK = model(
    fixed={"terms": ["1", "regime"], "reference": {"regime": "direct"}},
    networks={"regime": {"trial": ["study", "target"]}},
)


@pytest.fixture
def rows() -> pd.DataFrame:
    """Eight studies with levels of their own; a task gains 0.05, a sequence 0.08; some trials lack an arm."""
    rng = np.random.default_rng(5)
    gain = {"direct": 0.0, "task": 0.05, "sequence": 0.08}
    made = [
        {
            "study": f"s{study}",
            "target": target,
            "regime": regime,
            "score": 0.5 + 0.05 * study + gain[regime] + rng.normal(0, 0.01),
        }
        for study in range(8)
        for target in ("x", "y")
        for regime in (list(gain) if study % 2 else ["direct", "sequence" if study > 3 else "task"])
        for _ in range(3)
    ]
    alone = {"study": "s9", "target": "x", "regime": "task", "score": 0.99}
    return pd.DataFrame([*made, alone])


def test_the_gains_are_found_within_trials(rows: pd.DataFrame) -> None:
    found = {one.term: one for one in estimates(rows, NETWORK)}
    assert found["regime[task]"].estimate == pytest.approx(0.05, abs=0.01)
    assert found["regime[sequence]"].estimate == pytest.approx(0.08, abs=0.01)
    assert found["regime[task]"].lower < 0.05 < found["regime[task]"].upper
    assert found["regime[task]"].df == 5
    assert "within trials, errors clustered by study" in found["regime[task]"].method


def test_trials_are_absorbed_as_dummies_would(rows: pd.DataFrame) -> None:
    arms = rows.groupby(["study", "target", "regime"], as_index=False)["score"].mean()
    arms = arms.assign(trial=arms["study"] + arms["target"])
    dummies = smf.ols("score ~ C(regime, Treatment('direct')) + trial", arms).fit()
    found = {one.term: one.estimate for one in estimates(rows, NETWORK)}
    expected = dummies.params.filter(like="Treatment")
    assert list(found.values()) == pytest.approx([expected.iloc[0], expected.iloc[1]], abs=1e-9)


def test_without_networks_all_rows_count_and_targets_may_be_the_clusters(rows: pd.DataFrame) -> None:
    spec = model(fixed={"terms": ["regime"]})
    table = rows.drop(columns="study").assign(target=np.arange(len(rows)) % 6)
    found = {one.term: one for one in estimates(table, spec)}
    means = table.groupby("regime")["score"].mean()
    assert {term: one.estimate for term, one in found.items()} == pytest.approx(
        {f"regime[{name}]": mean for name, mean in means.items()}
    )
    assert found["regime[task]"].df == 5


@pytest.mark.parametrize(
    "spec",
    [
        model(fixed={"terms": ["1"]}),
        model(fixed={"terms": ["1", "regime"]}, outcome={"column": "score", "likelihood": "student_t"}),
        model(fixed={"terms": ["1", "nothing"]}),
    ],
)
def test_what_suits_no_such_model_gives_nothing(spec: ModelSpec, rows: pd.DataFrame) -> None:
    assert estimates(rows, spec) == []


def test_what_one_study_alone_tells_has_no_errors(rows: pd.DataFrame) -> None:
    table = rows[(rows["regime"] != "sequence") | (rows["study"] == "s1")]
    found = {one.term: one for one in estimates(table, NETWORK)}
    assert np.isnan(found["regime[sequence]"].se)
    assert np.isfinite(found["regime[sequence]"].estimate)
    assert np.isfinite(found["regime[task]"].se)


def test_few_clusters_give_nothing(rows: pd.DataFrame) -> None:
    assert estimates(rows[rows["study"].isin(["s1", "s2"])], NETWORK) == []


def test_sequences_are_compared_within_evaluation_sets() -> None:
    """A stage costs 0.02; noise 0.05, and 0.01 more a stage; evaluation sets have levels of their own."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        {
            "target": target,
            "language": language,
            "sequence": sequence,
            "steps": steps,
            "perturbed": perturbed,
            "score": level - 0.02 * steps - perturbed * (0.05 + 0.01 * steps) + rng.normal(0, 0.002),
        }
        for target in "xy"
        for language, level in zip(("ar", "de", "fi", "hi", "ja"), rng.uniform(0.3, 0.9, 5), strict=True)
        for sequence, steps in (("", 0.0), ("a", 1.0), ("b", 1.0), ("a>b", 2.0))
        for perturbed in (0.0, 1.0)
    )
    spec = model(
        data={"schema": "results"}, fixed={"terms": ["1", "perturbed", "perturbed:steps"]}, sequence={}
    )
    found = {one.term: one for one in estimates(rows, spec)}
    assert set(found) == {"perturbed", "perturbed:steps"}
    assert found["perturbed"].estimate == pytest.approx(-0.05, abs=0.003)
    assert found["perturbed:steps"].estimate == pytest.approx(-0.01, abs=0.002)
    dummies = smf.ols("score ~ steps + perturbed + perturbed:steps + C(target):C(language)", rows).fit()
    assert found["perturbed:steps"].estimate == pytest.approx(dummies.params["perturbed:steps"], abs=1e-9)
    assert found["perturbed"].method.endswith("within evaluation sets, errors clustered by language")
