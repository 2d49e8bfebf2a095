"""docs/claims.md says what the code does: keys, example, thresholds."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

from taskorder.claims import Claim, read_claims
from taskorder.claims.evidence import ENOUGH, HIGHEST_SCORE, MOST_ERRORS
from taskorder.claims.variants import ENOUGH_ROWS, OUTLYING
from taskorder.claims.verdict import MANY_STUDIES, SOME_STUDIES
from taskorder.paths import resource

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "claims.md").read_text("utf-8")


def test_the_example_is_a_claim_that_ships(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "claims.toml").write_text(example, "utf-8")
    (claim,) = read_claims(tmp_path / "claims.toml")
    assert claim in read_claims(resource("reports/claims.toml"))


def test_every_key_has_its_line_and_its_default() -> None:
    table = PAGE.partition("| key | default | meaning |\n")[2].partition("\n\n")[0]
    cells = [line.split("|")[1:3] for line in table.splitlines()[1:]]
    shown = {name: default.strip(' `"') for names, default in cells for name in re.findall(r"`(\w+)`", names)}
    keys = {field.name: field.default for field in fields(Claim)}
    assert set(shown) == set(keys)
    for name, default in keys.items():
        if default is not MISSING:
            assert shown[name] == (default if isinstance(default, str) else f"{default:g}"), name


def test_the_thresholds_are_those_of_the_code() -> None:
    words = {4: "four", 2: "2", 5: "5"}
    assert f"P >= {ENOUGH:g}" in PAGE
    assert f"but for {words[int(MOST_ERRORS)]} Monte Carlo errors" in PAGE
    assert f"a score of {HIGHEST_SCORE:g} at most" in PAGE
    assert f"more than {OUTLYING:g} predictive standard deviations" in PAGE
    assert ENOUGH_ROWS == 0.9
    assert f"| evidence | {words[MANY_STUDIES]} studies or more | {words[SOME_STUDIES]} or more |" in PAGE
