"""Claims against the models that they are about, before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence

from taskorder.claims.claim import Claim
from taskorder.errors import TaskorderError, nearest
from taskorder.inference.spec import ModelSpec


def refuse_unmatched(claims: Sequence[Claim], models: Sequence[ModelSpec]) -> None:
    """Refuse claims about what no model has.

    Parameters
    ----------
    claims : sequence of Claim
    models : sequence of ModelSpec
        All that there are.

    Raises
    ------
    TaskorderError
        If a claim names a model that is not among them, or an estimand of it that cannot be judged.
    """
    by_name = {spec.name: spec for spec in models}
    for claim in claims:
        if not claim.model:
            continue
        if claim.model not in by_name:
            raise TaskorderError(
                f"claim {claim.id!r}: there is no model {claim.model!r}; there are {', '.join(by_name)}."
                f"{nearest(claim.model, by_name)}"
            )
        refuse_estimand(claim, by_name[claim.model])


def refuse_estimand(claim: Claim, spec: ModelSpec) -> None:
    """Refuse a claim about an estimand that its model file has not, or that has no region to claim.

    Raises
    ------
    TaskorderError
        If there is no such estimand, it has one value a level, or it is an event (`same_sign`) and the claim
        is not that it is true.
    """
    where = f"claim {claim.id!r}: estimand {claim.estimand!r}"
    if claim.estimand not in spec.estimands:
        raise TaskorderError(
            f"{where}: model {spec.name!r} has none of that name; it has {', '.join(spec.estimands)}."
            f"{nearest(claim.estimand, spec.estimands)}"
        )
    function = spec.estimands[claim.estimand].function
    if function == "level_points":
        raise TaskorderError(f"{where} has one value a level; a claim needs one in all")
    if function == "same_sign" and (claim.region != "above" or claim.rope or claim.at):
        raise TaskorderError(
            f'{where} is true or false in a draw: claim it with region = "above", no rope and no at'
        )
