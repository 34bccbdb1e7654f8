"""Changes of a small dataset's tables and sidecars: channels, events, contacts."""

import json
import shutil

from dataset_mutations import IEEG, MEG, edit, edit_column, edit_json, mutation, put


# -- channels ----------------------------------------------------------------------------------
@mutation()
def bad_channels(bids, rng):
    share = float(rng.choice([0.1, 0.4, 0.8]))
    bad = rng.random(200) < share
    edit_column(bids / f"{MEG}_channels.tsv", "status", lambda c, i: "bad" if bad[i] else c)


@mutation()
def channel_names_of_another_system(bids, rng):
    edit(bids / f"{MEG}_channels.tsv", lambda text: text.replace("MEG ", "MEG"))


@mutation()
def odd_table(bids, rng):
    names = (f"{MEG}_channels.tsv", f"{MEG}_events.tsv", f"{IEEG}_electrodes.tsv")
    path = bids / (*names, f"{IEEG}_task-rest_channels.tsv", "participants.tsv")[rng.integers(5)]
    content = path.read_bytes()
    header, _, rest = content.partition(b"\n")
    odd = (
        b"",
        rest,
        b"\xef\xbb\xbf" + content,
        content.replace(b"\n", b"\r\n"),
        content.replace(b"\n", b"\r"),
        header.upper() + b"\n" + rest,
        header + b"\n" + rest.replace(b"\t", b'\t"', 1),
        content + "µ\t\n".encode("latin-1"),
        content.replace(b"\t", b","),
        header + b"\n" + rest.replace(b"\n", b"\t\t\t9\n", 1),
    )
    put(path, odd[rng.integers(len(odd))])


# -- events ------------------------------------------------------------------------------------
@mutation()
def names_of_spikes(bids, rng):
    names = ("Spike", "IED", "sharp_wave", "button", "SEEG", "1", "bad_spike", "spike-like?")
    chosen = names[rng.integers(len(names))]
    edit(bids / f"{MEG}_events.tsv", lambda text: text.replace("IED_left", chosen))


@mutation("--spike-name", "A1", "Kobold")
def spike_name_by_option(bids, rng):
    if rng.integers(2):
        edit(bids / f"{MEG}_events.tsv", lambda text: text.replace("IED_left", "kobold"))


@mutation()
def onsets(bids, rng):
    def milliseconds(cell, _):
        return f"{1000 * float(cell):.0f}"

    def comma(cell, _):
        return cell.replace(".", ",")

    def clock(cell, _):
        return f"10:{int(float(cell)) // 60:02d}:{float(cell) % 60:05.2f}"

    def absent(cell, number):
        return "n/a" if number % 2 else cell

    def late(cell, _):
        return f"{float(cell) + 1e4:.2f}"

    change = (milliseconds, comma, clock, absent, late)[rng.integers(5)]
    edit_column(bids / f"{MEG}_events.tsv", "onset", change)


@mutation()
def every_spike_twice(bids, rng):
    path = bids / f"{MEG}_events.tsv"
    header, *rows = path.read_text().splitlines()
    doubled = [row for row in rows for row in (row, row)]
    put(path, "\n".join([header, *doubled]) + "\n")


@mutation()
def few_or_many_spikes(bids, rng):
    path = bids / f"{MEG}_events.tsv"
    header, *rows = path.read_text().splitlines()
    n = int(rng.choice([0, 2, 4, 5, 8]))
    put(path, "\n".join([header, *rows[:n]] if n else [header, *rows * 60]) + "\n")


@mutation()
def no_events(bids, rng):
    (bids / f"{MEG}_events.tsv").unlink()


@mutation()
def events_inherited(bids, rng):
    (bids / f"{MEG}_events.tsv").rename(bids / "task-rest_events.tsv")


@mutation()
def spikes_by_level_or_hed(bids, rng):
    edit(bids / f"{MEG}_events.tsv", lambda text: text.replace("IED_left", "e7"))
    described = ({"Levels": {"e7": "epileptiform spike"}}, {"HED": {"e7": "Spike"}}, [], "x")
    put(bids / f"{MEG}_events.json", json.dumps({"trial_type": described[rng.integers(4)]}))


