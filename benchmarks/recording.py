"""What was measured, kept in results.csv and estimates.csv, and set as tables in results.md."""

import csv
import datetime
import io
import math
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from cases import HERE, Case, Contender
from measuring import Measured
from taskorder.files import write_whole

RESULTS, ESTIMATES, REPORT = HERE / "results.csv", HERE / "estimates.csv", HERE / "results.md"
KEY = ("case", "rows", "levels", "engine")
COLUMNS = (
    *(*KEY, "process_s", "compile_s", "sample_s", "parameters", "min_ess_bulk", "worst", "max_r_hat"),
    *("memory_mib", "note", "versions", "python", "machine", "load", "date"),
)
ESTIMATE_COLUMNS = (*KEY, "parameter", "mean", "sd", "mcse")
TRUTH = "truth"
REFERENCE = "taskorder, nuts, long"
ENGINES = (
    *(TRUTH, "taskorder, collapsed", "taskorder, collapsed, 1000 draws", "taskorder, nuts", REFERENCE),
    *(
        "PyMC, nutpie",
        "PyMC, its own NUTS",
        "bambi",
        "brms",
        "bayesmeta",
        "lme4, lmer (REML)",
        "metafor (REML)",
        "statsmodels, MixedLM (REML)",
    ),
)
"""In the order in which tables list them."""

Row = dict[str, str]

ABOUT = {
    "sequences": "60 sequences of up to 3 of 9 tasks, 2 backbones, 6 targets, 15 languages",
    "sequences with pairs": "The same, with an effect of every stage on every target",
    "thousands": "Two factors of thousands of levels, crossed at random",
    "crossed": "A small crossed design: every combination of 10 backbones, 20 tasks, 10 languages",
    "meta": "Meta-analysis: BCG vaccine, 13 trials",
    "scaling": "Scaling: two factors crossed at random",
}


def machine() -> str:
    """Name processor, cores and memory."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def row_of(case: Case, contender: Contender, measured: Measured, judged: dict[str, Any], load: float) -> Row:
    """Return the line of results.csv of one measurement."""
    ended = f"ended at the limit of {measured.seconds:.0f} s" if measured.status is None else ""
    failed = f"failed: {_last(measured.errors)}" if not judged and measured.status else ""
    values = {
        "process_s": _number(measured.seconds, 2),
        "compile_s": _number(judged.get("compile"), 2),
        "sample_s": _number(judged.get("sample"), 3),
        "parameters": _number(judged.get("parameters"), 0),
        "min_ess_bulk": _number(judged.get("ess"), 1),
        "worst": judged.get("worst", ""),
        "max_r_hat": _number(judged.get("r_hat"), 4),
        "memory_mib": _number(measured.memory, 0),
        "note": "; ".join(text for text in (judged.get("note", ""), ended, failed) if text),
        "versions": judged.get("versions", ""),
    }
    return _identity(case, contender) | values | {"load": f"{load:.2f}"}


def row_without(case: Case, contender: Contender, why: str) -> Row:
    """Return the line of a contender that could not run here."""
    return _identity(case, contender) | {"note": why}


def _identity(case: Case, contender: Contender) -> Row:
    return {
        "case": case.name,
        "rows": str(case.rows),
        "levels": str(case.levels),
        "engine": contender.engine,
        "python": platform.python_version(),
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def keep(row: Row) -> None:
    """Put a line into results.csv in place of that of the same case, size and engine."""
    _replace(RESULTS, COLUMNS, row, [row])


def keep_estimates(case: Case, engine: str, judged: dict[str, Any]) -> None:
    """Put the estimates of one engine into estimates.csv in place of those that it had."""
    key = {"case": case.name, "rows": str(case.rows), "levels": str(case.levels), "engine": engine}
    lines = [
        key | {"parameter": name, "mean": _figures(mean), "sd": _figures(sd), "mcse": _figures(error)}
        for name, mean, sd, error in judged.get("estimates", [])
    ]
    _replace(ESTIMATES, ESTIMATE_COLUMNS, key, lines)


def _replace(path: Path, columns: Sequence[str], key: Row, lines: Sequence[Row]) -> None:
    kept = [row for row in read(path) if _key(row) != _key(key)]
    _write(path, columns, _ordered([*kept, *lines]))


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in KEY)


def _ordered(rows: Iterable[Row]) -> list[Row]:
    """Sort by case, size and engine."""
    return sorted(rows, key=_place)


def _place(row: Row) -> tuple[int, int, int, int]:
    size = (int(row["rows"]), int(row["levels"]))
    return (list(ABOUT).index(row["case"]), *size, ENGINES.index(row["engine"]))


def read(path: Path) -> list[Row]:
    """Return the lines of a table; none where it is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue(), force=True)


def report() -> str:
    """Set results.md from the two tables, and return it."""
    rows, estimates = read(RESULTS), read(ESTIMATES)
    lines = [
        "# Side by side",
        "",
        "Every engine gets the same file and the same priors, in a process of its own with an empty compile"
        " cache, on two cores with one BLAS thread. The process is timed from start to end, reading the data"
        " and writing the result included; compile and sample (or optimise) as each engine reports them."
        " ESS is the smallest bulk effective sample size (ArviZ) over *all* parameters, effects included; a"
        " fit of ours that reports a smaller one is taken at its word. Memory is the peak of the largest"
        " process. Load is that of the machine just before. Single runs, one data set each.",
        "",
    ]
    for name in ABOUT:
        chosen = [row for row in rows if row["case"] == name]
        if chosen:
            lines += [f"## {ABOUT[name]}", "", *_case(name, chosen, estimates)]
    lines += _made_with(rows)
    text = "\n".join(lines) + "\n"
    write_whole(REPORT, text, force=True)
    return text


