"""Metrics: what the official scripts and packages print for the same cases, and what must hold for all."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from taskorder.errors import InvalidExperiment, InvalidTask, MissingData
from taskorder.harness import metrics
from taskorder.harness.examples import (
    ChoiceExample,
    Example,
    LineExample,
    PairExample,
    SpanExample,
    TextExample,
    TokensExample,
)
from taskorder.harness.metrics.labels import positive_label

LABELS = st.sampled_from(["0", "1", "2"])
PAIRS_OF_LABELS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30)
PAIRS_OF_NUMBERS = st.lists(
    st.tuples(st.integers(-5, 5).map(float), st.integers(-5, 5).map(float)), min_size=1, max_size=30
)
TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), min_size=1, max_size=8)
TEXT = st.text(alphabet=string.ascii_letters + " .,-äß中国ال", max_size=20)


def texts(labels: list[str] | list[float]) -> list[TextExample]:
    return [TextExample(str(i), "", None, label) for i, label in enumerate(labels)]


def scored(metric: str, predictions: object, examples: list[Example] | list[TextExample]) -> float:
    return metrics.score(metric, predictions, examples, language="en")


class TestLabels:
    def test_equal_scikit_learn_1_9(self) -> None:
        gold, predictions = list("0110210012"), list("0100211012")
        assert scored("accuracy", predictions, texts(gold)) == 0.8
        assert scored("macro_f1", predictions, texts(gold)) == 0.8333333333333334
        assert scored("mcc", predictions, texts(gold)) == 0.6875
        assert scored("macro_f1", list("0123"), texts(list("0122"))) == 0.6666666666666666
        gold, predictions = list("01101001"), list("01001011")
        assert scored("f1", predictions, texts(gold)) == 0.75
        assert scored("mcc", predictions, texts(gold)) == 0.5

    def test_equal_scipy_1_18(self) -> None:
        predictions, gold = [2.5, 0.0, 4.8, 3.0, 1.2], [2.0, 0.5, 5.0, 3.0, 3.0]
        assert scored("pearson", predictions, texts(gold)) == pytest.approx(0.8809302926450975, rel=1e-15)
        assert scored("spearman", predictions, texts(gold)) == pytest.approx(0.8207826816681233, rel=1e-15)

    @pytest.mark.parametrize("metric", ["pearson", "spearman"])
    @pytest.mark.parametrize(
        ("predictions", "gold"),
        [([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ([1.0, 2.0], [0.5, 0.5]), ([1.0], [2.0])],
    )
    def test_correlations_of_constants_are_zero(
        self, metric: str, predictions: list[float], gold: list[float]
    ) -> None:
        assert scored(metric, predictions, texts(gold)) == 0.0

    @pytest.mark.parametrize("metric", ["pearson", "spearman"])
    def test_correlations_of_what_hardly_varies_neither_warn_nor_are_nan(self, metric: str) -> None:
        predictions = [1.0, 1.0 + 2**-52, 1.0, 1.0]
        assert -1 <= scored(metric, predictions, texts([1.0, 2.0, 3.0, 4.0])) <= 1

    def test_positive_label_goes_by_its_name(self) -> None:
        assert positive_label(["not_equivalent", "equivalent"]) == "equivalent"
        assert positive_label(["False", "True"]) == "True"
        gold = ["duplicate", "not_duplicate", "duplicate"]
        assert scored("f1", ["duplicate"] * 3, texts(gold)) == 0.8
        assert scored("f1", ["0", "0"], texts(["0", "0"])) == 0.0

    @pytest.mark.parametrize("labels", [["a", "b"], ["0", "1", "2"], ["true", "1"]])
    def test_positive_label_that_cannot_be_told_is_refused(self, labels: list[str]) -> None:
        with pytest.raises(InvalidTask, match="macro_f1"):
            scored("f1", labels, texts(labels))

    @given(PAIRS_OF_LABELS)
    def test_ranges(self, pairs: list[tuple[str, str]]) -> None:
        predictions, gold = map(list, zip(*pairs, strict=True))
        for metric in ("accuracy", "macro_f1", "mcc"):
            low, high = metrics.METRICS[metric].range
            assert low <= scored(metric, predictions, texts(gold)) <= high
            assert scored(metric, gold, texts(gold)) == (len(set(gold)) > 1 if metric == "mcc" else 1)

    @given(PAIRS_OF_LABELS)
    def test_names_of_labels_and_order_of_examples_are_of_no_account(
        self, pairs: list[tuple[str, str]]
    ) -> None:
        predictions, gold = map(list, zip(*pairs, strict=True))
        renamed = [["xyz"[int(label)] for label in labels[::-1]] for labels in (predictions, gold)]
        for metric in ("accuracy", "macro_f1", "mcc"):
            before, after = (
                scored(metric, predictions, texts(gold)),
                scored(metric, renamed[0], texts(renamed[1])),
            )
            assert after == pytest.approx(before, abs=1e-15)

    @given(PAIRS_OF_NUMBERS)
    def test_correlations_are_symmetric_and_turn_with_the_sign(
        self, pairs: list[tuple[float, float]]
    ) -> None:
        predictions, gold = map(list, zip(*pairs, strict=True))
        for metric in ("pearson", "spearman"):
            value = scored(metric, predictions, texts(gold))
            assert -1 <= value <= 1
            assert scored(metric, gold, texts(predictions)) == pytest.approx(value, abs=1e-12)
            assert scored(metric, [-one for one in predictions], texts(gold)) == pytest.approx(
                -value, abs=1e-12
            )


def words(*sentences: str) -> list[TokensExample]:
    return [TokensExample("", tuple(one.split()), tuple(one.split())) for one in sentences]


class TestEntities:
    @pytest.mark.parametrize(
        ("predicted", "gold", "now", "in_2020"),
        [
            pytest.param(
                ["B-PER I-PER", "I-PER O"], ["B-PER I-PER", "B-PER O"], 1.0, 1.0, id="sentences-end"
            ),
            pytest.param(["O I-LOC I-LOC O B-ORG"], ["O B-LOC I-LOC O B-ORG"], 1.0, 1.0, id="inside-opens"),
            pytest.param(["B-PER I-LOC O"], ["B-PER I-PER O"], 0.0, 0.0, id="type-changes"),
            pytest.param(["S-PER O B-LOC E-LOC"], ["S-PER O B-LOC I-LOC"], 1.0, 1.0, id="bioes"),
            pytest.param(
                ["DET NOUN NOUN CCONJ VERB SCONJ SCONJ"],
                ["DET NOUN PROPN SCONJ VERB SCONJ CCONJ"],
                0.6153846153846153,
                0.4615384615384615,
                id="parts-of-speech",
            ),
            pytest.param(["X _ NOUN"], ["_ _ NOUN"], 1.0, 0.4, id="one-letter"),
            pytest.param(["B-a-x O B-b-x"], ["B-b-x O B-b-x"], 0.5, 1.0, id="hyphens"),
            pytest.param(["O I I O"], ["O B I O"], 1.0, 0.0, id="without-types"),
            pytest.param(
                ["B-X O I O I"], ["B-X O B O B"], 1.0, 0.3333333333333333, id="without-types-after-others"
            ),
            pytest.param(["O O"], ["O O"], 0.0, 0.0, id="none"),
        ],
    )
    def test_equal_seqeval(self, predicted: list[str], gold: list[str], now: float, in_2020: float) -> None:
        predictions = [one.labels for one in words(*predicted)]
        assert scored("f1", predictions, words(*gold)) == now
        assert scored("seqeval0_f1", predictions, words(*gold)) == in_2020

    def test_accuracy_is_of_words(self) -> None:
        assert scored("accuracy", [("A", "B", "C"), ("A",)], words("A B B", "B")) == 0.5

    def test_lost_words_are_refused(self) -> None:
        for metric in ("accuracy", "f1"):
            with pytest.raises(ValueError):
                scored(metric, [("O",)], words("O O"))

    @given(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=5))
    def test_f1_is_symmetric_and_both_readings_agree_on_prefixed_tags(
        self, pairs: list[tuple[list[str], list[str]]]
    ) -> None:
        cut = [(mine[: len(true)], true[: len(mine)]) for mine, true in pairs]
        mine, true = ([tuple(one[side]) for one in cut] for side in (0, 1))
        gold, other = ([TokensExample("", labels, labels) for labels in side] for side in (true, mine))
        value = scored("f1", mine, gold)
        assert 0 <= value <= 1
        assert scored("f1", true, other) == pytest.approx(value, abs=1e-15)
        assert scored("seqeval0_f1", mine, gold) == value
        assert scored("f1", true, gold) == any(label != "O" for labels in true for label in labels)


def answered(*answers: str) -> list[SpanExample]:
    return [SpanExample("", "", "", tuple((answer, 0) for answer in answers))]


class TestAnswers:
    @pytest.mark.parametrize(
        ("language", "prediction", "answers", "squad", "mlqa"),
        [
            ("en", "the U.S. Army", ["an US army", "army"], (1, 1.0), (1, 1.0)),
            ("en", "A cat, a dog", ["cat and the dog"], (0, 0.8), (0, 0.8)),
            ("en", "$5", ["5"], (1, 1.0), (1, 1.0)),
            ("en", "the", ["a"], (1, 0.0), (1, 0.0)),
            ("de", "die Straße", ["der Straße", "Straßen"], (0, 0.5), (1, 1.0)),
            ("es", "¿Los gatos?", ["gatos negros"], (0, 0.5), (0, 0.6666666666666666)),
            ("vi", "của Hà Nội", ["Hà Nội, là"], (0, 0.6666666666666666), (1, 1.0)),
            ("ar", "في الكتاب،", ["في كتاب"], (0, 0.5), (1, 1.0)),
            ("hi", "किताब।", ["किताब"], (0, 0.0), (1, 1.0)),
            ("zh", "（1949年）中国", ["中国1949年", "北京"], (0, 0.0), (0, 1.0)),
            ("zh", "中国 北京", ["北京"], (0, 0.6666666666666666), (0, 0.6666666666666666)),
        ],
    )
    def test_equal_the_official_scripts(
        self,
        language: str,
        prediction: str,
        answers: list[str],
        squad: tuple[int, float],
        mlqa: tuple[int, float],
    ) -> None:
        for prefix, (exact, f1) in {"": squad, "mlqa_": mlqa}.items():
            for metric, value in {"exact_match": exact, "f1": f1}.items():
                name = prefix + metric
                assert metrics.score(name, [prediction], answered(*answers), language=language) == value

    def test_mean_over_questions(self) -> None:
        examples = [*answered("a cat"), *answered("dog"), *answered("old bird")]
        assert scored("exact_match", ["cat", "horse", "bird"], examples) == 1 / 3
        assert scored("f1", ["cat", "horse", "bird"], examples) == (1 + 0 + 2 / 3) / 3

    def test_question_without_an_answer_wants_none(self) -> None:
        for metric in ("exact_match", "f1"):
            assert scored(metric, [""], answered()) == 1.0
            assert scored(metric, ["word"], answered()) == 0.0

    def test_mlqa_is_refused_in_other_languages(self) -> None:
        with pytest.raises(InvalidTask, match="take f1"):
            metrics.check("mlqa_f1", "span", ["en", "sw"])
        with pytest.raises(InvalidTask, match="'sw'"):
            metrics.score("mlqa_f1", [""], answered("x"), language="sw")

    @given(
        TEXT, st.lists(TEXT, min_size=1, max_size=3), st.sampled_from(sorted(metrics.answers.MLQA_LANGUAGES))
    )
    def test_f1_is_at_least_exact_match_where_words_are_left(
        self, prediction: str, answers: list[str], language: str
    ) -> None:
        for prefix in ("", "mlqa_"):
            exact, f1 = (
                metrics.score(prefix + name, [prediction], answered(*answers), language=language)
                for name in ("exact_match", "f1")
            )
            split = metrics.answers.mlqa_words(language) if prefix else metrics.answers.squad_words
            assert 0 <= f1 <= 1
            assert exact in (0, 1)
            assert f1 >= exact or not split(prediction)


def single(rows: ArrayLike) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


class TestRetrieval:
    def test_tatoeba_asks_in_english(self) -> None:
        """The nearest sources that XTREME's script finds are [0, 1, 2, 1, 0]."""
        sources = single([[3, 1], [1, 2], [-1, 2], [0, 1], [2, -1]])
        targets = single([[3, 2], [1, 1], [-2, 2], [1, 3], [2, 0]])
        pairs = [PairExample(str(i), f"s{i}", f"t{i}") for i in range(5)]
        assert scored("accuracy", (sources, targets), pairs) == 0.6
        assert scored("accuracy", (targets, sources), pairs) != 0.6

    ENTITIES = single([[1, 0], [0, 2], [-1, 1], [3, 4], [-2, -1]])
    QUERIES = single([[2, 0.9], [1, 3.1], [-1, 0]])

    def asked(self, relevant: list[list[int]]) -> tuple[tuple[np.ndarray, np.ndarray], list[PairExample]]:
        pairs = [(query, entity) for query, right in enumerate(relevant) for entity in right]
        examples = [PairExample(f"q{i}", f"mention {i}", f"entity {j}") for i, j in pairs]
        examples += [PairExample("", "", f"entity {j}", gold=False) for j in range(len(self.ENTITIES))]
        sources = np.concatenate([self.QUERIES[[i for i, _ in pairs]], np.zeros_like(self.ENTITIES)])
        targets = np.concatenate([self.ENTITIES[[j for _, j in pairs]], self.ENTITIES])
        return (sources, targets), examples

    @pytest.mark.parametrize(("top", "value"), [(1, 1 / 3), (2, 2 / 3), (20, 2 / 3)])
    def test_mrr_equals_mewsli_x(self, top: int, value: float) -> None:
        assert metrics.retrieval.mean_reciprocal_rank(*self.asked([[3], [1], [2]]), top) == pytest.approx(
            value, rel=1e-15
        )

    @pytest.mark.parametrize(("top", "value"), [(1, 2 / 3), (2, 2 / 3), (3, 2 / 3), (20, 0.7333333333333334)])
    def test_map_equals_lareqa(self, top: int, value: float) -> None:
        assert metrics.retrieval.mean_average_precision(
            *self.asked([[0, 1], [1, 3, 4], [2]]), top
        ) == pytest.approx(value, rel=1e-15)

    def test_bucc(self) -> None:
        """XTREME's script mines 4 pairs, at the threshold 1.198405 3 of them right out of 4."""
        sources = single([[5, 1, 0], [1, 4, 1], [0, 2, 5], [3, 3, 1], [1, 1, 1], [-2, 1, 4]])
        targets = single([[4, 2, 0], [0, 5, 1], [1, 1, 4], [5, 0, 3], [2, -1, 3]])
        found = metrics.retrieval.mined(sources, targets)
        assert found.pairs.tolist() == [[1, 1], [2, 2], [0, 0], [4, 3]]
        official = [1.4535094499588013, 1.3458566665649414, 1.3193621635437012, 1.0774487257003784]
        assert found.margins == pytest.approx(official, rel=1e-6)
        pairs = [PairExample(str(i), f"s{i}", f"t{i}" if i < 5 else "", gold=i < 4) for i in range(6)]
        embeddings = sources, np.concatenate([targets, single([[1, 1, 1]])])
        assert scored("f1", embeddings, pairs) == 2 * 0.75 / 1.75
        assert metrics.retrieval.bucc_f1(embeddings, pairs, threshold=1.4) == pytest.approx(0.4)
        assert metrics.retrieval.bucc_f1(embeddings, pairs, threshold=2.0) == 0.0

    def test_bucc_drops_sentences_that_occur_twice(self) -> None:
        vectors = single(np.eye(4))
        pairs = [PairExample(str(i), text, f"t{i}") for i, text in enumerate(["a", "b", "c", "c"])]
        assert scored("f1", (vectors, vectors), pairs) == 2 * (2 / 4) / (1 + 2 / 4)

    def test_bucc_counts_all_that_is_to_be_found(self) -> None:
        vectors = single(np.eye(3))
        pairs = [PairExample(str(i), text, text) for i, text in enumerate(["a", "b", "b"])]
        assert scored("f1", (vectors, vectors), pairs) == 2 * (1 / 3) / (1 + 1 / 3)

    def test_bucc_pairs_nothing_below_a_margin_of_zero(self) -> None:
        found = metrics.retrieval.mined(single([[1, 0], [1, 0.05]]), single([[1, 0], [-0.1, 1]]))
        assert len(found.pairs) == 1
        assert (found.margins > 0).all()

    def test_vectors_of_nothing_do_no_harm(self) -> None:
        pairs = [PairExample(str(i), f"s{i}", f"t{i}") for i in range(3)]
        vectors = single([[0, 0], [0, 0], [1, 0]])
        for metric in ("accuracy", "f1", "mrr", "map"):
            assert 0 <= scored(metric, (vectors, vectors), pairs) <= 1

    def test_of_equals_the_first_one_wins(self) -> None:
        vectors = single([[1, 0], [1, 0]])
        pairs = [PairExample(str(i), f"s{i}", f"t{i}") for i in range(2)]
        assert scored("accuracy", (vectors, vectors), pairs) == 0.5
        assert scored("mrr", (vectors, vectors), pairs) == 0.75

    def test_threshold(self) -> None:
        margins = np.array([1.5, 1.25, 1.25, 1.0, 0.75])
        right = np.array([True, True, False, False, False])
        assert metrics.retrieval.best_threshold(margins, right, 3) == 1.25
        assert metrics.retrieval.best_threshold(np.delete(margins, 1), np.delete(right, 2), 3) == 1.125
        assert metrics.retrieval.best_threshold(margins, ~right, 3) == 0.75
        assert metrics.retrieval.best_threshold(margins, right & False, 3) == 0.0

    @given(st.integers(2, 40), st.integers(0, 2**32 - 1))
    def test_what_holds_for_all(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        vectors = single(rng.normal(size=(count, 16)))
        noisy = vectors + single(rng.normal(size=vectors.shape))
        pairs = [PairExample(str(i), f"s{i}", f"t{i}") for i in range(count)]
        for metric in ("accuracy", "f1", "mrr", "map"):
            value = scored(metric, (vectors, noisy), pairs)
            assert 0 <= value <= 1
            if metric != "f1":
                assert scored(metric, (vectors, vectors), pairs) == 1
                assert scored(metric, (4 * vectors, noisy / 2), pairs) == value
        assert scored("map", (vectors, noisy), pairs) == pytest.approx(scored("mrr", (vectors, noisy), pairs))

    @given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**32 - 1))
    def test_mined_sentences_stand_in_one_pair(self, n: int, m: int, k: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        found = metrics.retrieval.mined(rng.normal(size=(n, 4)), rng.normal(size=(m, 4)), k)
        for side in found.pairs.T:
            assert len(set(side.tolist())) == len(side)
        assert (np.diff(found.margins) <= 0).all()

    def test_blocks_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(0)
        queries, candidates = rng.integers(-3, 4, (50, 8)), rng.integers(-3, 4, (30, 8))
        whole = metrics.retrieval.nearest_rows(single(queries), single(candidates), 5)
        monkeypatch.setattr(metrics.retrieval, "BLOCK", 7)
        parts = metrics.retrieval.nearest_rows(single(queries), single(candidates), 5)
        for one, other in zip(whole, parts, strict=True):
            assert (one == other).all()
        assert (whole[0] == -np.sort(-(queries @ candidates.T), axis=1)[:, :5]).all()


class TestNames:
    def test_choice(self) -> None:
        examples = [ChoiceExample("", "", "", ("a", "b"), label) for label in (0, 1, 1)]
        assert scored("accuracy", [0, 1, 0], examples) == 2 / 3

    def test_unknown_name_suggests_the_nearest(self) -> None:
        with pytest.raises(InvalidTask, match="Did you mean 'accuracy'"):
            metrics.check("acuracy", "text")

    @pytest.mark.parametrize(("metric", "example"), [("mcc", SpanExample), ("f1", LineExample)])
    def test_metric_of_another_kind_is_refused(self, metric: str, example: type[Example]) -> None:
        made = {SpanExample: answered("x")[0], LineExample: LineExample("", "")}[example]
        with pytest.raises(InvalidTask, match="not defined"):
            scored(metric, ["x"], [made])

    def test_nothing_to_score_is_refused(self) -> None:
        with pytest.raises(MissingData, match="no examples"):
            scored("accuracy", [], [])
        with pytest.raises(MissingData, match="no example has a translation"):
            scored("accuracy", (single([[1]]), single([[1]])), [PairExample("", "s", "t", gold=False)])

    def test_diverged_models_are_refused(self) -> None:
        with pytest.raises(InvalidExperiment, match="learning rate"):
            scored("pearson", [1.0, float("nan")], texts([1.0, 2.0]))
        with pytest.raises(InvalidExperiment, match="learning rate"):
            scored("accuracy", (single([[1]]), single([[np.nan]])), [PairExample("", "s", "t")])

    def test_other_counts_are_refused(self) -> None:
        with pytest.raises(ValueError):
            scored("accuracy", ["0"], texts(["0", "1"]))
        with pytest.raises(ValueError):
            scored("accuracy", (single([[1], [1]]), single([[1]])), [PairExample("", "s", "t")])

    def test_reported_names_and_ranges(self) -> None:
        allowed = {"accuracy", "f1", "macro_f1", "exact_match", "mcc", "pearson", "spearman", "map", "mrr"}
        assert {one.reported for one in metrics.METRICS.values()} == allowed
        signed = {name for name, one in metrics.METRICS.items() if one.range[0] < 0}
        assert signed == {"mcc", "pearson", "spearman"}
