"""Many participants in one process: does memory stay flat?

`python tests/reliability/soak.py FOLDER --participants 50` runs the whole pipeline on copies of one
small virtual patient and prints, after each, what the process holds once the participant is done.
"""

import argparse
import gc
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import psutil
from faults import CONFIG

from bids_app.cli import main
from bids_app.demo.create import create_virtual_patients
from pipeline import STAGES
from pipeline.progress import Progress

MB = 2**20
# The first participants fill caches (templates, code that is compiled or loaded when first used).
N_WARM_UP = 5


def copy_participant(bids: Path, label: str) -> None:
    """Make ``sub-<label>`` of ``sub-01`` by hard links."""
    for folder in (bids, bids / "derivatives" / "resection"):
        source = folder / "sub-01"
        for file in source.rglob("*"):
            if file.is_file():
                name = str(file.relative_to(source)).replace("sub-01", f"sub-{label}")
                target = folder / f"sub-{label}" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                os.link(file, target)


def main_soak() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="gets the virtual patient and the outputs")
    parser.add_argument("--participants", type=int, default=50)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument(
        "--from-output", type=Path, help="finished output of sub-01, of which stages are run again"
    )
    parser.add_argument("--max-growth-mb", type=float, default=2.0, help="per participant")
    args = parser.parse_args()
    bids = args.folder / "bids"
    if not bids.exists():
        create_virtual_patients(args.folder, 1, 1, "neuromag", Progress(), minutes=2.0, small=True)
    config = args.folder / "soak.toml"
    config.write_text(CONFIG)
    held_mb = []
    for i in range(args.participants):
        label = f"soak{i:03d}"
        copy_participant(bids, label)
        output = args.folder / "soak"
        if args.from_output:
            copy_results(args.from_output / "sub-01", output / f"sub-{label}", label)
        options = ["--participant-label", label, "--config", str(config), "--skip-bids-validation"]
        options += ["--stage", *args.stages]
        code = main([str(bids), str(output), "participant", *options])
        if code != 0:
            print(f"{label} ended with {code}")
            return 1
        gc.collect()
        held_mb.append(psutil.Process().memory_info().rss / MB)
        print(f"{i + 1}: {held_mb[-1]:.0f} MB", flush=True)
        shutil.rmtree(bids / f"sub-{label}")
        shutil.rmtree(output / f"sub-{label}")
    later = np.array(held_mb[N_WARM_UP:])
    if len(later) < 2:
        return 0
    slope = np.polyfit(np.arange(len(later)), later, 1)[0]
    print(f"after the first {N_WARM_UP}: {slope:+.2f} MB per participant")
    return 0 if slope < args.max_growth_mb else 1


def copy_results(source: Path, target: Path, label: str) -> None:
    """A finished participant's results under another label, without their status."""
    for file in source.rglob("*"):
        if file.is_file() and not file.name.endswith("_status.json"):
            name = str(file.relative_to(source)).replace("sub-01", f"sub-{label}")
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / name)


if __name__ == "__main__":
    sys.exit(main_soak())
