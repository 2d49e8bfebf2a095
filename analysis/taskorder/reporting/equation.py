"""A model written as mathematics, in Typst's notation, from its model file alone.

Names in a model file are letters, digits and underscores only, so they can stand in the notation as
quoted text.
"""

from __future__ import annotations

from taskorder.inference.spec import STAGE, ModelSpec, SequenceSpec, crossed_names, sd_name

_MOST = 3
"""Terms on a line at the most."""


def text(name: str) -> str:
    """Return a name as upright text in mathematics; an interaction gets its cross."""
    return " times ".join(f'"{part.replace("_", " ")}"' for part in name.split(":"))


def symbols(spec: ModelSpec) -> dict[str, str]:
    """Return the symbol of each parameter in Typst's notation, by the names that priors are given for."""
    found = {term: _fixed_symbol(term) for term in spec.fixed.terms}
    if spec.sequence is not None:
        found[STAGE] = "alpha"
        found |= {term: f"gamma_({text(term)})" for term in spec.sequence.moderators}
        found |= {
            f"sd:{group}": f"tau_({_crossed_index(column)})"
            for group, column in crossed_names(spec.sequence).items()
        }
        if spec.sequence.recency:
            found["recency"] = "lambda"
    for group, entry in spec.groups.items():
        for term in entry.by:
            found[sd_name(group, term)] = f"tau_({_group_index(group, term)})"
    found["residual"] = "phi" if spec.outcome.likelihood == "beta_binomial" else "sigma"
    found["sd:residual"] = "omega"
    found["nu"] = "nu"
    return found


def _fixed_symbol(term: str) -> str:
    return "beta_0" if term == "1" else f"beta_({text(term)})"


def _group_index(group: str, term: str) -> str:
    return text(group) if term == "1" else f"{text(term)}, {text(group)}"


def _crossed_index(column: str) -> str:
    return f'"task", {text(column)}' if column else '"task"'


def lines(spec: ModelSpec) -> list[str]:
    """Return the equations of the model, the alignment point at the relation.

    Returns
    -------
    list of str
        The outcome on its scale, its distribution, its expectation, the weight of a stage, the effect of a
        stage, and the distributions of the effects; those that the model has.
    """
    found = [_outcome(spec), _distribution(spec), f"eta_i &= {_expectation(spec)}"]
    if spec.sequence is not None:
        found += _stages(spec.sequence, spec)
    found += _effects(spec)
    return found


def _counts(spec: ModelSpec) -> bool:
    """Say whether successes are counted: there is no outcome on a scale then, but a probability on one."""
    return spec.outcome.likelihood in {"binomial", "beta_binomial"}


def _outcome(spec: ModelSpec) -> str:
    column = text(spec.outcome.column)
    if _counts(spec):
        successes = f'"round"({column}_i thin m_i)' if spec.data.layout == "results" else f"{column}_i"
        return f"y_i &= {successes}"
    return {
        "arcsine": f"z_i &= arcsin sqrt({column}_i)",
        "logit": f"z_i &= log {column}_i / (1 - {column}_i)",
        "identity": f"z_i &= {column}_i",
    }[spec.outcome.scale]


def _distribution(spec: ModelSpec) -> str:
    if spec.outcome.likelihood == "binomial":
        return f'y_i &tilde.op "Binomial"(m_i, thin p_i) comma quad p_i = {_INVERSE_LOGIT}'
    phi = "phi_(r[i])" if spec.residual.columns else "phi"
    if spec.outcome.likelihood == "beta_binomial":
        mean = f"lr((p_i {phi}, thin (1 - p_i) {phi}))"
        return f'y_i &tilde.op "BetaBinomial"(m_i, thin {mean}) comma quad p_i = {_INVERSE_LOGIT}'
    known = "v_i" if spec.outcome.variance else ""
    own = "" if spec.residual.sd == 0 else "sigma_(r[i])^2" if spec.residual.columns else "sigma^2"
    variance = " + ".join(part for part in (known, own) if part)
    if spec.data.layout == "results":
        variance = f"lr(({variance})) slash n_i" if known and own else f"{variance} slash n_i"
    if spec.outcome.likelihood == "student_t":
        return f"z_i &tilde.op t_nu (eta_i, thin {variance})"
    return f"z_i &tilde.op cal(N)(eta_i, thin {variance})"


_INVERSE_LOGIT = "1 / (1 + e^(-eta_i))"


def _product(term: str, index: str) -> str:
    return " thin ".join(f"{text(part)}_({index})" for part in term.split(":"))


