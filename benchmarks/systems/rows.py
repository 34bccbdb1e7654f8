"""The one table that all experiments write."""

from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ("method", "condition", "n", "mean", "sd", "median", "paper")
NOT_PRINTED = "not printed"


def row(method: str, condition: str, values: np.ndarray, paper: str = NOT_PRINTED) -> dict:
    """Mean, SD and median of what was measured, beside the paper's figure of the same."""
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    return {
        "method": method,
        "condition": condition,
        "n": len(finite),
        "mean": finite.mean(),
        "sd": finite.std(ddof=1) if len(finite) > 1 else np.nan,
        "median": np.median(finite),
        "paper": paper,
    }


def write(rows: list[dict], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table.to_csv(path, index=False, float_format="%.4g", na_rep="n/a")
