"""The table of languages: names, families, scripts, word order, distances from English, pretraining text."""

from pathlib import Path

import pandas as pd
from covariates_vocabulary import (
    FAMILY_KNOWN,
    OUR_CODE,
    SCRIPT_KNOWN,
    SCRIPTS,
    XLMR_NOT_TOLD_APART,
    XLMR_SAME_TEXT,
    XLMR_TOKENS_IN_BILLIONS,
)

HERE = Path(__file__).parent
KNOWN = "Glottolog/ISO 15924, general knowledge"
GLOTTOLOG = "Glottolog, snapshot in urielplus 1.3.2"
URIEL = "URIEL through urielplus 1.3.2, code {}"
DISTANCES = ("syntactic", "phonological", "inventory", "geographic", "genetic", "featural")
COLUMNS = (
    "language", "iso639_3", "name", "family", "genus", "family_source", "script", "script_source",
    "word_order", "word_order_source", *(f"uriel_{distance}" for distance in DISTANCES), "uriel_source",
    "ldnd_english", "ldnd_source", "pretrain_gib", "pretrain_tokens_m", "pretrain_source",
)  # fmt: skip


def languages(features: Path) -> pd.DataFrame:
    """Return one row a language as text, with `mul` (several languages) last.

    Parameters
    ----------
    features
        The folder of collected feature tables (`xpos_*`).
    """
    facts = read(HERE / "covariates_language_facts.csv").set_index("language")
    table = pd.DataFrame(index=facts.index)
    table["iso639_3"] = facts["iso639_3"].where(facts.index != "ber", "")
    table["name"] = facts["name"]
    add_family(table, facts)
    add_script(table, features)
    add_word_order(table, facts, features)
    for distance in DISTANCES:
        table[f"uriel_{distance}"] = facts[distance]
    table["uriel_source"] = facts["uriel_code"].map(lambda code: URIEL.format(code) if code else "")
    add_lexical_distance(table, features)
    add_pretraining(table, features)
    table.loc["mul", "name"] = "several languages"
    return table.fillna("").reset_index(names="language")[list(COLUMNS)]


def read(path: Path) -> pd.DataFrame:
    """Read a CSV file with every cell as text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def add_family(table: pd.DataFrame, facts: pd.DataFrame) -> None:
    """Add family and genus, from Glottolog's lineage where it has one."""
    table["family"], table["genus"] = facts["family"], facts["genus"]
    table["family_source"] = facts["family"].map(lambda family: GLOTTOLOG if family else "")
    for language, (family, genus, source) in FAMILY_KNOWN.items():
        table.loc[language, ["family", "genus", "family_source"]] = [family, genus, source]


def add_script(table: pd.DataFrame, features: Path) -> None:
    """Add the ISO 15924 code of the script: of the pretraining text, else of the treebank, else as known."""
    of_text = read(features / "xpos_wiki-langs.csv").drop_duplicates("language_id")
    of_treebank = read(features / "xpos_udpos-langs.csv")
    known = {code: script for script, codes in SCRIPT_KNOWN.items() for code in codes.split()}
    scripts = (
        {code: (script, KNOWN) for code, script in known.items()}
        | _scripts(of_treebank, "xpos_udpos-langs.csv")
        | _scripts(of_text, "xpos_wiki-langs.csv")
    )
    table["script"] = [scripts.get(language, ("", ""))[0] for language in table.index]
    table["script_source"] = [scripts.get(language, ("", ""))[1] for language in table.index]


def _scripts(rows: pd.DataFrame, source: str) -> dict[str, tuple[str, str]]:
    return {
        OUR_CODE.get(code, code): (SCRIPTS[script], source)
        for code, script in zip(rows["language_id"], rows["script"], strict=True)
    }


def names(features: Path) -> dict[str, str]:
    """Return our code of each language name of the xpos tables."""
    return {
        name: OUR_CODE.get(code, code)
        for file in ("xpos_wiki-langs.csv", "xpos_udpos-langs.csv")
        for code, name in read(features / file)[["language_id", "language"]].itertuples(index=False)
    }


def add_word_order(table: pd.DataFrame, facts: pd.DataFrame, features: Path) -> None:
    """Add the order of subject, object and verb: xpos's table of WALS 81A, else the WALS layer of URIEL."""
    code_of = names(features)
    rows = read(features / "xpos_research_word-order.csv")
    orders = {
        code_of[name]: order.replace("No d", "no d")
        for name, order in rows[["language", "SOV"]].itertuples(index=False)
        if order != "Unknown"
    }
    table["word_order"] = [orders.get(c) or facts.loc[c, "word_order"] for c in table.index]
    table["word_order_source"] = [
        "xpos_research_word-order.csv (WALS)" if c in orders else "WALS layer of URIEL, urielplus 1.3.2"
        for c in table.index
    ]
    table.loc[table["word_order"] == "", "word_order_source"] = ""


def add_lexical_distance(table: pd.DataFrame, features: Path) -> None:
    """Add LDND (distance of word lists) from English as a fraction; 1 is chance level."""
    code_of = names(features)
    percent = pd.read_csv(features / "xpos_ldnd.csv", index_col=0)["English"].dropna()
    distances = {code_of[str(name)]: round(value / 100, 4) for name, value in percent.items()}
    distances["en"] = 0.0
    table["ldnd_english"] = [str(distances.get(language, "")) for language in table.index]
    table["ldnd_source"] = ["xpos_ldnd.csv (ASJP)" if c in distances else "" for c in table.index]


def add_pretraining(table: pd.DataFrame, features: Path) -> None:
    """Add the size of XLM-R's pretraining text: native script only, both kinds of Chinese together."""
    sizes: dict[str, tuple[float, float]] = {}
    for line in (features / "xpos_research_langs-xlmr.txt").read_text(encoding="utf-8").splitlines():
        code, name, tokens, gib = line.split()
        code = "zh" if code == "lzh" else code
        if not name.endswith("_Romanized"):
            before = sizes.get(code, (0.0, 0.0))
            sizes[code] = (before[0] + float(gib), before[1] + float(tokens))
    sizes |= XLMR_TOKENS_IN_BILLIONS
    for language in table.index.difference(XLMR_NOT_TOLD_APART.split()):
        gib, tokens = sizes.get(XLMR_SAME_TEXT.get(language, language), (0.0, 0.0))
        table.loc[language, ["pretrain_gib", "pretrain_tokens_m"]] = [f"{gib:.4g}", f"{tokens:.5g}"]
        table.loc[language, "pretrain_source"] = _pretraining_source(language, gib)


def _pretraining_source(language: str, gib: float) -> str:
    if language in XLMR_TOKENS_IN_BILLIONS:
        return "xpos_research_langs-xlmr.txt, units put right (COVARIATES.md)"
    return "xpos_research_langs-xlmr.txt" if gib else "not in xpos_research_langs-xlmr.txt"
