"""Studies of reactors: intervals hold the truth as often as they say, both solvers are timed."""

from __future__ import annotations

import json
import math

from benchmarks.__main__ import run
from benchmarks.reactor_coverage import coverage_experiment
from nakaya.workflows.fit_reactor import synthetic_batches


def test_intervals_hold_the_known_parameters_as_often_as_they_say():
    """20 data sets, 4 parameters: hits follow a binomial of probability 0.9; five sigma below its mean is 61 of 80.

    Estimates of one data set are correlated, so sigma is that of 20 independent draws of four equal ones. The full
    count over 100 data sets is printed by `python3 nk.py benchmark reactor-coverage`.
    """
    result = coverage_experiment(repeats=20, intervals="covariance", seed=3)
    hits = sum(row["hits"] for row in result["parameters"].values())
    sigma = 4 * math.sqrt(20 * 0.9 * 0.1)
    assert hits >= 0.9 * 80 - 3 * sigma
    assert hits < 80  # intervals that always hold are too wide: probability 0.9^20 = 0.12 if fully correlated
    for row in result["parameters"].values():
        error = row["standard_deviation"] / math.sqrt(20)
        assert abs(row["mean_estimate"] - row["true"]) < 5 * error + 0.02 * row["true"]


def test_the_speed_command_prints_both_solvers(capsys):
    assert run(["reactor-speed", "--repeats", "1", "--json"]) == 0
    methods = json.loads(capsys.readouterr().out)["methods"]
    assert set(methods) == {"moments", "finite-volume"}
    assert all(row["balance_error"] < 1e-12 for row in methods.values())


def test_the_coverage_command_counts(capsys):
    assert run(["reactor-coverage", "--repeats", "2", "--intervals", "covariance", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["parameters"]) == {entry.path for entry in synthetic_batches()[2]}
    assert all(0 <= row["hits"] <= 2 for row in document["parameters"].values())
    assert run(["reactor-coverage", "--repeats", "1"]) == 2
