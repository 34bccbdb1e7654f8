"""Which recordings count as runs, and which of them is the reference."""

from pathlib import Path

from pipeline.spikes.config import SPIKE_NAMES
from pipeline.spikes.reference import reference_run


def _events(folder: Path, *names: str) -> list[Path | None]:
    """One table per name of an event; none for ""."""
    files = []
    for number, name in enumerate(names):
        file = folder / f"run-{number}_events.tsv"
        file.write_text(f"onset\tduration\ttrial_type\n1.0\t0\t{name}\n")
        files.append(file if name else None)
    return files


def test_the_reference_is_the_first_run_with_spikes(tmp_path):
    events = _events(tmp_path, "", "word", "spike", "spike")
    meg = [Path(f"{number}_meg.fif") for number in range(4)]
    assert reference_run(meg, events, SPIKE_NAMES) == 2
    assert reference_run(meg, events, ("word",)) == 1
    assert reference_run(meg, events, ("burst",)) == 0


def test_a_table_that_cannot_be_read_makes_no_reference(tmp_path):
    events = _events(tmp_path, "spike", "spike")
    events[0].write_bytes(b"\0\1")
    assert reference_run([Path("a"), Path("b")], events, SPIKE_NAMES) == 1
