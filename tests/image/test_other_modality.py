"""What the report says of a network on EEG is what the benchmark measured."""

from pathlib import Path

import mne
import pandas as pd
import pytest

from pipeline.image import other_modality
from pipeline.methods import METHODS

TABLE = Path(__file__).parents[2] / "benchmarks/results/eeg.csv"


@pytest.mark.parametrize(("n", "more"), [(64, False), (32, True)])
def test_a_network_on_eeg_is_doubted_with_the_measured_figures(n, more):
    table = pd.read_csv(TABLE)
    table = table[table["condition"].str.contains("with errors") & (table["modality"] == "eeg")]
    found = table.set_index("method")["found_to_true_mm_mean"]
    info = mne.create_info(n, 500.0, "eeg")
    for channel in info["chs"]:
        channel["loc"][:3] = 0.1
    doubt = other_modality.other_modality_doubt(METHODS["generic"], info)
    assert f"on {table['n'].iloc[0]} simulated recordings" in doubt.text
    assert f"lay {found['network']:.1f} mm" in doubt.text
    assert f"sLORETA {found['sloreta']:.1f} mm" in doubt.text
    assert ("electrodes nothing was" in doubt.text) == more
    assert other_modality.other_modality_doubt(METHODS["sloreta"], info) is None
