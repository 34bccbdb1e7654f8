"""What the report says of a network on EEG is what the benchmark measured."""

from dataclasses import replace
from pathlib import Path

import mne
import mne.channels.montage
import pandas as pd
import pytest

from benchmarks.eeg_heads import joined
from pipeline.image import other_modality
from pipeline.methods import METHODS
from pipeline.modality import MODALITIES

TABLE = Path(__file__).parents[2] / "benchmarks/results/eeg.csv"


def electrodes(n: int) -> mne.Info:
    info = mne.create_info(n, 500.0, "eeg")
    for channel in info["chs"]:
        channel["loc"][:3] = 0.1
    return info


def under_a_helmet(n: int) -> mne.Info:
    return joined(mne.channels.montage.read_meg_canonical_info("ctf151"), electrodes(n))


@pytest.mark.parametrize(("n", "more"), [(64, False), (32, True)])
@pytest.mark.parametrize(("name", "worn"), [("eeg", electrodes), ("meg_eeg", under_a_helmet)])
def test_a_network_on_electrodes_is_doubted_with_the_measured_figures(name, worn, n, more):
    table = pd.read_csv(TABLE)
    table = table[table["condition"].str.contains("with errors") & (table["modality"] == name)]
    found = table.set_index("method")["found_to_true_mm_mean"]
    info = worn(n)
    doubt = other_modality.other_modality_doubt(METHODS["generic"], info)
    assert f"on {table['n'].iloc[0]} simulated recordings" in doubt.text
    assert f"lay {found['network']:.1f} mm" in doubt.text and not doubt.grave
    assert f"sLORETA {found['sloreta']:.1f} mm" in doubt.text
    assert ("electrodes nothing was" in doubt.text) == more
    assert other_modality.other_modality_doubt(METHODS["sloreta"], info) is None


def test_what_was_not_measured_is_a_grave_doubt(monkeypatch):
    unmeasured = replace(MODALITIES["eeg"], network_mm=None)
    monkeypatch.setattr(other_modality, "modality_of", lambda info: unmeasured)
    doubt = other_modality.other_modality_doubt(METHODS["generic"], electrodes(64))
    assert doubt.grave and doubt.text.endswith("on which nothing was measured")
