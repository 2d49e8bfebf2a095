"""Every mistake in a model file is named, at its place, with the word that was probably meant."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorder.errors import InvalidModel
from taskorder.inference.spec import ModelSpec, needs_nuts, parse_model, read_model
from taskorder.paths import resource

FULL: dict[str, Any] = {
    "name": "full",
    "question": "?",
    "data": {"schema": "results", "tables": ["a.csv"], "where": "stage == ''", "flags": ["mean"]},
    "outcome": {"column": "score", "scale": "arcsine", "variance": "", "reference": 0.8},
    "fixed": {"terms": ["1", "tuning"]},
    "sequence": {
        "moderators": ["difficulty", "similarity", "difficulty:similarity"],
        "recency": True,
        "difficulty": ["shortfall"],
        "similarity": ["same_kind"],
        "crossed": ["target"],
        "missing": "drop",
    },
    "groups": {
        "study": {},
        "system": {"by": ["1", "difficulty"]},
        "order": {"columns": ["study", "sequence"], "where": "steps > 1", "min_rows": 2},
    },
    "residual": {"by": ["study", "target"]},
    "priors": {
        "1": {"dist": "Normal", "mu": 0, "sigma": 1},
        "difficulty": {"dist": "Flat"},
        "sd": {"dist": "HalfNormal", "sigma": 0.25},
        "sd:system:difficulty": {"dist": "HalfCauchy", "beta": 0.1},
        "residual": {"dist": "HalfStudentT", "nu": 3, "sigma": 0.1},
        "sd:residual": {"dist": "Exponential", "lam": 1},
        "recency": {"dist": "Normal", "mu": 0, "sigma": 1},
    },
    "estimands": {
        "slope": {"function": "points", "of": "difficulty"},
        "spread": {"function": "sd_points", "of": "difficulty", "group": "system"},
        "question": {"function": "ratio", "of": "sd:order", "to": "residual"},
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the full model with one entry, named by a dotted path, set to a value."""
    content = copy.deepcopy(FULL)
    *parents, key = path.split(".")
    table = content
    for parent in parents:
        table = table[parent]
    table[key] = value
    return content


