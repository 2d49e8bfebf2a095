"""What is registered, entered and told about all claims, with models that are not fitted."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskorder.claims import Claim, Verdict, hearing, ledger, proceedings
from taskorder.claims.evidence import Judgement
from taskorder.claims.judging import made_from
from taskorder.claims.proceedings import Proceedings, proceed
from taskorder.errors import TaskorderError
from taskorder.inference.session import Settings
from taskorder.inference.spec import ModelSpec
from taskorder.paths import resource, rooted

MODEL = """
name = "{name}"
[data]
tables = ["data/{name}.csv"]
[outcome]
scale = "identity"
[estimands]
level = {{ function = "points", of = "1" }}
"""
CLAIM = """
[[claim]]
id = "{id}"
question = "Is it so?"
statement = "It is so."
{rest}
"""
ABOUT = 'model = "{}"\nestimand = "level"\nrope = {}'
REFUTED = Judgement(0.01, -1.0, -2.0, -0.5, "points", diagnosed=True)
SETTINGS = Settings()

type Register = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two models, `there` with a table and `gone` without."""
    for folder in ("data", "models", "reports/calibration"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("tasks", "similarity", "languages"):
        (tmp_path / "data" / f"{name}.csv").symlink_to(resource(f"data/{name}.csv"))
    (tmp_path / "data" / "there.csv").write_text("score\n1\n", "utf-8")
    for name in ("there", "gone"):
        (tmp_path / "models" / f"{name}.toml").write_text(MODEL.format(name=name), "utf-8")
    monkeypatch.setattr(proceedings, "hear", heard)
    monkeypatch.setattr(hearing, "made_from", lambda _: {"model_sha256": "m"})
    with rooted(tmp_path):
        yield tmp_path


def heard(spec: ModelSpec, claims: Sequence[Claim], *_: object, **__: object) -> Any:
    """Refute every claim, after a look at the ledger."""
    known = ledger.read(Path("reports/ledger.jsonl"))
    verdicts = tuple(Verdict(claim, REFUTED) for claim in claims if claim.model == spec.name)
    return SimpleNamespace(
        verdicts=verdicts,
        known=known,
        examination=None,
        found=SimpleNamespace(fault=""),
        differences=lambda _: (),
    )


@pytest.fixture
def register(root: Path) -> Register:
    """Write the register: ids, each with what follows its statement."""

    def write(**claims: str) -> Path:
        text = "".join(CLAIM.format(id=name, rest=rest) for name, rest in claims.items())
        (root / "reports" / "claims.toml").write_text(text, "utf-8")
        return root / "reports" / "ledger.jsonl"

    return write


def events(found: Proceedings) -> list[str]:
    return [f"{entry.claim} {entry.event}" for entry in found.ledger.entries]


def test_a_claim_about_a_model_without_tables_is_undecided_and_the_others_are_judged(
    register: Register,
) -> None:
    register(a=ABOUT.format("gone", 0.2), b=ABOUT.format("there", 0.2), c='needs = "Runs"')
    said: list[str] = []
    found = proceed(SETTINGS, say=said.append)
    assert [(one.claim.id, one.verdict) for one in found.verdicts] == [
        ("a", "undecided"),
        ("b", "refuted"),
        ("c", "undecided"),
    ]
    assert said[0].startswith("gone has no data: model 'gone': [data] tables names 'data/gone.csv'")
    assert found.verdicts[0].reasons == ("no data bear on it",)


def test_every_claim_is_entered_before_anything_is_fitted(register: Register) -> None:
    register(a=ABOUT.format("gone", 0.2), b=ABOUT.format("there", 0.2))
    found = proceed(SETTINGS, record=True)
    (only,) = found.hearings
    known: Any = only
    assert [entry.event for entry in known.known.entries] == ["registered", "registered"]
    assert events(found) == ["a registered", "b registered", "b judged"]
    assert found.faults == ()


def test_what_the_ledger_does_not_know_of_is_told_without_being_entered(register: Register) -> None:
    path = register(a=ABOUT.format("gone", 0.2), c='needs = "Runs"')
    assert proceed(SETTINGS).faults == ("a: not in the ledger", "c: not in the ledger")
    assert not path.exists()
    proceed(SETTINGS, record=True)
    register(a=ABOUT.format("gone", 0.9))
    found = proceed(SETTINGS)
    assert found.faults == (
        "a: its rope was edited after it was registered: 0.2 is now 0.9",
        "c: registered in the ledger, and gone",
    )
    again = proceed(SETTINGS, record=True)
    assert events(again)[2:] == ["c withdrawn", "a amended"]
    assert proceed(SETTINGS).faults == ()


def test_nothing_is_fitted_for_a_ledger_that_cannot_be_written(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = register(b=ABOUT.format("there", 0.2))
    proceed(SETTINGS, record=True)
    path.write_text(path.read_text("utf-8").replace("refuted", "supported"), "utf-8")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("fitted all the same")

    monkeypatch.setattr(proceedings, "hear", never)
    with pytest.raises(TaskorderError, match="restore ledger"):
        proceed(SETTINGS, record=True)


def test_a_broken_chain_is_told_beside_the_verdicts(register: Register) -> None:
    path = register(b=ABOUT.format("there", 0.2))
    proceed(SETTINGS, record=True)
    path.write_text(path.read_text("utf-8").replace("refuted", "supported"), "utf-8")
    found = proceed(SETTINGS)
    assert [one.verdict for one in found.verdicts] == ["refuted"]
    assert "the last entry was edited" in found.faults[0]


def test_tables_of_one_name_in_two_folders_are_told_apart() -> None:
    inputs = [{"path": f"data/experiments/{name}/results.csv", "sha256": name} for name in ("one", "two")]
    manifest = {"model_sha256": "m", "rows_sha256": "r", "inputs": inputs}
    examined: Any = SimpleNamespace(analysis=SimpleNamespace(fit=SimpleNamespace(manifest=manifest)))
    assert made_from(examined)["files"] == {
        "data/experiments/one/results.csv": "one",
        "data/experiments/two/results.csv": "two",
    }
