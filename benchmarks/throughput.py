"""Examples a second: the harness beside transformers.Trainer with its default collator.

    TASKORDER_DATA=FOLDER python benchmarks/throughput.py [--examples 2000] [--layers 3] [--width 128]

The same encoder from chance, the same tokeniser, examples, precision and one thread each; SST-2 and parts of
speech. Tokenisation is done beforehand on either side, and nothing is evaluated or saved. Trainer is timed at
several batch sizes, of which 8 is its default; the harness fills batches of 4,096 tokens, its default. The
runs alternate, and the best of three counts.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    DataCollatorForTokenClassification,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
)

from taskorder.harness.examples import TextExample, TokensExample
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.experiments.settings import Sequences, Target, Training
from taskorder.harness.stages.checkpoints import Progress, started
from taskorder.harness.stages.parts import prepared
from taskorder.harness.stages.training import fit
from taskorder.harness.tasks.task import find_task
from taskorder.harness.tree.plan import Node
from taskorder.results.sequences import Stage

TASKS = ("sst2", "udpos")
SIZES = (8, 32, 64)
TIMES = 3


def tokenizer_of(texts: list[str], size: int) -> Any:
    """Train a tokeniser."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def ours(task: str, backbone: Path, folder: Path, examples: int) -> Callable[[], int]:
    """Prepare a run of the harness; called, it trains and returns the number of examples."""
    experiment = Experiment(
        folder=folder,
        name="throughput",
        study="throughput",
        backbones=(str(backbone),),
        sequences=Sequences(orders=("",)),
        targets={task: Target()},
        training=Training(epochs=1, max_examples=examples, dev_points=0, precision="float32"),
    )
    node = Node("0" * 16, "", str(backbone), "full", 0, ((Stage(task, "en"),),), "target")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(backbone)
    parts = prepared(node, experiment, tokenizer, folder / "features")

    def run() -> int:
        learner, _ = started(node, experiment, None, parts, tokenizer)
        progress = Progress()
        fit(learner, parts, experiment.training_for(task, "full"), node, progress)
        return progress.examples

    return run


def theirs(task: str, backbone: Path, folder: Path, examples: int, size: int) -> Callable[[], int]:
    """Prepare a run of Trainer."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(backbone)
    known = find_task(task)
    chosen = known.examples("train", "en")[:examples]
    rows = [_row(example, tokenizer, known.labels) for example in chosen]
    config = BertConfig.from_pretrained(backbone, num_labels=len(known.labels))
    kind: Any = (
        AutoModelForTokenClassification if known.kind == "tokens" else AutoModelForSequenceClassification
    )
    collator = DataCollatorForTokenClassification(tokenizer) if known.kind == "tokens" else None

    def run() -> int:
        trainer = Trainer(
            model=kind.from_config(config),
            args=TrainingArguments(
                output_dir=str(folder / "trainer"),
                per_device_train_batch_size=size,
                num_train_epochs=1,
                report_to=[],
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                use_cpu=not torch.cuda.is_available(),
            ),
            train_dataset=rows,
            data_collator=collator,
            processing_class=tokenizer,
        )
        trainer.train()
        return len(rows)

    return run


def _row(example: Any, tokenizer: Any, labels: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(example, TextExample):
        row = tokenizer(example.text, truncation=True, max_length=128)
        return dict(row) | {"labels": labels.index(str(example.label))}
    assert isinstance(example, TokensExample)
    row = tokenizer(list(example.words), is_split_into_words=True, truncation=True, max_length=128)
    words = row.word_ids()
    firsts = [word is not None and (i == 0 or words[i - 1] != word) for i, word in enumerate(words)]
    numbers = [
        labels.index(example.labels[word]) if first and word is not None else -100
        for word, first in zip(words, firsts, strict=True)
    ]
    return dict(row) | {"labels": numbers}


def main() -> None:
    """Time all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for task in TASKS:
            _compare(task, folder / task, arguments)


def _compare(task: str, folder: Path, arguments: argparse.Namespace) -> None:
    texts = [getattr(e, "text", None) or " ".join(e.words) for e in find_task(task).examples("train", "en")]
    tokenizer = tokenizer_of(texts, 8000)
    backbone = folder / "backbone"
    tokenizer.save_pretrained(backbone)
    BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=arguments.width,
        num_hidden_layers=arguments.layers,
        num_attention_heads=max(2, arguments.width // 64),
        intermediate_size=4 * arguments.width,
    ).save_pretrained(backbone)
    runs = {"taskorder": ours(task, backbone, folder, arguments.examples)}
    runs |= {f"Trainer, {n}": theirs(task, backbone, folder, arguments.examples, n) for n in SIZES}
    best = dict.fromkeys(runs, 0.0)
    for _ in range(TIMES):
        for label, run in runs.items():
            began = time.perf_counter()
            count = run()
            best[label] = max(best[label], count / (time.perf_counter() - began))
    for label, rate in best.items():
        print(f"{task:8s}{label:14s}{rate:9.0f} examples/s   {best['taskorder'] / rate:5.2f}")


if __name__ == "__main__":
    main()
