"""How to fine-tune: ``python -m benchmarks.fine_tuning_recipes``.

Errors before and after on heads and recordings of the validation split, by learning rate and number
of steps; `pipeline.personalize.Config` has what was chosen. The test heads are those of
``personalize_true_heads.py``. Every head runs in a process of its own.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from benchmarks.personalize_true_heads import measure_head
from pipeline.personalize import Config

RESULTS = Path(__file__).parent / "results" / "fine_tuning_recipes.csv"
ARRAYS, SEEDS = ("neuromag", "ctf275"), (4100, 4101)
RECIPES = ((50, 1e-4), (100, 1e-4), (100, 3e-4), (200, 3e-4))


def main() -> None:
    rows = []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for steps, learning_rate in RECIPES:
            config = Config(steps=steps, learning_rate=learning_rate)
            one_head = partial(measure_head, config=config, split="validation")
            for measured in pool.map(one_head, ARRAYS, SEEDS):
                rows += [{"steps": steps, "learning_rate": learning_rate} | row for row in measured]
            table = pd.DataFrame(rows).round({"fine_tuning_seconds": 0})
            RESULTS.parent.mkdir(exist_ok=True)
            table.to_csv(RESULTS, index=False, float_format="%.4g")
    columns = ["steps", "learning_rate", "array", "model", "fine_tuning_seconds"]
    print(table[[*columns, *table.filter(like="_mean").columns]].to_string(index=False))


if __name__ == "__main__":
    main()
