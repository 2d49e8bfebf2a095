import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing.curve import COLUMNS
from taskorder.claims import Verdict
from taskorder.errors import MissingData
from taskorder.inference.criticism import ledger
from taskorder.inference.criticism.calibration import state_of, summarised
from taskorder.inference.criticism.ranks import Outcome
from taskorder.inference.fitting import Fit
from taskorder.reporting.answer import Answer
from taskorder.reporting.calibration import Calibrated
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.document import build, context, typeset

Make = Callable[..., Fit]


def text_of(content: object) -> str:
    """All texts of the content but for the drawings."""
    if isinstance(content, dict):
        return "\n".join(text_of(value) for key, value in content.items() if key != "svg")
    if isinstance(content, list | tuple):
        return "\n".join(text_of(value) for value in content)
    return str(content)


def test_a_report_is_a_pdf_and_the_same_answers_give_the_same_bytes(
    answer: Answer, small_catalogue: CatalogueSummary, tmp_path: Path
) -> None:
    first = build([answer], tmp_path / "first.pdf", catalogue=small_catalogue)
    second = build([answer], tmp_path / "second.pdf", catalogue=small_catalogue)
    content = first.path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert first.sha256 == hashlib.sha256(content).hexdigest() == second.sha256
    assert first.pages >= 5


def test_a_report_does_not_tell_how_long_it_took(
    make_fit: Make, small_catalogue: CatalogueSummary, tmp_path: Path
) -> None:
    quick = make_fit()
    slow = replace(quick, diagnostics=replace(quick.diagnostics, seconds={"compile": 70.0, "sample": 900.0}))
    files = [
        build([Answer(found)], tmp_path / f"{name}.pdf", catalogue=small_catalogue)
        for name, found in (("quick", quick), ("slow", slow))
    ]
    assert files[0].sha256 == files[1].sha256


def test_a_report_that_exists_is_kept_unless_forced(
    answer: Answer, small_catalogue: CatalogueSummary, tmp_path: Path
) -> None:
    output = tmp_path / "report.pdf"
    output.write_text("mine")
    with pytest.raises(FileExistsError, match="--force"):
        build([answer], output, catalogue=small_catalogue, force=False)
    assert output.read_text() == "mine"


def test_nothing_to_report_is_an_error_that_says_what_to_do(
    small_catalogue: CatalogueSummary, tmp_path: Path
) -> None:
    with pytest.raises(MissingData, match="taskorder fit"):
        build([], tmp_path / "report.pdf", catalogue=small_catalogue)


def test_the_numbers_come_from_the_fit(make_fit: Make, small_catalogue: CatalogueSummary) -> None:
    up = text_of(context([Answer(make_fit(1.9))], small_catalogue))
    down = text_of(context([Answer(make_fit(-1.9))], small_catalogue))
    assert "raises the score by 1.90 points" in up
    assert "lowers the score by 1.90 points" in down
    assert "raises the score by 1.90" not in down


def test_an_estimate_that_is_open_reads_so(make_fit: Make, small_catalogue: CatalogueSummary) -> None:
    content = context([Answer(make_fit(0.1))], small_catalogue)
    assert "cannot be told from zero" in text_of(content)


def test_a_failed_fit_says_so_and_supports_nothing(
    make_fit: Make, small_catalogue: CatalogueSummary, verdict: Callable[..., Verdict]
) -> None:
    verdicts = (verdict(diagnosed=False), verdict(id="c2", probability=0.01, diagnosed=False))
    content = context([Answer(make_fit(ok=False), verdicts)], small_catalogue)
    part = content["answers"][0]
    assert part["ok"] is False
    assert part["failed"] == ["r_hat of difficulty is 1.2, the gate is 1.01: draw more"]
    for table in (part["verdicts"], part["claims"]["table"]):
        assert [row[0]["word"] for row in table["rows"]] == ["undecided", "undecided"]
    typeset(content)


def test_a_good_fit_keeps_its_verdicts(answer: Answer, small_catalogue: CatalogueSummary) -> None:
    part = context([answer], small_catalogue)["answers"][0]
    assert part["verdicts"]["rows"] == [
        [{"mark": "supported", "word": "supported"}, "Harder tasks help.", "0.97"]
    ]
    assert part["failed"] == []


