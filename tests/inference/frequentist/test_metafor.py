"""Every number of metafor and clubSandwich in tests/reference/metafor_*.json, against ours.

Each reference file is a tree; `ours` is built as the same tree, and every number of theirs must have one of
ours at its place. Tolerances, relative:

- 1e-6 where an estimate has a closed form;
- 5e-3 where metafor iterates: it stops once tau2 moves by less than 1e-5, which its own likelihood shows to
  be short of the maximum. The same fits with the iteration carried on (metafor_converged.json) agree to 1e-6;
- 1e-4 for rma.mv, whose optimiser stops as early: our likelihood is never below its.

`NOT_OFFERED` lists what metafor computes and we do not, and why.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.inference.frequentist.covariance import diagonal
from taskorder.inference.frequentist.heterogeneity import (
    interval,
    log_likelihoods,
    typical_variance,
)
from taskorder.inference.frequentist.meta_regression import MetaRegression, meta_regression, predict
from taskorder.inference.frequentist.multilevel import Multilevel, RandomTerm, multilevel
from taskorder.inference.frequentist.multilevel import predict as multilevel_predict
from taskorder.inference.frequentist.publication_bias import small_studies
from taskorder.inference.frequentist.robust import cluster_robust
from taskorder.inference.frequentist.wald import coefficients

Tree = dict[str, Any]

REFERENCE = Path(__file__).parents[2] / "reference"
COLLECTED = Path(__file__).parents[4] / "shared" / "reference" / "values"
DATASETS = ["bcg", "berkey1998", "eight_schools", "konstantopoulos2011", "raudenbush1985"]

NOT_OFFERED = {
    r"fit_stats/(dev|AIC|BIC|AICc)/": "functions of the log likelihoods, which are compared",
    r"(^|/)(k|p|secs_fit|nclust|df|k0)$|s_nlevels|cumul_year_order": "sizes and seconds, no estimates",
    r"^uni/GENQ": "weights of the user's own make",
    r"^uni/REML_confint_PL|^(UN|three)\w+/confint": "profile-likelihood intervals: Q-profile stands for tau2,"
    " and the posterior's interval for other variance components",
    r"^uni/REML_(blup|ranef|influence|weights)|^ranef": "estimates of single studies are the posterior's",
    r"^pubbias/(trimfill|ranktest|fsn|tes|selmodel)": "PET-PEESE and Egger's test are what is printed",
    r"^pubbias/cumul_year/\w+(\.lb|\.ub)?/0$": "one study alone is refused",
    r"^pubbias/regtest_lm\w+/fit/sigma": "the dispersion is part of the errors, which are compared",
    r"^metareg/locscale": "the posterior's own location-scale model stands for it",
    r"^(mh|peto|glmm_OR)/": "models of counts",
    r"I2_multilevel/(total|each)$": "0 by the formula that was used, which is for sigma2 only",
    r"^eight_schools/uni/\w+confint_tau2/ub": "metafor's search ends at tau2 = 100",
}


def read(name: str) -> Tree:
    return json.loads((REFERENCE / f"metafor_{name}.json").read_text("utf-8"))


def numbers(tree: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield each number of a tree with its place."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from numbers(value, f"{path}/{key}" if path else str(key))
    elif isinstance(tree, list | tuple | np.ndarray | pd.Series):
        for i, value in enumerate(tree):
            yield from numbers(value, f"{path}/{i}")
    elif isinstance(tree, float | int | np.number) and not isinstance(tree, bool):
        yield path, float(tree)


def listed(path: str) -> bool:
    return any(re.search(pattern, path) for pattern in NOT_OFFERED)


def agree(theirs: Tree, ours: Tree, tolerance: float, prefix: str = "") -> int:
    """Compare every number of theirs; return how many there were."""
    mine = dict(numbers(ours, prefix))
    compared = [(path, value) for path, value in numbers(theirs, prefix) if not listed(path)]
    missing = [path for path, _ in compared if path not in mine]
    assert not missing, f"nothing of ours to compare with {missing[:5]}"
    wrong = {
        path: (mine[path], value)
        for path, value in compared
        if not np.isclose(mine[path], value, rtol=tolerance, atol=tolerance * 1e-3)
    }
    assert not wrong, wrong
    return len(compared)


def table_of(frame: pd.DataFrame) -> list[Tree]:
    names = {"statistic": "stat", "lower": "ci_lb", "upper": "ci_ub", "p": "pval"}
    return frame.rename(columns=names).drop(columns=["term", "df"]).to_dict("records")


def wald_of(frame: pd.DataFrame) -> Tree:
    """Lay a table of coefficients out as metafor's robust and clubSandwich's functions do."""
    names = {
        **{"estimate": "beta", "se": "se", "statistic": "stat", "df": "dfs", "p": "pval"},
        **{"lower": "lb", "upper": "ub"},
    }
    found = {theirs: frame[ours].tolist() for ours, theirs in names.items()}
    also = {"zval": "stat", "SE": "se", "tstat": "stat", "df_Satt": "dfs", "p_Satt": "pval", "df": "dfs"}
    also |= {"CI_L": "lb", "CI_U": "ub"}
    found |= {name: found[same] for name, same in also.items()}
    return found | ({name: value[0] for name, value in found.items()} if len(frame) == 1 else {})


def intervals(fit: MetaRegression, x: list[list[float]] | None = None) -> Tree:
    found: Tree = {}
    for name, width in (("default", "test"), ("riley", "riley"), ("t", "t")):
        frame = predict(fit, x, width=width)
        frame.columns = ["pred", "se", "ci.lb", "ci.ub", "pi.lb", "pi.ub"]
        found[f"predict_{name}"] = frame.iloc[0].to_dict() if x is None else frame.to_dict("list")
    return found


def spread(fit: MetaRegression, low: float, high: float) -> Tree:
    typical = typical_variance(fit.v, fit.x)
    rows = [[t, t**0.5, 100 * t / (t + typical), t / typical + 1] for t in (fit.tau2, low, high)]
    return {"estimate": rows[0], "est": rows[0], "lb": rows[1], "ub": rows[2]}


def univariate(fit: MetaRegression) -> Tree:
    found: Tree = {
        "coef": table_of(fit.coefficients),
        "vcov": fit.vcov,
        "tau2": fit.tau2,
        "se_tau2": fit.tau2_se,
        "tau": fit.tau2**0.5,
        "I2": fit.i2,
        "H2": fit.h2,
        "R2": fit.r2,
        "vt": typical_variance(fit.v, fit.x),
        "QE": fit.q.statistic,
        "QEp": fit.q.p,
        "QM": fit.moderators.statistic,
        "QMp": fit.moderators.p,
        "QMdf": [fit.moderators.df, fit.moderators.denominator],
        "fit_stats": {"ll": [fit.log_likelihood, fit.restricted_log_likelihood]},
    }
    if fit.terms == ("1",):
        found |= intervals(fit) | {"predict": intervals(fit)["predict_default"]}
    return found


def refit(theirs: Tree, y: Any, v: Any, x: Any = None) -> Tree:
    return univariate(meta_regression(y, v, x, names_of(x), method=theirs["method"], test=theirs["test"]))


def names_of(x: Any) -> list[str] | None:
    return None if x is None else [f"x{i}" for i in range(np.shape(x)[1])]


def iterated(theirs: Tree) -> bool:
    return theirs.get("method") in ("REML", "ML", "PM", "EB")


def tolerance(theirs: Tree) -> float:
    return 5e-3 if iterated(theirs) else 1e-6


def with_intercept(*columns: Any) -> np.ndarray:
    return np.column_stack([np.ones(len(columns[0])), *columns]).astype(float)


@pytest.mark.parametrize("name", ["bcg", "eight_schools", "raudenbush1985"])
def test_meta_analyses(name: str) -> None:
    values = read(name)["uni"]
    y, v = np.array(values["yi"], float), np.array(values["vi"], float)
    fits = [key for key in values if "coef" in values[key]]
    assert len(fits) == 20
    for key in fits:
        assert agree(values[key], refit(values[key], y, v), tolerance(values[key]), f"uni/{key}") > 10
    for key in (key for key in values if key.endswith("_confint_tau2")):
        fit = meta_regression(y, v, method=key.split("_")[0])
        agree(values[key], spread(fit, *fit.tau2_interval), 5e-3, f"{name}/uni/{key}")
    profile = values["REML_profile_ll"]
    found = np.array([log_likelihoods(y, v, np.ones((len(y), 1)), t) for t in profile["tau2"]])
    np.testing.assert_allclose(found, np.column_stack([profile["ll_ml"], profile["ll"]]), rtol=1e-10)


def moderators(name: str) -> dict[str, np.ndarray]:
    data = {key: np.array(column) for key, column in read(name)["data"].items()}
    if name == "raudenbush1985":
        individual = data["setting"] == "indiv"
        return {"weeks": with_intercept(data["weeks"]), "setting": with_intercept(individual)}
    levels = [data["alloc"] == level for level in ("alternate", "random", "systematic")]
    ablat, year = data["ablat"], data["year"]
    return {
        "ablat": with_intercept(ablat),
        "ablat_centred": with_intercept(ablat - ablat.mean()),
        "ablat_year": with_intercept(ablat, year),
        "alloc": with_intercept(*levels[1:]),
        "alloc_cell_means": np.column_stack(levels).astype(float),
        "alloc_year_ablat": with_intercept(*levels[1:], year, ablat),
    }


@pytest.mark.parametrize("name", ["bcg", "raudenbush1985"])
def test_moderators(name: str) -> None:
    values = read(name)
    y, v = values["data"]["yi"], values["data"]["vi"]
    fits = values.get("metareg") or {
        key.removeprefix("metareg_"): fit for key, fit in values.items() if key.startswith("metareg_")
    }
    columns = moderators(name)
    for key, theirs in fits.items():
        x = columns[re.sub(r"_(REML|DL|ML|PM|EE)(_knha)?$", "", key)]
        fit = meta_regression(y, v, x, names_of(x), method=theirs["method"], test=theirs["test"])
        ours = univariate(fit) | {"confint": spread(fit, *fit.tau2_interval)}
        if key == "ablat_REML":
            at = [[1.0, latitude] for latitude in range(0, 70, 10)]
            ours["pred_ablat_0_10_20_30_40_50_60"] = intervals(fit, at)["predict_default"]
        assert agree(theirs, ours, tolerance(theirs), f"metareg/{key}") > 15


def test_other_effect_measures() -> None:
    for name, values in read("bcg")["other_measures"].items():
        for key in set(values) & {"REML", "EE", "DL"}:
            ours = refit(values[key], values["yi"], values["vi"])
            assert agree(values[key], ours, tolerance(values[key]), f"{name}/{key}") > 10


def converged(fit: MetaRegression) -> Tree:
    frame = fit.coefficients
    found: Tree = {
        name: frame[name].tolist() for name in ("estimate", "se", "statistic", "p", "lower", "upper")
    }
    tree = univariate(fit)
    found |= {name: tree[name] for name in ("tau2", "se_tau2", "I2", "H2", "QM", "QMp", "R2")}
    found["ll"] = tree["fit_stats"]["ll"]
    if fit.terms == ("1",):
        found["pi"] = [intervals(fit)["predict_default"][end] for end in ("pi.lb", "pi.ub")]
    return found


@pytest.mark.parametrize("name", ["bcg", "eight_schools", "konstantopoulos2011", "raudenbush1985"])
def test_iterated_fits_agree_where_metafor_iterates_on(name: str) -> None:
    values, data = read("converged")["fits"][name], read(name)
    source = data.get("data") or data["uni"]
    y, v = np.array(source["yi"], float), np.array(source["vi"], float)
    columns = moderators(name) if name in ("bcg", "raudenbush1985") else {}
    found = re.compile(r"^(?:(?P<x>[a-z_]+)_)?(?P<method>REML|ML|PM)(?:_(?P<test>z|knha))?$")
    compared = 0
    for key, theirs in values.items():
        if (words := found.match(key)) and not key.startswith("three_level"):
            x = columns[words["x"]] if words["x"] else None
            fit = meta_regression(y, v, x, names_of(x), method=words["method"], test=words["test"] or "z")
            compared += agree(theirs, converged(fit), 1e-6, key)
        elif key.endswith("q_profile"):
            x = columns["ablat"] if key.startswith("ablat") else np.ones((len(y), 1))
            np.testing.assert_allclose(interval(y, v, x), theirs["tau2"][1:], rtol=1e-6, atol=1e-9)
    assert compared >= 70


def by_leaving_out(fit_of: Callable[[list[int]], MetaRegression], rows: list[list[int]]) -> Tree:
    trees = [univariate(fit_of(part)) if len(part) > 1 else {} for part in rows]
    empty = dict.fromkeys(("estimate", "se", "stat", "pval", "ci_lb", "ci_ub"))
    first = [tree["coef"][0] if tree else empty for tree in trees]
    names = {"estimate": "estimate", "se": "se", "zval": "stat", "pval": "pval", "pvals": "pval"}
    names |= {"ci.lb": "ci_lb", "ci.ub": "ci_ub"}
    found = {name: [row[key] for row in first] for name, key in names.items()}
    others = {"Q": "QE", "Qp": "QEp", "tau2": "tau2", "I2": "I2", "H2": "H2"}
    return found | {name: [tree.get(key) for tree in trees] for name, key in others.items()}


@pytest.mark.parametrize("name", ["bcg", "raudenbush1985"])
def test_studies_left_out_and_added(name: str) -> None:
    values = read(name)
    y, v = np.array(values["data"]["yi"], float), np.array(values["data"]["vi"], float)
    theirs = values["pubbias"]

    def fit_of(part: list[int]) -> MetaRegression:
        return meta_regression(y[part], v[part], test="z")

    everyone = list(range(len(y)))
    without = [[j for j in everyone if j != i] for i in everyone]
    agree(theirs["leave1out"], by_leaving_out(fit_of, without), 5e-3, "pubbias/leave1out")
    order = [i - 1 for i in theirs["cumul_year_order"]]
    added = [order[: i + 1] for i in everyone]
    agree(theirs["cumul_year"], by_leaving_out(fit_of, added), 5e-3, "pubbias/cumul_year")
    assert agree(theirs["ML"], refit(theirs["ML"], y, v), 5e-3, "pubbias/ML") > 10


@pytest.mark.parametrize("name", ["bcg", "raudenbush1985"])
def test_small_studies(name: str) -> None:
    values = read(name)
    data = {key: np.array(column) for key, column in values["data"].items()}
    y, v = data["yi"], data["vi"]
    counts = [key for key in ("tpos", "tneg", "cpos", "cneg", "n1i", "n2i") if key in data]
    sizes = sum(data[key] for key in counts)
    predictors = {"sei": "se", "vi": "variance", "ninv": "1/n", "sei_PET": "se", "vi_PEESE": "variance"}
    for key in (key for key in values["pubbias"] if key.startswith("regtest")):
        errors, predictor = key.removeprefix("regtest_").split("_", 1)
        model = "mixed" if errors == "rma" else "wls"
        kind = predictors[predictor]
        frame = small_studies(y, v, predictor=kind, errors=model, sizes=sizes)
        limit, slope = frame.iloc[0], frame.iloc[1]
        ours: Tree = {"zval": slope["statistic"], "pval": slope["p"], "dfs": slope["df"]}
        ours |= {"limit_est": limit["estimate"], "limit_lb": limit["lower"], "limit_ub": limit["upper"]}
        if model == "mixed":
            x = with_intercept({"se": np.sqrt(v), "variance": v, "1/n": 1 / sizes}[kind])
            ours["fit"] = univariate(meta_regression(y, v, x, ["1", kind], test="z"))
        else:
            names = {"estimate": "Estimate", "se": "Std. Error", "statistic": "t value", "p": "Pr(>|t|)"}
            ours["fit"] = {"coef": frame[list(names)].rename(columns=names).to_dict("records")}
        theirs = values["pubbias"][key]
        assert agree(theirs, ours, 5e-3 if model == "mixed" else 1e-6, f"pubbias/{key}") > 10


def test_robust_errors_of_a_meta_regression() -> None:
    values = read("bcg")
    y, v = np.array(values["data"]["yi"]), np.array(values["data"]["vi"])
    theirs, trial = values["robust"], np.arange(len(y))
    for key, x in (("robust_trial_CR2", None), ("robust_ablat_CR2", moderators("bcg")["ablat"])):
        fit = meta_regression(y, v, x)
        found = cluster_robust(y, fit.x, diagonal(v + fit.tau2), trial, fit.terms)
        assert agree(theirs[key], wald_of(found.coefficients), 5e-3, f"robust/{key}") > 0
    fit = meta_regression(y, v, test="z")
    found = cluster_robust(y, fit.x, diagonal(v + fit.tau2), trial, fit.terms, correction="CR1p")
    frame = coefficients(("1",), np.array(found.coefficients["estimate"]), np.sqrt(np.diag(found.vcov)), 12)
    row = frame.iloc[0]
    ours = univariate(fit) | {"coef": table_of(frame), "vcov": found.vcov, "QMdf": [1, 12]}
    ours |= {"QM": row["statistic"] ** 2, "QMp": row["p"]}
    assert agree(theirs["robust_trial_default"], ours, 5e-3, "robust") > 0


def multilevel_tree(fit: Multilevel, v: np.ndarray) -> Tree:
    sizes = [float(g[0, 0]) for g in fit.covariances.values()]
    found: Tree = {
        "coef": table_of(fit.coefficients),
        "vcov": fit.vcov,
        "sigma2": sizes,
        "tau2": 0.0,
        "tau": 0.0,
        "QE": fit.q.statistic,
        "QEp": fit.q.p,
        "QM": fit.moderators.statistic,
        "QMp": fit.moderators.p,
        "QMdf": [fit.moderators.df, fit.moderators.denominator],
        "fit_stats": {"ll": [fit.log_likelihood, fit.restricted_log_likelihood]},
        "I2_multilevel": {
            "vt": typical_variance(v, fit.x),
            "total": sum(fit.i2.values()),
            "each": list(fit.i2.values()),
        },
    }
    if len(fit.covariances) == 1 and (g := next(iter(fit.covariances.values()))).shape == (2, 2):
        outcomes = np.diag(g)
        found |= {"mv_tau2": outcomes, "tau2": outcomes, "tau": outcomes**0.5}
        found["mv_rho"] = g[0, 1] / np.sqrt(outcomes.prod())
    return found


def robust_tree(y: np.ndarray, fit: Multilevel, clusters: np.ndarray) -> Tree:
    def of(correction: Any) -> Any:
        return cluster_robust(y, fit.x, fit.covariance, clusters, fit.terms, correction=correction)

    found = {f"coef_test_{name}": wald_of(of(name).coefficients) for name in ("CR0", "CR1", "CR2", "CR3")}
    two = found["coef_test_CR2"]
    df = int(clusters.max()) + 1 - fit.x.shape[1]
    for name, correction in (("robust_CR0_metafor", "CR0"), ("robust_CR1_metafor_adjust", "CR1p")):
        se = np.sqrt(np.diag(of(correction).vcov))
        found[name] = wald_of(coefficients(fit.terms, fit.fit.beta, se, df)) | {"dfs": df}
    last = of("CR2").coefficients.iloc[-1]
    one = {
        "Fstat": last["statistic"] ** 2,
        "delta": 1,
        "df_num": 1,
        "df_denom": last["df"],
        "p_val": last["p"],
    }
    return {**found, "robust_CR2_clubSandwich": two, "conf_int_CR2": two, "wald_CR2_all_slopes": one}


def test_schools_in_districts() -> None:
    values, better = read("konstantopoulos2011"), read("converged")["fits"]["konstantopoulos2011"]
    data = {key: np.array(column) for key, column in values["data"].items()}
    y, v, year = data["yi"].astype(float), data["vi"].astype(float), data["year"]
    district = pd.factorize(data["district"])[0].astype(np.int64)
    ones = np.ones((len(y), 1))
    random = [RandomTerm("district", district, ones), RandomTerm("school", np.arange(len(y)), ones)]
    agree(values["two_level_REML"], refit(values["two_level_REML"], y, v), 5e-3, "two_level_REML")
    for key in (key for key in values if key.startswith("three_level")):
        theirs = values[key]
        x = with_intercept(year - year.mean()) if key.endswith("year") else None
        df = 10.0 if theirs["test"] == "t" else np.inf
        fit = multilevel(y, v, random, x, names_of(x), method=theirs["method"], df=df)
        ours = multilevel_tree(fit, v) | robust_tree(y, fit, district)
        frame = multilevel_predict(fit, x)
        frame.columns = ["pred", "se", "ci.lb", "ci.ub", "pi.lb", "pi.ub"]
        ours["predict"] = frame.iloc[0].to_dict() if x is None else frame.to_dict("list")
        if "CS" in key:
            total = sum(ours["sigma2"])
            ours |= {"mv_tau2": total, "tau2": total, "tau": total**0.5, "mv_rho": ours["sigma2"][0] / total}
        offered = {
            name: value for name, value in theirs.items() if not ("CS" in key and name == "I2_multilevel")
        }
        assert agree(offered, ours, 1e-4, key) > 15
        if key in better:
            shown = {name: better[key][name] for name in ("sigma2", "ll", "QM")}
            mine = {"sigma2": ours["sigma2"], "ll": ours["fit_stats"]["ll"], "QM": ours["QM"]}
            agree(shown, mine, 1e-6, key)


def test_two_outcomes_in_each_trial() -> None:
    values = read("berkey1998")
    data = {key: np.array(column) for key, column in values["data"].items()}
    y, v = data["yi"].astype(float), np.array(values["V"])
    attachment = (data["outcome"] == "AL").astype(float)
    depth, year = 1 - attachment, data["year"] - 1983
    trial = pd.factorize(data["trial"])[0].astype(np.int64)
    both = np.column_stack([attachment, depth])
    random = [RandomTerm("trial", trial, both)]
    columns = {
        "year": np.column_stack([both, attachment * year, depth * year]),
        "diff": np.column_stack([np.ones(len(y)), depth]),
    }
    for key in (key for key in values if key.startswith(("UN", "FE"))):
        x = columns.get(key.split("_")[-1], both)
        fit = multilevel(y, v, random if key != "FE" else [], x, names_of(x), method=values[key]["method"])
        ours = multilevel_tree(fit, np.diag(v))
        if key == "UN_REML":
            ours |= robust_tree(y, fit, trial)
        theirs = {name: value for name, value in values[key].items() if name != "I2_multilevel"}
        assert agree(theirs, ours, 1e-4, key) > 10
        which = 1 if values[key]["method"] == "REML" else 0
        assert ours["fit_stats"]["ll"][which] >= values[key]["fit_stats"]["ll"][which] - 1e-9


@pytest.mark.parametrize("name", DATASETS)
def test_all_collected_values_are_compared_or_listed(name: str) -> None:
    path = COLLECTED / f"metafor_{name}.json"
    if not path.exists():
        pytest.skip("the collected reference values are not beside this checkout")
    mine = dict(numbers(read(name)))
    collected = dict(numbers(json.loads(path.read_text("utf-8"))))
    lost = [place for place in collected if place not in mine and not listed(place)]
    assert not lost
    assert all(mine[place] == value for place, value in collected.items() if place in mine)


def test_every_exception_is_needed() -> None:
    if not COLLECTED.exists():
        pytest.skip("the collected reference values are not beside this checkout")
    places = [f"eight_schools/{place}" for place, _ in numbers(read("eight_schools"))]
    for name in DATASETS:
        tree = json.loads((COLLECTED / f"metafor_{name}.json").read_text("utf-8"))
        places += [place for place, _ in numbers(tree)]
    unused = [pattern for pattern in NOT_OFFERED if not any(re.search(pattern, place) for place in places)]
    assert not unused
