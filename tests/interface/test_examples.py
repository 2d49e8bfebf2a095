"""The examples in docstrings print what they say."""

import doctest
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import taskorder
import taskorder.interface as interface

MODULES = [f"taskorder.interface.{module.name}" for module in pkgutil.iter_modules(interface.__path__)]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = doctest.testmod(import_module(name), extraglobs={"taskorder": taskorder}, optionflags=OPTIONS)
    assert done.failed == 0
