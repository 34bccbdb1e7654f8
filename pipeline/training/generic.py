"""Training a generic model over a population of heads and arrays: ``spikefocus train-generic``."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pipeline import DEVICES, __version__
from pipeline.errors import InvalidInput
from pipeline.files import sha256, write_json, write_text
from pipeline.networks import NETWORKS, build_network, check_network
from pipeline.options import LARGEST_SEED, check_options, option
from pipeline.progress import Progress
from pipeline.synthesis.library import Library, load_library
from pipeline.synthesis.patch_rules import PATCH_RULES
from pipeline.synthesis.patches import template_dictionary, template_graph
from pipeline.synthesis.population import (
    ARRAYS,
    Member,
    cached_member,
    population_seeds,
)
from pipeline.synthesis.recordings import (
    ONE_SOURCE,
    PATIENTS_RANGES,
    HeadTensors,
    Synthesizer,
    prepare_head,
)
from pipeline.template import N_REGIONS, SourceCortex, load_template
from pipeline.training.card import INPUTS, card_markdown
from pipeline.training.curve import draw_curve
from pipeline.training.evaluate import METRICS, batch_errors_mm
from pipeline.training.existence import measure_existence
from pipeline.training.train import Schedule, train, validate
from pipeline.weights import read_weights, resolve_device, save_model

if TYPE_CHECKING:
    from pipeline.networks._network import Network

N_VALIDATION_HEADS = 4
N_TEST_HEADS = 4
VALIDATION_SAMPLES_PER_HEAD = 64
TEST_SAMPLES_PER_HEAD = 250
TEST_BATCH = 50
PATCHES_PER_REGION = 12
BAD_CHANNELS = (0.0, 0.15)
# Of training recordings, how many have no source; of further sources, how many the first one's course.
SILENT_SHARE = 0.15
SAME_COURSE_SHARE = 0.3
# Of training heads, how many do not know how noise goes together in their channels, and how many only
# in part.
UNKNOWN_COVARIANCE_SHARE, PARTLY_KNOWN_COVARIANCE_SHARE = 0.25, 0.25
# Part of the population's difference between estimated and true leadfield.
HEAD_MODEL_ERROR = (0.0, 1.0)
VALIDATE_EVERY = 250
SPLIT_SEED = {"train": 1, "validation": 2, "test": 3}


@dataclass(frozen=True)
class TrainConfig:
    """Options of ``spikefocus train-generic``."""

    network: str = option("compact", "architecture", choices=NETWORKS.names())
    arrays: tuple[str, ...] = option(
        ("neuromag", "ctf275", "neuromag", "ctf275", "ctf151"),
        "arrays that the heads take in turn",
        choices=ARRAYS,
    )
    input: str = option(
        "projected",
        "projected (any channels), or raw channels of one array without a gap",
        choices=tuple(INPUTS),
    )
    n_heads: int = option(40, "heads to train on (10 s each to compute)", low=1, high=10_000)
    steps: int = option(3000, "batches to train on", low=1, high=100_000_000)
    batch_size: int = option(64, "recordings per batch", low=1, high=4096)
    learning_rate: float = option(5e-4, "of Adam, at its highest", above=0, high=0.1)
    start: str = option(
        "", "weights file to train further; empty: begin with random ones", file=True, empty=True
    )
    seed: int = option(1, "of weights, heads' channels and recordings", low=0, high=LARGEST_SEED)
    device: str = option("auto", "where the network is trained", choices=DEVICES)

    def __post_init__(self):
        check_options(self)


def train_generic(out_dir: Path, config: TrainConfig, progress: Progress) -> Path:
    """Train on the population and measure on heads, spikes and seeds that training never saw.

    Computed heads, checkpoint, curve, weights and card go to `out_dir`; called again after an
    interruption, it goes on from there. The heads in `out_dir` serve other trainings too.

    Returns
    -------
    weights : Path
        ``generic_<network>.safetensors``, with ``.json`` (card) and ``.md`` beside it.
    """
    device = resolve_device(config.device)
    check_network(config.network)
    unknown = set(config.arrays) - set(ARRAYS)
    if unknown or not config.arrays:
        raise InvalidInput(
            f"there is no sensor array '{', '.join(sorted(unknown))}'",
            hint=f"choose among {', '.join(ARRAYS)}",
        )
    if config.input not in INPUTS:
        raise InvalidInput(
            f"there is no network input '{config.input}'", hint=f"choose {' or '.join(INPUTS)}"
        )
    if config.input == "raw" and len(set(config.arrays)) > 1:
        raise InvalidInput(
            "raw channels of several arrays do not fit one network",
            hint="name one array, or use the projected input",
        )
    folder = Path(out_dir) / f"{config.network}_seed{config.seed}"
    cortex = load_template().source_cortex
    held_out = {}
    for split, n in (("validation", N_VALIDATION_HEADS), ("test", N_TEST_HEADS)):
        members = population(split, n, config.arrays, cortex, Path(out_dir), progress)
        held_out[split] = member_tensors(members, load_library(split), config.input, device)
    members = population("train", config.n_heads, config.arrays, cortex, Path(out_dir), progress)
    members = training_members(members, config.input, config.seed)
    heads = member_tensors(members, load_library("train"), config.input, device)
    synthesizer = make_synthesizer("train", config.seed, PATCHES_PER_REGION, device)
    checker = make_synthesizer("validation", 1, 3, device)
    batches = [
        checker.batch(head, VALIDATION_SAMPLES_PER_HEAD, ONE_SOURCE)
        for head in held_out["validation"]
    ]

    module = beginning_network(config, len(heads[0].projection.kernel)).to(device)
    schedule = Schedule(
        steps=config.steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        falling_part=0.8,
        averaging=0.998,
        validate_every=VALIDATE_EVERY,
        patience=40,
    )
    begin = time.monotonic()
    curve = train(
        module,
        synthesizer,
        heads,
        lambda averaged: validate(averaged, batches, held_out["validation"]),
        schedule,
        folder,
        progress,
        f"training {config.network}",
    )
    card = {
        "network": config.network,
        "input": config.input,
        "version": __version__,
        "config": {k: v for k, v in asdict(config).items() if k not in ("device", "start")},
        "start_sha256": sha256(Path(config.start)) if config.start else None,
        "samples": curve[-1]["samples"],
        "hours_since_last_resume": round((time.monotonic() - begin) / 3600, 2),
        "validation": min(curve, key=lambda row: row["validation_loss"]),
        "test": measure_test(module, held_out["test"], device, progress),
        "existence": existence_card(module, held_out, device, progress),
    }
    draw_curve(folder / "curve.svg", curve)
    return write_generic(folder, module, card)


def existence_card(
    module: "Network", held_out: dict[str, list[HeadTensors]], device: str, progress: Progress
) -> dict[str, Any] | None:
    """How far to trust that there is a source; None where the network does not say."""
    probe = make_synthesizer("validation", 2, 1, device).batch(held_out["validation"][0], 2)
    head = held_out["validation"][0]
    if module.answer(probe.recording, head.projection, probe.peak).existence is None:
        return None
    with progress.step("measuring whether sources exist"):
        drawn = {
            split: make_synthesizer(split, 2, 3, device, **PATIENTS_RANGES, silent_share=0.5)
            for split in ("validation", "test")
        }
        return measure_existence(
            module,
            (drawn["validation"], held_out["validation"]),
            (drawn["test"], held_out["test"]),
            TEST_SAMPLES_PER_HEAD,
            TEST_BATCH,
        )


def beginning_network(config: TrainConfig, n_in: int) -> "Network":
    """The network before training, its random weights by the seed."""
    torch.manual_seed(config.seed)
    module = build_network(config.network, n_in=n_in)
    if config.start:
        start_from(module, Path(config.start))
    return module


def start_from(module: "Network", weights: Path) -> None:
    """Take over what a weights file has for this network; parts that it lacks stay random.

    Raises
    ------
    InvalidInput
        The file is of another network, or of other sizes.
    """
    hint = "name a file that `spikefocus train-generic` wrote for this network, or leave it out"
    tensors, _ = read_weights(weights, hint)
    own = module.state_dict()
    kept = {name: value.float() for name, value in tensors.items() if name in own}
    if not kept or any(own[name].shape != value.shape for name, value in kept.items()):
        raise InvalidInput("these weights do not fit this network", file=weights, hint=hint)
    module.load_state_dict(kept, strict=False)


def write_generic(folder: Path, module: "Network", card: dict) -> Path:
    """Weights as float16, and the card as JSON and Markdown; return the weights' path."""
    weights = folder / f"generic_{card['network']}.safetensors"
    card = save_model(weights, module, card, torch.float16)
    write_json(weights.with_suffix(".json"), card)
    write_text(weights.with_suffix(".md"), card_markdown(card))
    return weights


