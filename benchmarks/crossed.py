"""Our engine, plain PyMC and statsmodels on one simulated crossed data set; writes benchmarks/results.md.

    score = 0.5 + 0.05 x + a[backbone] + b[task] + c[language] + e

with every combination of 10 backbones, 20 tasks and 10 languages scored once: 2,000 rows, 40 crossed effects.
The two Bayesian fits have the same priors, draws and chains, and nutpie samples both; statsmodels' MixedLM
maximises the restricted likelihood and gives a point with standard errors.
"""

import importlib.metadata
import itertools
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import statsmodels.formula.api as smf
import xarray as xr

from taskorder.files import write_whole
from taskorder.inference.fitting import fit
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import covariates

GROUPS = {"backbone": 10, "task": 20, "language": 10}
TRUTH = {"1": 0.5, "x": 0.05, "sd:backbone": 0.05, "sd:task": 0.10, "sd:language": 0.08, "residual": 0.03}
DRAWS, CHAINS, SEED = 4000, 4, 1


@dataclass(frozen=True)
class Timing:
    """What one engine took, and what it found.

    Attributes
    ----------
    engine : str
    compile, sample : float
        Seconds.
    ess : float
        The smallest bulk effective sample size of the parameters; NaN where there are no draws.
    estimates : dict
        `parameter: (mean, sd)`.
    """

    engine: str
    compile: float
    sample: float
    ess: float
    estimates: dict[str, tuple[float, float]]


def simulate(seed: int) -> pd.DataFrame:
    """Draw the data set."""
    rng = np.random.default_rng(seed)
    levels = [[f"{name}{i:02d}" for i in range(count)] for name, count in GROUPS.items()]
    table = pd.DataFrame(list(itertools.product(*levels)), columns=list(GROUPS))
    table["x"] = rng.standard_normal(len(table))
    score = TRUTH["1"] + TRUTH["x"] * table["x"] + rng.normal(0, TRUTH["residual"], len(table))
    for name, count in GROUPS.items():
        effects = rng.normal(0, TRUTH[f"sd:{name}"], count)
        score = score + effects[table[name].astype("category").cat.codes]
    return table.assign(score=score)


def run_taskorder(table: pd.DataFrame) -> Timing:
    """Fit by the package's own engine."""
    model = parse_model(
        {
            "name": "crossed",
            "data": {"schema": "any"},
            "outcome": {"scale": "identity"},
            "fixed": {"terms": ["1", "x"]},
            "groups": {name: {} for name in GROUPS},
            "priors": {
                "1": {"dist": "Normal", "mu": 0, "sigma": 1},
                "x": {"dist": "Normal", "mu": 0, "sigma": 0.25},
                "sd": {"dist": "HalfNormal", "sigma": 0.25},
                "residual": {"dist": "HalfNormal", "sigma": 0.25},
            },
        }
    )
    result = fit(model, table, covariates(), engine="nuts", seed=SEED, draws=DRAWS)
    seconds = result.diagnostics.seconds
    draws = result.tree["posterior"].to_dataset()[list(TRUTH)]
    return timing("taskorder, nuts", seconds["compile"], seconds["sample"], draws)


def run_pymc(table: pd.DataFrame) -> Timing:
    """Fit the usual way: non-centred effects, nutpie's defaults."""
    began = time.perf_counter()
    with pm.Model() as model:
        mean = pm.Normal("1", 0, 1) + pm.Normal("x", 0, 0.25) * table["x"].to_numpy()
        for name, count in GROUPS.items():
            sd = pm.HalfNormal(f"sd:{name}", 0.25)
            raw = pm.Normal(f"raw {name}", 0, 1, shape=count)
            mean = mean + (sd * raw)[table[name].astype("category").cat.codes.to_numpy()]
        pm.Normal("score", mean, pm.HalfNormal("residual", 0.25), observed=table["score"].to_numpy())
    compiled = nutpie.compile_pymc_model(model)
    ready = time.perf_counter()
    each = DRAWS // CHAINS
    tree = nutpie.sample(
        compiled, draws=each, tune=each, chains=CHAINS, cores=2, seed=SEED, progress_bar=False
    )
    done = time.perf_counter()
    return timing(
        "PyMC, non-centred", ready - began, done - ready, tree["posterior"].to_dataset()[list(TRUTH)]
    )


