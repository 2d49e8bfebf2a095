"""Sample a PyMC model with nutpie or with PyMC's own sampler, at their defaults."""

import time
from pathlib import Path

import nutpie
import pymc as pm
import xarray as xr
from drawn import hand_over

CORES = 2


def sample(
    model: pm.Model, out: Path, names: list[str], *, sampler: str, draws: int, chains: int, began: float
) -> None:
    """Sample and hand the draws over.

    Parameters
    ----------
    model : Model
    out : Path
        Where the draws go.
    names : list of str
        The variables that are compared.
    sampler : {"nutpie", "pymc"}
        PyMC compiles inside its `sample`: no time of compiling is told for it.
    draws, chains : int
        As many draws in all, and as many again of tuning.
    began : float
        `time.perf_counter()` from which compiling is counted: the model was built since.
    """
    each = draws // chains
    if sampler == "nutpie":
        compiled = nutpie.compile_pymc_model(model)
        ready = time.perf_counter()
        tree = nutpie.sample(
            compiled, draws=each, tune=each, chains=chains, cores=CORES, seed=1, progress_bar=False
        )
    else:
        ready = time.perf_counter()
        with model:
            tree = pm.sample(
                draws=each,
                tune=each,
                chains=chains,
                cores=CORES,
                random_seed=1,
                nuts_sampler="pymc",
                progressbar=False,
                compute_convergence_checks=False,
            )
    done = time.perf_counter()
    posterior: xr.Dataset = tree["posterior"].to_dataset()[names]
    libraries = ["pymc", "nutpie"] if sampler == "nutpie" else ["pymc"]
    hand_over(out, posterior, ready - began, done - ready, libraries)