def with_random_channels(member: Member, rng) -> Member:
    """The member with bad channels left out, and one of Neuromag's two sensor types at times."""
    n_channels = len(member.noise_cov)
    kept = rng.random(n_channels) > rng.uniform(*BAD_CHANNELS)
    if n_channels == 306:
        std = np.sqrt(np.diag(member.noise_cov))
        magnetometer = std < np.sqrt(std.min() * std.max())
        choice = rng.random()
        if choice < 0.2:
            kept &= magnetometer
        elif choice < 0.3:
            kept &= ~magnetometer
    return Member(
        true_leadfield=member.true_leadfield[kept],
        estimated_leadfield=member.estimated_leadfield[kept],
        noise_cov=member.noise_cov[np.ix_(kept, kept)],
        region_pos_mm=member.region_pos_mm,
    )


def population(
    split: str,
    n_heads: int,
    arrays: tuple[str, ...],
    cortex: SourceCortex,
    out_dir: Path,
    progress: Progress,
) -> list[Member]:
    """Members of a split, each computed once and kept in `out_dir`."""
    members = []
    with progress.step(f"{split} heads", n_heads) as bar:
        for array, seed in population_seeds(split, n_heads, arrays):
            members.append(cached_member(out_dir / "population", array, cortex, seed))
            bar.advance()
    return members


