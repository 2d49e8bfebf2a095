"""What is asked for and cannot be had is refused from Python as on the command line, before any work."""

from collections.abc import Callable

import pytest

import taskorder
from taskorder.errors import TaskorderError
from taskorder.inference import session

from .conftest import MODEL


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: taskorder.fit(MODEL, engine="nut"), r"engine = 'nut': allowed: .* Did you mean 'nuts'\?"),
        (lambda: taskorder.fit(MODEL, draws=10), "draws = 10: name at least 400"),
        (lambda: taskorder.judge(seed=-1), "seed = -1: name at least 0"),
        (lambda: taskorder.report(draws=399), "draws = 399"),
        (lambda: taskorder.refit("mine.csv", draws=0), "draws = 0"),
        (lambda: taskorder.undo(seed=-1), "seed = -1"),
        (lambda: taskorder.calibrate(MODEL, data_sets=19), "data_sets = 19: name at least 20"),
        (lambda: taskorder.calibrate(MODEL, workers=0), "workers = 0"),
        (lambda: taskorder.select("rte", "sw", stages=0), "stages = 0"),
        (lambda: taskorder.design("experiment.toml", 0), "runs = 0"),
        (lambda: taskorder.import_results("lm_eval", "."), r"form = 'lm_eval': .* Did you mean 'lm-eval'\?"),
        (lambda: taskorder.import_results("wide", ".", headers="task"), "headers = 'task': allowed: 'lan"),
        (lambda: taskorder.import_results("wide", ".", header_rows=3), "a header has 1 line or 2"),
        (lambda: taskorder.import_results("wide", ".", columns={"studdy": "a"}), "Did you mean 'study'"),
        (lambda: taskorder.import_results("trainer", ".", split="tes"), "Did you mean 'test'"),
    ],
)
def test_it_is_refused(ask: Callable[[], object], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "fit_rows", lambda *_, **__: pytest.fail("it was fitted"))
    with pytest.raises(TaskorderError, match=says):
        ask()
