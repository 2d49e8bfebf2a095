"""Where the collected values of other software exist: ours are copies of them, and none is forgotten.

Every number there is held in tests/reference/ where `place` says, or `LEFT_OUT` says why not.
"""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[1] / "reference"
SOURCES = Path(__file__).parents[3] / "shared" / "reference" / "values"

pytestmark = pytest.mark.skipif(
    not SOURCES.exists(), reason="the collected values of other software lie outside of this repository"
)

INTERPOLATED = 1e-5
"""bayesmeta's summary and its quantiles differ by so much, as a share."""

Number = tuple[tuple[str, ...], float]

LEFT_OUT = {
    r"bayesmeta packages|.* secs|.* ablat_mean": "says how the values were made",
    r"bayesmeta .* (ML|MAP) \d+": "maxima of the joint density of mu and tau, which"
    " nothing here estimates; the marginal ones are the mode of tau again",
    r"bayesmeta .* (summary (mu|theta|intercept|ablat_c)|theta_shrink \w+) mode": "modes are no"
    " estimates here; that of tau is compared as one of the collapsed density",
    r"bayesmeta .* I2_post_mean": "I2 at the posterior mean of tau, which is compared",
    r"bayesmeta .* bayesfactor \S+ 1": "least Bayes factors over all priors say nothing of a posterior",
    r"bayesmeta .* bayesfactor mu=0 0": "where tau's prior is improper, bayesmeta has none either",
    r"bayesmeta .* theta_shrink \w+ (y|sigma)": "the data",
    r"\S+ brms sigma .*": "0 by definition",
    r"\S+ brms .* rhat": "says how well the other software sampled",
    r"posteriordb .* (ndraws|nchains)": "stands in the text of the software",
}
"""Patterns of the names of values that are not held, and why."""


def held(file: str) -> dict[str, Any]:
    return json.loads((REFERENCE / f"{file}.json").read_text("utf-8"))["posteriors"]


