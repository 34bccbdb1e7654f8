"""The field of sources in the sensors of a modality, or of several."""

import mne


def compute_forward(
    info: mne.Info,
    trans: mne.transforms.Transform,
    src: mne.SourceSpaces,
    conductor: mne.bem.ConductorModel,
    ignore_ref: bool = False,
    *,
    meg: bool,
    eeg: bool,
    on_inside: str = "raise",
) -> mne.Forward:
    """Forward solution of sources however near to the skull, in the order of `info`.

    `meg` and `eeg` are the channels that it is of, `on_inside` what mne does about a helmet inside the scalp.
    """
    return mne.make_forward_solution(
        info,
        trans,
        src,
        conductor,
        meg=meg,
        eeg=eeg,
        mindist=0.0,
        ignore_ref=ignore_ref,
        on_inside=on_inside,
        verbose="error",
    )
