"""What `import taskorder` offers, and that it costs nothing until it is used."""

import subprocess
import sys
from importlib import import_module

import pytest

import taskorder

HEAVY = ("numpy", "pandas", "pyarrow", "pydantic", "xarray", "scipy", "matplotlib", "arviz_stats", "torch")
FOR_TABLES = ("pandas", "numpy", "pyarrow", "pydantic")


def loaded(code: str) -> set[str]:
    """Which of the heavy libraries a fresh interpreter has loaded after some code."""
    told = f"import sys\n{code}\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


def test_every_name_is_there_and_documented() -> None:
    for name in taskorder.__all__:
        assert getattr(taskorder, name).__doc__, name


def test_no_name_is_hidden_by_a_package_of_the_same_name() -> None:
    for name in taskorder.__all__:
        with pytest.raises(ModuleNotFoundError):
            import_module(f"taskorder.{name}")


def test_a_wrong_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="fitt"):
        _ = taskorder.fitt


def test_the_package_loads_nothing_heavy() -> None:
    assert loaded("import taskorder; taskorder.__version__; dir(taskorder)") == set()


def test_help_loads_nothing_heavy() -> None:
    code = "from taskorder.cli import app\napp(['--help'], standalone_mode=False)"
    assert loaded(code) == set()


@pytest.mark.parametrize("command", ["read", "check"])
def test_tables_load_what_they_need_and_no_more(command: str) -> None:
    code = f"import taskorder\ntaskorder.{command}(*taskorder.published()[:1])"
    assert loaded(code) <= set(FOR_TABLES)