def test_a_companion_of_another_sign_is_marked(answer: Answer, small_catalogue: CatalogueSummary) -> None:
    part = context([answer], small_catalogue)["answers"][0]["companions"]
    assert part["disagreements"].startswith("The two differ in sign on one of two estimates.")
    heading, agreeing, differing = part["beside"]["rows"]
    assert heading == ["Difficulty"]
    assert agreeing[-1] == ""
    assert differing[-1]["mark"] == "differs"
    assert differing[3] == "−0.25"


def test_a_meta_analysis_without_stages_claims_or_companion_can_be_reported(
    plain_fit: Fit, small_catalogue: CatalogueSummary
) -> None:
    content = context([Answer(plain_fit)], small_catalogue)
    text = text_of(content)
    assert "One unit more dose lowers yi by 0.50" in text
    _, pages = typeset(content)
    assert pages >= 4


def test_several_answers_have_a_chapter_each(
    answer: Answer, plain_fit: Fit, small_catalogue: CatalogueSummary
) -> None:
    content = context([answer, Answer(plain_fit)], small_catalogue)
    assert content["title"] == "Two questions"
    assert [part["name"] for part in content["answers"]] == ["Small", "Meta"]
    typeset(content)


HOSTILE = 'a_b #let $x *y* @z <w> "q" \\ [c] `d` //e é 漢 ' + "long-name-" * 12


def test_no_name_is_taken_for_markup(
    make_fit: Make,
    make_companion: Callable[..., pd.DataFrame],
    small_catalogue: CatalogueSummary,
    verdict: Callable[..., Verdict],
) -> None:
    fit = make_fit(question=HOSTILE)
    study = replace(small_catalogue.studies[0], title=HOSTILE, authors=HOSTILE, licence=HOSTILE)
    fit = replace(fit, manifest=fit.manifest | {"notes": [HOSTILE], "versions": {HOSTILE: "<1>"}})
    verdicts = (verdict(statement=HOSTILE, needs=HOSTILE, probability=0.5),)
    companion = make_companion(
        [
            {"term": "difficulty", "estimate": 0.1, "agrees": True, "method": HOSTILE},
            {"term": HOSTILE, "estimate": 0.1, "agrees": None, "unit": HOSTILE},
        ]
    )
    content = context([Answer(fit, verdicts, companion)], replace(small_catalogue, studies=(study,)))
    assert HOSTILE in text_of(content)
    assert HOSTILE in json.loads(json.dumps(content, ensure_ascii=False))["title"]
    typeset(content)


def test_hostile_levels_can_be_drawn(make_fit: Make, small_catalogue: CatalogueSummary) -> None:
    fit = make_fit()
    names = ["a_b$c^d$ <e> & #f", "漢字 \\alpha {g}"]
    old = [str(level) for level in fit.tree["estimands"]["system_level"].to_numpy()]
    estimands = fit.tree["estimands"].to_dataset().assign_coords(system_level=names)
    renamed = {
        f"difficulty_by_system[{level}]": f"difficulty_by_system[{name}]"
        for level, name in zip(old, names, strict=True)
    }
    summary = fit.summary.assign(parameter=fit.summary["parameter"].replace(renamed))
    tree = fit.tree.copy()
    tree["estimands"] = estimands
    content = context([Answer(replace(fit, tree=tree, summary=summary))], small_catalogue)
    typeset(content)


def test_a_companion_without_a_slope_beside_it_is_not_counted(
    make_fit: Make, companion: pd.DataFrame, small_catalogue: CatalogueSummary
) -> None:
    agrees = pd.array([True, None, None], dtype="boolean")
    found = Answer(make_fit(), (), companion.assign(agrees=agrees))
    part = context([found], small_catalogue)["answers"][0]["companions"]
    assert part["disagreements"].startswith("The two agree in sign on the one estimate.")
    assert part["beside"]["rows"][2][-1] == "–"


def test_a_claim_about_what_is_not_there_is_printed_as_dashes(
    make_fit: Make, small_catalogue: CatalogueSummary, verdict: Callable[..., Verdict]
) -> None:
    nothing = dict.fromkeys(["probability", "mean", "lower", "upper"], float("nan"))
    found = Answer(make_fit(), (verdict(**nothing),))
    content = context([found], small_catalogue)
    assert content["answers"][0]["claims"]["table"]["rows"][0][3:6] == ["–", "–", "–"]
    typeset(content)


