"""Creates a dataset of virtual patients and, beside it, the truth."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from bids_app.demo.anatomy import build_anatomy
from bids_app.demo.clinic import implant, record_ieeg, resect
from bids_app.demo.dataset import (
    Clinic,
    refuse_occupied,
    write_dataset_files,
    write_participants,
    write_patient,
)
from bids_app.demo.patient import RECORD_STEPS, record
from bids_app.demo.phantom import load_phantom
from bids_app.demo.recipe import HELMETS, PatientRecipe
from bids_app.demo.scenarios._scenario import ONE_FOCUS, Scenario
from bids_app.demo.truth import write_truth
from pipeline.files import TMP_PREFIX
from pipeline.progress import Progress
from pipeline.template import SUBLOBAR_NAMES

N_STEPS = RECORD_STEPS + 3


def create_virtual_patients(
    out_dir: Path,
    n_patients: int,
    seed: int,
    array: str | None,
    progress: Progress,
    *,
    scenario: Scenario = ONE_FOCUS,
    minutes: float = 6.0,
    small: bool = False,
) -> list[Path]:
    """Write ``out_dir/bids`` (the dataset) and ``out_dir/truth`` (what it hides).

    Parameters
    ----------
    out_dir : Path
        Must not hold a ``bids`` folder yet.
    n_patients : int
    seed : int
        A patient depends on the seed and its own number alone, not on how many there are.
    array : str or None
        "neuromag" or "ctf275" for all; None for neuromag first and both in a cohort.
    progress : Progress
    scenario : Scenario
        Of all patients.
    minutes : float
        Length of each MEG recording; there is one spike every 7 s or so.
    small : bool
        2 mm T1w and a coarse true head model, for quick tests.

    Returns
    -------
    list of Path
        The participants' folders.

    Raises
    ------
    InvalidInput
        There is a dataset in `out_dir` already.
    """
    refuse_occupied(Path(out_dir))
    final = Path(out_dir) / "bids"
    # Renamed once complete, so that an interrupted run leaves nothing that looks like a dataset.
    draft, truth_dir = Path(out_dir) / f"{TMP_PREFIX}demo" / "bids", Path(out_dir) / "truth"
    if draft.parent.is_symlink():
        draft.parent.unlink()  # nothing is written behind it
    shutil.rmtree(draft.parent, ignore_errors=True)
    draft.mkdir(parents=True)
    write_dataset_files(draft)
    participants = []
    for index in range(n_patients):
        label = f"{index + 1:02d}"
        recipe = cohort_recipe(seed, index, array, scenario, minutes=minutes, small=small)
        with progress.step(f"virtual patient sub-{label}", total=N_STEPS) as step:
            row, fit = _create(draft, truth_dir, label, index, seed, recipe, step)
            # What a cohort's subgroups are told by; one patient is none.
            participants.append(row if n_patients == 1 else row | _subgroups(recipe))
        progress.info(
            f"sub-{label}: with and without the cortex' own folding the fields of regions correlate "
            f"{fit['median']:.2f} in the median, {fit['percentile_5']:.2f} at the 5th percentile"
        )
    write_participants(draft, participants)
    draft.rename(final)
    draft.parent.rmdir()
    return [final / row["participant_id"] for row in participants]


def cohort_recipe(
    seed: int,
    index: int,
    array: str | None,
    scenario: Scenario = ONE_FOCUS,
    *,
    minutes: float = 6.0,
    small: bool = False,
) -> PatientRecipe:
    """Recipe of the patient number `index`: lobes in turn, work-ups as incomplete as in a clinic.

    Without a focus there is nothing to implant or to resect.
    """
    rng = np.random.default_rng([seed, 994])
    lobes = rng.permutation(SUBLOBAR_NAMES)
    snr_db = rng.uniform(3.0, 5.5, index + 1)[index]
    recipe = PatientRecipe(
        array=array or _array(seed, index),
        lobe=str(lobes[index % len(lobes)]),
        scenario=scenario,
        minutes=minutes,
        n_spikes=min(48, int(minutes * 60 / 2.5)),
        snr_db=round(float(snr_db), 1),
        landmarks=index % 3 != 1,
        ieeg=bool(scenario.foci) and index % 4 != 3,
        sampled=scenario.sampled and index % 8 != 5,
        resection=scenario.operated and bool(scenario.foci) and index % 5 != 2,
        seizure_free=index % 4 != 1,
    )
    if scenario.n_spikes is not None:
        recipe = replace(recipe, n_spikes=scenario.n_spikes)
    if scenario.n_false_marks is not None:
        recipe = replace(recipe, n_false_marks=scenario.n_false_marks)
    if small:
        recipe = replace(
            recipe,
            voxel_mm=2.0,
            inner_skull_vertices=600,
            n_background=200,
            empty_room_minutes=0.25,
        )
    return recipe


def _array(seed: int, index: int) -> str:
    """One of each array in every two patients, in an order of chance but for the first two.

    In a fixed order the array would go with what the index decides, such as the outcome.
    """
    pair, second = divmod(index, 2)
    swapped = pair > 0 and np.random.default_rng([seed, 995, pair]).integers(2)
    return HELMETS[second ^ int(swapped)]


def _subgroups(recipe: PatientRecipe) -> dict[str, str]:
    return {
        "epilepsy_type": "temporal" if "temporal" in recipe.lobe.split() else "extratemporal",
        # A hospital has one helmet.
        "centre": recipe.array,
    }


def _create(bids_dir, truth_dir, label, index, seed, recipe, step):
    # One stream each, so that a change to one part leaves the others as they were.
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence([seed, index]).spawn(4)]
    anatomy = build_anatomy(streams[0], load_phantom(), recipe)
    step.advance()
    recorded, sources = record(streams[1], anatomy, recipe, step)
    clinic = Clinic(None, None, None)
    if recipe.resection:
        mask = resect(streams[2], anatomy, sources[0].patch, recipe.seizure_free)
        clinic = replace(clinic, resection=mask)
    if recipe.ieeg:
        implantation = implant(streams[2], anatomy, sources[0].patch, recipe.sampled)
        raw = record_ieeg(streams[2], implantation)
        clinic = replace(clinic, implantation=implantation, ieeg=raw)
    step.advance()
    rng = streams[3]
    row = {
        "participant_id": f"sub-{label}",
        "age": int(rng.integers(18, 60)),
        "sex": str(rng.choice(["F", "M"])),
        "virtual": "yes",
        "engel_class": "n/a",
        "seizure_free": "n/a",
    }
    if recipe.resection:
        row["engel_class"] = "IA" if recipe.seizure_free else "III"
        row["seizure_free"] = "yes" if recipe.seizure_free else "no"
    write_patient(rng, bids_dir, label, index, anatomy, recorded, clinic, recipe)
    implantation = clinic.implantation
    write_truth(truth_dir, label, seed, anatomy, recorded, sources, implantation, recipe)
    step.advance()
    return row, recorded.folding_correlation