def timing(engine: str, compiling: float, sampling: float, draws: xr.Dataset) -> Timing:
    """Summarise a Bayesian fit."""
    ess = min(float(value) for value in az.ess(draws, method="bulk").data_vars.values())
    estimates = {name: (float(draws[name].mean()), float(draws[name].std())) for name in TRUTH}
    return Timing(engine, compiling, sampling, ess, estimates)


def run_statsmodels(table: pd.DataFrame) -> Timing:
    """Maximise the restricted likelihood; crossed effects are variance components within one group."""
    components = {name: f"0 + C({name})" for name in GROUPS}
    began = time.perf_counter()
    model = smf.mixedlm("score ~ x", table, groups=np.ones(len(table)), vc_formula=components)
    ready = time.perf_counter()
    result = model.fit(reml=True, method="lbfgs")
    done = time.perf_counter()
    estimates = {"1": (result.params["Intercept"], result.bse["Intercept"])}
    estimates["x"] = (result.params["x"], result.bse["x"])
    for name, variance in zip(model.exog_vc.names, result.vcomp, strict=True):
        estimates[f"sd:{name}"] = (float(np.sqrt(variance)), float("nan"))
    estimates["residual"] = (float(np.sqrt(result.scale)), float("nan"))
    return Timing("statsmodels, MixedLM (REML)", ready - began, done - ready, float("nan"), estimates)


def report(timings: list[Timing], rows: int) -> str:
    """Set the two tables in Markdown."""
    used = ("pymc", "nutpie", "statsmodels", "numpy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in used)
    design = ", ".join(f"{count} {name}s" for name, count in GROUPS.items())
    lines = [
        "# A crossed design, side by side",
        "",
        f"{rows:,} simulated rows, every combination of {design};"
        f" {DRAWS:,} draws in {CHAINS} chains on two cores; each engine in a process of its own with an empty"
        " compile cache. The settings of taskorder are its own, those of PyMC nutpie's defaults."
        f" One run of `make bench` (Python {platform.python_version()}, {versions};"
        f" {platform.machine()}).",
        "",
        "| engine | compile (s) | sample or optimise (s) | smallest bulk ESS | ESS a second of sampling |",
        "|---|---:|---:|---:|---:|",
    ]
    for t in timings:
        ess = ["", ""] if np.isnan(t.ess) else [f"{t.ess:,.0f}", f"{t.ess / t.sample:,.0f}"]
        lines.append(f"| {t.engine} | {t.compile:.1f} | {t.sample:.1f} | {ess[0]} | {ess[1]} |")
    lines += ["", "They agree on the answer (mean and sd; for MixedLM estimate and standard error):", ""]
    lines += ["| parameter | truth | " + " | ".join(t.engine for t in timings) + " |"]
    lines += ["|---|---:|" + "---:|" * len(timings)]
    for name, truth in TRUTH.items():
        cells = [_cell(*t.estimates[name]) for t in timings]
        lines.append(f"| `{name}` | {truth} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(mean: float, sd: float) -> str:
    return f"{mean:.4f}" if np.isnan(sd) else f"{mean:.4f} ({sd:.4f})"


def alone(run: Callable[[pd.DataFrame], Timing], table: pd.DataFrame) -> Timing:
    """Run one engine in a process of its own with an empty compile cache, so that none warms another up."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={cache}"
        os.environ["NUMBA_CACHE_DIR"] = cache
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(run, (table,))


def main() -> None:
    """Run all three."""
    table = simulate(SEED)
    timings = [alone(run, table) for run in (run_taskorder, run_pymc, run_statsmodels)]
    text = report(timings, len(table))
    write_whole(Path(__file__).with_name("results.md"), text, force=True)
    print(text)


if __name__ == "__main__":
    main()
