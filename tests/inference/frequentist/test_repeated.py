"""Orders compared within subjects, on published and planted data, and what is refused."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from taskorder.errors import MissingData
from taskorder.inference.frequentist.repeated import balanced, compared, pooled

# Shrout and Fleiss 1979 (Psychol. Bull. 86:420), table 2: six targets, four judges; table 4: coefficients.
RATINGS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
AGREEMENT = {"ICC(1,1)": 0.17, "ICC(A,1)": 0.29, "ICC(C,1)": 0.71, "ICC(1,k)": 0.44, "ICC(A,k)": 0.62}


def long(table: np.ndarray | list[list[int]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"language": f"l{i}", "sequence": f"order {j}", "score": float(value)}
            for i, row in enumerate(table)
            for j, value in enumerate(row)
        ]
    )


def planted(orders: int, subjects: int, effect: float) -> np.ndarray:
    rng = np.random.default_rng(6)
    level = 0.6 + 0.1 * rng.normal(size=(subjects, 1))
    return level + effect * np.arange(orders) + 0.01 * rng.normal(size=(subjects, orders))


def test_agreement_of_judges() -> None:
    found = compared(balanced(long(RATINGS))).agreement.set_index("type")
    for name, value in AGREEMENT.items():
        assert found["icc"][name] == pytest.approx(value, abs=0.006)
    assert (found["lower"] < found["icc"]).all()
    assert (found["icc"] < found["upper"]).all()
    assert found["df_error"]["ICC(A,1)"] == 15


def test_the_analysis_of_variance_by_its_sums_of_squares() -> None:
    table = planted(orders=4, subjects=9, effect=0.01)
    found = compared(balanced(long(table))).variance
    between = 9 * np.sum((table.mean(axis=0) - table.mean()) ** 2)
    left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    error, subjects = np.sum(left**2), 4 * np.sum((table.mean(axis=1) - table.mean()) ** 2)
    assert found.f == pytest.approx((between / 3) / (error / 24))
    assert (found.df, found.df_error) == (3, 24)
    assert found.p_uncorrected == pytest.approx(stats.f.sf(found.f, 3, 24))
    corrected = stats.f.sf(found.f, 3 * found.epsilon, 24 * found.epsilon)
    assert found.p == pytest.approx(corrected)
    assert found.generalised_eta_squared == pytest.approx(between / (between + error + subjects))


def test_two_orders_are_a_paired_t_test() -> None:
    table = planted(orders=2, subjects=8, effect=0.01)
    found = compared(balanced(long(table)))
    theirs = stats.ttest_rel(table[:, 0], table[:, 1])
    assert found.variance.f == pytest.approx(theirs.statistic**2)
    assert found.variance.p == pytest.approx(theirs.pvalue)
    pair = found.pairs.iloc[0]
    interval = theirs.confidence_interval()
    assert (pair["lower"], pair["upper"]) == pytest.approx((interval.low, interval.high))
    assert pair["p"] == pair["p_holm"] == pytest.approx(theirs.pvalue)
    pooled = np.sqrt((table[:, 0].var(ddof=1) + table[:, 1].var(ddof=1)) / 2)
    assert pair["hedges_g"] == pytest.approx(pair["difference"] / pooled, rel=0.06)


def test_every_pair_is_compared_once_and_p_is_corrected() -> None:
    pairs = compared(balanced(long(planted(orders=4, subjects=6, effect=0.0)))).pairs
    assert list(zip(pairs["first"], pairs["second"], strict=True)) == list(
        combinations([f"order {i}" for i in range(4)], 2)
    )
    assert (pairs["p_holm"] >= pairs["p"]).all()


def test_rows_of_one_order_and_subject_are_averaged() -> None:
    table = planted(orders=3, subjects=5, effect=0.01)
    up, down = (long(table + shift) for shift in (0.02, -0.02))
    both = compared(balanced(pd.concat([up, down])))
    np.testing.assert_allclose(both.scores, table)


def test_more_orders_than_subjects() -> None:
    found = compared(balanced(long(planted(orders=6, subjects=3, effect=0.02))))
    assert found.variance.p < 0.05
    assert len(found.pairs) == 15


def test_incomplete_subjects_are_named_or_left_out() -> None:
    frame = long(planted(orders=3, subjects=6, effect=0.01))
    frame = frame[~((frame["language"] == "l2") & (frame["sequence"] == "order 1"))]
    with pytest.raises(MissingData, match="missing: l2 under order 1"):
        balanced(frame)
    assert balanced(frame, drop_incomplete=True).index.tolist() == ["l0", "l1", "l3", "l4", "l5"]


def test_what_cannot_be_compared_is_explained() -> None:
    frame = long(planted(orders=3, subjects=6, effect=0.01))
    with pytest.raises(MissingData, match=r"no column 'languag'\. Did you mean 'language'"):
        balanced(frame, subject="languag")
    with pytest.raises(MissingData, match="1 of 'sequence' and 6 of 'language'"):
        balanced(frame[frame["sequence"] == "order 1"])
    with pytest.raises(MissingData, match="3 of 'sequence' and 2 of 'language'"):
        balanced(frame[frame["language"].isin(["l0", "l1"])])
    with pytest.raises(MissingData, match="scores copied"):
        balanced(frame.assign(score=frame["language"].str[1].astype(int) / 10))


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
def test_sets_of_orders_are_pooled_as_one_nested_analysis_would() -> None:
    tables = [planted(orders=2, subjects=5, effect=0.02), planted(orders=3, subjects=4, effect=0.0)]
    found = pooled([balanced(long(table)) for table in tables])
    rows = pd.concat([long(table).assign(part=str(i)) for i, table in enumerate(tables)])
    rows = rows.assign(cell=rows["part"] + rows["sequence"], who=rows["part"] + rows["language"])
    with_orders = smf.ols("score ~ C(cell) + C(who)", rows).fit()
    without = smf.ols("score ~ C(who)", rows).fit()
    f, p, df = with_orders.compare_f_test(without)
    assert (found.f, found.p, found.df, found.df_error) == pytest.approx((f, p, df, with_orders.df_resid))
    alone = compared(balanced(long(tables[1])))
    assert pooled([alone.scores]).f == pytest.approx(alone.variance.f)


def test_the_sd_over_orders_is_what_was_planted() -> None:
    rng = np.random.default_rng(4)
    parts = [
        rng.normal(0, 0.03, 4) + rng.normal(0, 0.02, (6, 1)) + rng.normal(0, 0.01, (6, 4)) for _ in range(60)
    ]
    found = pooled([balanced(long(part)) for part in parts])
    assert found.sd == pytest.approx(0.03, rel=0.15)
    none = [part - part.mean(axis=0) for part in parts]
    assert pooled([balanced(long(part)) for part in none]).sd == 0.0
