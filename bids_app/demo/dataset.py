"""Writing the virtual patients as a BIDS dataset."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mne
import mne_bids
import nibabel as nib
import numpy as np
import pandas as pd
from mne.transforms import apply_trans

from bids_app.demo.anatomy import Anatomy
from bids_app.demo.clinic import Implantation, in_mask
from bids_app.demo.movement import positions
from bids_app.demo.patient import Recording
from bids_app.demo.recipe import CAP, PatientRecipe
from pipeline.errors import InvalidInput
from pipeline.files import atomic_path, write_json, write_text

EEG_DATATYPE = "eeg"
FIRST_DAY = datetime(2021, 3, 1, 9, 0, tzinfo=UTC)
LANDMARK_ERROR_MM = 1.5
README = """Virtual patients with epilepsy, made by `spikefocus demo`.

No person was examined: anatomy, recordings, implantation and surgery are synthetic.
"""
SIDECARS = {
    "participants": {
        "age": {"Description": "age at the recording", "Units": "year"},
        "virtual": {
            "Description": "whether the patient was made by a program and there is no such person",
            "Levels": {"yes": "virtual", "no": "a person"},
        },
        "engel_class": {
            "Description": "outcome of surgery after Engel; n/a where no surgery was done",
            "Levels": {"IA": "seizure-free", "III": "worthwhile improvement"},
        },
        "seizure_free": {
            "Description": "free of seizures since surgery",
            "Levels": {"yes": "seizure-free", "no": "not seizure-free"},
        },
    },
    "cohort": {
        "epilepsy_type": {
            "Description": "lobe of the epilepsy",
            "Levels": {"temporal": "temporal", "extratemporal": "any other lobe"},
        },
        "centre": {"Description": "hospital, called by its sensor array"},
    },
}


@dataclass(frozen=True)
class Clinic:
    """What there is of a patient's invasive work-up; None where there was none."""

    implantation: Implantation | None
    ieeg: mne.io.BaseRaw | None
    resection: nib.Nifti1Image | None


def write_dataset_files(bids_dir: Path) -> None:
    """Description, README and sidecars at the root of a new dataset."""
    mne_bids.make_dataset_description(
        path=bids_dir,
        name="Virtual patients with epilepsy",
        dataset_type="raw",
        authors=["spikefocus"],
        data_license="CC0",
        overwrite=True,
        verbose="error",
    )
    write_text(bids_dir / "README", README)


def write_patient(
    rng: np.random.Generator,
    bids_dir: Path,
    label: str,
    day: int,
    anatomy: Anatomy,
    recorded: Recording,
    clinic: Clinic,
    recipe: PatientRecipe,
) -> None:
    """Write T1w, MEG, empty room, iEEG and resection of one patient."""
    _write_t1w(rng, bids_dir, label, anatomy, recipe.landmarks)
    when, marked = FIRST_DAY + timedelta(days=day), recipe.scenario.marked
    (_write_eeg if recipe.array == CAP else _write_meg)(bids_dir, label, when, recorded, marked)
    if clinic.implantation is not None:
        _write_ieeg(bids_dir, label, clinic)
    if clinic.resection is not None:
        _write_resection(bids_dir, label, clinic.resection)


def write_participants(bids_dir: Path, rows: list[dict]) -> None:
    table = pd.DataFrame([*rows, {"participant_id": "sub-emptyroom"}])
    table["age"] = table["age"].astype("Int64")
    with atomic_path(bids_dir / "participants.tsv") as tmp:
        table.to_csv(tmp, sep="\t", index=False, na_rep="n/a")
    described = {
        "sex": {"Description": "sex", "Levels": {"F": "female", "M": "male"}},
        **SIDECARS["participants"],
    }
    described |= {name: text for name, text in SIDECARS["cohort"].items() if name in table}
    write_json(bids_dir / "participants.json", described)


def _write_t1w(rng, bids_dir, label, anatomy, landmarks):
    anat = bids_dir / f"sub-{label}" / "anat"
    save_nifti(anat / f"sub-{label}_T1w.nii.gz", anatomy.t1w)
    sidecar = {"Modality": "MR", "MagneticFieldStrength": 3, "Manufacturer": "spikefocus demo"}
    if landmarks:
        to_voxel = np.linalg.inv(anatomy.t1w.affine)
        spread = LANDMARK_ERROR_MM / np.sqrt(3)
        marked = {}
        for name, point in anatomy.phantom.fiducials_mm.items():
            seen_mm = anatomy.from_mni152(point)[0] + rng.normal(0, spread, 3)
            marked[name.upper()] = np.round(apply_trans(to_voxel, seen_mm), 1).tolist()
        sidecar["AnatomicalLandmarkCoordinates"] = {
            "NAS": marked["NASION"],
            "LPA": marked["LPA"],
            "RPA": marked["RPA"],
        }
    write_json(anat / f"sub-{label}_T1w.json", sidecar)