def _expectation(spec: ModelSpec) -> str:
    parts = [
        _fixed_symbol(term) + ("" if term == "1" else f" {_product(term, 'i')}") for term in spec.fixed.terms
    ]
    if spec.sequence is not None:
        weight = "w_k " if spec.sequence.recency else ""
        parts.append(f"sum_(k=1)^K {weight}e_(t_k, i)")
    stage_terms = _stage_terms(spec)
    for group, entry in spec.groups.items():
        for term in entry.by:
            if term in stage_terms:
                continue
            slope = "" if term == "1" else f" {_product(term, 'i')}"
            parts.append(f"u^({_group_index(group, term)})_i{slope}")
    rows = [" + ".join(parts[i : i + _MOST]) for i in range(0, len(parts), _MOST)]
    return " \\ &quad + ".join(rows) if rows else "0"


def _stage_terms(spec: ModelSpec) -> set[str]:
    return set() if spec.sequence is None else {STAGE, *spec.sequence.moderators}


def _stages(sequence: SequenceSpec, spec: ModelSpec) -> list[str]:
    parts = ["alpha"]
    parts += [
        f"u^({_crossed_index(column)})_(t{', i' if column else ''})"
        for column in crossed_names(sequence).values()
    ]
    parts += [
        f"u^({_group_index(group, STAGE)})_i" for group, entry in spec.groups.items() if STAGE in entry.by
    ]
    for term in sequence.moderators:
        slopes = [f"gamma_({text(term)})"]
        slopes += [
            f"u^({_group_index(group, term)})_i" for group, entry in spec.groups.items() if term in entry.by
        ]
        slope = slopes[0] if len(slopes) == 1 else f"lr(({' + '.join(slopes)}))"
        parts.append(f"{slope} thin {_product(term, 't, i')}")
    found = ["e_(t, i) &= " + " \\ &quad + ".join(_wrapped(parts))]
    if sequence.recency:
        found.append("w_k &= exp(-lambda (K - k))")
    return found


def _wrapped(parts: list[str], most: int = _MOST) -> list[str]:
    """Join parts to lines: the plain effects first, then each slope with its group on a line of its own."""
    plain = [part for part in parts if "thin" not in part]
    rows = [" + ".join(plain[i : i + most]) for i in range(0, len(plain), most)]
    return rows + [part for part in parts if "thin" in part]


def _effects(spec: ModelSpec) -> list[str]:
    found: list[str] = []
    if spec.sd_names():
        found.append('u^((g)) &tilde.op cal(N)(0, tau_g^2) quad "for every group" g')
    if spec.residual.columns and spec.residual.sd is None and spec.outcome.likelihood != "binomial":
        own = "phi" if spec.outcome.likelihood == "beta_binomial" else "sigma"
        found.append(f"log {own}_r &tilde.op cal(N)(log {own}, omega^2)")
    return found


def legend(spec: ModelSpec) -> list[dict[str, str]]:
    """Return what the letters of the equations stand for: `symbol` in Typst's notation and `meaning`."""
    entries = [
        ("i", "a row of the table, or a mean of rows that the model cannot tell apart"),
        ("eta_i", "its expectation"),
    ]
    if spec.sequence is not None:
        entries += [
            ("t_k", "the k-th stage of K before the target; stages trained jointly share their weight"),
            ("e_(t, i)", "what stage t does to row i"),
            ("alpha", "the mean effect of a stage"),
        ]
        if spec.sequence.moderators:
            entries.append(
                ("gamma", "a slope, per standard deviation of the moderator within its study and measure")
            )
        if spec.sequence.recency:
            entries.append(
                ("lambda", "how fast the weight of a stage falls with its distance from the target")
            )
    if spec.groups:
        entries.append(
            ("u^((g))", "the deviation of a level of group g, with standard deviation τ of that group")
        )
    if spec.outcome.variance:
        entries.append(("v_i", "the known sampling variance"))
    entries += _noise(spec)
    return [{"symbol": symbol, "meaning": meaning} for symbol, meaning in entries]


def _noise(spec: ModelSpec) -> list[tuple[str, str]]:
    """Return what the letters of the distribution of the outcome stand for."""
    likelihood, columns = spec.outcome.likelihood, spec.residual.columns
    entries: list[tuple[str, str]] = []
    if _counts(spec):
        entries += [("m_i", "the number of trials"), ("p_i", "the probability of a success")]
    if likelihood == "student_t":
        entries.append(("nu", "the degrees of freedom"))
    if likelihood == "binomial" or spec.residual.sd is not None:
        return entries
    own, what = ("phi", "precision") if likelihood == "beta_binomial" else ("sigma", _SPREAD[likelihood])
    if columns:
        entries.append((f"{own}_r", f"the residual {what} of a level of {' and '.join(columns)}"))
    else:
        entries.append((own, f"the residual {what}"))
    return entries


_SPREAD = {"normal": "standard deviation", "student_t": "scale"}
