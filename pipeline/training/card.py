"""The model card for a reader."""

from typing import Any

from pipeline.synthesis.recordings import PATIENTS_RANGES
from pipeline.training.evaluate import METRICS

INPUTS = {
    "projected": "sLORETA-normalised projection to 994 regions, 125 Hz",
    "raw": "channels over their noise, 125 Hz",
}


def card_markdown(card: dict) -> str:
    """The model card for a reader."""
    config = card["config"]
    arrays = {name: config["arrays"].count(name) for name in dict.fromkeys(config["arrays"])}
    share = ", ".join(f"{name} {n}/{len(config['arrays'])}" for name, n in arrays.items())
    lines = [
        f"# Generic model: {card['network']}",
        "",
        f"Input: {INPUTS[card['input']]}. Output: activity of 994 regions, 125 Hz, relative units.",
        "",
        f"Trained on {card['samples']:,} synthetic recordings (none of a person) of "
        f"{config['n_heads']} random heads under real sensor arrays ({share}), each with errors of "
        "co-registration and cortex between the geometry that generates the field and the one "
        "that is known, and half of them with a noise covariance that is known in part; patches of 1 to "
        "100 regions that grow region by region; 15 % without a source, of the others 70 % one source, "
        f"20 % two, 10 % three; source SNR {_range('source_snr_db')}, sensor SNR "
        f"{_range('sensor_snr_db')}; seed {config['seed']}, {config['steps']} batches of "
        f"{config['batch_size']}; {card['hours_since_last_resume']} hours of wall-clock time.",
        *_start(card),
        *_changed(card),
        "",
        "Held-out figures: heads, spikes, background and a rule of patches that training never saw; one "
        "source, source SNR 10-20 dB. Mean ± SD (median), mm.",
        "",
        "| sensor SNR, dB | method | n | found → true | true → found | maximum → centre |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in card["test"]:
        cells = " | ".join(
            f"{row[f'{name}_mean']} ± {row[f'{name}_sd']} ({row[f'{name}_median']})"
            for name in METRICS
        )
        low, high = row["sensor_snr_db"]
        lines.append(f"| {low}-{high} | {row['method']} | {row['n']} | {cells} |")
    lines += _existence(card.get("existence"))
    start = " --start WEIGHTS" if card.get("start_sha256") else ""
    lines += [
        "",
        f"Reproduce: `spikefocus train-generic OUT_DIR --network {card['network']} "
        f"--array {' '.join(config['arrays'])} --steps {config['steps']} --seed {config['seed']} "
        f"--learning-rate {config['learning_rate']:g}{start}`",
        "",
    ]
    return "\n".join(lines)


def _range(name: str) -> str:
    low, high = PATIENTS_RANGES[name]
    return f"{low:g} to {high:g} dB"


def _start(card: dict[str, Any]) -> list[str]:
    start = card.get("start_sha256")
    return ["", f"Training began with the weights whose SHA-256 is {start}."] if start else []


def _changed(card: dict[str, Any]) -> list[str]:
    changed = card.get("changed_after_training", {})
    told = ", ".join(f"{name} = {value:g}" for name, value in changed.items())
    return (
        ["", f"Constants that were set after training, on validation heads: {told}."]
        if told
        else []
    )


def _existence(found: dict[str, Any] | None) -> list[str]:
    """Whether the network's word that there is a source can be trusted."""
    if not found:
        return []
    rows = [
        f"| {row['said_from']:g}-{row['said_to']:g} | {row['n']} | {row['said']} | {row['right']} |"
        for row in found["reliability"]
    ]
    return [
        "",
        "Whether there is a source within two regions of where the main one is found, as said and as it "
        f"was, on test heads at source SNRs of {_range('source_snr_db')}. Above {found['threshold']:g}, which at "
        "most 5 % of each validation head's recordings without a source exceed, it says that there is one in "
        f"{100 * found['named_silent']:.1f} % of {found['n_silent']} recordings without and in "
        f"{100 * found['named_with_source']:.1f} % of {found['n_with_source']} with a source.",
        "",
        "| said | n | mean | right |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
