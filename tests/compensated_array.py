"""A CTF array with reference channels and third-order gradient compensation, made up of mne's own."""

import mne
import numpy as np
from mne._fiff.compensator import make_compensator
from mne.io.constants import FIFF

N_REFERENCES = 6
GRADE = 3
REFERENCE_HEIGHT_M = 0.16


def compensated_info(array: str = "ctf151", sfreq: float = 500.0, grade: int = GRADE) -> mne.Info:
    """Sensors, then references above the helmet; every channel takes a share of each reference."""
    canonical = mne.channels.read_meg_canonical_info(array, verbose="error")
    names = [f"BG{i + 1}-1609" for i in range(N_REFERENCES)]
    types = [*canonical.get_channel_types(), *["ref_meg"] * N_REFERENCES]
    info = mne.create_info([*canonical.ch_names, *names], sfreq, types, verbose="error")
    head = np.eye(4)
    head[:3, 3] = [0.003, -0.004, 0.05]
    rng = np.random.default_rng(0)
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", head)
        for channel, source in zip(info["chs"], canonical["chs"], strict=False):
            for key in ("loc", "coil_type", "unit", "coord_frame"):
                channel[key] = source[key]
            channel["coil_type"] = int(source["coil_type"]) | (grade << 16)
        for i, channel in enumerate(info["chs"][len(canonical.ch_names) :]):
            turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
            place = [0.03 * np.cos(i), 0.03 * np.sin(i), REFERENCE_HEIGHT_M]
            channel["loc"] = np.concatenate([place, turn.ravel()])
            channel["coil_type"] = FIFF.FIFFV_COIL_CTF_REF_MAG
            channel["coord_frame"] = FIFF.FIFFV_COORD_DEVICE
        weights = rng.uniform(-1, 1, (len(canonical.ch_names), N_REFERENCES))
        info["comps"] = [
            {
                "kind": GRADE,
                "ctfkind": 0x47334252,
                "save_calibrated": True,
                "rowcals": np.ones(len(weights)),
                "colcals": np.ones(N_REFERENCES),
                "data": {
                    "nrow": len(weights),
                    "ncol": N_REFERENCES,
                    "row_names": list(canonical.ch_names),
                    "col_names": names,
                    "data": weights,
                },
            }
        ]
    return info


def as_recorded(info: mne.Info, primary_field: np.ndarray) -> np.ndarray:
    """What the compensated channels show (n_channels, ...) of a field at sensors and references."""
    return make_compensator(info, 0, GRADE) @ primary_field