def _case(name: str, rows: Sequence[Row], estimates: Sequence[Row]) -> list[str]:
    if name == "scaling":
        return [*_timings(rows, sized=True), "![Seconds by rows and by levels](scaling.png)", ""]
    lines: list[str] = []
    for (count, levels), group in groupby(rows, key=lambda row: (row["rows"], row["levels"])):
        here = [
            row for row in estimates if (row["case"], row["rows"], row["levels"]) == (name, count, levels)
        ]
        lines += [f"{int(count):,} rows, {int(levels):,} levels of groups", ""]
        lines += [*_timings(list(group)), *_agreement(here), *_answers(here)]
    return lines


def _timings(rows: Sequence[Row], *, sized: bool = False) -> list[str]:
    columns: dict[str, Callable[[Row], str]] = {
        "engine": lambda row: row["engine"],
        "process (s)": lambda row: _shown(row, "process_s", 1),
        "compile (s)": lambda row: _shown(row, "compile_s", 1),
        "sample (s)": lambda row: _shown(row, "sample_s", 2),
        "smallest ESS": lambda row: _shown(row, "min_ess_bulk", 0),
        "ESS/s, compile + sample": lambda row: _rate(row, ("compile_s", "sample_s")),
        "ESS/s, sample": lambda row: _rate(row, ("sample_s",)),
        "largest R-hat": lambda row: _shown(row, "max_r_hat", 3),
        "memory (MiB)": lambda row: _shown(row, "memory_mib", 0),
        "load": lambda row: row["load"],
        "note": lambda row: row["note"],
    }
    if sized:
        size: dict[str, Callable[[Row], str]] = {
            "rows": lambda row: _shown(row, "rows", 0),
            "levels": lambda row: _shown(row, "levels", 0),
        }
        columns = size | columns
    left = {"engine", "note"}
    lines = [_line(columns), _line("---" if name in left else "---:" for name in columns)]
    lines += [_line(show(row) for show in columns.values()) for row in rows]
    return [*lines, ""]


def _agreement(estimates: Sequence[Row]) -> list[str]:
    """Compare all listed parameters with the long run: means in Monte Carlo errors, sds in percent."""
    by_engine = _by_engine(estimates)
    reference = by_engine.pop(REFERENCE, {})
    lines: list[str] = []
    for engine, found in by_engine.items():
        pairs = [
            (found[name], reference[name]) for name in found if name in reference and found[name]["mcse"]
        ]
        if not pairs:
            continue
        away = [
            abs(float(ours["mean"]) - float(theirs["mean"]))
            / math.hypot(float(ours["mcse"]), float(theirs["mcse"]))
            for ours, theirs in pairs
        ]
        wider = [abs(float(ours["sd"]) / float(theirs["sd"]) - 1) for ours, theirs in pairs]
        lines.append(
            f"- {engine} beside *{REFERENCE}*, {len(pairs)} parameters: means at most {max(away):.1f}"
            f" Monte Carlo errors away ({sum(a > 3 for a in away)} beyond 3); sds within {max(wider):.1%}"
            f" ({sum(w > 0.05 for w in wider)} beyond 5 %)."
        )
    return [*lines, ""] if lines else []


def _answers(estimates: Sequence[Row]) -> list[str]:
    by_engine = _by_engine(estimates)
    truth = by_engine.pop(TRUTH, {})
    names = dict.fromkeys(row["parameter"] for row in estimates if "[" not in row["parameter"])
    if not by_engine:
        return []
    lines = ["Mean (sd) of the shared parameters; estimate (standard error) where there are no draws:", ""]
    lines += [_line(["parameter", *(["truth"] if truth else []), *by_engine])]
    lines += [_line(["---", *(["---:"] if truth else []), *("---:" for _ in by_engine)])]
    for name in names:
        known = [truth[name]["mean"] if name in truth else ""] if truth else []
        cells = [_cell(found[name]) if name in found else "" for found in by_engine.values()]
        lines.append(_line([f"`{name}`", *known, *cells]))
    return [*lines, ""]


def _by_engine(estimates: Sequence[Row]) -> dict[str, dict[str, Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in estimates:
        found.setdefault(row["engine"], {})[row["parameter"]] = row
    return found


def _made_with(rows: Sequence[Row]) -> list[str]:
    machines = dict.fromkeys(row["machine"] for row in rows)
    dates = sorted({row["date"] for row in rows})
    pythons = dict.fromkeys(row["python"] for row in rows)
    versions = dict.fromkeys(row["versions"] for row in rows if row["versions"])
    return [
        "## Made with",
        "",
        f"Machine: {'; '.join(machines)}. Date: {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}."
        f" Python {', '.join(pythons)}; {'; '.join(versions)}."
        if dates
        else "Nothing measured yet.",
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Row) -> str:
    mean = f"{float(row['mean']):.4f}"
    return f"{mean} ({float(row['sd']):.4f})" if row["sd"] else mean


def _shown(row: Row, name: str, digits: int) -> str:
    return f"{float(row[name]):,.{digits}f}" if row.get(name) else ""


def _rate(row: Row, names: Sequence[str]) -> str:
    seconds = sum(float(row[name] or 0) for name in names if row.get(name))
    if not row.get("min_ess_bulk") or not seconds:
        return ""
    return f"{float(row['min_ess_bulk']) / seconds:,.3g}" if seconds else ""


def _number(value: float | None, digits: int) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _figures(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.6g}"


def _last(text: str) -> str:
    """Return the last line that says something; R ends with one that does not."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and line != "Execution halted"]
    return lines[-1].replace("|", "/")[:160] if lines else "no message"
