"""What movement of the head does to imaging, and four ways to meet it.

    python -m benchmarks.movement RESULTS.csv [--heads 4] [--jobs 1]

The truth is a virtual patient's head: dense cortex, three shells, its own folding, patches of 4 to
13 cm². The operator is made of the template's regions on a cortex that is off, one shell of another
mesh, and a helmet that is misplaced, as `benchmarks/simulated_heads.py` has them. Each of 24 spikes,
and as much noise, is measured at its own position: a step in the middle, or a drift through six places (a true field at another place takes seconds). The noise
is that of sensors and of 300 dipoles, which move with the head. Each way images the average by sLORETA:

    still        the head did not move
    own          this project's way: mean of the leadfields of grouped positions
    sss          mne's maxwell_filter with the true positions, then the first position's leadfield
    ignored      the first position's leadfield

`error_mm` is the distance of the map's maximum from the patch's centre, `from_still_mm` from the maximum
of the still head. Positions are known exactly; how well coils tell them is not in it.
"""

import argparse
import csv
from itertools import chain
from multiprocessing import Pool
from pathlib import Path

import mne
import numpy as np
from mne.transforms import apply_trans
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from benchmarks.seated import seated
from benchmarks.simulated_heads import estimated_geometry
from bids_app.demo.cortex import grow_patches, smooth_midthickness_mm, true_cortex
from bids_app.demo.forward import field_of, true_bem
from pipeline.head_position import HEAD_CENTRE_HEAD_M, group
from pipeline.leadfield import sensors_at
from pipeline.modality import sensor_types
from pipeline.synthesis.population import geometry_leadfield, misplaced_helmet
from pipeline.template import load_template

SEED = 8100
SIZES = ((2.0, 2.0), (5.0, 4.0), (10.0, 8.0), (20.0, 15.0))
N_PLACES = {"step": 2, "drift": 6}
N_SPIKES, N_NOISE, N_PATCHES, N_AROUND = 24, 125, 12, 300
SFREQ = 100.0
BRAIN_OVER_SENSORS = 4.0  # power of the noise
SPIKE_OVER_NOISE = 1.0  # power of one spike at its peak, mean over channels of whitened data
RIDGE = 1 / 9
LEAST_CLEARANCE_MM = 6.0
COLUMNS = "movement_mm turn_deg kind way n error_mm_median error_mm_p90 from_still_mm_median from_still_mm_p90".split()
WAYS = ("still", "own", "sss", "ignored")