def test_a_forest_says_what_systems_without_rows_show(
    make_fit: Make, small_catalogue: CatalogueSummary
) -> None:
    (forest,) = context([Answer(make_fit())], small_catalogue)["answers"][0]["results"]["forests"]
    assert (
        "Systems whose studies say nothing of a slope show the spread of the population" in forest["caption"]
    )


def test_the_chapter_says_how_the_posterior_was_drawn(
    make_fit: Make, small_catalogue: CatalogueSummary
) -> None:
    walked = make_fit()
    weighed = replace(walked, diagnostics=replace(walked.diagnostics, engine="collapsed", pareto_k=0.21))
    parts = context([Answer(walked), Answer(weighed)], small_catalogue)["answers"]
    texts = [part["diagnostics"]["text"] for part in parts]
    gates = [[row[1] for row in part["diagnostics"]["table"]["rows"]] for part in parts]
    assert "by the nuts engine (seed 1), since it was asked for" in texts[0]
    assert "importance sampling" in texts[1]
    assert "Divergent transitions" in gates[0]
    assert gates[1][-1] == "Pareto k-hat"
    assert "Divergent transitions" not in gates[1]


def test_a_model_without_calibration_says_so(answer: Answer, small_catalogue: CatalogueSummary) -> None:
    part = context([answer], small_catalogue)["answers"][0]["calibration"]
    assert [text.split(":")[0] for text in part["text"]] == ["The model small has not been calibrated"]
    assert part["engines"] == []


def test_a_calibration_states_its_cells_data_sets_and_failures(
    answer: Answer, small_catalogue: CatalogueSummary
) -> None:
    rng = np.random.default_rng(2)
    outcomes = [
        Outcome(i, i != 3, "", "exact", 100, 500.0, 0.1, 1.0, {"slope": int(101 * x)}, {"slope": float(x)})
        for i, x in enumerate(rng.random(60))
    ]
    table = ledger.rows(outcomes, "k")
    one = Calibrated("small", "collapsed", summarised(table, "collapsed", 12), table)
    content = context([replace(answer, calibrations=(one,))], small_catalogue)
    (text,) = content["answers"][0]["calibration"]["text"]
    assert "The collapsed engine was given 60 data sets" in text
    assert "on 12 of the 40 cells of its design; one fit failed" in text
    assert text.endswith(
        "This is of an earlier state of model, data or code, and does not count for the present one."
    )
    state = state_of(answer.fit.manifest["model_sha256"], answer.fit.manifest["rows_sha256"])
    present = replace(one, summary=one.summary.assign(state=state))
    (part,) = context([replace(answer, calibrations=(present,))], small_catalogue)["answers"]
    assert "earlier state" not in part["calibration"]["text"][0]
    typeset(content)


def test_the_curves_of_regrets_say_whose_levels_they_are_over(
    answer: Answer, small_catalogue: CatalogueSummary
) -> None:
    curve = pd.DataFrame([("model", k, 1.0, 0.5, 1.5, 20) for k in (1, 3)], columns=COLUMNS)
    curve = curve.assign(studies="spot, taskweb")
    content = context([replace(answer, curves={"target": curve, "language": curve})], small_catalogue)
    captions = [one["caption"] for one in content["answers"][0]["results"]["curves"]]
    assert "over 20 targets of spot and taskweb that were left out" in captions[0]
    assert "over 20 languages of spot" in captions[1]
    typeset(content)


def test_our_own_experiments_are_named_wherever_they_are_used(
    answer: Answer, small_catalogue: CatalogueSummary
) -> None:
    own = replace(small_catalogue.studies[0], parameters=(4.5,), encoders="BERT", pretraining="by chance")
    content = context([answer], replace(small_catalogue, studies=(), experiments=(own,)))
    assert content["own"].endswith("They are 100 % of the rows behind chapter 1.")
    assert content["answers"][0]["data"]["own"]["text"].startswith("All 40 rows")
    assert "million parameters: by chance." in content["catalogue"]["own"]
    assert content["sources"][0]["made"] == "BERT: 4.5 million parameters"
    typeset(content)