def _write_meg(bids_dir, label, when, recorded, marked):
    """MEG with its marks, and the empty room of that day, as 16-bit FIF."""
    empty_path = mne_bids.BIDSPath(
        subject="emptyroom",
        session=when.strftime("%Y%m%d"),
        task="noise",
        datatype="meg",
        root=bids_dir,
    )
    path = mne_bids.BIDSPath(subject=label, task="rest", run="01", datatype="meg", root=bids_dir)
    raw = recorded.raw
    raw.set_meas_date(when)
    marks = recorded.marks
    if marked:
        raw.set_annotations(mne.Annotations(marks.mark_s, 0.0, marks.label, orig_time=when))
    assert recorded.empty_room is not None  # of every helmet
    recorded.empty_room.set_meas_date(when - timedelta(minutes=20))
    with tempfile.TemporaryDirectory(dir=bids_dir.parent, prefix=".tmp_") as folder:
        # mne-bids keeps the number format of the file that it is given: hence by way of a file.
        for each, target, empty in (
            (recorded.empty_room, empty_path, None),
            (raw, path, empty_path),
        ):
            draft = Path(folder) / "draft_raw.fif"
            each.save(draft, fmt="short", overwrite=True, verbose="error")
            mne_bids.write_raw_bids(
                mne.io.read_raw_fif(draft, allow_maxshield="yes", verbose="error"),
                target,
                empty_room=empty,
                overwrite=True,
                readme=False,
                verbose="error",
            )

    if recorded.dev_head_t_end is not None:
        table = positions(raw.info["dev_head_t"], recorded.dev_head_t_end, raw.times[-1])
        with atomic_path(path.directory / f"{path.basename}_headpos.pos") as tmp:
            mne.chpi.write_head_pos(tmp, table)
        write_text(bids_dir / ".bidsignore", "*_headpos.pos\n")  # BIDS has no name for it


def _write_eeg(bids_dir, label, when, recorded, marked):
    """EEG as BrainVision, with its electrodes, landmarks and marks."""
    path = mne_bids.BIDSPath(
        subject=label, task="rest", run="01", datatype=EEG_DATATYPE, root=bids_dir
    )
    raw = recorded.raw
    raw.set_meas_date(when)
    if marked:
        marks = recorded.marks
        raw.set_annotations(mne.Annotations(marks.mark_s, 0.0, marks.label, orig_time=when))
    _write_brainvision(raw, path)


def _write_brainvision(raw: mne.io.BaseRaw, path: mne_bids.BIDSPath) -> None:
    mne_bids.write_raw_bids(
        raw,
        path,
        format="BrainVision",
        allow_preload=True,
        overwrite=True,
        readme=False,
        verbose="error",
    )


def _write_ieeg(bids_dir, label, clinic):
    contacts = clinic.implantation
    path = mne_bids.BIDSPath(subject=label, task="interictal", datatype="ieeg", root=bids_dir)
    _write_brainvision(clinic.ieeg, path)
    stem = bids_dir / f"sub-{label}" / "ieeg" / f"sub-{label}"
    # mne-bids describes electrodes that it knows no position of; ours follow.
    for empty in ("electrodes.tsv", "electrodes.json", "coordsystem.json"):
        Path(f"{stem}_{empty}").unlink(missing_ok=True)
    channels = Path(f"{stem}_task-interictal_channels.tsv")
    table = pd.read_csv(channels, sep="\t", dtype=str, keep_default_na=False)
    resected = np.zeros(len(contacts.names), bool)
    if clinic.resection is not None:
        resected = in_mask(clinic.resection, contacts.measured_mm)
    marks = [
        ",".join(word for word, holds in (("resect", gone), ("soz", onset)) if holds) or "n/a"
        for gone, onset in zip(resected, contacts.soz, strict=True)
    ]
    table["status_description"] = table["name"].map(dict(zip(contacts.names, marks, strict=True)))
    table["group"] = table["name"].map(dict(zip(contacts.names, contacts.groups, strict=True)))
    electrodes = pd.DataFrame(np.round(contacts.measured_mm, 2), columns=["x", "y", "z"])
    electrodes.insert(0, "name", contacts.names)
    electrodes["size"] = np.where(np.array(contacts.kinds) == "seeg", 5.0, 4.2)
    electrodes["type"] = np.where(np.array(contacts.kinds) == "seeg", "depth", "grid")
    electrodes["group"] = contacts.groups
    for file, content in (
        (channels, table),
        (Path(f"{stem}_space-ScanRAS_electrodes.tsv"), electrodes),
    ):
        with atomic_path(file) as tmp:
            content.to_csv(tmp, sep="\t", index=False, na_rep="n/a")
    write_json(
        Path(f"{stem}_space-ScanRAS_coordsystem.json"),
        {
            "IntendedFor": f"bids::sub-{label}/anat/sub-{label}_T1w.nii.gz",
            "iEEGCoordinateSystem": "ScanRAS",
            "iEEGCoordinateUnits": "mm",
            "iEEGCoordinateSystemDescription": "scanner RAS of the pre-operative T1w",
            "iEEGCoordinateProcessingDescription": "contacts seen on a CT fused with the T1w",
        },
    )


def _write_resection(bids_dir, label, mask):
    derivative = bids_dir / "derivatives" / "resection"
    write_json(
        derivative / "dataset_description.json",
        {
            "Name": "Resection masks in pre-operative T1w space",
            "BIDSVersion": "1.9.0",
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "spikefocus demo"}],
            "DatasetLinks": {"raw": "../.."},
        },
    )
    stem = derivative / f"sub-{label}" / "anat" / f"sub-{label}_desc-resection_mask"
    save_nifti(Path(f"{stem}.nii.gz"), mask)
    write_json(
        Path(f"{stem}.json"),
        {
            "Type": "Lesion",
            "Description": "brain removed by surgery",
            "RawSources": [f"bids:raw:sub-{label}/anat/sub-{label}_T1w.nii.gz"],
        },
    )


def save_nifti(path: Path, image: nib.Nifti1Image) -> None:
    with atomic_path(path) as tmp:
        nib.save(image, tmp)


def refuse_occupied(out_dir: Path) -> None:
    """Never mix a new dataset with an old one, nor overwrite somebody's files."""
    if (out_dir / "bids").exists():
        raise InvalidInput(
            "There is a dataset already", file=out_dir / "bids", hint="choose another folder"
        )
