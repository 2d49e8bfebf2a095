"""Files that the tools themselves wrote, turned into tables that `check` finds no fault with."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from taskorder.errors import InvalidTable, MissingData
from taskorder.results.checking import check
from taskorder.results.importing.formats import format_named
from taskorder.results.importing.lm_eval import LmEval
from taskorder.results.importing.names import read_map
from taskorder.results.importing.placing import Given
from taskorder.results.importing.scores import Format
from taskorder.results.importing.tidying import Imported, import_results
from taskorder.results.importing.trainer import Trainer
from taskorder.results.importing.wide import Wide
from taskorder.results.importing.xtreme import Xtreme
from taskorder.results.reading import read

FILES = Path(__file__).parent / "files"
SAID = {"study": "mine", "backbone": "tiny", "tuning": "full", "sequence": "", "train_language": "en"}


def imported(form: Format, path: Path, *, map_text: str = "", percent: bool = False, **more: str) -> Imported:
    names = Given().names
    if map_text:
        file = path.parent / "map.toml"
        file.write_text(map_text, encoding="utf-8")
        names = read_map(file)
    return import_results(form, path, Given(SAID | more, names, percent))


def cells(made: Imported, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in made.frame[list(columns)].itertuples(index=False)]


def left_out(made: Imported) -> dict[str, str]:
    return {left.what: left.why for left in made.left_out}


# lm-evaluation-harness


def test_lm_eval_gives_tasks_languages_items_and_the_standard_error() -> None:
    made = imported(LmEval(), FILES / "lm_eval", language="en")
    assert cells(made, "run", "target", "language", "metric", "score", "n_test")[:3] == [
        ("tiny-gpt", "xnli", "en", "accuracy", "0.5", "10"),
        ("tiny-gpt", "xnli", "en", "acc_norm", "0.5", "10"),
        ("tiny-gpt", "xnli", "sw", "accuracy", "0.4", "10"),
    ]
    assert set(made.frame["target"]) == {"xnli", "pawsx", "sst2"}
    assert made.frame["item_stderr"][0] == "0.16666666666666666"
    assert "sd" not in made.frame
    assert made.notes == ("--language en: 4 scores say otherwise; file and map stand above an option.",)


def test_lm_eval_leaves_out_means_of_tasks_and_what_is_no_score() -> None:
    why = left_out(imported(LmEval(), FILES / "lm_eval", language="en"))
    assert "mean of other tasks" in why["xnli"]
    assert "lower is better" in why["word_perplexity,none"]
    assert "no finite number" in why["bits_per_byte_stderr,none"]
    assert "no single language" in why["mlqa_en_de"]
    assert 'metric."NAME"' in why["exact_match,strict-match"]


def test_lm_eval_tells_what_is_missing_and_where_to_say_it() -> None:
    with pytest.raises(InvalidTable) as error:
        import_results(LmEval(), FILES / "lm_eval", Given())
    columns = {problem.column: problem.message for problem in error.value.problems}
    assert set(columns) == {"study", "backbone", "tuning", "sequence", "train_language", "language"}
    assert columns["language"].startswith("1 of 7 scores")
    assert "--language" in columns["language"]
    assert "[task.sst2]" in columns["language"]
    assert "'' for direct fine-tuning" in columns["sequence"]


def test_every_number_of_lm_eval_is_a_row_or_left_out() -> None:
    (file,) = (FILES / "lm_eval").rglob("*.json")
    made = imported(LmEval(), file, language="en")
    told = {*made.frame["source"], *(left.place for left in made.left_out)}
    results = json.loads(file.read_text("utf-8"))["results"]
    for task, metrics in results.items():
        for name in metrics:
            place = f"{file.name} results/{task}"
            carried = f"{place}/{name.replace('_stderr', '')}"
            assert {place, f"{place}/{name}", carried} & told, name


def lm_eval_file(path: Path, results: object, **more: object) -> Path:
    file = path / "results.json"
    file.write_text(json.dumps({"results": results, **more}), encoding="utf-8")
    return file


def test_lm_eval_before_version_0_4(tmp_path: Path) -> None:
    file = lm_eval_file(
        tmp_path,
        {"rte": {"acc": 0.7, "acc_stderr": 0.03}},
        config={"model": "hf", "model_args": "pretrained=big/model,dtype=float"},
    )
    made = imported(LmEval(), file, language="en")
    assert cells(made, "run", "target", "metric", "score", "item_stderr") == [
        ("big/model", "rte", "accuracy", "0.7", "0.03")
    ]


@pytest.mark.parametrize(
    ("task", "target", "language"),
    [
        ("xcopa_et", "xcopa", "et"),
        ("belebele_amh_Ethi", "belebele", "am"),
        ("belebele_zho_Hans", "belebele", "zh"),
        ("xwinograd_jp", "xwinograd", "ja"),
        ("mlqa_de_de", "mlqa", "de"),
        ("arc_challenge", "arc_challenge", "en"),
        ("mgsm_direct_th", "mgsm_direct", "th"),
        ("hellaswag_da", "hellaswag", "da"),
    ],
)
def test_the_language_in_the_name_of_a_task(tmp_path: Path, task: str, target: str, language: str) -> None:
    file = lm_eval_file(tmp_path, {task: {"acc,none": 0.5}}, model_name="m")
    assert cells(imported(LmEval(), file, language="en"), "target", "language") == [(target, language)]


@pytest.mark.parametrize("task", ["belebele_arb_Latn", "xnli_xx", "mlqa_ar_de", "paws_klingon"])
def test_a_language_that_is_not_known_is_never_taken_from_the_option(tmp_path: Path, task: str) -> None:
    file = lm_eval_file(tmp_path, {task: {"acc,none": 0.5}}, model_name="m")
    with pytest.raises(MissingData, match="no single language"):
        imported(LmEval(), file, language="en")


def test_the_map_stands_above_what_is_known(tmp_path: Path) -> None:
    file = lm_eval_file(
        tmp_path,
        {"mlqa_ar_de": {"f1,none": 0.5}, "gsm8k": {"exact_match,strict-match": 0.2, "bleu,none": 30}},
        model_name="m",
    )
    made = imported(
        LmEval(),
        file,
        map_text='[task."mlqa_{train_language}_{language}"]\ntarget = "mlqa"\n'
        '[metric."exact_match,strict-match"]\nmetric = "exact_match"\n[metric.bleu]\nskip = true\n',
        language="en",
    )
    assert cells(made, "target", "train_language", "language", "metric") == [
        ("mlqa", "ar", "de", "f1"),
        ("gsm8k", "en", "en", "exact_match"),
    ]
    assert any("[metric.bleu]" in note and "Did you mean 'bleu,none'?" in note for note in made.notes)


# The Trainer of transformers


def test_trainer_wants_to_know_which_evaluation_set() -> None:
    with pytest.raises(InvalidTable, match="pass --split eval or --split predict"):
        imported(Trainer(), FILES / "trainer", target="xnli", language="en")


def test_trainer_folders_are_runs_and_a_map_reads_their_names() -> None:
    given = Given(
        SAID | {"target": "xnli", "language": "en"}, read_map(FILES / "trainer.toml"), percent=False
    )
    made = import_results(Trainer("predict"), FILES / "trainer", given)
    assert cells(made, "run", "sequence", "seed", "metric", "n_test", "split") == [
        ("mnli_squad/seed1", "mnli>squad", "1", "accuracy", "50", "predict"),
        ("mnli_squad/seed2", "mnli>squad", "2", "accuracy", "50", "predict"),
    ]
    why = left_out(made)
    assert "not of predict" in why["accuracy"]
    assert "bookkeeping" in why["samples_per_second"]
    assert "are taken" in why["trainer_state.json"]


def test_a_log_of_several_evaluations_is_no_single_score() -> None:
    with pytest.raises(InvalidTable, match="4 evaluations: pass --evaluation last or --evaluation best"):
        imported(Trainer(), FILES / "trainer_log", target="xnli")


@pytest.mark.parametrize(("evaluation", "step"), [("best", "12"), ("last", "18")])
def test_a_log_gives_the_evaluation_that_is_asked_for(tmp_path: Path, evaluation: str, step: str) -> None:
    (tmp_path / "log").symlink_to(FILES / "trainer_log")
    form = format_named("trainer", evaluation="best" if evaluation == "best" else "last")
    made = imported(form, tmp_path / "log", map_text='[dataset."{language}"]\n', target="xnli")
    assert cells(made, "language", "score", "source") == [
        ("en", "0.95", f"xnli/trainer_state.json step {step}/eval_en_accuracy"),
        ("sw", "1.0", f"xnli/trainer_state.json step {step}/eval_sw_accuracy"),
    ]


def test_evaluation_sets_are_told_apart_by_their_runtimes() -> None:
    with pytest.raises(MissingData, match=r'\[dataset\."\{language\}"\]'):
        imported(Trainer(evaluation="last"), FILES / "trainer_log", target="xnli", language="en")


def test_files_of_one_folder_that_disagree(tmp_path: Path) -> None:
    (tmp_path / "eval_results.json").write_text('{"eval_accuracy": 0.5}')
    (tmp_path / "all_results.json").write_text('{"eval_accuracy": 0.6}')
    with pytest.raises(InvalidTable, match=r"0.6, and 0.5 at eval_results.json eval_accuracy"):
        imported(Trainer(), tmp_path, target="xnli", language="en")


def test_a_folder_within_a_folder_is_a_run_of_its_own(tmp_path: Path) -> None:
    for folder, score in {"a": 0.5, "a/b": 0.6}.items():
        (tmp_path / folder).mkdir()
        for name in ("all_results.json", "eval_results.json"):
            (tmp_path / folder / name).write_text(json.dumps({"eval_accuracy": score}))
    made = imported(Trainer(), tmp_path, target="xnli", language="en")
    assert cells(made, "run", "score") == [("a", "0.5"), ("a/b", "0.6")]


# XTREME


@pytest.mark.parametrize(("name", "score"), [("scores.json", "0.875"), ("printed.txt", "0.8750")])
def test_xtreme_as_it_is_printed_and_as_it_is_saved(name: str, score: str) -> None:
    made = imported(Xtreme(), FILES / "xtreme" / name, sequence="mnli")
    assert cells(made, "target", "language", "metric", "score")[0] == ("pawsx", "de", "accuracy", score)
    assert made.frame.groupby(["target", "metric"]).size().to_dict() == {
        ("pawsx", "accuracy"): 7,
        ("xquad", "exact_match"): 11,
        ("xquad", "f1"): 11,
    }
    assert any("mean" in left.why for left in made.left_out)


def test_fractions_are_no_scores_of_xtreme(tmp_path: Path) -> None:
    """Divided by 100 as its percent are, they would be next to nothing."""
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"xnli": {"accuracy": {"en": 0.84, "sw": 0.61}}}), "utf-8")
    with pytest.raises(InvalidTable, match=r"no score is above 0\.84: these are fractions"):
        imported(Xtreme(), path)
    path.write_text(json.dumps({"xnli": {"accuracy": {"en": 84.0, "sw": 0.61}}}), "utf-8")
    assert imported(Xtreme(), path).frame["score"].tolist() == ["0.840", "0.0061"]


def test_both_forms_of_xtreme_hold_the_same_scores() -> None:
    frames = [
        imported(Xtreme(), FILES / "xtreme" / name).frame.astype({"score": float})
        for name in ("scores.json", "printed.txt")
    ]
    names = ["target", "language", "metric", "score"]
    first, second = (frame[names].sort_values(names).reset_index(drop=True) for frame in frames)
    pd.testing.assert_frame_equal(first, second)


def test_a_printed_file_that_was_cut_off(tmp_path: Path) -> None:
    text = (FILES / "xtreme" / "printed.txt").read_text("utf-8")
    file = tmp_path / "printed.txt"
    file.write_text(text[: text.index("60.00, 70.00")])
    with pytest.raises(InvalidTable, match="ends within xquad exact_match"):
        imported(Xtreme(), file)
    file.write_text(text.replace("60.00, 70.00, ", ""))
    with pytest.raises(InvalidTable, match="11 languages and 9 scores"):
        imported(Xtreme(), file)


# Wide tables

WIDE = "run,sequence,seed,en,Swahili,avg,model,xx\na,mnli,1,84.9,60.1,72.5,foo,1\nb,,2,83.0,,83.0,bar,2\n"


def table(path: Path, text: str, name: str = "wide.csv") -> Path:
    file = path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_languages_as_columns(tmp_path: Path) -> None:
    made = imported(Wide(), table(tmp_path, WIDE), percent=True, target="xnli", metric="accuracy")
    assert cells(made, "run", "sequence", "seed", "language", "score") == [
        ("a", "mnli", "1", "en", "0.849"),
        ("b", "", "2", "en", "0.830"),
        ("a", "mnli", "1", "sw", "0.601"),
    ]
    why = left_out(made)
    assert why["blank cells of Swahili"] == "no score."
    assert why["avg"] == "the mean of other columns."
    assert why["model"] == "no cell of the column is a number."
    assert 'language."NAME"' in why["xx"]


def test_targets_as_columns_must_be_known_or_named(tmp_path: Path) -> None:
    file = table(tmp_path, "run,XNLI,rte,params,my_task\na,0.8,0.7,110,0.5\n")
    map_text = '[task.my_task]\ntarget = "own"\n'
    made = imported(Wide("target"), file, map_text=map_text, language="en", metric="accuracy")
    assert cells(made, "target", "score") == [("xnli", "0.8"), ("rte", "0.7"), ("own", "0.5")]
    assert 'task."NAME"' in left_out(made)["params"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("run,xnli/en,xnli/sw,panx/en\na,.8,.6,.7\n", 1),
        ("run,xnli,,panx\n,en,sw,en\na,.8,.6,.7\n", 2),
        (",xnli,xnli,panx\nrun,en,sw,en\na,.8,.6,.7\n", 2),
    ],
)
def test_targets_and_languages_as_columns(tmp_path: Path, text: str, rows: int) -> None:
    made = imported(Wide("target/language", rows), table(tmp_path, text), metric="accuracy")
    expected = [("xnli", "en", "0.8"), ("xnli", "sw", "0.6"), ("panx", "en", "0.7")]
    assert cells(made, "target", "language", "score") == expected


def test_cells_that_are_no_numbers_are_problems_at_their_place(tmp_path: Path) -> None:
    file = table(tmp_path, "run,en,sw\na,0.8,0.6\nb,0.7 (0.1),-\n")
    with pytest.raises(InvalidTable) as error:
        imported(Wide(), file, target="xnli", metric="accuracy")
    assert [(problem.row, problem.column) for problem in error.value.problems] == [(3, "en"), (3, "sw")]


def test_parquet_gives_the_same(tmp_path: Path) -> None:
    file = table(tmp_path, WIDE)
    pd.read_csv(file, keep_default_na=False, na_values=[""]).fillna({"sequence": ""}).to_parquet(
        tmp_path / "wide.parquet", index=False
    )
    made = [
        imported(Wide(), tmp_path / name, percent=True, target="xnli", metric="accuracy")
        for name in ("wide.csv", "wide.parquet")
    ]
    names = ["run", "sequence", "seed", "language"]
    assert cells(made[0], *names) == cells(made[1], *names)
    assert made[0].frame["score"].astype(float).tolist() == made[1].frame["score"].astype(float).tolist()


def test_parquet_of_any_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"run": ["a", "b"], "en": [0.5, None], "lists": [[1], None], "sw": [True, False]})
    frame.to_parquet(tmp_path / "wide.parquet")
    made = imported(Wide(), tmp_path / "wide.parquet", target="xnli", metric="accuracy")
    assert cells(made, "run", "language", "score") == [("a", "en", "0.5")]
    assert {"lists", "sw", "blank cells of en"} <= set(left_out(made))


# All of them


EVERY: Mapping[str, tuple[Format, Path, dict[str, str]]] = {
    "lm-eval": (LmEval(), FILES / "lm_eval", {"language": "en"}),
    "trainer": (Trainer("eval"), FILES / "trainer", {"target": "xnli", "language": "en"}),
    "xtreme": (Xtreme(), FILES / "xtreme" / "scores.json", {}),
}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_written_passes_check_and_reads_as_it_was(tmp_path: Path, name: str) -> None:
    form, path, more = EVERY[name]
    made = import_results(form, path, Given(SAID | more))
    out = tmp_path / "out.csv"
    made.write(out)
    assert check(out) == []
    back = read(out)
    assert len(back.frame) == len(made.frame)
    assert back.frame["score"].tolist() == made.frame["score"].astype(float).tolist()
    assert back.frame["source"].tolist() == made.frame["source"].tolist()
    with pytest.raises(FileExistsError, match="--force"):
        made.write(out)
    with pytest.raises(MissingData, match=r"\.csv"):
        made.write(tmp_path / "out.parquet")


def test_the_same_score_twice_names_both_places(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        lm_eval_file(tmp_path / name, {"rte": {"acc,none": 0.5}}, model_name="m")
    with pytest.raises(
        InvalidTable, match=r"b/results.json results/rte/acc,none: a/results.json results/rte"
    ):
        imported(LmEval(), tmp_path, language="en")
    made = imported(LmEval(), tmp_path, map_text='[file."{run}/results.json"]\n', language="en")
    assert cells(made, "run") == [("a",), ("b",)]


def test_percent_that_nobody_mentioned_names_the_place(tmp_path: Path) -> None:
    file = lm_eval_file(tmp_path, {"rte": {"acc,none": 70.5}}, model_name="m")
    with pytest.raises(InvalidTable, match=r"results/rte/acc,none:score: .*pass --percent"):
        imported(LmEval(), file, language="en")
    for more in ({"percent": True}, {"map_text": "[metric.'acc,none']\npercent = true\n"}):
        made = imported(LmEval(), file, language="en", **more)
        assert cells(made, "score") == [("0.705",)]


def test_entries_that_contradict_each_other(tmp_path: Path) -> None:
    file = lm_eval_file(tmp_path, {"rte": {"acc,none": 0.5}}, model_name="m")
    map_text = '[task.rte]\nlanguage = "en"\n[model."*"]\nlanguage = "sw"\n'
    with pytest.raises(InvalidTable, match=r"says '\w\w' of results.json .*: let one of them say it"):
        imported(LmEval(), file, map_text=map_text)
