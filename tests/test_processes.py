"""Processes beside this one: what goes wrong in them is told as if it had gone wrong here."""

from concurrent.futures.process import BrokenProcessPool

import pytest

from taskorder.errors import InvalidModel, InvalidTable, MissingData, Problem, TaskorderError
from taskorder.processes import processes

FAILURES = (
    InvalidModel(["priors: no such thing", "groups: none"]),
    InvalidTable([Problem("a.csv", 3, "score", "is no number"), Problem("b.csv", None, "", "is empty")]),
    MissingData("no table matches"),
)


def test_a_failure_keeps_its_kind_its_words_and_its_problems() -> None:
    with processes(1) as pool:
        for failure in FAILURES:
            with pytest.raises(TaskorderError) as caught:
                pool.submit(exec, "raise failure", {"failure": failure}).result()
            assert type(caught.value) is type(failure)
            assert str(caught.value) == str(failure)
            assert caught.value.args == failure.args


def test_an_interrupt_ends_a_process_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"
    with processes(1) as pool, pytest.raises(BrokenProcessPool):
        pool.submit(exec, code).result()
    assert capfd.readouterr().err == ""