# -- contacts ----------------------------------------------------------------------------------
@mutation()
def unit_of_contacts(bids, rng):
    unit = ("m", "cm", "pixels", "n/a", "MM", "millimeters", 3)[rng.integers(7)]
    edit_json(bids / f"{IEEG}_coordsystem.json", iEEGCoordinateUnits=unit)


@mutation()
def scale_of_contacts(bids, rng):
    factor = float(rng.choice([0.001, 0.1, 25.4, 5]))
    for axis in "xyz":
        edit_column(
            bids / f"{IEEG}_electrodes.tsv", axis, lambda cell, _: f"{factor * float(cell):.5f}"
        )


@mutation()
def space_of_contacts(bids, rng):
    spaces = ("MNI152NLin2009aSym", "IXI549Space", "fsaverage", "Talairach", "Pixels", "Other", 4)
    edit_json(
        bids / f"{IEEG}_coordsystem.json",
        iEEGCoordinateSystem=spaces[rng.integers(len(spaces))],
    )


@mutation()
def intended_for(bids, rng):
    named = (
        "sub-01/anat/sub-01_T1w.nii.gz",
        "bids::sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_proc-x_T1w.nii.gz",
        ["sub-01/ct/sub-01_ct.nii.gz"],
        7,
    )[rng.integers(5)]
    edit_json(bids / f"{IEEG}_coordsystem.json", iEEGCoordinateSystem="Other", IntendedFor=named)


@mutation()
def names_of_contacts(bids, rng):
    def padded(cell, _):
        return f"{cell[:-1]}0{cell[-1]}"

    def primed(cell, _):
        return cell.replace("LT", "T'")

    def bipolar(cell, _):
        return f"{cell}-{cell[:-1]}{int(cell[-1]) + 1}"

    def other(cell, _):
        return f"EEG {cell}-Ref"

    def unlike(cell, number):
        return f"Q{number}"

    change = (padded, primed, bipolar, other, unlike)[rng.integers(5)]
    edit_column(bids / f"{IEEG}_task-rest_channels.tsv", "name", change)


@mutation()
def marks_elsewhere(bids, rng):
    path = bids / f"{IEEG}_task-rest_channels.tsv"
    edit_column(path, "status_description", lambda *_: "n/a")
    column, yes = (("soz", "yes"), ("SOZ", "1"), ("onset_zone", "x"), ("resection", "true"))[
        rng.integers(4)
    ]
    header, *rows = path.read_text().splitlines()
    marked = [f"{row}\t{yes if n < 4 else 'no'}" for n, row in enumerate(rows)]
    put(path, "\n".join([f"{header}\t{column}", *marked]) + "\n")


@mutation()
def files_of_contacts_that_are_missing(bids, rng):
    name = ("coordsystem.json", "electrodes.tsv", "task-rest_channels.tsv")[rng.integers(3)]
    (bids / f"{IEEG}_{name}").unlink()


@mutation()
def two_spaces(bids, rng):
    for name in ("electrodes.tsv", "coordsystem.json"):
        source = bids / f"{IEEG}_{name}"
        shutil.copy(source, bids / f"{IEEG}_space-MNI152NLin2009aSym_{name}")
        source.rename(bids / f"{IEEG}_acq-seeg_space-ScanRAS_{name}")
    if rng.integers(2):
        (bids / f"{IEEG}_acq-seeg_space-ScanRAS_coordsystem.json").rename(
            bids / f"{IEEG}_space-ScanRAS_coordsystem.json"
        )
    edit_json(
        bids / f"{IEEG}_space-MNI152NLin2009aSym_coordsystem.json",
        iEEGCoordinateSystem="MNI152NLin2009aSym",
    )


@mutation()
def broken_coordinates(bids, rng):
    words = ("n/a", "nan", "1e400", "three", "")
    word = words[rng.integers(len(words))]
    share = float(rng.choice([0.2, 1.0]))
    lost = rng.random(100) < share
    edit_column(bids / f"{IEEG}_electrodes.tsv", "y", lambda cell, i: word if lost[i] else cell)
