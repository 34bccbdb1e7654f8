"""Datasets whose names mean something else than readers expect: columns, spaces, sides, second tables."""

import shutil

from dataset_mutations import IEEG, MASK, MEG, edit, edit_column, mutation


@mutation()
def spikes_named_in_another_column(bids, rng):
    header = ("type", "description", "trial_type_2")[rng.integers(3)]
    edit(bids / f"{MEG}_events.tsv", lambda text: text.replace("trial_type", header, 1))


@mutation()
def mask_in_another_space(bids, rng):
    space = ("MNI152NLin2009cAsym", "MNI", "T2w")[rng.integers(3)]
    mask = bids / MASK
    named = mask.with_name(mask.name.replace("_desc-", f"_space-{space}_desc-"))
    if rng.integers(2):
        mask.rename(named)
    else:
        shutil.copy(mask, named)


@mutation()
def some_contacts_in_metres(bids, rng):
    for axis in "xyz":
        edit_column(
            bids / f"{IEEG}_electrodes.tsv",
            axis,
            lambda cell, number: f"{float(cell) / 1000:g}" if number < 3 else cell,
        )


@mutation()
def second_table_of_a_run(bids, rng):
    events = bids / f"{MEG}_events.tsv"
    other = ("run-1_events.tsv", "events.tsv", "run-01_events (1).tsv")[rng.integers(3)]
    shutil.copy(events, events.with_name(events.name.replace("run-01_events.tsv", other)))
