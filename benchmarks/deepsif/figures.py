"""Figures of the benchmarks' tables: ``python -m benchmarks.deepsif.figures``."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.deepsif.tables import RESULTS

# Sun et al. 2022, figures 2 and 3: localisation error, mm.
PAPER_B1 = {"no change": 1.52, "tilt helmet": 5.98, "different heads": 6.57}
PAPER_B2 = {1: 1.81, 2: 1.91, 3: 1.96}


def draw_generic(table: pd.DataFrame, path: Path) -> None:
    """B1: localisation error by head, beside the paper's generic model."""
    table = table.assign(
        group=table["head"].where(table["head"].isin(list(PAPER_B1)), "different heads"),
        label=table["model"] + ", leadfield " + table["leadfield"],
    )
    errors = table.groupby(["group", "label"])["found_to_true_mm_mean"].mean().unstack()
    errors["paper, generic"] = pd.Series(PAPER_B1)
    errors = errors.loc[list(PAPER_B1)]
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    errors.plot.bar(ax=axes, rot=0, cmap="cividis", width=0.8)
    axes.axhline(3, color="k", linewidth=0.8, linestyle=":")
    axes.set_ylabel("found → true, mm (mean)")
    axes.set_xlabel("")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def draw_cost(table: pd.DataFrame, path: Path) -> None:
    """B3: localisation error and loss against updates."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, column, label in zip(
        figure.subplots(1, 2),
        ("found_to_true_mm", "validation_loss"),
        ("found → true at the peak, mm", "validation loss"),
        strict=True,
    ):
        for (way, part), style in zip(
            table.groupby("way", sort=False), (":", "--", "-"), strict=True
        ):
            axes.plot(part["step"], part[column], style, color="k", label=way)
        axes.set_yscale("log")
        axes.set_xlabel("updates of 64 recordings")
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    draw_generic(pd.read_csv(RESULTS / "deepsif_b1.csv"), RESULTS / "deepsif_b1.svg")
    draw_cost(pd.read_csv(RESULTS / "deepsif_b3.csv"), RESULTS / "deepsif_b3.svg")


if __name__ == "__main__":
    main()
