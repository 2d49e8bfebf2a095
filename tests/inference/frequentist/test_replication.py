"""Which rows of a table are orders of the same tasks on the same subjects."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from taskorder.inference.frequentist.replication import replicated_orders

Make = Callable[..., Any]

ORDERS = ["one>two", "two>one"]


def rows(
    results: Make, languages: list[str], seeds: list[int], sequences: list[str] = ORDERS
) -> pd.DataFrame:
    cases = [(s, language, seed) for s in sequences for language in languages for seed in seeds]
    sequence, language, seed = (list(column) for column in zip(*cases, strict=True))
    return results(sequence=sequence, language=language, seed=seed, score=[0.5] * len(cases))


def test_seeds_come_before_languages(results: Make) -> None:
    found = replicated_orders(rows(results, ["en", "sw", "fr"], [1, 2, 3]))
    assert [(part.subject, len(part.frame)) for part in found] == [("seed", 18)]
    assert found[0].label == "one&two, s b/full, target goal"


def test_languages_stand_in_for_few_seeds(results: Make) -> None:
    found = replicated_orders(rows(results, ["en", "sw", "fr"], [1, 2]))
    assert [(part.subject, len(part.frame)) for part in found] == [("language", 12)]


def test_noise_is_told(results: Make) -> None:
    table = rows(results, ["en"], [1, 2, 3]).assign(perturbation="typos", severity=0.1)
    assert replicated_orders(table)[0].label == "one&two, s b/full, target goal, typos, 0.1"


def test_one_order_or_few_subjects_are_not_replicated(results: Make) -> None:
    assert replicated_orders(rows(results, ["en", "sw", "fr"], [1], ["one>two"])) == []
    assert replicated_orders(rows(results, ["en", "sw", "fr"], [1], ["one>two", "one>three", "one"])) == []
    assert replicated_orders(rows(results, ["en", "sw"], [1, 2])) == []


def test_a_condition_of_the_study_is_held_fixed(results: Make) -> None:
    table = rows(results, ["en", "sw", "fr"], [1])
    both = pd.concat([table.assign(freeze=depth) for depth in (0, 6)], ignore_index=True)
    found = replicated_orders(both.assign(source=[f"line {i}" for i in both.index]))
    assert [part.label.split(", ")[-1] for part in found] == ["freeze 0", "freeze 6"]
    assert all(len(part.frame) == 6 for part in found)


def test_scores_after_the_sequence_and_after_the_target_are_apart(results: Make) -> None:
    after_target = rows(results, ["en", "sw", "fr"], [1])
    last = after_target["sequence"].str.split(">").str[-1]
    first = after_target["sequence"].str.split(">").str[0]
    table = pd.concat([after_target, after_target.assign(stage=last), after_target.assign(stage=first)])
    found = replicated_orders(table.reset_index(drop=True))
    assert [set(part.frame["stage"]) for part in found] == [{""}, {"one", "two"}]
    assert all(len(part.frame) == 6 for part in found)