def numbers(content: Any, path: tuple[str, ...] = ()) -> Iterator[Number]:
    """Return every number of nested tables and lists, with the keys that lead to it."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from numbers(value, (*path, str(key)))
    elif isinstance(content, list):
        for i, value in enumerate(content):
            yield from numbers(value, (*path, str(i)))
    elif isinstance(content, int | float):
        yield path, float(content)


def looked_up(content: Any, path: tuple[str | int, ...]) -> float | None:
    for key in path:
        try:
            content = content[key]
        except (KeyError, IndexError):
            return None
    return float(content)


def unaccounted(name: str, found: Iterator[Number], place: Any, ours: Any) -> list[str]:
    """Return the numbers that are neither held nor on the list, and those that are held otherwise."""
    wrong: list[str] = []
    for path, value in found:
        label = " ".join((name, *path))
        at = place(path)
        own = None if at is None else looked_up(ours, at)
        if own is None:
            if not any(re.fullmatch(pattern, label) for pattern in LEFT_OUT):
                wrong.append(f"{label} is not held")
        elif not math.isclose(own, value, rel_tol=INTERPOLATED, abs_tol=1e-9):
            wrong.append(f"{label} is {value}, held as {own}")
    return wrong


BAYESMETA_FILES = {"eight_schools": "eight_schools", "bcg_logRR": "bcg"}
BOUNDS = {"95% lower": "0.025", "median": "0.5", "95% upper": "0.975"}
NAMES = {"mu": "mu", "tau": "tau", "theta": "theta[new]", "theta_new": "theta[new]", "intercept": "mu"}
FUNCTIONS = {"p_mu_lt_0": "P(mu < 0)", "p_theta_new_lt_0": "P(theta[new] < 0)"}


def _bayesmeta_place(probabilities: list[float], path: tuple[str, ...]) -> tuple[str | int, ...] | None:
    """Return where a value of one posterior is held; None where it is not."""
    match path:
        case ("summary", "tau", "mode"):
            return ("mode_of_tau",)
        case ("summary", name, statistic):
            return ("parameters", NAMES[name], *_statistic(statistic))
        case ("theta_shrink", level, statistic):
            return ("parameters", f"theta[{level}]", *_statistic(statistic))
        case ("quantiles", "p", _):
            return None
        case ("quantiles", name, i):
            return ("parameters", NAMES[name], "quantiles", f"{probabilities[int(i)]:g}")
        case ("density", name, i):
            return ("density_of_tau", "tau" if name == "tau" else "density", int(i))
        case ("bayesfactor", hypothesis, "0"):
            return ("bayes_factors", hypothesis)
        case ("logmarglik",):
            return ("log_marginal_likelihood",)
        case (function,) if function in FUNCTIONS:
            return ("functions", FUNCTIONS[function])
        case _:
            return None


def _statistic(name: str) -> tuple[str, ...]:
    return ("quantiles", BOUNDS[name]) if name in BOUNDS else (name,)


@pytest.mark.parametrize("data_set", BAYESMETA_FILES)
def test_bayesmeta(data_set: str) -> None:
    ours = held(BAYESMETA_FILES[data_set])
    wrong: list[str] = []
    for prior, content in json.loads((SOURCES / "bayesmeta.json").read_text("utf-8"))[data_set].items():
        p = content["quantiles"].pop("p")
        wrong += unaccounted(
            f"bayesmeta {prior}",
            numbers(content),
            lambda path, p=p: _bayesmeta_place(p, path),
            ours[f"bayesmeta {prior}"],
        )
    assert not wrong


def test_bayesmeta_with_a_moderator() -> None:
    content = json.loads((SOURCES / "bayesmeta.json").read_text("utf-8"))["bcg_metareg_ablat_centred"]
    bounds = {"95% lower": 0, "95% upper": 1}

    def place(path: tuple[str, ...]) -> tuple[str | int, ...] | None:
        match path:
            case ("summary", "tau", "mode"):
                return ("mode_of_tau",)
            case ("summary", name, statistic):
                own = "slope[ablat]" if name == "ablat_c" else NAMES[name]
                if statistic in bounds:
                    return ("parameters", own, "shortest_interval", bounds[statistic])
                return ("parameters", own, *_statistic(statistic))
            case _:
                return None

    assert not unaccounted("bayesmeta ablat", numbers(content), place, held("bcg")["bayesmeta ablat"])


def test_the_summary_of_bayesmeta_says_the_same() -> None:
    rows = pd.read_csv(SOURCES / "bayesmeta_summary.csv")
    quantiles = {"median": "0.5", "lo95": "0.025", "hi95": "0.975"}
    assert set(rows) == {"dataset", "prior", "param", "mode", "mean", "sd", *quantiles}
    for row in rows.to_dict("records"):
        posterior = held(BAYESMETA_FILES[row["dataset"]])[f"bayesmeta {row['prior']}"]
        own = posterior["parameters"][NAMES[row["param"]]]
        assert [own["mean"], own["sd"]] == pytest.approx([row["mean"], row["sd"]], rel=1e-6)
        found = [own["quantiles"][p] for p in quantiles.values()]
        assert found == pytest.approx([row[name] for name in quantiles], rel=INTERPOLATED)


BRMS = {
    "bcg_logRR": ("bcg", "brms"),
    "bcg_logRR_ablat": ("bcg", "brms ablat"),
    "eight_schools": ("eight_schools", "brms"),
    "eight_schools_long": ("eight_schools", "brms long"),
    "konstantopoulos_3level": ("konstantopoulos", "brms"),
}
ELSEWHERE = {"cbpp", "bcg_arm_binomial"}
"""Binomial models, which have tests of their own."""
BRMS_NAMES = {
    "b_Intercept": "mu",
    "b_ablat_c": "slope[ablat]",
    "sd_trial__Intercept": "tau",
    "sd_school__Intercept": "tau",
    "sd_district__Intercept": "tau[district]",
    "sd_district:school__Intercept": "tau[school]",
}


def _brms_place(path: tuple[str, ...]) -> tuple[str, ...] | None:
    variable, statistic = path
    if variable == "sigma" or statistic == "rhat":
        return None
    effect = re.fullmatch(r"r_(?:trial|school|(district:school|district))\[(\w+),Intercept\]", variable)
    name = BRMS_NAMES.get(variable, "")
    if effect:
        group = "school " if effect[1] == "district:school" else "district " if effect[1] else ""
        name = f"effect[{group}{effect[2].replace('_', '/')}]"
    quantile = re.fullmatch(r"q([\d.]+)", statistic)
    key = ("quantiles", f"{float(quantile[1]) / 100:g}") if quantile else (statistic,)
    return ("parameters", name, *key)


@pytest.mark.parametrize("source", BRMS)
def test_brms(source: str) -> None:
    file, posterior = BRMS[source]
    table = pd.read_csv(SOURCES / f"stan_{source}__brms.csv", index_col="variable")
    content = {str(name): row.dropna().to_dict() for name, row in table.iterrows()}
    assert not unaccounted(f"{source} brms", numbers(content), _brms_place, held(file)[posterior])


@pytest.mark.parametrize("source", ["centered", "noncentered"])
def test_posteriordb(source: str) -> None:
    """Both parametrisations have the same reference draws."""
    path = SOURCES / f"eight_schools-eight_schools_{source}.json"

    def place(path: tuple[str, ...]) -> tuple[str, ...] | None:
        _, name, statistic = path
        schools = re.fullmatch(r"theta\[(\d)\]", name)
        own = f"theta[{'ABCDEFGH'[int(schools[1]) - 1]}]" if schools else name
        quantile = re.fullmatch(r"q([\d.]+)", statistic)
        if quantile:
            return ("parameters", own, "quantiles", f"{float(quantile[1]) / 100:g}")
        return ("parameters", own, {"mean_sq": "mean_square"}.get(statistic, statistic))

    content = json.loads(path.read_text("utf-8"))
    assert not unaccounted("posteriordb", numbers(content), place, held("eight_schools")["posteriordb"])


def test_no_file_of_posteriors_is_forgotten() -> None:
    names = {path.stem.removeprefix("stan_").removesuffix("__brms") for path in SOURCES.glob("stan_*.csv")}
    assert names == {*BRMS, *ELSEWHERE}
