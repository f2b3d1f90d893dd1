"""A campaign on a Dask cluster that SLURM runs; needs dask-jobqueue (pip install "nakaya[dask]" dask-jobqueue).

    python examples/dask_slurm.py examples/sweep.toml /shared/sweep.zarr

Change what depends on the cluster: queue, account, memory, time, and how many jobs. Where no scheduler may run on a
login node, `nakaya campaign script` needs none.
"""

from __future__ import annotations

import sys

from dask_jobqueue import SLURMCluster

from nakaya.core.dask_executor import Dask
from nakaya.growth.campaigns.campaigning import run_campaign

if __name__ == "__main__":
    sweep, store = sys.argv[1:]
    with SLURMCluster(
        cores=1,  # of a worker; crystals grow in one thread each
        processes=1,
        memory="2 GB",
        walltime="04:00:00",
        queue=None,  # the cluster's default
        account=None,
        scheduler_options={"dashboard": False, "port": 0},
    ) as cluster:
        cluster.scale(jobs=32)  # they work as they come out of the queue
        report = run_campaign(sweep, store, executor=Dask(cluster.scheduler_address))
        print(f"{report.store}: {report.computed_shards} of {report.shards} shards computed")  # noqa: T201
