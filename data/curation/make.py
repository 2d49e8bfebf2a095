"""Turn the folder of collected source tables into the published catalogue.

    python data/curation/make.py SOURCES OUT

writes OUT/STUDY.csv, one tidy table a study, and OUT/LEFT_OUT.md, which accounts for every source row.
The same sources give the same bytes.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import benchmarks
import english_transfer
import languages_and_seeds
import left_out
import pandas as pd
import quoted_orders
import streams
import taskweb
import tidy
import zero_shot
from tidy import LeftOut, Outcome, Source

CURATORS: dict[str, Callable[[Source], Iterator[Outcome]]] = {
    "bloodbank_bilingual_mlm": english_transfer.bloodbank,
    "continued_pretraining": english_transfer.continued_pretraining,
    "dataset_sizes": benchmarks.dataset_sizes,
    "english_glue_ner": zero_shot.english,
    "human_baselines": benchmarks.human_baselines,
    "langrank_transfer_distances": languages_and_seeds.langrank,
    "nertransfer_per_seed": languages_and_seeds.nertransfer,
    "order_leitner_mtop": streams.leitner,
    "order_permutations_szakdoga": streams.szakdoga,
    "order_small_repos": streams.small_repositories,
    "order_tables": quoted_orders.order_tables,
    "phang_and_seed_abstracts": english_transfer.abstracts,
    "qa_per_language": zero_shot.qa,
    "robustness_hans_by_run": english_transfer.hans,
    "stilts_spot": english_transfer.stilts_spot,
    "taskweb_baseline_DERIVED": taskweb.baselines,
    "taskweb_pairs": taskweb.pairs,
    "xcopa_per_language": zero_shot.xcopa,
    "xlmr_xlmv_zero_shot_per_seed": languages_and_seeds.xlmv,
    "xnli_per_language": zero_shot.xnli,
    "xpos_pos": languages_and_seeds.xpos,
    "xtreme_task_level": benchmarks.xtreme,
}


def outcomes(folder: Path) -> dict[str, list[Outcome]]:
    """Say what becomes of every row of every source table, in the tables' own order."""
    done = {table: list(curate(tidy.read(folder, table))) for table, curate in CURATORS.items()}
    per_seed, pairs = tidy.read(folder, "taskweb_per_seed"), tidy.read(folder, "taskweb_pairs")
    done["taskweb_per_seed"] = list(taskweb.per_seed(per_seed, pairs))
    unknown = {path.stem for path in folder.glob("*.csv")} - set(done)
    if unknown:
        raise SystemExit(f"{folder}: no curator for {', '.join(sorted(unknown))}; add one to make.py")
    return dict(sorted(done.items()))


def studies(done: dict[str, list[Outcome]]) -> dict[str, pd.DataFrame]:
    """Gather the kept rows by study and give each its origin: the source table and its 1-based data row."""
    kept: dict[str, list[dict[str, str]]] = {}
    for table, rows in done.items():
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, LeftOut):
                kept.setdefault(row["study"], []).append(row | {"origin": f"{table}:{number}"})
    return {study: tidy.frame(rows) for study, rows in sorted(kept.items())}


def write(folder: Path, out: Path) -> None:
    """Write the tables and the account of the rows that are in none of them."""
    done = outcomes(folder)
    out.mkdir(parents=True, exist_ok=True)
    for study, table in studies(done).items():
        table.to_csv(out / f"{study}.csv", index=False, lineterminator="\n")
    (out / "LEFT_OUT.md").write_text(left_out.account(done), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: python make.py SOURCES OUT")
    write(Path(sys.argv[1]), Path(sys.argv[2]))
