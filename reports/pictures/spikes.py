"""Pictures of the spikes at the sensors."""

from reports.figures import sensors
from reports.figures.consistency import consistency
from reports.pictures.studio import Picture, Studio
from reports.wording import count, number


def average(studio: Studio) -> Picture:
    pairs = "".join(
        f"; of {studio.sensor_names[kind].lower()} the root mean square of each pair"
        for kind in sensors.paired_types(studio.patient.evoked)
    )
    onset = f"at onset ({number(studio.onset_s * 1000, 'ms', 0)}) and " if studio.onset_s else ""
    return studio.save(
        sensors.butterfly_and_topography(
            studio.patient.evoked, studio.onset_s, studio.sensor_names
        ),
        "average",
        "png",
        "Averaged spike. Left: all channels (thin) and global field power (GFP, root mean square "
        f"over channels, thick). Right: field {onset}at the peak, seen from above, nose "
        f"up{pairs}. Plus and minus mark the strongest field of either sign; contours are dashed where it is negative.",
        f"Averaged spike over time for each sensor type, and topographies {onset}at the peak.",
    )


def single_spikes(studio: Studio) -> Picture | None:
    spikes = studio.patient.single_spikes
    if spikes is None or not {"correlation", "amplitude_ratio"} <= set(spikes.table):
        return None
    figure = consistency(
        spikes.times_s,
        spikes.course,
        spikes.table["correlation"].to_numpy(float),
        spikes.table["amplitude_ratio"].to_numpy(float),
        spikes.accepted,
    )
    return studio.save(
        figure,
        "single",
        "png",
        "Consistency. Left: each accepted spike, one row each, seen through the average’s own "
        "field at the peak (1: as large as the average). Right: correlation of each marked spike "
        "with the average of the others, in leading components, and its size.",
        f"Heat map of {count(len(spikes.course), 'accepted spike')} and scatter of correlation "
        "with the average against relative amplitude.",
    )