def training_members(members: list[Member], kind: str, seed: int) -> list[Member]:
    """Each member twice, with other channels and the errors reversed.

    Reversed: what was estimated generates and what was true is known. The error of the head model
    varies from none to the population's.
    """
    rng = np.random.default_rng([seed, SPLIT_SEED["train"]])
    drawn = []
    for member in members:
        for reverse in (False, True):
            one = member if kind == "raw" else with_random_channels(member, rng)
            true, known = one.true_leadfield, one.estimated_leadfield
            if reverse:
                true, known = known, true
            known = true + rng.uniform(*HEAD_MODEL_ERROR) * (known - true)
            known_cov = partly_known(one.noise_cov, rng)
            drawn.append(Member(true, known, one.noise_cov, one.region_pos_mm, known_cov))
    return drawn


def partly_known(noise_cov: np.ndarray, rng) -> np.ndarray | None:
    """A covariance without what channels have in common, or with a part of it; None: known in full."""
    kind = rng.random()
    if kind >= UNKNOWN_COVARIANCE_SHARE + PARTLY_KNOWN_COVARIANCE_SHARE:
        return None
    common = 0.0 if kind < UNKNOWN_COVARIANCE_SHARE else rng.uniform()
    return common * noise_cov + (1 - common) * np.diag(np.diag(noise_cov))


def member_tensors(
    members: list[Member], library: Library, kind: str, device: str
) -> list[HeadTensors]:
    """Members as they are: the true leadfield generates, the estimated one is known."""
    return [
        prepare_head(
            member.true_leadfield,
            member.estimated_leadfield,
            member.known_noise_cov,
            member.region_pos_mm,
            library,
            template_dictionary(),
            device,
            kind,
            None if member.partly_known_noise_cov is None else member.noise_cov,
        )
        for member in members
    ]


def make_synthesizer(
    split: str, seed: int, patches_per_region: int, device: str, **options: Any
) -> Synthesizer:
    """Recordings of a split: its own spikes, background and rule of patches.

    Unless `options` of `Synthesizer` say other, tests have the published ranges of SNR, and only training
    has recordings without a source.
    """
    graph = template_graph()
    rule = PATCH_RULES[split]
    patches, centres = rule(graph, patches_per_region, 100 * SPLIT_SEED[split] + seed)
    more: dict[str, Any] = {} if split == "test" else dict(PATIENTS_RANGES)
    if split == "train":
        more |= {"silent_share": SILENT_SHARE, "same_course_share": SAME_COURSE_SHARE}
    return Synthesizer(
        load_library(split),
        graph,
        patches,
        centres,
        1000 * SPLIT_SEED[split] + seed,
        device,
        **(more | options),
    )


def measure_test(
    module: "Network", heads: list[HeadTensors], device: str, progress: Progress
) -> list[dict]:
    """Errors of the network and of sLORETA on the same test recordings, by sensor SNR.

    sLORETA's map is the projected input itself.
    """
    synthesizer = make_synthesizer("test", 1, 3, device)
    projected = len(heads[0].projection.kernel) == N_REGIONS
    methods = ("network", "sloreta") if projected else ("network",)
    errors: dict[str, list[np.ndarray]] = {method: [] for method in methods}
    batch_snr_db = []
    with progress.step("measuring on test heads", len(heads)) as bar, torch.inference_mode():
        for head in heads:
            for _ in range(TEST_SAMPLES_PER_HEAD // TEST_BATCH):
                batch = synthesizer.batch(head, TEST_BATCH, ONE_SOURCE)
                maps = {"network": module(batch.recording, head.projection, batch.peak)}
                if projected:
                    maps["sloreta"] = head.projection.kernel @ batch.recording
                for method, activity in maps.items():
                    errors[method].append(batch_errors_mm(activity, batch, head.region_pos_mm))
                batch_snr_db.append(batch.sensor_snr_db.cpu().numpy())
            bar.advance()
    snr_db = np.concatenate(batch_snr_db)
    rows = []
    for low, high in ((5, 20), (5, 10), (10, 15), (15, 20)):
        inside = (snr_db >= low) & (snr_db <= high)
        if not inside.any():
            continue
        for method, values in errors.items():
            chosen = np.concatenate(values)[inside]
            row = {"method": method, "sensor_snr_db": [low, high], "n": int(inside.sum())}
            for column, name in zip(chosen.T, METRICS, strict=True):
                row[f"{name}_mean"] = round(float(column.mean()), 2)
                row[f"{name}_sd"] = round(float(column.std()), 2)
                row[f"{name}_median"] = round(float(np.median(column)), 2)
            rows.append(row)
    return rows
