"""
Records: what is known about one crystallization
================================================

A run of molecular dynamics, a micrograph and a reactor log all become records: conditions, quantities with units and
uncertainties, provenance. Graphs, tables and models are made from records alone.
"""

import tempfile
from pathlib import Path

from nakaya.records.encoding import record_hash
from nakaya.records.record import Provenance, Record, single
from nakaya.records.store import RecordStore, load_records
from nakaya.records.summary import outline_record
from nakaya.records.units import to_si
from nakaya.viz.charts.calibration import velocity_panels
from nakaya.viz.style import LIGHT
from nakaya.workflows.show_kinetics import velocities_by_orientation

# %%
# A measurement of your own: a growth velocity in the units of the laboratory, stored in SI.
measured = Record(
    id="salol-38C",
    kind="micrograph",
    material="salol",
    conditions={"driving_force": single(0.083, "1"), "temperature": single(float(to_si(34.0, "degC")), "K")},
    quantities={
        "growth_velocity": single(float(to_si(3.6, "um/s")), "m/s", uncertainty=float(to_si(0.4, "um/s"))),
    },
    provenance=Provenance("hot stage, video at 25 frames per second"),
)
print("\n".join(outline_record(measured)))

# %%
# A store is a folder of JSON files; the same record gives the same bytes, and so the same hash.
store = RecordStore(Path(tempfile.mkdtemp()) / "records", create=True)
store.add(measured)
(read,) = load_records(store.path)
print(record_hash(read) == record_hash(measured), record_hash(read)[:16])

# %%
# The set that ships: interface velocities of aluminium, copper and silicon from molecular dynamics. Points are means
# over seeds, bars one standard error; dashes are melting points.
records = load_records("al-cu-si")
print(len(records), "records of", ", ".join(sorted({record.material for record in records})))
figure = velocity_panels(velocities_by_orientation(records), LIGHT)
