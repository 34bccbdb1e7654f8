"""Deep structures against cortex, in sentences and rows."""

from pipeline.records.deep_qc import ALIKE, BETTER, WORSE, DeepQC, RateQC, StructureQC
from reports.patient import Patient
from reports.wording import NOT_ASSESSABLE, coordinates, gyrus, listing, number, sentence

# Cortex so near to deep structures that its field is taken for theirs, and theirs for its.
NEAR_LABELS = ("parahippocampal", "entorhinal", "fusiform", "temporalpole", "insula")
# Averages of which a share is worth a per cent.
FEWEST = 10


def found_of(patient: Patient) -> DeepQC | None:
    """What the image stage found of this type of spikes; None where it did not ask."""
    return None if patient.qc.image is None else patient.qc.image.deep


def better_structure(found: DeepQC | None) -> str | None:
    """The deep structure in which a source explains the spike better than cortex; None where none does."""
    if found is None or found.reason is not None or found.structures[0].verdict != BETTER:
        return None
    return found.structures[0].name


def why_not_assessable(patient: Patient) -> str | None:
    found = found_of(patient)
    if found is None:
        return "the image stage did not compare them with cortex"
    return found.reason


def page_one_sentence(patient: Patient) -> str:
    """What page one says of deep structures; empty where cortex far from them explains the spike better."""
    found = found_of(patient)
    if found is None or found.reason is not None:
        return ""
    best = found.structures[0]
    if best.verdict == BETTER:
        told = (
            f"A source in the {best.name} explains the spike better than cortex: the map, which knows "
            "cortex alone, shows what lies near it."
        )
    elif best.verdict == ALIKE:
        told = (
            f"A source in the {best.name} explains the spike as well as cortex does "
            f"({gyrus(found.cortex_label)}): MEG cannot tell them apart here."
        )
    elif _near(patient, found):
        told = f"Cortex explains the spike better than any source in the {best.name} or another deep structure."
    else:
        return ""
    if best.verdict != WORSE and is_too_strong(found):
        told += (
            f" Its dipole would need more than {number(found.most_moment_nam, 'nA·m', 0)}, with which no deep "
            "source was simulated: cortex is the likelier source."
        )
    return told


def _near(patient: Patient, found: DeepQC) -> bool:
    maximum = str(patient.head.region_label[patient.finding.peak_map.argmax()])
    return any(label.split()[-1] in NEAR_LABELS for label in (maximum, found.cortex_label))


def statement(found: DeepQC) -> str:
    """The answer with its numbers."""
    best = found.structures[0]
    cortex = (
        f"the best patch of cortex ({gyrus(found.cortex_label)}) "
        f"{number(found.cortex_explained_percent, '%', 1)}"
    )
    shares = (
        f"A dipole in the {best.name} explains {number(best.explained_percent, '%', 1)} of the averaged "
        f"field around its peak, {cortex}."
    )
    if best.verdict == BETTER:
        answer = f"A source in the {best.name} explains the spike better than cortex."
    elif best.verdict == ALIKE:
        answer = (
            f"A source in the {best.name} explains the spike as well as cortex does: MEG cannot tell "
            "them apart here."
        )
    else:
        answer = "Cortex explains the spike better than any deep structure."
    return f"{answer} {shares} {_others(found)} {_too_strong(found, best)}".strip()


def _others(found: DeepQC) -> str:
    """Which other structures the verdict cannot exclude."""
    names = [each.name for each in found.structures[1:] if each.verdict in (BETTER, ALIKE)]
    if not names:
        return ""
    return sentence(f"no worse than cortex are also: {listing(names)}")


def is_too_strong(found: DeepQC) -> bool:
    """Whether the best structure's dipole would be stronger than any that was simulated."""
    assert found.most_moment_nam is not None  # where there are structures
    return found.structures[0].moment_nam > found.most_moment_nam


def _too_strong(found: DeepQC, best: StructureQC) -> str:
    if not is_too_strong(found):
        return ""
    return (
        f"Its dipole would need {number(best.moment_nam, 'nA·m', 0)}, more than the "
        f"{number(found.most_moment_nam, 'nA·m', 0)} up to which deep sources were simulated: the rates "
        "below do not hold for it, and cortex is the likelier source."
    )


def rule_sentence(found: DeepQC) -> str:
    """When the verdict is which."""
    return (
        "Better or worse than cortex: the difference to the best patch is at least "
        f"{number(found.better_percent, digits=1)} percentage points, or below "
        f"{number(found.worse_percent, digits=1)}; in between the dipole explains it as well as "
        "cortex. Development heads set both borders, such that of sources in cortex near deep "
        "structures 5\u00a0% are called better, and of deep sources 5\u00a0% are called worse."
    )


def structure_rows(found: DeepQC) -> list[tuple[str, ...]]:
    return [
        (
            each.name,
            number(each.explained_percent, digits=1),
            number(each.less_cortex_percent, digits=1),
            number(each.moment_nam, digits=0),
            coordinates(each.pos_mri_mm),
            each.verdict,
        )
        for each in found.structures
    ]


def rates_caption(found: DeepQC) -> str:
    assert found.rates_snr_db is not None  # where there are rates
    low_db, high_db = found.rates_snr_db
    return (
        f"How often the same rule was right: averages of {found.test_heads} other virtual patients, SNR "
        f"{number(low_db)} to {number(high_db, 'dB')}, by where the source truly was"
    )


def rate_rows(found: DeepQC) -> list[tuple[str, ...]]:
    return [
        (
            each.place,
            str(each.n),
            *(_share(each, share) for share in (each.better, each.alike, each.worse)),
            "" if each.named is None else _share(each, each.named),
        )
        for each in found.rates
    ]


def _share(rate: RateQC, share: float) -> str:
    return "too few" if rate.n < FEWEST else number(100 * share, digits=0)


def content(patient: Patient) -> dict:
    """What the section's template needs."""
    found = found_of(patient)
    if found is None or found.reason is not None:
        reason = why_not_assessable(patient)
        return {"deep": None, "deep_reason": sentence(f"{NOT_ASSESSABLE}: {reason}")}
    return {
        "deep": {
            "statement": statement(found),
            "rule": rule_sentence(found),
            "origin": patient.qc.headmodel.deep_structures,
            "structures": structure_rows(found),
            "caption": rates_caption(found),
            "rates": rate_rows(found),
        }
    }
