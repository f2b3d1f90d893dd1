"""Size classes of analysers: geometric steps, weights, per cents, sums, and what coarse classes leave open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from nakaya.core.errors import ConfigError, FormatError
from nakaya.reactor.config import read_column_map
from nakaya.reactor.logs.classes import SizeSeries, _scores, class_edges, refined
from nakaya.reactor.logs.record import ingest_log
from nakaya.reactor.logs.size_evidence import class_evidence
from nakaya.records.record import Record
from nakaya.records.store import check_record

MEDIAN, SIGMA = 100.0, 0.5
"""um; number of crystals log-normal, as below."""

Z90 = norm.ppf(0.9)
MOMENT_3 = MEDIAN**3 * np.exp(4.5 * SIGMA**2)


def shares(edges: np.ndarray, power: int = 0) -> np.ndarray:
    """Fraction of the number (power 0) or volume (3) between edges: log-normal again, about exp(power sigma^2)."""
    middle = np.log(MEDIAN) + power * SIGMA**2
    return np.diff(norm.cdf((np.log(np.maximum(edges, 1e-300)) - middle) / SIGMA))


def ingest(folder: Path, sizes: np.ndarray, row: np.ndarray, extra: str = "", form: str = ".6f") -> Record:
    names = [f"b{i}" for i in range(sizes.size)]
    text = ",".join(f"{value:{form}}" for value in row)
    (folder / "log.csv").write_text("t," + ",".join(names) + "\n" + "".join(f"{t},{text}\n" for t in range(8)))
    listed = ", ".join(f"{size:.6f}" for size in sizes)
    (folder / "map.toml").write_text(
        f'material = "x"\n[time]\ncolumn = "t"\nunit = "min"\n[sizes]\nfirst = "b0"\nlast = "{names[-1]}"\n'
        f'unit = "um"\nsizes = [{listed}]\n{extra}\n'
    )
    record = ingest_log(folder / "log.csv", read_column_map(folder / "map.toml")).record
    check_record(record)
    return record


def deciles(record: Record) -> list[float]:
    return [1e6 * float(record.evidence[f"size_q{percent}"].values[0]) for percent in (10, 50, 90)]


TRUE_DECILES = [MEDIAN * np.exp(-Z90 * SIGMA), MEDIAN, MEDIAN * np.exp(Z90 * SIGMA)]
OCTAVES = 2.0 ** np.arange(0, 13)
FINE = 0.1 * 1.166 ** np.arange(0, 72)


@pytest.mark.parametrize("edge", ["middle", "upper", "lower"])
def test_classes_in_a_constant_ratio_have_geometric_middles_and_tell_how_wide_they_are(tmp_path, edge) -> None:
    sizes = {"middle": np.sqrt(OCTAVES[1:] * OCTAVES[:-1]), "upper": OCTAVES[1:], "lower": OCTAVES[:-1]}[edge]
    record = ingest(tmp_path, sizes, 1e5 * shares(OCTAVES), f'edge = "{edge}"', ".2f")
    np.testing.assert_allclose(1e6 * record.evidence["size_class_edges"].values, OCTAVES, rtol=1e-5)
    assert deciles(record) == pytest.approx(TRUE_DECILES, rel=1e-3)  # exact for a log-normal, up to rounded counts
    evidence = record.evidence
    per_crystal = 1e18 * evidence["size_moment_3"].values[0] / evidence["size_moment_0"].values[0]
    assert per_crystal == pytest.approx(MOMENT_3, rel=0.01)
    assert any("size classes are coarse" in flag for flag in record.flags)
    widths = np.array([32.0, 64.0, 128.0]) / np.sqrt(12.0)  # of the octaves that hold the deciles
    found = [1e6 * evidence[f"size_q{percent}"].uncertainty[0] for percent in (10, 50, 90)]
    np.testing.assert_allclose(found, widths, rtol=1e-5)
    assert evidence["size_moment_3"].uncertainty[0] > 0


def test_classes_of_equal_width_stay_as_they_are(tmp_path) -> None:
    """Evenly filled classes: quantiles are straight lines, moments those of boxes."""
    sizes = np.arange(10.0, 210.0, 10.0)
    record = ingest(tmp_path, sizes, np.full(20, 7.0))
    assert record.status == "ok"
    assert deciles(record) == pytest.approx([20.0, 100.0, 180.0], rel=1e-12)
    assert record.evidence["size_q50"].uncertainty is None
    assert record.evidence["size_moment_3"].values[0] == pytest.approx(140 * 200e-6**3 / 4, rel=1e-9)
    assert class_edges(np.array([3.0, 6.0, 9.0]), "upper")[0].tolist() == [0.0, 3.0, 6.0, 9.0]
    assert not class_edges(sizes, "middle")[1]


def test_rows_before_the_first_crystal_say_nothing_about_the_width_of_classes() -> None:
    times, edges = 60.0 * np.arange(12), 1e-6 * np.arange(0.0, 210.0, 10.0)
    counts = np.where(np.arange(12)[:, None] < 8, 0.0, 7.0) * np.ones(20)
    found, flags = class_evidence(SizeSeries(times, edges, counts))
    assert not any("coarse" in flag for flag in flags)
    assert found["size_q50"].uncertainty is None
    wide, flags = class_evidence(SizeSeries(times, edges[::10], 10 * counts[:, ::10]))
    assert any("coarse" in flag for flag in flags)
    errors = wide["size_q50"].uncertainty
    assert errors is not None
    assert np.isnan(errors[:8]).all()
    np.testing.assert_allclose(errors[8:], 100e-6 / np.sqrt(12.0))
    for number, is_coarse in ((4, True), (5, False)):  # evenly filled: the middle 80 % lie in all of them
        even = SizeSeries(times, 1e-6 * np.arange(number + 1.0), np.full((12, number), 9.0))
        assert any("coarse" in flag for flag in class_evidence(even)[1]) == is_coarse


@pytest.mark.parametrize(("weight", "power"), [("volume", 3), ("mass", 3), ("area", 2), ("length", 1), ("number", 0)])
@pytest.mark.parametrize("whole", [100.0, 1.0])
def test_weighted_per_cents_become_numbers(tmp_path, weight, power, whole) -> None:
    row = whole * shares(FINE, power)
    with pytest.raises(FormatError, match=r"adds up to .*per cent or fractions, no counts.*set weight"):
        ingest(tmp_path, FINE[1:], row, form=".9f")
    record = ingest(tmp_path, FINE[1:], row, f'weight = "{weight}"', ".9f")
    assert deciles(record) == pytest.approx(TRUE_DECILES, rel=5e-3)
    assert "crystals_seen" not in record.evidence
    assert "size_class_counts" not in record.evidence
    np.testing.assert_allclose(record.evidence["size_class_fractions"].values.sum(axis=1), 1.0)
    assert record.evidence["size_moment_0"].values[0] == pytest.approx(1.0)


@pytest.mark.parametrize("whole", [100.0, 1.0])
def test_a_cumulative_distribution_is_refused_until_it_is_said_to_be_one(tmp_path, whole) -> None:
    below = whole * np.cumsum(shares(FINE, 3))
    with pytest.raises(FormatError, match=r"rises from class to class to .*cumulative distribution.*cumulative = true"):
        ingest(tmp_path, FINE[1:], below, form=".9f")
    with pytest.raises(FormatError, match=r"falls from class to class from"):
        ingest(tmp_path, FINE[1:], whole - below + below[0], form=".9f")
    with pytest.raises(FormatError, match="set weight"):
        ingest(tmp_path, FINE[1:], below, "cumulative = true", ".9f")
    record = ingest(tmp_path, FINE[1:], below, 'cumulative = true\nweight = "volume"', ".9f")
    assert deciles(record) == pytest.approx(TRUE_DECILES, rel=5e-3)
    with pytest.raises(FormatError, match="said to be cumulative, but fall"):
        ingest(tmp_path, FINE[1:], whole * shares(FINE, 3), "cumulative = true", ".9f")


def test_counts_that_rise_to_the_last_class_are_questioned(tmp_path) -> None:
    record = ingest(tmp_path, np.arange(10.0, 80.0, 10.0), np.array([1.0, 4.0, 9.0, 30.0, 44.0, 80.0, 81.0]))
    assert any("rises up to the last class" in flag for flag in record.flags)
    for number, row in ((4, np.arange(4.0)), (5, np.array([1.0, 4.0, 9.0, 30.0, 29.0])), (7, np.zeros(7))):
        record = ingest(tmp_path, 10.0 * np.arange(1, number + 1), row)  # too few to tell, falling, empty
        assert not any("rises" in flag for flag in record.flags)


def test_an_unknown_weight_names_the_known_ones(tmp_path) -> None:
    with pytest.raises(ConfigError, match="weight"):
        ingest(tmp_path, np.array([1.0, 2.0]), np.array([1.0, 2.0]), 'weight = "colour"')


@pytest.mark.parametrize("is_geometric", [True, False])
def test_cutting_classes_keeps_their_counts(is_geometric: bool) -> None:
    rng = np.random.default_rng(3)
    edges = np.geomspace(1.0, 1000.0, 8)
    counts = rng.poisson(3.0, (20, 7)).astype(float)
    counts[0], counts[1] = 0.0, [0, 0, 5, 0, 0, 0, 0]
    fine_edges, fine = refined(edges, counts, is_geometric)
    assert fine_edges.size == 16 * 7 + 1
    np.testing.assert_allclose(fine.reshape(20, 7, 16).sum(axis=2), counts, atol=1e-9)
    np.testing.assert_allclose(fine_edges[::16], edges)
    assert (fine >= 0).all()


def test_single_crystals_are_no_fractions_but_whole_per_cents_are_no_counts(tmp_path) -> None:
    """Rows of one crystal add up to 1; rounded per cents add up to about 100 again and again."""
    record = ingest(tmp_path, np.array([10.0, 20.0, 30.0, 40.0]), np.array([0.0, 1.0, 0.0, 0.0]), form=".0f")
    assert record.evidence["crystals_seen"].values.tolist() == [1.0] * 8
    with pytest.raises(FormatError, match="set weight"):
        ingest(tmp_path, np.array([10.0, 20.0, 30.0, 40.0]), np.array([10.0, 41.0, 40.0, 10.0]), form=".0f")
    counted = ingest(tmp_path, np.array([10.0, 20.0, 30.0, 40.0]), np.array([30.0, 41.0, 40.0, 10.0]), form=".0f")
    assert counted.evidence["crystals_seen"].values.tolist() == [121.0] * 8


@pytest.mark.parametrize(("text", "sizes"), [("1;2;3", [1, 2, 3]), ("1,5;2,5;3,5", [1.5, 2.5, 3.5])])
def test_sizes_in_the_head_are_read_in_either_decimal_sign_but_never_as_thousands(tmp_path, text, sizes) -> None:
    def read(line: str, thousands: str = "") -> Record:
        (tmp_path / "log.csv").write_text(f"t;b0;b1;b2\n;{line}\n" + "".join(f"{t};1;2;3\n" for t in range(8)))
        (tmp_path / "map.toml").write_text(
            f'material = "x"\n[file]\ndelimiter = ";"\ndata_line = 3\nthousands = "{thousands}"\n[time]\ncolumn = "t"\n'
            'unit = "min"\n[sizes]\nfirst = "b0"\nlast = "b2"\nsizes_line = 2\nunit = "um"\n'
        )
        return ingest_log(tmp_path / "log.csv", read_column_map(tmp_path / "map.toml")).record

    found = 1e6 * read(text).evidence["size_class_edges"].values[1:]
    np.testing.assert_allclose(found, sizes)
    with pytest.raises(FormatError, match="thousands ="):
        read("1,000;2,000;3,000")
    thousand = 1e6 * read("1,000;2,000;3,000", ",").evidence["size_class_edges"].values[1:]
    np.testing.assert_allclose(thousand, [1000.0, 2000.0, 3000.0])


def test_a_class_without_width_is_refused(tmp_path) -> None:
    with pytest.raises(FormatError, match="a size class ends at size 0"):
        ingest(tmp_path, np.array([0.0, 10.0, 20.0]), np.array([1.0, 2.0, 3.0]), 'edge = "upper"')
    ingest(tmp_path, np.array([0.0, 10.0, 20.0]), np.array([1.0, 2.0, 3.0]), 'edge = "lower"')


def test_crystals_of_one_class_lie_within_three_deviations_of_its_middle() -> None:
    """Between the edges the normal score runs from -3 to 3: the class is cut off where one in a thousand is beyond."""
    _, fine = refined(np.array([1.0, 8.0]), np.array([[10.0]]), is_geometric=True)
    scores = np.linspace(-3.0, 3.0, 17)
    expected = 10.0 * np.diff(norm.cdf(scores)) / (norm.cdf(3.0) - norm.cdf(-3.0))
    np.testing.assert_allclose(fine[0], expected, rtol=1e-9)
    for before, after in ((3, 0), (0, 3), (2, 1)):  # wherever it is among empty ones, which are one further each
        (found,) = _scores(np.array([[0.0] * before + [10.0] + [0.0] * after]))
        assert found.tolist() == [-3.0 - n for n in range(before, 0, -1)] + [-3.0, 3.0] + [
            4.0 + n for n in range(after)
        ]


def test_edges_have_the_normal_scores_of_what_is_below_them() -> None:
    """Half, a tenth of a per cent and its reverse are 0 and -+3.09; the outermost edges are one further."""
    z = norm.ppf(0.999)
    many = _scores(np.array([[0.0, 0.0, 1.0, 499.0, 499.0, 1.0, 0.0]]))
    np.testing.assert_allclose(many, [[-z - 3, -z - 2, -z - 1, -z, 0.0, z, z + 1, z + 2]])
    few = _scores(np.array([[0.0, 5.0, 5.0, 0.0], [5.0, 5.0, 0.0, 0.0]]))
    np.testing.assert_allclose(few, [[-4.0, -3.0, 0.0, 3.0, 4.0], [-3.0, 0.0, 3.0, 4.0, 5.0]], atol=1e-12)


@pytest.mark.parametrize("whole", [1.0, 100.0])
@pytest.mark.parametrize("per", ["um", "log10", "ln"])
def test_densities_are_no_counts(tmp_path, whole, per) -> None:
    """q(L) of analysers: per micrometre, or per unit of the logarithm; their sums mean nothing."""
    edges = np.linspace(1.0, 601.0, 41)
    width = {"um": np.diff(edges), "log10": np.diff(np.log10(edges)), "ln": np.diff(np.log(edges))}[per]
    with pytest.raises(FormatError, match=f"multiplied by the widths of its classes in {per}.*a density"):
        ingest(tmp_path, edges[1:], whole * shares(edges) / width, form=".9f")
    assert ingest(tmp_path, edges[1:], 3e5 * shares(edges), form=".3f").status == "ok"


@pytest.mark.parametrize("factor", [1e-6, 1e3])
def test_classes_in_another_unit_are_refused(tmp_path, factor) -> None:
    """A hundred micrometres in metres, or in nanometres, said to be in micrometres."""
    edges = factor * np.linspace(0.0, 1000.0, 41)
    with pytest.raises(FormatError, match="size classes end at"):
        ingest(tmp_path, edges[1:], 1e5 * shares(edges / factor), form=".2f")


def test_fractions_above_a_size_that_begin_below_the_whole_are_questioned(tmp_path) -> None:
    """Oversize: what lies below the first size is missing, so it does not begin at 100."""
    edges = np.linspace(0.0, 600.0, 41)
    above = 97.0 * (1.0 - np.cumsum(shares(edges)))
    assert any("the fraction above every size?" in flag for flag in ingest(tmp_path, edges[1:], above).flags)
    falling = 1e4 * np.exp(-np.arange(40) / 8.0)
    assert not any("fraction above" in flag for flag in ingest(tmp_path, edges[1:], falling, form=".2f").flags)
