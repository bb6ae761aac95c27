"""Intervals over documents: what a hand count gives, and the coverage they promise."""

import numpy as np
import pytest
from scipy.stats import norm

from clues.data.rows import Message, Row
from clues.statistics.bootstrap import document_of, estimate, resampled_means
from clues.statistics.paired import comparison
from tests.helpers.known import known


def test_a_resample_draws_whole_documents():
    # Document a holds rows 0 and 0, b the row 6: a resample is aa (0), ab (2) or bb (6), never a lone 0 with a 6 (3).
    means = resampled_means([0.0, 6.0, 0.0], ["a", "b", "a"], 400, 1)
    assert set(np.round(means, 12)) == {0.0, 2.0, 6.0}
    assert np.mean(means == 2.0) == pytest.approx(0.5, abs=0.08)


def test_rows_of_one_document_widen_the_interval():
    values = np.repeat(np.random.default_rng(0).normal(size=25), 8)
    clustered = estimate(values, np.repeat(np.arange(25), 8).astype(str).tolist())
    alone = estimate(values, np.arange(200).astype(str).tolist())
    assert clustered.value == alone.value == pytest.approx(values.mean())
    assert known(clustered.high) - known(clustered.low) > 2 * (known(alone.high) - known(alone.low))


def test_interval_of_independent_rows_is_the_normal_one():
    values = np.random.default_rng(3).normal(2.0, 1.0, 400)
    result = estimate(values, [str(i) for i in range(400)])
    half = norm.ppf(0.975) * values.std() / 20
    assert result.low == pytest.approx(values.mean() - half, abs=0.015)
    assert result.high == pytest.approx(values.mean() + half, abs=0.015)


def test_interval_covers_the_truth_about_as_often_as_promised():
    generator = np.random.default_rng(5)
    documents = np.repeat(np.arange(40), 3).astype(str).tolist()
    hits = 0
    for trial in range(200):
        values = np.repeat(generator.normal(size=40), 3) + 0.3 * generator.normal(size=120)
        result = estimate(values, documents, 400, trial)
        hits += known(result.low) <= 0.0 <= known(result.high)
    assert 180 <= hits <= 199


def test_columns_are_resampled_together():
    first = np.random.default_rng(1).normal(size=30)
    means = resampled_means(np.stack([first, first + 0.25], axis=1), [str(i) for i in range(30)], 100)
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.25, atol=1e-12)


def test_seed_decides_and_order_of_rows_does_not():
    values, documents = np.random.default_rng(2).normal(size=20), [f"d{i % 7}" for i in range(20)]
    order = np.random.default_rng(3).permutation(20)
    first = estimate(values, documents, seed=4)
    again = estimate(values[order], [documents[i] for i in order], seed=4)
    assert (again.low, again.high) == pytest.approx((first.low, first.high))
    assert estimate(values, documents, seed=5).low != first.low


def test_one_document_has_no_interval():
    result = estimate([1.0, 3.0], ["a", "a"])
    assert (result.value, result.low, result.high, result.n, result.documents) == (2.0, None, None, 2, 1)
    assert not result.above_zero


@pytest.mark.parametrize(("values", "documents"), [([], []), ([1.0], ["a", "b"])])
def test_rows_and_documents_must_match(values, documents):
    with pytest.raises(ValueError, match="one of each per row"):
        resampled_means(values, documents)


def test_a_missing_value_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="value 2 is not finite"):
        estimate([1.0, 2.0, np.nan, 3.0], list("abcd"))


def test_rows_without_a_document_are_their_own():
    one, same, other = (Row((Message("user", t),), "f", i, {}) for i, t in enumerate(("x", "x", "y")))
    assert document_of(one) == document_of(same) != document_of(other)


def test_pages_of_two_sites_with_one_number_are_two_documents():
    records = (
        {"source": "NIDDK", "doc": "1"},
        {"source": "NIDDK", "doc": "1", "qid": 2},
        {"source": "GARD", "doc": "1"},
    )
    one, same, other = (document_of(Row((Message("user", "x"),), "f", 1, record)) for record in records)
    assert one == same != other


def test_an_estimate_is_the_mean_over_rows():
    found = estimate(np.array([1.0, 2.0, 6.0], np.float32), ["a", "b", "c"])
    assert found.value == pytest.approx(3.0)
    assert found.low is not None
    assert found.high is not None
    assert 1.0 <= found.low < 3.0 < found.high <= 6.0


def test_comparison_is_paired_and_negative_where_the_first_is_better():
    generator = np.random.default_rng(0)
    mixed = generator.normal(2.0, 0.8, 64)
    clues = mixed - 0.05 + generator.normal(0, 0.02, 64)
    documents = [str(i // 2) for i in range(64)]
    entry = comparison(("clues", "mixed"), "federated", (clues, mixed), documents)
    assert entry.difference == pytest.approx((clues - mixed).mean())
    assert -0.07 < known(entry.low) < known(entry.difference) < known(entry.high) < -0.03
    assert (entry.a, entry.b, entry.how, entry.n, entry.documents) == (
        "clues",
        "mixed",
        "federated",
        64,
        32,
    )


def test_comparison_needs_the_same_rows():
    with pytest.raises(ValueError, match="clues has 2 rows and mixed 3"):
        comparison(("clues", "mixed"), "merged", ([1.0, 2.0], [1.0, 2.0, 3.0]), ["a", "b"])
