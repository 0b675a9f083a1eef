"""A picture of a training: loss and validation figures by step."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

FIGURES = ("iou", "niou", "pd")


def draw_curves(curve: list[dict[str, Any]], path: Path) -> None:
    """PNG of the points that training kept: {"step", "loss", and with a validation part "iou", "niou", "pd"}."""
    steps = [point["step"] for point in curve]
    figure = Figure(figsize=(7, 5), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    above.plot(steps, [point["loss"] for point in curve], marker=".", color="black")
    above.set_ylabel("training loss")
    for name in FIGURES:
        if curve and name in curve[0]:
            below.plot(steps, [point[name] for point in curve], marker=".", label=name)
            below.legend(loc="lower right")
    below.set(xlabel="step", ylabel="validation", ylim=(0, 1))
    figure.savefig(path, dpi=120)
