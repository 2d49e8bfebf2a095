"""Which rows are candidates of one another."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from taskorder.choosing.blocks import averaged, blocks_of

Make = Callable[..., pd.DataFrame]


def test_a_block_has_the_single_stages_of_one_system_and_target(make_rows: Make) -> None:
    rows = make_rows()
    blocks = blocks_of(rows)
    assert len(blocks) == 16
    assert blocks[0].candidates == ("five", "four", "one", "six", "three", "two")
    assert blocks[0].scores.shape == (6, 3)
    here = rows[(rows["system"] == blocks[0].system) & (rows["target"] == blocks[0].target)]
    means = here.groupby("sequence")["score"].mean().loc[list(blocks[0].candidates)]
    assert np.allclose(blocks[0].scores.mean(axis=1), means)


def test_direct_joint_longer_and_perturbed_rows_are_no_candidates(make_rows: Make) -> None:
    rows = make_rows()
    others = rows.assign(sequence=rows["sequence"].map({"one": "", "two": "one>two", "three": "one+two"}))
    others = others.assign(score=0.99).dropna(subset="sequence")
    noisy = rows.assign(perturbation="typos", score=0.01)
    found = blocks_of(pd.concat([rows, others, noisy], ignore_index=True))
    assert [block.candidates for block in found] == [block.candidates for block in blocks_of(rows)]
    assert all(0.05 < block.scores.min() < block.scores.max() < 0.9 for block in found)


def test_all_candidates_have_as_many_replicates(make_rows: Make) -> None:
    rows = make_rows()
    lost = (rows["sequence"] == "two") & (rows["seed"] == 2) & (rows["target"] == "goal3")
    counts = {block.target: block.scores.shape[1] for block in blocks_of(rows[~lost])}
    assert counts == {f"goal{i}": 2 if i == 3 else 3 for i in range(8)}


def test_two_candidates_are_no_choice(make_rows: Make) -> None:
    rows = make_rows()
    assert blocks_of(rows[rows["sequence"].isin(["one", "two"])]) == ()


def test_a_mean_is_one_observation_whoever_took_it(make_rows: Make) -> None:
    rows = make_rows()
    means = averaged(rows)
    assert len(means) == len(rows) / 3
    assert means["run"].is_unique
    published = averaged(means.assign(n_seeds=3, sd=0.01))
    assert np.allclose(published["score"], means["score"])
    assert (published["n_seeds"] == 1).all()
    assert published["sd"].isna().all()
