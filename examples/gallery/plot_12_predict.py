"""
Growth velocities that nobody measured
======================================

The shipped model predicts velocities of interfaces from conditions alone, with intervals that are to hold the measured
value in nine of ten cases. It says where it was not trained.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.kinetics.prediction.model import load_model
from nakaya.kinetics.prediction.predicting import predict_conditions
from nakaya.records.store import load_records
from nakaya.workflows.show_kinetics import velocity_points

model = load_model()
measured = velocity_points(load_records("al-cu-si"))

# %%
# One question, as ``nakaya predict --material Cu --orientation 100 --temperature 1200`` asks it.
answer = predict_conditions("Cu", "100", 1200.0, model=model)
velocity = answer["growth_velocity"]
low, high = velocity["interval90"]
print(
    f"Cu(100) at 1200 K: {velocity['value']:.0f} {velocity['unit']}, 90 %: {low:.0f} to {high:.0f}, {velocity['model']}"
)
for warning in answer["warnings"]:
    print("warning:", warning)

# %%
# The same along the temperature, beside what molecular dynamics measured.
figure, panels = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained", sharey=True)
temperatures = np.linspace(760, 1420, 23)
for axes, face in zip(panels, ("100", "110", "111"), strict=True):
    told = [predict_conditions("Cu", face, float(kelvin), model=model)["growth_velocity"] for kelvin in temperatures]
    ends = np.array([entry["interval90"] for entry in told])
    axes.fill_between(temperatures, *ends.T, alpha=0.2, linewidth=0, label="90 % interval")
    axes.plot(temperatures, [entry["value"] for entry in told], label="prediction")
    points = [(kelvin, label) for kelvin, label in measured["Cu", face] if kelvin > temperatures[0]]
    axes.errorbar(
        [kelvin for kelvin, _ in points],
        [label.value for _, label in points],
        [label.standard_error for _, label in points],
        fmt="ko",
        markersize=4,
        label="molecular dynamics",
    )
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set(xlabel="temperature / K", title=f"Cu({face})")
panels[0].set_ylabel("interface velocity / (m/s)")
panels[0].legend()
