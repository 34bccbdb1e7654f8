"""A recording whose first stored sample is not its acquisition's, and files that mark it."""

from pathlib import Path

import mne
import numpy as np
from mne.channels.montage import read_meg_canonical_info

from pipeline.mark_files._format import Reading
from pipeline.mark_files._reading import read_marks
from pipeline.spikes.config import SPIKE_NAMES
from pipeline.spikes.imported import join_marks

MEG = "sub-01/meg/sub-01_task-rest_run-01_meg.fif"
SFREQ, FIRST_SAMP, N_TIMES = 250.0, 5000, 15_000
SPIKES_S = np.array([10.0, 20.5, 31.252])
SAMPLES = np.round(SPIKES_S * SFREQ).astype(int) + FIRST_SAMP
NAMES = (*SPIKE_NAMES, "7")
EVENTS = np.column_stack([SAMPLES, np.zeros(3, int), np.full(3, 7)])


def write_marked_dataset(root: Path) -> Path:
    """A recording of a minute whose first stored sample is 20 s behind the acquisition's begin."""
    meg = root / MEG
    meg.parent.mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    canonical = read_meg_canonical_info("neuromag")
    info = mne.pick_info(canonical, np.arange(40))
    with info._unlock():
        info["sfreq"] = SFREQ
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    data = np.random.default_rng(0).normal(size=(40, N_TIMES)) * 1e-13
    raw = mne.io.RawArray(data, info, first_samp=FIRST_SAMP, verbose="error")
    trigger = np.zeros((1, N_TIMES))
    trigger[0, SAMPLES - FIRST_SAMP] = 7
    stim = mne.create_info(["STI 014"], SFREQ, "stim")
    stim = mne.io.RawArray(trigger, stim, first_samp=FIRST_SAMP, verbose="error")
    raw.add_channels([stim], force_update_info=True)
    raw.set_meas_date(1_600_000_000)
    raw.save(meg, verbose="error")
    return root


def read(path, recording, **said):
    form = said.pop("form", None)
    marks = read_marks(path, recording[1], recording[0], Reading(**said), form)
    return join_marks([(path, marks)], recording[1], NAMES)


def write_annotations(path, recording, orig_time="own"):
    measured = recording[1].info["meas_date"]
    skipped = 0.0 if orig_time is None else FIRST_SAMP / SFREQ
    origin = measured if orig_time == "own" else orig_time
    mne.Annotations(SPIKES_S + skipped, 0, "IED", origin).save(path)


def write_eeg(path, seconds=60.0):
    eeg = mne.io.RawArray(np.zeros((1, int(seconds * 200))), mne.create_info(["Cz"], 200.0, "eeg"))
    eeg.set_meas_date(1_500_000_000)
    eeg.set_annotations(mne.Annotations(SPIKES_S, 0, "sharp wave"))
    mne.export.export_raw(path, eeg, "brainvision", overwrite=True, verbose="error")


def write_edf(path, seconds=60):
    """EDF+ with one channel of a sample a second, and the marks."""

    def cells(*widths_and_texts):
        return b"".join(str(text).ljust(width).encode() for width, text in widths_and_texts)

    n_bytes = 120
    header = cells(
        *[(8, "0"), (80, "X X X X"), (80, "Startdate X X X X"), (8, "01.01.20"), (8, "10.00.00")],
        *[(8, 768), (44, "EDF+C"), (8, seconds), (8, 1), (4, 2)],
        *[(16, "Cz"), (16, "EDF Annotations"), (80, ""), (80, ""), (8, "uV"), (8, "")],
        *[(8, -100), (8, -1), (8, 100), (8, 1), (8, -32768), (8, -32768), (8, 32767), (8, 32767)],
        *[(80, ""), (80, ""), (8, 1), (8, n_bytes // 2), (32, ""), (32, "")],
    )
    records = []
    for second in range(seconds):
        tal = f"+{second}\x14\x14\x00"
        tal += "".join(f"+{t:g}\x14Spike\x14\x00" for t in SPIKES_S if int(t) == second)
        records.append(b"\0\0" + tal.encode().ljust(n_bytes, b"\0"))
    path.write_bytes(header + b"".join(records))


def fif_annotations(folder, recording):
    write_annotations(folder / "a-annot.fif", recording)
    return folder / "a-annot.fif", {}


def fif_events(folder, recording):
    mne.write_events(folder / "a-eve.fif", EVENTS)
    return folder / "a-eve.fif", {}


def event_text(folder, recording):
    mne.write_events(folder / "a.eve", EVENTS)
    return folder / "a.eve", {}


def old_event_text(folder, recording):
    rows = [f"{FIRST_SAMP} {FIRST_SAMP / SFREQ} 0 0", *(f"{s} {s / SFREQ} 0 7" for s in SAMPLES)]
    (folder / "old.eve").write_text("\n".join(rows))
    return folder / "old.eve", {}


def event_text_from_first_sample(folder, recording):
    rows = ["0 0 0", *(f"{s - FIRST_SAMP} 0 7" for s in SAMPLES)]
    (folder / "b.lst").write_text("\n".join(rows))
    return folder / "b.lst", {}


def besa(folder, recording):
    rows = [f"{t * 1e6:.0f}\t3\t0\tIED left" for t in SPIKES_S]
    stamp = "0\t41\t2020-09-13T12:26:40.000"
    (folder / "a.evt").write_text("\n".join(["Tmu\tCode\tTriNo\tComnt", stamp, *rows]))
    return folder / "a.evt", {}


def edf(folder, recording):
    write_edf(folder / "a.edf")
    return folder / "a.edf", {}


def brainvision(folder, recording):
    write_eeg(folder / "a.vhdr")
    return folder / "a.vmrk", {}


def csv_with_commas(folder, recording):
    rows = [f"IED;{t:.3f}".replace(".", ",") for t in SPIKES_S]
    (folder / "a.csv").write_text("\n".join(["Kind;Zeit", *rows, "blink;3,5"]))
    return folder / "a.csv", {"columns": {"onset": "Zeit", "name": "1"}}


def triggers(folder, recording):
    return recording[0], {}


WRITERS = (
    *(fif_annotations, fif_events, event_text, old_event_text, event_text_from_first_sample, besa),
    *(edf, brainvision, csv_with_commas, triggers),
)