def problems(content: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(InvalidModel) as caught:
        parse_model(content, "m.toml")
    return caught.value.problems


def only_problem(content: dict[str, Any]) -> str:
    found = problems(content)
    assert len(found) == 1, found
    assert found[0].startswith("m.toml: ")
    return found[0]


def test_the_full_model_is_read_as_it_is_written() -> None:
    spec = parse_model(FULL)
    assert spec.groups["order"].columns == ("study", "sequence")
    assert spec.slopes() == ("1", "tuning", "stage", "difficulty", "similarity", "difficulty:similarity")
    assert spec.sd_names() == (
        "sd:stage",
        "sd:stage:target",
        "sd:study",
        "sd:system",
        "sd:system:difficulty",
        "sd:order",
    )
    assert str(spec.priors["residual"]) == "HalfStudentT(3, 0.1)"
    assert spec.residual.columns == ("study", "target")


@pytest.mark.parametrize("path", sorted(resource("models").glob("*.toml")), ids=lambda path: path.name)
def test_shipped_models_can_be_read(path: Path) -> None:
    assert read_model(path).name == path.stem


@pytest.mark.parametrize(
    ("path", "value", "said", "meant"),
    [
        ("outcom", {}, "unknown key 'outcom'", "outcome"),
        ("data.table", [], "[data] unknown key 'table'", "tables"),
        ("outcome.scales", "logit", "[outcome] unknown key 'scales'", "scale"),
        ("fixed.term", [], "[fixed] unknown key 'term'", "terms"),
        ("sequence.recensy", True, "[sequence] unknown key 'recensy'", "recency"),
        ("groups.study.columms", [], "[groups.study] unknown key 'columms'", "columns"),
        ("residual.bye", "study", "[residual] unknown key 'bye'", "by"),
        ("estimands.slope.functions", "points", "[estimands.slope] unknown key 'functions'", "function"),
        ("data.schema", "result", "[data] schema = 'result'", "results"),
        ("outcome.likelihood", "student", "[outcome] likelihood = 'student'", "student_t"),
        ("outcome.scale", "arksine", "[outcome] scale = 'arksine'", "arcsine"),
        ("sequence.missing", "dorp", "[sequence] missing = 'dorp'", "drop"),
        ("estimands.slope.function", "point", "[estimands.slope] function = 'point'", "points"),
        ("priors.recensy", {"dist": "Flat"}, "no parameter 'recensy'", "recency"),
        ("priors.sd:sistem", {"dist": "HalfNormal", "sigma": 1}, "no parameter 'sd:sistem'", "sd:system"),
        ("priors.1", {"dist": "Norml", "mu": 0, "sigma": 1}, "no distribution 'Norml'", "Normal"),
        ("priors.sd", {"dist": "HalfCauch", "beta": 1}, "no distribution 'HalfCauch'", "HalfCauchy"),
        ("priors.1", {"dist": "Normal", "mu": 0, "sigm": 1}, "Normal has no parameter 'sigm'", "sigma"),
        ("estimands.slope.of", "dificulty", "[estimands.slope] no parameter 'dificulty'", "difficulty"),
        ("estimands.question.to", "residuals", "[estimands.question] no parameter 'residuals'", "residual"),
        ("estimands.spread.group", "sistem", "[estimands.spread] group = 'sistem'", "system"),
    ],
)  # fmt: skip
def test_the_nearest_valid_word_is_named(path: str, value: object, said: str, meant: str) -> None:
    text = "\n".join(problems(changed(path, value)))
    assert said in text
    assert f"Did you mean {meant!r}?" in text


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("priors.1", {"dist": "Normal", "mu": 0}, "[priors] 1: Normal needs 'sigma'"),
        ("priors.1", {"dist": "Normal", "mu": "0", "sigma": 1}, "mu must be a number, not '0'"),
        ("priors.1", {"mu": 0, "sigma": 1}, "no distribution ''"),
        ("priors.1", {"dist": "HalfNormal", "sigma": 1}, "no distribution 'HalfNormal' for a linear term"),
        ("priors.sd", {"dist": "Normal", "mu": 0, "sigma": 1}, "'Normal' for a standard deviation"),
        ("priors.sd", {"dist": "HalfNormal", "sigma": 0}, "sd: sigma must be above 0, not 0"),
        ("priors.sd", {"dist": "HalfNormal", "sigma": -1}, "[priors] sd: sigma must be above 0, not -1"),
        ("priors.1", {"dist": "Normal", "mu": float("nan"), "sigma": 1}, "mu must be a finite number"),
        ("priors.1", {"dist": "Normal", "mu": 0, "sigma": float("inf")}, "sigma must be a finite number"),
        ("fixed.terms", ["1 + tuning"], "[fixed.terms] 0 = '1 + tuning'"),
        ("fixed.terms", ["tuning:"], "[fixed.terms] 0 = 'tuning:'"),
        ("fixed.terms", ["1:tuning"], "[fixed.terms] 0 = '1:tuning'"),
        ("sequence.moderators", ["log(difficulty)"], "'log(difficulty)'"),
        ("estimands.spread.group", "study", "lists 'difficulty' in `by`; those that do: system"),
        ("groups.system.by", ["1", "difficulty", "1"], "a term is listed twice"),
        ("groups.order.min_rows", 0, "[groups.order] min_rows = 0"),
        ("groups.study.within", "study", "a group cannot be nested in itself"),
        ("groups.stage", {}, "[groups.stage]: the name is taken by the model itself"),
        ("outcome.reference", 84, "[outcome] reference = 84"),
        ("data.schema", "any", "[sequence]: needs the tidy result table"),
        ("residual", {"sd": 0}, "[residual] sd = 0 needs known variances"),
        ("name", "two words", "name = 'two words'"),
        ("outcome.trials", "n", "likelihood = 'normal' has no use for `trials`"),
        ("priors.nu", {"dist": "Gamma", "alpha": 2, "beta": 0.1}, "no parameter 'nu'"),
        ("priors.nu", {"dist": "Normal", "mu": 9, "sigma": 1}, "'Normal' for degrees of freedom"),
    ],
)  # fmt: skip
def test_what_is_not_possible_is_said(path: str, value: object, said: str) -> None:
    assert said in "\n".join(problems(changed(path, value)))


