"""Nasion and preauricular points in the T1w."""

import re
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.names import session_of
from pipeline.warp import apply_affine

LANDMARKS = ("nasion", "lpa", "rpa")
FIELD = "AnatomicalLandmarkCoordinates"
# Several markings of one point: closer than this they are one, and any of them serves.
SAME_POINT_MM = 2.0
CARRIED = "carried from the template"
NOT_GIVEN = f"{CARRIED}, since the T1w's sidecar gives them as n/a"
MARKED = "marked in the T1w"
_EAR = r"[\W_]*(?:ear|preauricular(?:[\W_]*point)?|tragus)"
# A known spelling, then what tells one marking from another: LPA, LPA_ses-01, NAS-session1, NAS_1.
_NAME = re.compile(
    rf"(?:(?P<nasion>nasion|nas|nz)|(?P<lpa>lpa|left{_EAR})|(?P<rpa>rpa|right{_EAR}))"
    r"(?:$|[\W_]+|(?=ses)|(?=\d))(?:ses(?:sion)?(?![a-z])[\W_]*)?(?P<marking>.*)"
)
_NOT_KNOWN = ("", "n/a")
# No two landmarks of any head are nearer to each other.
CLOSEST_MM = 40.0
# An ear may be cut off an image by so much; the left one in mm lies further before the first voxel.
MOST_CROPPED_VOXELS = 40.0
# A landmark may lie at the edge of the outermost voxel.
HALF_VOXEL = 0.5
_IN_WORDS = ("System", "SystemDescription", "Units", "Description")
# What a description says of indices that begin with 1, as Matlab's do; BIDS counts from 0.
_FROM_ONE = re.compile(
    r"\b(?:1|one)[\s-]*(?:based|indexed)|\b(?:start|begin|count)\w*\s+(?:at|with|from)\s+(?:1|one)\b|\bmatlab\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Marked:
    """Landmarks that somebody marked in the T1w.

    Attributes
    ----------
    pos_mri_mm : dict of str to ndarray (3,), or None
        "nasion", "lpa" and "rpa" in scanner RAS; None where not all three are usable.
    origin : str
        Where the landmarks used come from, in words.
    doubts : tuple of Doubt
        Why what is marked was not used, or what speaks against it where it was.
    """

    pos_mri_mm: dict[str, np.ndarray] | None
    origin: str
    doubts: tuple[Doubt, ...] = ()


def read_landmarks(
    sidecar: Path | None,
    affine: np.ndarray,
    meg: Path | None = None,
    shape: tuple[int, ...] | None = None,
) -> Marked:
    """Landmarks of ``AnatomicalLandmarkCoordinates``; an unusable sidecar counts as none, and is told.

    Of several markings, as for several MEG sessions, those of the recording's session are used,
    else those without a session, else any where all agree.

    Parameters
    ----------
    sidecar : Path or None
        The T1w's JSON; its coordinates are 0-based voxel indices (BIDS).
    affine : ndarray, (4, 4)
        The T1w's.
    meg : Path or None
        The recording that is co-registered; its name holds the session.
    shape : tuple of int, (3,), or None
        Voxels of the T1w, if it is to be checked that they hold the landmarks.

    Raises
    ------
    InvalidInput
        The left ear lies on the right, or the nasion behind the ears.
    """
    if sidecar is None:
        return Marked(None, CARRIED)
    try:
        content = read_json(sidecar)
    except InvalidInput as error:
        return _unused(sidecar, f"cannot be used ({error.message})")
    except OSError:
        return _unused(sidecar, "cannot be opened")
    stored = content.get(FIELD)
    if _is_unknown(stored):
        return Marked(None, NOT_GIVEN if FIELD in content else CARRIED)
    if not isinstance(stored, dict):
        return _unused(sidecar, f"holds no names in {FIELD}")
    units = content.get("AnatomicalLandmarkCoordinateUnits")
    if isinstance(units, str) and units.strip().lower() in ("mm", "cm", "m"):
        return _unused(sidecar, f"gives landmarks in {units.strip()}, not in voxel indices")
    marked = _chosen(sidecar, stored, affine, _session_of(meg), shape)
    if marked.pos_mri_mm is None:
        return marked
    doubts = (*marked.doubts, *_counted_from_one(sidecar, content, affine))
    return replace(marked, doubts=doubts)


def _chosen(
    sidecar: Path,
    stored: dict,
    affine: np.ndarray,
    session: str | None,
    shape: tuple[int, ...] | None,
) -> Marked:
    markings, odd = _markings(stored, affine)
    if odd:
        return _unused(sidecar, f"gives no position for {odd[0]!r}")
    whole = {label: of for label, of in markings.items() if set(of) == set(LANDMARKS)}
    if not whole:
        known = sorted(set().union(*markings.values()))
        if known:
            return Marked(None, f"{CARRIED}, since the T1w's sidecar marks only {', '.join(known)}")
        if all(_is_unknown(position) for position in stored.values()):
            return Marked(None, NOT_GIVEN)
        return _unused(sidecar, "names none of nasion, LPA and RPA")
    own = {label: of for label, of in whole.items() if _is_session(label, session)}
    usable = own or ({"": whole[""]} if "" in whole else whole)
    if not _agree(usable.values()):
        return _unused(
            sidecar,
            f"marks the landmarks {len(usable)} times, up to {_apart_mm(usable.values()):.0f} mm "
            "apart, and none is of the recording's session",
        )
    label, positions = next(iter(usable.items()))
    outside = _outside_voxels(positions, affine, shape)
    furthest = max(outside, key=lambda name: outside[name])
    if outside[furthest] > MOST_CROPPED_VOXELS:
        return _unused(sidecar, f"marks {furthest} far outside of the image, as no voxel index is")
    apart_mm = min(_between_mm(positions))
    if apart_mm < CLOSEST_MM:
        return _unused(sidecar, f"marks landmarks {apart_mm:.0f} mm apart, as those of no head")
    _check_sides(positions, sidecar)
    doubts = tuple(
        Doubt(
            f"{sidecar.name} marks {name} {voxels:.0f} voxels outside of the T1w: the landmarks, which are "
            "used, may be of another image, or counted from 1"
        )
        for name, voxels in outside.items()
        if voxels > HALF_VOXEL
    )
    return Marked(positions, f"{MARKED}, those of {label!r}" if label else MARKED, doubts)


def _outside_voxels(
    pos_mri_mm: dict[str, np.ndarray], affine: np.ndarray, shape: tuple[int, ...] | None
) -> dict[str, float]:
    """How far each landmark lies before the first voxel's centre or, with a shape, behind the last one's."""
    last = np.inf if shape is None else np.array(shape) - 1
    indices = {
        name: apply_affine(np.linalg.inv(affine), pos_mm[None])[0]
        for name, pos_mm in pos_mri_mm.items()
    }
    return {
        name: float(max((-index).max(), (index - last).max())) for name, index in indices.items()
    }


def _counted_from_one(sidecar: Path, content: dict, affine: np.ndarray) -> tuple[Doubt, ...]:
    """A doubt where the sidecar says in words that its indices begin with 1."""
    said = " ".join(
        str(content.get(f"AnatomicalLandmarkCoordinate{what}", "")) for what in _IN_WORDS
    )
    if not _FROM_ONE.search(said):
        return ()
    off_mm = float(np.linalg.norm(affine[:3, :3].sum(1)))
    text = (
        f"{sidecar.name} speaks of indices that begin with 1, and the landmarks were read as BIDS counts, "
        f"from 0: they may lie {off_mm:.1f} mm off"
    )
    return (Doubt(text),)


def _between_mm(pos_mri_mm: dict[str, np.ndarray]) -> list[float]:
    return [
        float(np.linalg.norm(pos_mri_mm[one] - pos_mri_mm[other]))
        for one, other in combinations(LANDMARKS, 2)
    ]


def _unused(sidecar: Path, why: str) -> Marked:
    text = f"{sidecar.name} {why}: landmarks marked in the T1w are not used, but a template's"
    return Marked(None, CARRIED, (Doubt(text),))


def _is_unknown(value) -> bool:
    """Whether BIDS would say ``n/a``: of each of three numbers, too."""
    if isinstance(value, dict):
        return not value
    return all(
        each is None or (isinstance(each, str) and each.strip().lower() in _NOT_KNOWN)
        for each in (value if isinstance(value, list) else [value])
    )


def _markings(stored: dict, affine: np.ndarray):
    """Positions by marking and landmark, and the names of landmarks without a position."""
    found: dict[str, dict[str, np.ndarray]] = {}
    odd: list[str] = []
    for name, voxel in stored.items():
        known = _NAME.fullmatch(name.strip().lower())
        if known is None or _is_unknown(voxel):
            continue
        index = _voxel_index(voxel)
        if index is None:
            odd.append(name)
            continue
        landmark = next(each for each in LANDMARKS if known[each])
        of_marking = found.setdefault(known["marking"], {})
        pos_mm = apply_affine(affine, index[None])[0]
        if not np.linalg.norm(of_marking.get(landmark, pos_mm) - pos_mm) <= SAME_POINT_MM:
            odd.append(name)
        of_marking[landmark] = pos_mm
    shared = found.get("", {})
    return {label: {**shared, **of} for label, of in found.items()}, odd


def _voxel_index(voxel) -> np.ndarray | None:
    if not isinstance(voxel, list) or len(voxel) != 3 or any(isinstance(v, bool) for v in voxel):
        return None
    try:
        index = np.array(voxel, float)
    except (TypeError, ValueError, OverflowError):
        return None
    return index if index.shape == (3,) and np.isfinite(index).all() else None


def _session_of(meg: Path | None) -> str | None:
    session = session_of(meg) if meg else None
    return session and session.lower()


def _is_session(label: str, session: str | None) -> bool:
    marked = re.split(r"[\W_]", label)[0]
    if session is None or not marked:
        return False
    return marked == session or (marked.lstrip("0") == session.lstrip("0") and marked.isdigit())


def _apart_mm(markings) -> float:
    return max(
        (
            float(np.linalg.norm(one[name] - other[name]))
            for one, other in combinations(markings, 2)
            for name in LANDMARKS
        ),
        default=0.0,
    )


def _agree(markings) -> bool:
    return _apart_mm(markings) <= SAME_POINT_MM


def _check_sides(pos_mri_mm: dict[str, np.ndarray], sidecar: Path) -> None:
    """Refuse landmarks that no head can have in scanner RAS, however it was turned."""
    if pos_mri_mm["lpa"][0] >= pos_mri_mm["rpa"][0]:
        raise InvalidInput(
            "the landmarks marked in the T1w have the left ear (LPA) on the right of the right one",
            file=sidecar,
            hint="exchange LPA and RPA if their names are wrong; if they are right, the T1w's header "
            "mirrors the head: convert the DICOM series again",
        )
    if pos_mri_mm["nasion"][1] <= (pos_mri_mm["lpa"][1] + pos_mri_mm["rpa"][1]) / 2:
        raise InvalidInput(
            "the landmarks marked in the T1w have the nasion behind the ears",
            file=sidecar,
            hint="check their names and that they are 0-based voxel indices of this very image",
        )


def template_landmarks_mni305_mm() -> dict[str, np.ndarray]:
    """fsaverage's landmarks (3,) in its own frame, as mne carries them."""
    path = files(mne) / "data" / "fsaverage" / "fsaverage-fiducials.fif"
    points, _ = mne.io.read_fiducials(path, verbose="error")
    names = {
        FIFF.FIFFV_POINT_NASION: "nasion",
        FIFF.FIFFV_POINT_LPA: "lpa",
        FIFF.FIFFV_POINT_RPA: "rpa",
    }
    return {names[int(point["ident"])]: point["r"] * 1000.0 for point in points}