def moved(dev_head_t: np.ndarray, shift_m: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Device-to-head transform of a head that was shifted, and turned about its centre, in the helmet."""
    head_to_device = np.linalg.inv(dev_head_t)
    centre = apply_trans(head_to_device, HEAD_CENTRE_HEAD_M)
    own = np.eye(4)
    rotation = Rotation.from_rotvec(turn).as_matrix()
    own[:3, :3] = rotation
    own[:3, 3] = centre + shift_m - rotation @ centre
    return np.linalg.inv(own @ head_to_device)


def way_of(head: "Virtual", size, kind: str) -> np.ndarray:
    """Position (N_SPIKES, 4, 4) at each spike: the direction is drawn, downwards rather than up.

    Drawn again where the head would come through the helmet.
    """
    while True:
        places = _drawn_way(head.rng, head.here, size, kind)
        if head.clearance_mm(places[-1]) > LEAST_CLEARANCE_MM:
            return places


def _drawn_way(rng: np.random.Generator, dev_head_t, size, kind: str) -> np.ndarray:
    millimetres, degrees = size
    direction, axis = rng.normal(size=(2, 3))
    direction[2] = -abs(direction[2])  # sensors lie above
    shift_m = millimetres / 1000 * direction / np.linalg.norm(direction)
    turn = np.radians(degrees) * axis / np.linalg.norm(axis)
    part = np.repeat(np.linspace(0, 1, N_PLACES[kind]), N_SPIKES // N_PLACES[kind])
    return np.array([moved(dev_head_t, each * shift_m, each * turn) for each in part])


def sloreta_maximum(data: np.ndarray, noise: np.ndarray, leadfield: np.ndarray) -> np.ndarray:
    """Region (n,) with the largest standardised activity for each column of `data`.

    Pascual-Marqui 2002; `noise` (n_channels, n_samples) whitens, in the dimensions that it has.
    """
    value, vector = np.linalg.eigh(np.cov(noise))
    kept = value > 1e-8 * value[-1]
    whiten = (vector[:, kept] / np.sqrt(value[kept])).T
    gain = whiten @ leadfield
    gram = gain @ gain.T
    inverse = np.linalg.inv(gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)))
    activity = gain.T @ (inverse @ (whiten @ data))
    resolution = np.einsum("cr,cd,dr->r", gain, inverse, gain, optimize=True)
    return (np.abs(activity) / np.sqrt(resolution)[:, None]).argmax(0)


def compensated(info: mne.Info, data: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Data (n_channels, N_SPIKES, n) by SSS with movement compensation, each spike's stretch by itself."""
    n = data.shape[2]
    raw = mne.io.RawArray(data.reshape(len(data), -1), info)
    table = np.zeros((N_SPIKES, 10))
    table[:, 0] = np.arange(N_SPIKES) * n / SFREQ
    table[:, 1:4] = [mne.transforms.rot_to_quat(place[:3, :3]) for place in places]
    table[:, 4:7], table[:, 7] = places[:, :3, 3], 1
    done = mne.preprocessing.maxwell_filter(raw, origin=tuple(HEAD_CENTRE_HEAD_M), head_pos=table)
    return done.get_data(picks="meg").reshape(data.shape)


class Virtual:
    """A head under a helmet, known with the errors of a head model."""

    def __init__(self, seed: int):
        self.rng = rng = np.random.default_rng(seed)
        head = seated(rng, "neuromag")
        self.info, phantom, deformation = head.info, head.phantom, head.deformation
        info, self.trans = self.info, head.head_mri_t
        with info._unlock():
            info["sfreq"] = SFREQ
        to_head = np.linalg.inv(self.trans["trans"])
        self.here, self.scalp_m = (
            info["dev_head_t"]["trans"],
            apply_trans(to_head, head.scalp_mm / 1000),
        )
        self.cortex = true_cortex(rng, phantom, deformation)
        self.bem = true_bem(phantom, deformation, 700)
        template = load_template()
        off_wall = np.flatnonzero(template.vertex_region[self.cortex.template_vertex] >= 0)
        self.patches = [
            patch
            for _ in range(N_PATCHES // 4)
            for patch in grow_patches(rng, self.cortex, off_wall, (4.0, 13.0), 4)
        ]
        self.around = rng.choice(len(self.cortex.pos_mri_mm), N_AROUND, replace=False)
        smooth_mm = smooth_midthickness_mm(deformation)
        self.known, _ = estimated_geometry(rng, phantom, deformation, smooth_mm, "template")
        device_to_mri = self.trans["trans"] @ self.here
        misplaced = misplaced_helmet(device_to_mri, self.known.skull_mm, rng)
        self.error = misplaced @ np.linalg.inv(device_to_mri)
        kinds = info.get_channel_types()
        self.sensor_noise = np.array([sensor_types()[kind].noise for kind in kinds])

    def clearance_mm(self, dev_head_t: np.ndarray) -> float:
        """From the nearest sensor to the scalp, of a head at a position."""
        coils_m = np.array([channel["loc"][:3] for channel in self.info["chs"]])
        return 1000 * float(cKDTree(self.scalp_m).query(apply_trans(dev_head_t, coils_m))[0].min())

    @property
    def centre_mm(self) -> np.ndarray:
        return self.cortex.pos_mri_mm[[patch.centre for patch in self.patches]]

    def fields(self, dev_head_t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """True fields of the patches and of the dipoles around, at a position."""
        vertices = np.concatenate([self.around, *(patch.vertices for patch in self.patches)])
        used, where = np.unique(vertices, return_inverse=True)
        sensors = sensors_at(self.info, dev_head_t)
        lead = field_of(sensors, self.trans, self.bem, self.cortex, used)[:, where]
        cuts = np.cumsum([N_AROUND, *(len(patch.vertices) for patch in self.patches)])[:-1]
        around, *parts = np.split(lead, cuts, 1)
        area = self.cortex.area_mm2
        seen = [
            part @ area[patch.vertices] for part, patch in zip(parts, self.patches, strict=True)
        ]
        return np.array(seen).T, around

    def leadfield(self, dev_head_t: np.ndarray) -> np.ndarray:
        """What the head model knows at a position."""
        device_to_mri = self.error @ self.trans["trans"] @ dev_head_t
        return geometry_leadfield(self.info, device_to_mri, self.known)


def measured(head: Virtual, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Noise (n_channels, N_SPIKES, N_NOISE) and patches' fields (n_channels, N_SPIKES, N_PATCHES)."""
    rng, known = np.random.default_rng(SEED), dict[bytes, tuple[np.ndarray, np.ndarray]]()
    noise, spikes = [], []
    for place in places:
        if place.tobytes() not in known:
            known[place.tobytes()] = head.fields(place)
        seen, around = known[place.tobytes()]
        if not noise:  # amplitudes are those of the first position for good
            scale = head.sensor_noise[:, None]
            brain = np.sqrt(BRAIN_OVER_SENSORS / ((around / scale) ** 2).sum(1).mean())
            power = ((seen / scale) ** 2).mean(0)
            size = np.sqrt(SPIKE_OVER_NOISE * (1 + BRAIN_OVER_SENSORS) / power)
        own = brain * around @ rng.normal(size=(N_AROUND, N_NOISE))
        noise.append(own + scale * rng.normal(size=own.shape))
        spikes.append(size * seen)
    return np.array(noise).transpose(1, 0, 2), np.array(spikes).transpose(1, 0, 2)


def maxima(head: Virtual, places: np.ndarray, here: np.ndarray) -> dict[str, np.ndarray]:
    """Region of each patch's maximum by each way but the still one's."""
    noise, spikes = measured(head, places)
    singles = spikes + noise[:, :, :N_PATCHES]
    rest = noise[:, :, N_PATCHES:]
    positions, _ = group(places)
    own = sum(
        weight * (here if (place == head.here).all() else head.leadfield(place))
        for weight, place in zip(positions.weight, positions.dev_head_t, strict=True)
    )
    whole = compensated(head.info, np.concatenate([singles, rest], 2), places)
    clean, clean_rest = whole[:, :, :N_PATCHES], whole[:, :, N_PATCHES:]
    flat = rest.reshape(len(rest), -1)
    return {
        "own": sloreta_maximum(singles.mean(1), flat, own),
        "sss": sloreta_maximum(clean.mean(1), clean_rest.reshape(len(rest), -1), here),
        "ignored": sloreta_maximum(singles.mean(1), flat, here),
    }


def of_head(seed: int) -> list[tuple]:
    """Condition, way, error and distance from the still head's maximum, of each patch."""
    with mne.use_log_level("error"):
        head = Virtual(seed)
        here, pos_mm = head.leadfield(head.here), head.known.region_pos_mm
        noise, spikes = measured(head, np.tile(head.here, (N_SPIKES, 1, 1)))
        singles = spikes + noise[:, :, :N_PATCHES]
        rest = noise[:, :, N_PATCHES:].reshape(len(noise), -1)
        still = sloreta_maximum(singles.mean(1), rest, here)
        rows = []
        for size in SIZES:
            for kind in N_PLACES:
                found = maxima(head, way_of(head, size, kind), here)
                for way, regions in ({"still": still} | found).items():
                    error_mm = np.linalg.norm(pos_mm[regions] - head.centre_mm, axis=1)
                    apart_mm = np.linalg.norm(pos_mm[regions] - pos_mm[still], axis=1)
                    rows.append((size, kind, way, error_mm, apart_mm))
        return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    with Pool(args.jobs) as pool:
        of_heads = pool.map(of_head, [SEED + i for i in range(args.heads)], chunksize=1)
    rows = list(chain.from_iterable(of_heads))
    with args.results.open("w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for size in SIZES:
            for kind in N_PLACES:
                for way in WAYS:
                    own = [row[3:] for row in rows if row[:3] == (size, kind, way)]
                    error_mm, apart_mm = np.concatenate(own, axis=1)
                    numbers = [
                        np.median(error_mm),
                        np.percentile(error_mm, 90),
                        np.median(apart_mm),
                        np.percentile(apart_mm, 90),
                    ]
                    table.writerow(
                        [*size, kind, way, len(error_mm), *(f"{number:.1f}" for number in numbers)]
                    )


if __name__ == "__main__":
    main()
