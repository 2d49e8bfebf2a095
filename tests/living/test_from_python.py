"""Tables added to a project from Python: what comes back is what the command line prints, as tables."""

from pathlib import Path

import taskorder

from .conftest import Rows


def test_what_moved_is_a_table_and_can_be_taken_back(root: Path, rows: Rows) -> None:
    mine = rows("mine.csv", "mine", gain=6.0)
    tried = taskorder.refit(mine, dry_run=True, seed=3, draws=1600)
    assert tried is not None
    assert tried.folder is None
    assert not (root / "data" / "added").exists()

    found = taskorder.refit(mine, models=["small"], full=True, seed=3, draws=1600)
    assert found is not None
    before, after = found.models[0].before, found.models[0].after
    shifts = found.estimands.set_index("estimand")["shift"]
    assert before is not None
    assert after is not None
    moved = after.summary.set_index("parameter")["mean"] - before.summary.set_index("parameter")["mean"]
    assert abs(shifts["stage_points"] - moved["stage_points"]) < 1e-6
    assert found.claims["claim"].tolist() == ["stages-help"]
    assert "stage_points" in repr(found)
    assert found._repr_markdown_().startswith("#### Added")
    assert len(list((root / "data" / "added").glob("*.csv"))) == 1

    assert taskorder.refit(mine, seed=3, draws=1600) is None
    taskorder.undo(seed=3, draws=1600)
    assert not list((root / "data" / "added").glob("*.csv"))
