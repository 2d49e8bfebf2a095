"""A crossed design by statsmodels' MixedLM: the restricted likelihood's maximum, with standard errors.

python mixedlm.py DATA OUT
"""

import json
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf


def main(data: Path, out: Path) -> None:
    """Fit; crossed effects are variance components within one group of all rows."""
    table = pd.read_csv(data / "results.csv")
    groups = tomllib.loads((data / "model.toml").read_text("utf-8"))["groups"]
    components = {name: f"0 + C({name})" for name in groups}
    began = time.perf_counter()
    model = smf.mixedlm("y ~ x", table, groups=np.ones(len(table)), vc_formula=components)
    ready = time.perf_counter()
    result = model.fit(reml=True, method="lbfgs")
    done = time.perf_counter()
    estimates = [
        ("1", result.params["Intercept"], result.bse["Intercept"]),
        ("x", result.params["x"], result.bse["x"]),
        *(
            (f"sd:{name}", np.sqrt(v), np.nan)
            for name, v in zip(model.exog_vc.names, result.vcomp, strict=True)
        ),
        ("residual", np.sqrt(result.scale), np.nan),
    ]
    pd.DataFrame(estimates, columns=["parameter", "mean", "sd"]).to_csv(out / "estimates.csv", index=False)
    versions = f"statsmodels {version('statsmodels')}"
    timing = {"compile": ready - began, "sample": done - ready, "versions": versions}
    (out / "timing.json").write_text(json.dumps(timing))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
