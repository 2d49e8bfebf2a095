"""What the person can mend is said in words, whatever library raised it."""

import pytest

from taskorder.errors import MissingData, training_libraries


def test_a_library_that_trains_and_is_not_installed_is_told_with_the_remedy() -> None:
    with pytest.raises(MissingData, match=r"need torch, .*taskorder\[train\]"), training_libraries():
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")


def test_another_module_that_is_missing_is_a_fault_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError, match="taskordr"), training_libraries():
        raise ModuleNotFoundError("No module named 'taskordr'", name="taskordr")
