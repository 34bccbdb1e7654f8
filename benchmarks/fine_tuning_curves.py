"""Does fine-tuning show early what it will gain? ``python -m benchmarks.fine_tuning_curves``.

Sixty steps on heads of the validation split, whatever the loss does: the validation loss every ten steps,
the error on held-out recordings of heads that each could be, by which the stage decides, and that on
recordings of the true head. `pipeline.personalize.stage.SMALLEST_GAIN` stands on it.
"""

import tempfile
import time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from benchmarks.personalize_true_heads import draw_head
from pipeline.personalize import Config, stage
from pipeline.personalize.gate import is_beyond_chance, paired_gain
from pipeline.personalize.jitter import sensor_motion_derivatives
from pipeline.progress import Progress, Step
from pipeline.training.train import Schedule
from pipeline.weights import load_model

RESULTS = Path(__file__).parent / "results" / "fine_tuning_curves.csv"
HEADS = (("neuromag", 4100), ("ctf275", 4101), ("ctf151", 4102), ("neuromag", 4103))
STEPS = 60


def endless(**schedule) -> Schedule:
    """A schedule that no validation ends."""
    return replace(Schedule(**schedule), patience=STEPS)


def curve_of(array: str, seed: int) -> dict:
    """One head's row."""
    config = Config(steps=STEPS)
    patient, spike, generating = draw_head(array, seed, "validation")
    generic, card = load_model()
    derivatives = sensor_motion_derivatives(spike.sensors, patient.region_pos_head_m)
    known = stage.project_patient(patient, spike, card["input"], "cpu")
    heads = {
        split: stage.possible_heads(patient, spike, known, derivatives, split, config.seed)
        for split in stage.N_HEADS
    }
    module = deepcopy(generic).train()
    begin_s = time.process_time()
    with tempfile.TemporaryDirectory() as folder, patch.object(stage, "Schedule", endless):
        curve = stage.fine_tune(module, heads, config, "cpu", Path(folder), Progress())
    seconds = time.process_time() - begin_s
    held_out = [
        stage.measure(each, heads["test"], config, "cpu", Step())[:, 0].reshape(
            len(heads["test"]), -1
        )
        for each in (generic, module.eval())
    ]
    true = [
        stage.measure(each, [generating], config, "cpu", Step(), "validation")[:, 0].mean()
        for each in (generic, module)
    ]
    gain_mm, gain_se_mm = paired_gain(*held_out)
    return {
        "array": array,
        "seed": seed,
        **{f"loss_{row['step']}": row["validation_loss"] for row in curve},
        "held_out_before_mm": held_out[0].mean(),
        "gain_mm": gain_mm,
        "gain_se_mm": gain_se_mm,
        "beyond_chance": is_beyond_chance(gain_mm, gain_se_mm, len(heads["test"])),
        "true_head_before_mm": true[0],
        "true_head_after_mm": true[1],
        "fine_tuning_cpu_s": seconds,
    }


def main() -> None:
    rows = []
    for array, seed in HEADS:
        rows.append(curve_of(array, seed))
        pd.DataFrame(rows).to_csv(RESULTS, index=False, float_format="%.4g")
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