COUNTS: dict[str, Any] = {
    "name": "counts",
    "data": {"schema": "any"},
    "outcome": {"column": "k", "trials": "n", "likelihood": "beta_binomial", "scale": "logit"},
}


@pytest.mark.parametrize(
    ("table", "content", "said"),
    [
        ("outcome", {"scale": "arcsine"}, "[outcome] likelihood = 'beta_binomial' needs scale = \"logit\""),
        ("outcome", {"variance": "v"}, "knows the variance of a count from its trials"),
        ("outcome", {"trials": ""}, "needs the column of trials"),
        ("data", {"schema": "results"}, "in result tables n_test says how many trials"),
        ("residual", {"sd": 0}, 'a beta_binomial without overdispersion is likelihood = "binomial"'),
        (
            "estimands",
            {"x": {"function": "ratio", "of": "residual", "to": "residual"}},
            "no parameter 'resid",
        ),
    ],
)
def test_counts_have_needs_of_their_own(table: str, content: dict[str, Any], said: str) -> None:
    found = problems(COUNTS | {table: COUNTS.get(table, {}) | content})
    assert any(said in problem for problem in found), found


def test_a_binomial_has_no_residual() -> None:
    binomial = COUNTS | {"outcome": COUNTS["outcome"] | {"likelihood": "binomial"}}
    assert parse_model(binomial).residual.sd == 0
    assert "a binomial has no residual" in only_problem(binomial | {"residual": {"by": "k"}})
    prior = {"residual": {"dist": "HalfNormal", "sigma": 1}}
    assert "no parameter 'residual'" in only_problem(binomial | {"priors": prior})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, ""),
        ({"priors": {"1": {"dist": "Flat"}, "sd": {"dist": "HalfCauchy", "beta": 1}}}, ""),
        ({"outcome": {"likelihood": "student_t"}}, "the likelihood is student_t"),
        (
            {"priors": {"1": {"dist": "StudentT", "nu": 3, "mu": 0, "sigma": 1}}},
            "the prior of 1 is StudentT",
        ),
    ],
)
def test_which_models_need_nuts(content: dict[str, Any], why: str) -> None:
    assert needs_nuts(parse_model({"name": "m"} | content)) == why


def test_a_recency_of_any_distribution_does_not_need_nuts() -> None:
    assert not needs_nuts(parse_model(changed("priors.recency", {"dist": "Cauchy", "alpha": 0, "beta": 1})))


@pytest.mark.parametrize(
    "word", ["sd", "residual", "recency", "nu", "residual_level_sd", "chain", "draw", "study_level"]
)
@pytest.mark.parametrize("term", ["{}", "tuning:{}", "{}:tuning"])
def test_no_fixed_term_bears_a_name_of_the_model(word: str, term: str) -> None:
    found = only_problem(changed("fixed.terms", ["1", term.format(word)]))
    assert found.startswith(f"m.toml: [fixed] terms: {word!r} is a name of the model itself")
    assert "rename the column" in found


@pytest.mark.parametrize("word", ["stage", "difficulty"])
def test_no_fixed_term_is_a_term_of_the_sequence(word: str) -> None:
    assert f"{word!r} is a term of [sequence] already" in only_problem(changed("fixed.terms", ["1", word]))


@pytest.mark.parametrize(
    "name", ["tuning", "stage", "difficulty", "residual", "recency", "chain", "system_level"]
)
def test_no_estimand_bears_a_name_of_the_model(name: str) -> None:
    found = only_problem(changed(f"estimands.{name}", {"function": "points", "of": "difficulty"}))
    assert found.startswith(f"m.toml: [estimands.{name}]: the name is that of a parameter")


