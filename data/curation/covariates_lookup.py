"""Look up language facts that are not in the collected tables: names, lineages, word order, URIEL distances.

Run once, by hand, in an environment of its own that has `urielplus` (its data are CC BY-SA 4.0, so that it
is no dependency of this project), with the ISO 639-3 list of Debian's `iso-codes` as JSON:

    python covariates_lookup.py iso_639-3.json FOLDER

It writes `covariates_language_facts.csv` and `covariates_language_pairs.csv` into FOLDER; `covariates.py`
reads them from beside itself. Nothing is imputed: a distance between two languages uses the features that
are recorded for both, and is left empty where that is less than `FEWEST_SHARE` of the kind's features: with
a dozen features two languages easily seem identical (English and Croatian had distance 0).
"""

import csv
import json
import logging
import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from covariates_vocabulary import (
    EXTRA_LANGUAGES,
    NAMED_BY_US,
    NOT_A_GENUS,
    PAIR_LANGUAGES,
    REPRESENTATIVE,
    SUBGROUPS,
    USUAL_NAMES,
)

DISTANCES = ("syntactic", "phonological", "inventory", "geographic", "genetic", "featural")
TYPOLOGICAL = {"syntactic": "S_", "phonological": "P_", "inventory": "INV_", "featural": ""}
FEWEST_SHARE = 0.25
WORD_ORDERS = ("SVO", "SOV", "VSO", "VOS", "OVS", "OSV")


def main(iso_list: Path, folder: Path) -> None:
    """Write both tables of language facts into a folder."""
    logging.disable(logging.CRITICAL)
    languages = iso_languages(iso_list)
    uriel = Uriel()
    lineages = glottolog_lineages()
    facts = [
        language_row(code, iso, name, lineages, uriel) for code, (iso, name) in sorted(languages.items())
    ]
    write(folder / "covariates_language_facts.csv", facts)
    write(folder / "covariates_language_pairs.csv", pair_rows(languages, uriel))


def iso_languages(iso_list: Path) -> dict[str, tuple[str, str]]:
    """Return our code -> (ISO 639-3 code, name): all of ISO 639-1 and the further languages of our tables."""
    entries = json.loads(iso_list.read_text(encoding="utf-8"))["639-3"]
    by_three = {entry["alpha_3"]: entry for entry in entries}
    found = {entry["alpha_2"]: entry for entry in entries if "alpha_2" in entry}
    found |= {code: by_three[code] for code in EXTRA_LANGUAGES.split() if code in by_three}
    languages = {code: (entry["alpha_3"], entry["name"]) for code, entry in found.items()}
    return languages | {code: (code, name) for code, name in NAMED_BY_US.items()}


def language_row(
    code: str, iso: str, name: str, lineages: dict[str, list[str]], uriel: "Uriel"
) -> dict[str, str]:
    """Return one language's facts as text, empty where nothing is recorded."""
    lineage = next((lineages[c] for c in (iso, REPRESENTATIVE.get(code, "")) if c in lineages), [])
    known = uriel.best_code([iso, REPRESENTATIVE.get(code, "")])
    distances = {d: uriel.distance(d, "eng", known) if known else "" for d in DISTANCES}
    return {
        "language": code,
        "iso639_3": iso,
        "name": USUAL_NAMES.get(code, name.split(" (")[0]),
        "family": lineage[0] if lineage and lineage[0] not in NOT_A_GENUS else "",
        "genus": genus(lineage),
        "word_order": uriel.word_order(known) if known else "",
        "uriel_code": known,
        **distances,
    }


def genus(lineage: list[str]) -> str:
    """Return the lineage's subgroup of about the rank of a WALS genus."""
    named = [group for group in lineage if group in SUBGROUPS]
    second = lineage[1:2] or lineage[:1]
    return (named or [group for group in second if group not in NOT_A_GENUS] or [""])[-1]


def glottolog_lineages() -> dict[str, list[str]]:
    """Return ISO 639-3 code -> names from the family down, from the Glottolog snapshot in urielplus."""
    tables = files("urielplus") / "database" / "urielplus_csvs"
    by_glottocode = {
        row["language_id"]: row["lineage"].split(", ")
        for row in csv.DictReader((tables / "lang_fam_geo.csv").read_text(encoding="utf-8").splitlines())
    }
    codes = csv.DictReader((tables / "uriel_glottocode_map.csv").read_text(encoding="utf-8").splitlines())
    found = {row["iso_code"]: by_glottocode.get(row["glottocode"], []) for row in codes}
    return {iso: lineage for iso, lineage in found.items() if lineage and lineage[0]}


def pair_rows(languages: dict[str, tuple[str, str]], uriel: "Uriel") -> list[dict[str, str]]:
    """Return the distance of every ordered pair of the languages that continued pretraining was done in."""
    best = {c: uriel.best_code([languages[c][0], REPRESENTATIVE.get(c, "")]) for c in PAIR_LANGUAGES}
    return [
        {"language_a": a, "language_b": b, "measure": d, "distance": distance}
        for a in PAIR_LANGUAGES
        for b in PAIR_LANGUAGES
        for d in DISTANCES
        if (distance := uriel.distance(d, best[a], best[b]))
    ]


class Uriel:
    """The URIEL arrays as urielplus carries them, without the databases that it can add."""

    def __init__(self) -> None:
        from urielplus import urielplus

        self.base: Any = urielplus.URIELPlus()
        self.features = [str(f) for f in self.base.feats[1]]
        self.rows = {str(code): i for i, code in enumerate(self.base.langs[1])}
        self.observed = (self.base.data[1] != -1).any(axis=2)

    def best_code(self, codes: Iterable[str]) -> str:
        """Return the code with most recorded features, the first of equals; empty if none is known."""
        known = [code for code in codes if code in self.rows]
        return max(known, key=lambda code: int(self.observed[self.rows[code]].sum()), default="")

    def distance(self, measure: str, a: str, b: str) -> str:
        """Return the angular distance in [0, 1] with four decimals, or empty text."""
        if a == b:
            return "0.0"
        if measure == "genetic" and not (self.has_family(a) and self.has_family(b)):
            return ""
        if measure in TYPOLOGICAL and self.shared(measure, a, b) < FEWEST_SHARE:
            return ""
        return str(round(float(self.base.new_distance(measure, [a, b])), 4))

    def has_family(self, code: str) -> bool:
        """Say whether any node of the family tree is recorded for a language."""
        row = [str(known) for known in self.base.langs[0]].index(code)
        return bool((self.base.data[0][row] == 1).any())

    def shared(self, measure: str, a: str, b: str) -> float:
        """Return the share of one kind's features that are recorded for both languages."""
        kind = [f.startswith(TYPOLOGICAL[measure]) for f in self.features]
        return float((self.observed[self.rows[a]] & self.observed[self.rows[b]])[kind].mean())

    def word_order(self, code: str) -> str:
        """Return the order of subject, object and verb of WALS chapter 81, or empty text."""
        wals = [str(source) for source in self.base.sources[1]].index("WALS")
        values = self.base.data[1][self.rows[code], :, wals]
        orders = [o for o in WORD_ORDERS if values[self.features.index(f"S_{o}")] == 1]
        return orders[0] if len(orders) == 1 else ("no dominant order" if orders else "")


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as CSV with Unix line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
