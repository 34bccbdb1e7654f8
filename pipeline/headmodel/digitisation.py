"""The digitised landmarks and head points of a recording, and whether a head can have them."""

from pathlib import Path
from typing import TYPE_CHECKING

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.errors import InvalidInput
from pipeline.head_position import HEAD_CENTRE_HEAD_M
from pipeline.headmodel.coregistration import MIN_HEAD_POINTS
from pipeline.headmodel.landmarks import LANDMARKS
from pipeline.modality import modality_of, sensor_picks, sensor_pos_head_m
from pipeline.readers import called

if TYPE_CHECKING:
    from pipeline.modality._modality import Modality

# From an infant's to the widest head, with a margin: what a wrong unit gives lies far beyond.
LANDMARKS_APART_MM = (40.0, 250.0)
HEAD_POINTS_FROM_CENTRE_MM = (40.0, 250.0)
SENSORS_FROM_THEIR_CENTRE_MM = (40.0, 300.0)
# Fewer points of a digitised face do not tell what is up.
MIN_POINTS_BEHIND = 8
# Further out no head would be in the helmet.
LARGEST_HEAD_TO_HELMET_MM = 150.0


def digitised_points_head_m(info: mne.Info, file: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Landmarks by name and head points (n, 3) of a recording, in its head frame.

    EEG electrodes count as head points: they too were digitised on the scalp. Points that are no
    numbers count as not digitised.

    Raises
    ------
    InvalidInput
        There are no landmarks, or the position of the helmet is not known, or landmarks, points
        or helmet lie as those of no head, or LPA and RPA are exchanged.
    """
    ident = {
        FIFF.FIFFV_POINT_NASION: "nasion",
        FIFF.FIFFV_POINT_LPA: "lpa",
        FIFF.FIFFV_POINT_RPA: "rpa",
    }
    landmarks, head_points = {}, []
    for point in info["dig"] or ():
        if point["coord_frame"] != FIFF.FIFFV_COORD_HEAD:
            continue
        if point["kind"] == FIFF.FIFFV_POINT_CARDINAL:
            landmarks[ident[int(point["ident"])]] = np.array(point["r"], float)
        elif point["kind"] in (FIFF.FIFFV_POINT_EXTRA, FIFF.FIFFV_POINT_EEG):
            head_points.append(point["r"])
    if set(landmarks) != set(LANDMARKS):
        raise InvalidInput(
            f"the {called(file)} recording holds no digitised landmarks"
            + (" and no head points" if not head_points else ""),
            file=file,
            hint="add the digitisation (nasion, LPA, RPA and head points) to the recording; CTF keeps "
            "it in the folder's .hc and .pos, KIT in markers and head shapes beside the recording, EEG "
            "in electrodes.tsv and coordsystem.json",
        )
    if info["dev_head_t"] is None:
        raise InvalidInput(
            f"the {called(file)} recording does not say where the head was in the helmet",
            file=file,
            hint="give a recording with its head position measurement",
        )
    points_head_m = np.array(head_points, float).reshape(-1, 3)
    points_head_m = points_head_m[np.isfinite(points_head_m).all(1)]
    _check_landmarks(landmarks, file)
    _check_sizes(info, points_head_m, file)
    _check_upright(info, points_head_m, landmarks["nasion"], file)
    return landmarks, points_head_m


def _check_landmarks(landmarks_head_m: dict[str, np.ndarray], file: Path) -> None:
    """Refuse landmarks that are no positions, of another unit, or not in the frame that they make."""
    nasion, left, right = (landmarks_head_m[name] for name in ("nasion", "lpa", "rpa"))
    between_ears = (left + right) / 2
    for told, apart_mm in (
        ("LPA and RPA", 1000 * np.linalg.norm(left - right)),
        ("nasion and ears", 1000 * np.linalg.norm(nasion - between_ears)),
    ):
        if not LANDMARKS_APART_MM[0] <= apart_mm <= LANDMARKS_APART_MM[1]:
            raise InvalidInput(
                f"the digitised {told} of the {called(file)} recording lie {apart_mm:.3g} mm apart, as those of "
                "no head",
                file=file,
                hint="check the digitisation and its unit (metres in FIF)",
            )
    if left[0] >= right[0] or nasion[1] <= between_ears[1]:
        raise InvalidInput(
            f"the digitised landmarks of the {called(file)} recording contradict its head coordinates, in which "
            "LPA is on the left, RPA on the right and the nasion in front",
            file=file,
            hint="check the landmarks' names, and whether the recording was converted from other "
            "coordinates or mirrored",
        )


def _check_sizes(info: mne.Info, points_head_m: np.ndarray, file: Path) -> None:
    """Refuse head points and sensors of another unit, and a helmet that is somewhere else."""
    if len(points_head_m):
        distance_m = np.linalg.norm(points_head_m - HEAD_CENTRE_HEAD_M, axis=1)
        _check_size(
            "head points", "the head's centre", HEAD_POINTS_FROM_CENTRE_MM, distance_m, file
        )
    for part in _parts(info):
        sensors_head_m = sensor_pos_head_m(info, part.sensor_picks(info))
        distance_m = np.linalg.norm(sensors_head_m - sensors_head_m.mean(0), axis=1)
        _check_size("sensors", "their centre", SENSORS_FROM_THEIR_CENTRE_MM, distance_m, file)
        away_mm = 1000 * np.linalg.norm(sensors_head_m.mean(0) - HEAD_CENTRE_HEAD_M)
        if away_mm > LARGEST_HEAD_TO_HELMET_MM:
            raise InvalidInput(
                f"the head would lie {away_mm:.0f} mm from the middle of the sensors, out of the helmet",
                file=file,
                hint="give a recording with its own head position measurement",
            )


def _parts(info: mne.Info) -> "list[Modality]":
    """The modalities whose sensors a recording has, each with a size of its own; none without any."""
    return [
        part
        for part in (modality_of(info).parts if len(sensor_picks(info)) else ())
        if len(part.sensor_picks(info))
    ]


def _check_size(what: str, where: str, limits_mm, distance_m: np.ndarray, file: Path) -> None:
    median_mm = 1000 * float(np.median(distance_m))
    if not limits_mm[0] <= median_mm <= limits_mm[1]:
        raise InvalidInput(
            f"the {what} of the {called(file)} recording lie {median_mm:.3g} mm from {where} in the median, as "
            "those of no head",
            file=file,
            hint="check the unit of their positions (metres in FIF)",
        )


def _check_upright(
    info: mne.Info, head_points_head_m: np.ndarray, nasion_head_m: np.ndarray, file: Path
) -> None:
    """Refuse a head frame, a helmet or head points that stand on their head.

    The frame's upward axis is made of the landmarks: right ear as left turns it about the nose. Behind
    the face a head has its scalp above them and nothing but a neck below.
    """
    sensors_head_m = sensor_pos_head_m(info)
    if not len(sensors_head_m):
        return
    helmet_m = sensors_head_m[:, 2].mean()
    behind = head_points_head_m[:, 1] < nasion_head_m[1] / 2
    enough = len(head_points_head_m) >= MIN_HEAD_POINTS and behind.sum() >= MIN_POINTS_BEHIND
    points_m = np.median(head_points_head_m[behind, 2]) if enough else helmet_m
    if max(helmet_m, points_m) < 0:
        raise InvalidInput(
            f"the sensors and head points of the {called(file)} recording lie below its digitised landmarks, as "
            "where LPA and RPA were exchanged",
            file=file,
            hint="exchange LPA and RPA in the digitisation",
        )
    if points_m < 0:
        raise InvalidInput(
            f"the head points of the {called(file)} recording lie below its digitised landmarks, and its sensors "
            "above: the points stand on their head",
            file=file,
            hint="export the digitisation again, landmarks and head points in one frame",
        )
    if helmet_m < 0:
        raise InvalidInput(
            f"the sensors of the {called(file)} recording lie below its digitised landmarks, and its head points "
            "above: the head position is wrong, as where its transform was inverted",
            file=file,
            hint="export the recording again with its own head position measurement",
        )
