"""The six stages as the command line runs them: which module, with which inputs."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import reports
from bids_app.code import code_hash
from bids_app.dataset import PatientFiles
from pipeline import STAGES, compare, headmodel, image, personalize, spikes
from pipeline.files import sha256
from pipeline.options import file_options
from pipeline.paths import PatientPaths
from pipeline.spikes.reference import reference_run

MODULES: dict[str, ModuleType] = dict(
    zip(STAGES, (headmodel, spikes, personalize, image, compare, reports), strict=True)
)


@dataclass(frozen=True)
class Task:
    """One stage for one participant, ready to run."""

    stage: str
    inputs: Any
    config: Any

    @property
    def module(self) -> ModuleType:
        return MODULES[self.stage]

    def input_hashes(self, paths: PatientPaths) -> dict[str, str]:
        """SHA-256 of each file that the stage reads, under names that don't depend on where it lies."""
        hashes = {}
        for path in self.module.reads(self.inputs, paths):
            if path is None or not Path(path).exists():
                continue
            path = Path(path)
            name = path.name
            if name in hashes:  # the same name in another folder, as FreeSurfer's may be
                name = f"{path.parent.name}/{name}"
            # The files of a recording's folder often bear the patient's name.
            if path.is_dir():
                hashes[name] = hash_of_folder(path)
            else:
                # What cannot be read is its reader's to report: an optional file stops nobody.
                hashes[name] = sha256(path) if os.access(path, os.R_OK) else "cannot be read"
        for option, file in file_options(self.config).items():
            if file:
                hashes[option.replace("_", " ")] = sha256(Path(file))
        # Files from a hospital bear names of patients, so that theirs stay out of the status file.
        if template := getattr(self.inputs, "dicom_template", None):
            hashes["DICOM template"] = hash_of_all(template)
        return hashes

    def key(self, hashes: dict[str, str]) -> str:
        """Changes when an input's content, an option or the code changes."""
        recipe = {
            "stage": self.stage,
            "inputs": hashes,
            "stated": [value for value in vars(self.inputs).values() if isinstance(value, str)],
            # What is in a named file counts, not where it lies.
            "config": dataclasses.asdict(self.config) | dict.fromkeys(file_options(self.config)),
            "code": code_hash(MODULES[self.stage]),
        }
        return hashlib.sha256(json.dumps(recipe, sort_keys=True, default=str).encode()).hexdigest()


def tasks_for(
    patient: PatientFiles, configs: dict[str, Any], dicom_template: Path | None = None
) -> list[Task]:
    """The stages in order, each given only the files that it needs."""
    marked = spikes_inputs(patient, configs["spikes"])
    reference = reference_run(
        marked.meg, marked.events, configs["spikes"].spike_name, marked.events_json
    )
    inputs = {
        "headmodel": headmodel.Inputs(
            t1w=patient.t1w,
            t1w_json=patient.t1w_json,
            freesurfer_dir=patient.freesurfer_dir,
            meg=[patient.meg[reference]],
            trans=patient.trans,
            modality=patient.modality,
        ),
        "spikes": marked,
        "personalize": personalize.Inputs(),
        "image": image.Inputs(t1w=patient.t1w),
        "compare": compare.Inputs(
            electrodes=patient.ieeg.electrodes,
            channels=patient.ieeg.channels,
            coordsystem=patient.ieeg.coordsystem,
            tables_json=patient.ieeg.tables_json,
            images=patient.ieeg.images,
            no_contacts=patient.ieeg.no_contacts,
            unread_marks=patient.ieeg.unread_marks,
            contact_labels=patient.contact_labels,
            resection_mask=patient.resection_mask,
            postop_t1w=patient.postop_t1w,
            no_mask=patient.no_mask,
            no_postop=patient.no_postop,
            mask_drawn_on=patient.mask_drawn_on,
            t1w=patient.t1w,
            outcome=patient.outcome,
        ),
        "report": reports.Inputs(
            t1w=patient.t1w,
            dicom_template=dicom_template,
            clinical=patient.clinical,
            virtual="yes" if patient.virtual else "",
        ),
    }
    return [Task(stage, inputs[stage], configs[stage]) for stage in STAGES]


def spikes_inputs(patient: PatientFiles, config: spikes.Config) -> spikes.Inputs:
    """The recordings with what lies beside them; without their marks where spikes are looked for."""
    return spikes.Inputs(
        meg=patient.meg,
        events=[None] * len(patient.meg) if config.detect_spikes else patient.events,
        channels_tsv=patient.channels,
        empty_room=patient.empty_room,
        events_json=[] if config.detect_spikes else patient.events_json,
        detect=config.detect_spikes,
        modality=patient.modality,
    )


def hash_of_folder(folder: Path) -> str:
    """SHA-256 over the names and the content of all files below a folder."""
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(os.fsencode(file.relative_to(folder)) + b"\0" + sha256(file).encode())
    return digest.hexdigest()


def hash_of_all(path: Path) -> str:
    """SHA-256 over the content of a file, or of all files below a folder, whatever their names."""
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    return hashlib.sha256("".join(sorted(map(sha256, files))).encode()).hexdigest()
