"""Points in the deep structures of a patient's head, and their field."""

from dataclasses import dataclass, replace

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.files import read_npz, write_json, write_npz
from pipeline.free_leadfield import free_leadfield
from pipeline.head_position import HeadPositions
from pipeline.leadfield import weighted_sensors
from pipeline.modality import sensor_types
from pipeline.paths import PatientPaths
from pipeline.records.head import MeasuredHead, conductor_of
from pipeline.template.deep import DEEP_NAMES

NO_POINTS = "the head model has no points in deep structures"


@dataclass(frozen=True, eq=False)
class DeepSources:
    """Points in a patient's deep structures.

    Attributes
    ----------
    pos_mri_mm : ndarray, (n, 3)
        Scanner RAS of the T1w.
    structure : ndarray of int, (n,)
        Index into `DEEP_NAMES`.
    leadfield : ndarray float32, (n_channels, n, 3)
        Of unit dipoles along the T1w's right, front and up, without projectors; per A·m.
    """

    pos_mri_mm: np.ndarray
    structure: np.ndarray
    leadfield: np.ndarray

    def of(self, name: str) -> np.ndarray:
        """Which points (n,) lie in a structure."""
        return self.structure == DEEP_NAMES.index(name)


def write_deep(paths: PatientPaths, deep: DeepSources, info: mne.Info) -> None:
    """Write points and field in the channels of `info`, and the sidecar with units and names."""
    types = info.get_channel_types()
    write_npz(
        paths.deep_leadfield,
        pos_mri_mm=deep.pos_mri_mm,
        structure=deep.structure,
        leadfield=deep.leadfield.astype(np.float32),
        ch_names=np.array(info["ch_names"]),
        ch_types=np.array(types),
    )
    sidecar = {
        "Description": "Field of unit dipoles at points of deep structures, along the T1w's scanner "
        "axes (right, front, up)",
        "Dimensions": "Channels (ch_names, ch_types), points (pos_mri_mm, mm; structure), directions",
        "Structures": dict(enumerate(DEEP_NAMES)),
        "Units": {kind: sensor_types()[kind].leadfield_unit for kind in sorted(set(types))},
    }
    write_json(paths.deep_leadfield.with_suffix(".json"), sidecar)


def read_deep(paths: PatientPaths, ch_names: list[str]) -> DeepSources:
    """Read the points with their field in the channels that are named.

    Raises
    ------
    InvalidInput
        There are no points, or their field lacks some of the channels.
    """
    hint = "run the headmodel stage again"
    if not paths.deep_leadfield.exists():
        raise InvalidInput(NO_POINTS, file=paths.deep_leadfield, hint=hint)
    stored = read_npz(paths.deep_leadfield)
    if not len(stored["structure"]):
        raise InvalidInput(NO_POINTS, file=paths.deep_leadfield, hint=hint)
    row = {str(name): index for index, name in enumerate(stored["ch_names"])}
    missing = [name for name in ch_names if name not in row]
    if missing:
        raise InvalidInput(
            f"the field of deep structures lacks {len(missing)} channels of the averaged spike",
            file=paths.deep_leadfield,
            hint=hint,
        )
    return DeepSources(
        stored["pos_mri_mm"],
        stored["structure"],
        stored["leadfield"][[row[name] for name in ch_names]],
    )


def deep_at_positions(
    deep: DeepSources, head: MeasuredHead, info: mne.Info, positions: HeadPositions
) -> DeepSources:
    """The points with the mean of their fields at the positions that the head had at the spikes.

    Parameters
    ----------
    deep : DeepSources
    head : MeasuredHead
    info : mne.Info
        The channels of its leadfield, with the references of compensated ones.
    positions : HeadPositions
    """
    conductor = conductor_of(head, info)
    field = np.zeros((1, 1, 1))
    for weight, sensors in weighted_sensors(info, positions):
        field = field + weight * free_leadfield(sensors, head.trans, conductor, deep.pos_mri_mm)
    return replace(deep, leadfield=field.astype(np.float32))
