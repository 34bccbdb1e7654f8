"""A participant's folder of EEG with measured electrodes, to be spoilt by tests."""

import json

import mne
import numpy as np
import pandas as pd

NAMES = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2 AF7 AF8".split()
LANDMARKS_M = {"NAS": [0, 0.1, 0], "LPA": [-0.08, 0, 0], "RPA": [0.08, 0, 0]}


def measured_head_m() -> dict[str, np.ndarray]:
    """Places on a head that is no template's: each name's angles, a centimetre off at random."""
    rng = np.random.default_rng(3)
    system = mne.channels.make_standard_montage("colin27_1005").get_positions()["ch_pos"]
    return {name: system[name] + rng.normal(0, 0.01, 3) for name in NAMES}


class Folder:
    """``sub-01/eeg`` with a recording of a minute, its digitiser turned and in millimetres."""

    def __init__(self, root):
        self.eeg = root / "sub-01" / "eeg"
        self.eeg.mkdir(parents=True)
        self.raw = self.eeg / "sub-01_task-rest_eeg.fif"
        rng = np.random.default_rng(0)
        info = mne.create_info([*NAMES, "X1"], 250.0, "eeg")
        data = 2e-5 * rng.standard_normal((len(NAMES) + 1, 15000))
        mne.io.RawArray(data, info, verbose="error").save(self.raw, verbose="error")
        turn = mne.transforms.rotation(0.4, -0.3, 2.0)[:3, :3]
        self.to_device = lambda m: (1000 * np.asarray(m) @ turn.T + [30, -20, 11]).tolist()
        self.places_m = measured_head_m()
        self.landmarks_m = LANDMARKS_M
        self.unit = "mm"
        self.write()

    def write(self, **channels):
        places = [[name, *self.to_device(m)] for name, m in self.places_m.items()]
        table = pd.DataFrame([*places, ["X1", "n/a", "n/a", "n/a"]], columns=list(("name", *"xyz")))
        table.to_csv(self.eeg / "sub-01_space-Other_electrodes.tsv", sep="\t", index=False)
        said = {"EEGCoordinateSystem": "Other", "EEGCoordinateUnits": self.unit}
        said["AnatomicalLandmarkCoordinates"] = {
            name: self.to_device(m) for name, m in self.landmarks_m.items()
        }
        (self.eeg / "sub-01_space-Other_coordsystem.json").write_text(json.dumps(said))
        rows = pd.DataFrame({"name": [*NAMES, "X1"], "type": "EEG"} | channels)
        rows.to_csv(self.eeg / "sub-01_task-rest_channels.tsv", sep="\t", index=False)
