"""Work without torch: a training is the hash of what it starts from, a score is a digit of that hash."""

import errno
import hashlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from taskorder.errors import InvalidExperiment
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.tree.plan import Evaluation, Node, Step
from taskorder.results.sequences import Stage, render

LANGUAGES = ("de", "en", "fi", "ru")
DIGESTS = {"code": "1", "scoring": "1"}


def _asked(name: str) -> str:
    """Return what a test asks of the work, in whichever process it is done: the environment is inherited."""
    return os.environ.get(f"FAKE_{name}", "")


def check(experiment: Experiment) -> None:
    if "nosuchtask" in experiment.targets:
        raise InvalidExperiment("there is no task 'nosuchtask'.")


def languages(task: str, experiment: Experiment) -> Sequence[str]:
    del task, experiment
    return LANGUAGES


def training_language(stage: Stage, experiment: Experiment) -> str:
    del experiment
    return "" if stage.task in {"mlm", "tlm"} else stage.language or "en"


def data_digest(stage: Stage, experiment: Experiment) -> str:
    del experiment
    return f"data of {stage.task}{_asked(f'DATA_{stage.task}')}"


def evaluation_digest(evaluation: Evaluation, experiment: Experiment) -> str:
    del experiment
    return f"test of {evaluation.task} {evaluation.language}"


def backbone_digest(backbone: str, experiment: Experiment) -> str:
    del experiment
    return f"files of {backbone}"


def code_digest() -> str:
    return DIGESTS["code"]


def scoring_digest(evaluation: Evaluation) -> str:
    del evaluation
    return DIGESTS["scoring"]


def tokens(step: Step, tuning: str, experiment: Experiment) -> int:
    del step, tuning, experiment
    return 1000


def parameters(backbone: str, experiment: Experiment) -> int:
    del backbone, experiment
    return 1_000_000


def versions() -> Mapping[str, str]:
    return {"fake": "1.0"}


def train(node: Node, experiment: Experiment, parent: Path | None, folder: Path) -> None:
    del experiment
    _log(f"train {node.id}")
    _misbehave(node)
    before = b"" if parent is None else (parent / "encoder.safetensors").read_bytes()
    told = f"{node.tuning} {node.seed} {render((node.own,))}".encode()
    weights = hashlib.sha256(before + told + _asked("DRIFT").encode()).digest()
    size = int(_asked("SIZE") or 32)
    (folder / "encoder.safetensors").write_bytes(weights * (size // 32))
    time.sleep(float(_asked("SECONDS") or 0))
    curve = [{"dev": {render((node.own,)): {"f1": weights[0] / 256}}}]
    (folder / "curve.json").write_text(json.dumps(curve))
    (folder / "timing.json").write_text(json.dumps({"began": time.time()}))


def _misbehave(node: Node) -> None:
    step = render((node.own,))
    if step == _asked("FAIL"):
        raise ValueError("cannot learn this")
    if step == _asked("DIE"):
        os.kill(os.getpid(), signal.SIGKILL)
    if step == _asked("FULL"):
        raise OSError(errno.ENOSPC, "No space left on device")
    once = _asked("DIE_ONCE")
    if once and render(node.steps) == "a>b":
        mark = Path(once)
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def _log(text: str) -> None:
    if log := _asked("LOG"):
        with Path(log).open("a") as file:
            file.write(f"{text}\n")


def score(
    node: Node, experiment: Experiment, folder: Path, evaluations: Sequence[Evaluation]
) -> list[dict[str, Any]]:
    del experiment
    _log(f"score {node.id} {len(evaluations)}")
    weights = (folder / "encoder.safetensors").read_bytes()
    time.sleep(float(_asked("SECONDS") or 0))
    rows: list[dict[str, Any]] = []
    for one in evaluations:
        text = f"{one.task} {one.language} {one.perturbation} {one.severity}".encode()
        digits = hashlib.sha256(weights + text).digest()
        for place, metric in enumerate(("f1", "accuracy")):
            rows.append(
                {
                    "task": one.task,
                    "language": one.language,
                    "metric": metric,
                    "score": digits[place] / 256,
                    "n_test": 100,
                    "perturbation": one.perturbation,
                    "severity": one.severity,
                }
            )
    return rows
