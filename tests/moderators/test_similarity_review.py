from pathlib import Path

import pandas as pd

from taskorder.moderators.similarity import Similarity
from taskorder.results.catalogue import Covariates, covariates
from taskorder.results.sequences import parse


def known(**similar: float) -> Covariates:
    """Make languages similar to `yo`."""
    rows = [
        {"task": f"[{code}]", "target": "[yo]", "measure": "made", "similarity": value}
        for code, value in similar.items()
    ]
    tasks = pd.DataFrame({"task": ["panx"], "kind": ["ner"]})
    return Covariates(tasks, pd.DataFrame(rows), pd.DataFrame())


def of(sequence: str, covariates: Covariates) -> tuple[float, str]:
    ((stage,),) = parse(sequence)
    return Similarity(covariates, ["made"]).of(stage, "panx", "yo")


def test_a_stage_of_two_languages_is_as_similar_as_the_more_similar() -> None:
    assert of("tlm[en-sw]", known(en=0.2, sw=0.7)) == (0.7, "made")
    assert of("tlm[sw-en]", known(en=0.2, sw=0.7)) == (0.7, "made")
    assert of("tlm[en-sw]", known(en=0.2)) == (0.2, "made")


def test_an_empty_cell_masks_nothing(tmp_path: Path) -> None:
    ((stage,),) = parse("snli")
    shipped = Similarity(covariates(), ["taskshop_roe"]).of(stage, "rte", "en")
    assert shipped[1] == "taskshop_roe"
    for content in ("snli,rte,\nqqp,rte,0.5\n", "snli,rte,\n"):
        own = tmp_path / "own.csv"
        own.write_text(f"task,target,similarity\n{content}", encoding="utf-8")
        assert Similarity(covariates(similarity=own), ["taskshop_roe"]).of(stage, "rte", "en") == shipped
