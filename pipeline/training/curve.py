"""The training curve as a table and as a figure."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from pipeline.files import atomic_path
from pipeline.training.evaluate import METRICS

COLUMNS = ("step", "samples", "training_loss", "validation_loss", *METRICS)
LABELS = {
    "found_to_true_mm": "found → true",
    "true_to_found_mm": "true → found",
    "maximum_to_centre_mm": "maximum → centre",
}


# One validation: `COLUMNS` by name, numbers but for the training loss, None before any training.
CurveRow = dict[str, Any]


def curve_tsv(curve: list[CurveRow]) -> str:
    """The training curve as tab-separated text with `COLUMNS`."""
    rows = [
        "\t".join("n/a" if row[name] is None else f"{row[name]:.6g}" for name in COLUMNS)
        for row in curve
    ]
    return "\n".join(["\t".join(COLUMNS), *rows]) + "\n"


def draw_curve(path: Path, curve: list[CurveRow]) -> None:
    """Loss and localisation errors against recordings, as SVG; the untrained network is left out."""
    rows = curve[1:]
    samples = [row["samples"] / 1000 for row in rows]
    figure = Figure(figsize=(8, 3), layout="constrained")
    loss, error = figure.subplots(1, 2)
    loss.plot(samples, [row["training_loss"] for row in rows], label="training", color="0.6")
    loss.plot(samples, [row["validation_loss"] for row in rows], label="validation", color="k")
    loss.set_ylabel("relative error")
    for name, style in zip(METRICS, ("-", "--", ":"), strict=True):
        error.plot(samples, [row[name] for row in rows], style, label=LABELS[name], color="k")
    error.set_ylabel("validation error, mm")
    for axes in (loss, error):
        axes.set_yscale("log")
        axes.set_xlabel("recordings, thousands")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as tmp:
        figure.savefig(tmp, metadata={"Date": None})
