"""Write languages.csv, tasks.csv and similarity.csv from the collected source tables.

    python data/curation/covariates.py FOLDER [-o OUT]

FOLDER holds the collected tables and their `features/`; OUT is data/ unless said otherwise. What the tables
do not hold is read from beside this file: `covariates_tasks.csv` (by hand) and the two tables that
`covariates_lookup.py` wrote.
"""

import argparse
from pathlib import Path

from covariates_languages import HERE, languages
from covariates_measured import measures, with_difficulty, with_similarity
from covariates_similarity import similarities
from covariates_tasks import tasks


def main() -> None:
    """Write the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("published", type=Path, help="folder of the collected source tables")
    parser.add_argument("-o", "--out", type=Path, default=HERE.parent, help="folder to write into")
    chosen = parser.parse_args()
    features = chosen.published / "features"
    measured = measures(HERE.parent / "experiments")
    for name, table in {
        "languages": languages(features),
        "tasks": with_difficulty(tasks(chosen.published), measured),
        "similarity": with_similarity(similarities(features), measured),
    }.items():
        table.to_csv(chosen.out / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