def test_groups_in_a_circle() -> None:
    content = changed("groups.study", {"within": "order"})
    content["groups"]["order"]["within"] = "study"
    assert all("nested in a circle" in problem for problem in problems(content))


def test_the_name_is_required() -> None:
    assert only_problem({"question": "?"}) == "m.toml: 'name' is missing"


def test_all_problems_are_listed_at_once() -> None:
    content = changed("outcome.scale", "root")
    content["data"]["tabels"] = []
    content["priors"]["sd"] = {"dist": "Half"}
    assert len(problems(content)) == 3


@pytest.mark.parametrize("word", ["of", "function", "group", "to"])
def test_an_estimand_may_bear_the_name_of_a_key(word: str) -> None:
    content = changed(f"estimands.{word}", {"function": "points", "of": "difficulty", "unit": "x"})
    assert only_problem(content).startswith(
        f"m.toml: [estimands.{word}] unknown key 'unit'; allowed: function"
    )


@pytest.mark.parametrize("word", ["columns", "by", "within", "where"])
def test_a_group_may_bear_the_name_of_a_key(word: str) -> None:
    found = only_problem(changed(f"groups.{word}", {"colums": ["study"]}))
    assert found.startswith(f"m.toml: [groups.{word}] unknown key 'colums'; allowed: columns")


def test_a_parent_that_is_not_listed_is_added_before_its_group() -> None:
    content = changed("groups", {"language": {"within": "family"}})
    content["estimands"], content["priors"] = {}, {}
    assert list(parse_model(content).groups) == ["family", "language"]


def test_the_digest_is_of_the_meaning() -> None:
    spec = parse_model(FULL)
    assert parse_model(copy.deepcopy(FULL)).digest() == spec.digest()
    assert parse_model(changed("priors.sd", {"dist": "HalfNormal", "sigma": 0.2})).digest() != spec.digest()
    assert ModelSpec.model_validate_json(spec.model_dump_json(by_alias=True)) == spec


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name = ", "not valid TOML"),
        (b"\xef\xbb\xbfname = 'x'", "not valid TOML"),
        ("name = 'é'".encode("latin-1"), "byte 8 is not UTF-8"),
        (b"", "'name' is missing"),
        (b"x = " + b"[" * 10_000, "not valid TOML"),
    ],
)
def test_a_file_that_is_no_model_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidModel, match=said) as caught:
        read_model(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_is_not_there_names_its_sibling(tmp_path: Path) -> None:
    (tmp_path / "order.toml").write_text("name = 'order'")
    with pytest.raises(InvalidModel, match=r"no such model file. Did you mean 'order.toml'"):
        read_model(tmp_path / "ordr.toml")
    with pytest.raises(InvalidModel, match="is a folder"):
        read_model(tmp_path)


def paths_in(content: object, prefix: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(content, dict):
        entries: list[tuple[str | int, object]] = list(content.items())
    elif isinstance(content, list):
        entries = list(enumerate(content))
    else:
        return [prefix]
    return [prefix, *(path for key, value in entries for path in paths_in(value, (*prefix, key)))]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
WORDS = st.sampled_from(
    ["1", "stage", "difficulty", "by", "dist", "HalfNormal", "sigma", "sd", "study", "of"]
)
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner),
    max_leaves=5,
)  # fmt: skip


@settings(deadline=None)
@given(st.data())
def test_a_mutated_model_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever stands in a file, the answer is a model or the list of its problems."""
    content = copy.deepcopy(FULL)
    for path in data.draw(st.lists(st.sampled_from(paths_in(FULL)[1:]), min_size=1, max_size=3)):
        holder: Any = content
        try:
            for key in path[:-1]:
                holder = holder[key]
            key = data.draw(WORDS) if isinstance(holder, dict) and data.draw(st.booleans()) else path[-1]
            holder[key] = data.draw(VALUES)
        except (KeyError, IndexError, TypeError):
            continue
    try:
        assert isinstance(parse_model(content), ModelSpec)
    except InvalidModel as error:
        assert error.problems
        assert all(problem.strip() for problem in error.problems)
