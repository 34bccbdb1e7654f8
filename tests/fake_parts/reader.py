"""Recordings of one channel of ones, in text files."""

import mne
import numpy as np

from pipeline.readers._reader import Reader


def open_raw(path):
    n_times = len(path.read_text())
    return mne.io.RawArray(np.ones((1, n_times)), mne.create_info(["M1"], 100.0, "mag"))


def companions(path):
    return [path.with_suffix(".note")]


READER = Reader((".ones",), "ones", open_raw, companions)
