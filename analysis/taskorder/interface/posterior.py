"""A fit with what a notebook asks of it: its posterior, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd
import xarray as xr

from taskorder.errors import MissingData, nearest
from taskorder.inference import fitting, store
from taskorder.inference.diagnostics import MAX_R_HAT, MIN_ESS
from taskorder.interface import showing
from taskorder.results.catalogue import Covariates
from taskorder.results.catalogue import covariates as shipped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from taskorder.reporting.estimates import Estimate


@dataclass(frozen=True, repr=False)
class Fit(fitting.Fit):
    """A posterior, with what can be asked of it.

    `taskorder.fit` and `taskorder.load` return it.

    Attributes
    ----------
    spec : ModelSpec
        The model.
    tree : DataTree
        All groups: see `posterior`.
    summary : DataFrame
        One row a parameter or estimand: `parameter, mean, sd, lower, upper, ess_bulk, ess_tail, r_hat, unit`;
        intervals are 95 % equal-tailed.
    diagnostics : Diagnostics
        `ok`, and what it follows from.
    manifest : dict
        What the posterior was made from, and how: model, data, versions, seed, sampling, priors, units.
    table : DataFrame or None
        What the model was fitted to, as it was read; None where the fit was loaded.
    covariates : Covariates or None
        What explains the scores; None where the fit was loaded: those that ship are taken then.
    """

    table: pd.DataFrame | None = None
    covariates: Covariates | None = None

    @classmethod
    def of(
        cls, fit: fitting.Fit, table: pd.DataFrame | None = None, covariates: Covariates | None = None
    ) -> Self:
        """Return a fit together with what it was made from."""
        own = {each.name: getattr(fit, each.name) for each in fields(fitting.Fit)}
        return cls(**own, table=table, covariates=covariates)

    @property
    def posterior(self) -> xr.DataTree:
        """The DataTree that ArviZ takes.

        Its groups are `posterior` (parameters and effects), `estimands`, `sample_stats`, `log_likelihood`,
        `posterior_predictive`, `log_prior`, `observed_data` and `constant_data`.
        """
        return self.tree

    @property
    def estimands(self) -> pd.DataFrame:
        """The rows of the summary that the model file asks for; all where it asks for none."""
        asked = self.summary["parameter"].str.split("[", n=1).str[0].isin(list(self.spec.estimands))
        return (self.summary[asked] if asked.any() else self.summary).reset_index(drop=True)

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write `posterior.nc`, `summary.csv`, `diagnostics.json` and `manifest.json`.

        Raises
        ------
        FileExistsError
            If the folder holds a fit and `force` is not set.
        """
        store.save(self, Path(folder), force=force)

    def judge(self) -> pd.DataFrame:
        """Judge the registered claims about this model by this posterior alone.

        No gate is passed here: `taskorder.judge` does that, and only it supports a claim.

        Returns
        -------
        DataFrame
            `id, statement, region, probability, mean, lower, upper, unit`: `probability` is that of the
            claimed region; 0.95 or more supports a claim that passes all gates, 0.05 or less refutes it.
        """
        from taskorder.claims import Verdict, judge
        from taskorder.claims.proceedings import registered

        about = [one for one in registered() if one.model == self.spec.name]
        found = [Verdict(claim, judge(claim, self)).as_dict() for claim in about]
        wanted = ["id", "statement", "region", "probability", "mean", "lower", "upper", "unit"]
        return pd.DataFrame(found, columns=wanted)

    def leave_out(self, column: str = "study") -> pd.DataFrame:
        """Say what every estimand would be without each level of a column.

        Parameters
        ----------
        column : str
            Such as `study`, `backbone`, `target` or `language`.

        Returns
        -------
        DataFrame
            One row a level and estimand: `left_out, rows, estimand, mean, sd, lower, upper, ess, pareto_k,
            elpd, problem`; the first rows, with `left_out` empty, are of all data.

        Raises
        ------
        MissingData
            If the fit was loaded, or its rows have no such column, or one level of it only.
        """
        from taskorder.inference.criticism.leaving_out import whole, without_levels
        from taskorder.inference.layout.design import build_design

        known = self._known()
        rows = fitting.select_rows(self._table(), self.spec, known)
        everything = whole(
            build_design(rows, self.spec, known), self.spec, self.tree["posterior"].to_dataset()
        )
        return without_levels(everything, column, seed=fitting.SEED)

    def companions(self) -> pd.DataFrame:
        """Return what methods that are not Bayesian say of the same rows.

        Returns
        -------
        DataFrame
            One row an estimate: `term, method, estimate, se, lower, upper, df, p, unit, agrees`; `agrees`
            says whether the sign is that of the posterior mean.
        """
        from taskorder.inference.frequentist.beside import companions

        return companions(self, self._known(), self.table)

    def sensitivity(self) -> pd.DataFrame:
        """Return how much the prior and the data each move the estimands (power-scaling).

        Returns
        -------
        DataFrame
            `estimand, prior, likelihood, diagnosis`; the diagnosis is empty where the prior does not matter
            more than chance would make it.

        References
        ----------
        Kallioinen et al. (2024), Statistics and Computing 34.
        """
        from taskorder.reporting.sensitivity import sensitivity

        found = sensitivity(self)
        if found is None:
            return pd.DataFrame(columns=["estimand", "prior", "likelihood", "diagnosis"])
        return found.table.assign(diagnosis=[found.diagnosis(row) for _, row in found.table.iterrows()])

    def plot_estimates(self, *names: str) -> Figure:
        """Draw the posterior of estimands: density, mean, central half and 95 % interval.

        Parameters
        ----------
        names : str
            Of estimands of one unit; the model's slopes and contrasts in points where none is named.

        Raises
        ------
        MissingData
            If a name is none, or the units differ.
        """
        from taskorder.reporting import estimates, figures, wording

        shown = [self._estimate(name) for name in names] or [
            one for one in estimates.headline(self) if one.term != "1"
        ]
        if not shown:
            raise MissingData(f"model {self.spec.name!r} has no slopes or contrasts: name what is drawn")
        units = {wording.short_unit(one.unit): one.parameter for one in shown}
        if len(units) > 1:
            told = ", ".join(f"{name} is in {unit or 'no unit'}" for unit, name in units.items())
            raise MissingData(f"one axis has one unit, but {told}: draw them in figures of their own")
        full = {one.unit for one in shown}
        unit = full.pop() if len(full) == 1 else next(iter(units))
        unit = wording.long_unit(unit) or estimates.outcome_unit(self)
        return figures.densities(shown, [(0.0, 0.0)] * len(shown), unit).figure

    def plot_levels(self, group: str) -> Figure:
        """Draw the slopes at each level of a group, for which the model file has `level_points`.

        Parameters
        ----------
        group : str
            Such as `system` in models/moderators.toml.
        """
        from taskorder.reporting import estimates, figures

        found = estimates.by_level(self)
        if group not in found:
            raise MissingData(
                f'model {self.spec.name!r} has no estimand with function = "level_points" and'
                f" group = {group!r}; there are {', '.join(found) or 'none'}.{nearest(group, found)}"
            )
        terms = found[group]
        overall = [estimates.overall(self, levels[0].term) for levels in terms]
        unit = terms[0][0].unit.split(" at ")[0]
        return figures.forest(terms, overall, [0.0] * len(terms), unit).figure

    def plot_moderator(self, term: str) -> Figure:
        """Draw the stages against a moderator, before any model and by the model.

        Parameters
        ----------
        term : str
            `difficulty` or `similarity`.
        """
        from taskorder.reporting import contrasts, figures

        rows = contrasts.contrasts(self, self._known())
        data = None if rows is None else contrasts.against(self, rows, term)
        if data is None:
            raise MissingData(
                f"model {self.spec.name!r} has no slope of {term!r},"
                " or too few sequences of a single stage that differ in it"
            )
        return figures.moderator(data, "in standard deviations").figure

    def plot_orders(self) -> Figure:
        """Draw the scores of the orders of the same tasks, before any model."""
        from taskorder.reporting import orders

        found = orders.compared(self)
        if not found:
            raise MissingData(f"model {self.spec.name!r}: its rows have no two orders of the same tasks")
        return orders.picture(found).figure

    def plot_mixing(self, *names: str) -> Figure:
        """Draw how well the chains mix: R-hat and effective sample size of all, the ranks of some.

        Parameters
        ----------
        names : str
            Estimands whose ranks are drawn; up to three slopes and contrasts where none is named.
        """
        from taskorder.reporting import estimates, figures

        shown = [self._estimate(name) for name in names] or [
            one for one in estimates.headline(self) if one.term != "1"
        ][:3]
        chains = self.tree["posterior"].sizes["chain"]
        ranked = [(one.label, one.draws.reshape(chains, -1)) for one in shown]
        return figures.mixing(self.summary, ranked, MAX_R_HAT, MIN_ESS).figure

    def _estimate(self, name: str) -> Estimate:
        from taskorder.reporting import estimates

        found = estimates.named(self, name)
        if found is None:
            known = [each for each in self.spec.estimands if estimates.named(self, each)]
            raise MissingData(
                f"model {self.spec.name!r} has no estimand {name!r} with one value;"
                f" it has {', '.join(known) or 'none'}.{nearest(name, known)}"
            )
        return found

    def _table(self) -> pd.DataFrame:
        if self.table is None:
            raise MissingData("what this fit was made from is not with it: fit again with taskorder.fit")
        return self.table

    def _known(self) -> Covariates:
        return self.covariates or shipped()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        state = "passed its diagnostics" if self.diagnostics.ok else "FAILED its diagnostics"
        head = f"{self.spec.name}: {self.diagnostics.rows:,} rows; {state}"
        shown = ["parameter", "mean", "sd", "lower", "upper", "unit"]
        asked = self.estimands
        rest = self.summary[~self.summary["parameter"].isin(asked["parameter"])]
        folded = showing.folded("all other parameters", showing.table(rest[shown])) if len(rest) else ""
        return showing.paragraph(head) + showing.items(self.failures) + showing.table(asked[shown]) + folded
