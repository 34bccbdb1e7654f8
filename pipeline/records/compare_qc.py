"""What the compare stage measured about itself."""

from dataclasses import dataclass, field

from pipeline.doubts import Doubt
from pipeline.files import write_json
from pipeline.paths import PatientPaths
from pipeline.records.document import AMONG_THE_KEYS, document, read_record


@dataclass(frozen=True, kw_only=True)
class NearContactQC:
    """The contact nearest to a maximum, with the cortex nearest to it."""

    name: str
    distance_mm: float
    nearest_label: str
    sublobar: str
    to_cortex_mm: float


@dataclass(frozen=True, kw_only=True)
class NearContactsQC:
    """Of any kind, and of those marked as SOZ; None where there are none."""

    any: NearContactQC | None = None
    soz: NearContactQC | None = None


@dataclass(frozen=True, kw_only=True)
class ContactTransformQC:
    """How the contacts of one file came to the T1w; `quality` has figures of merit, unit in the name."""

    file: str
    space: str
    method: str
    quality: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ContactCountsQC:
    """Numbers of contacts; each is None where the files did not get so far."""

    outside_scalp: int | None = None
    far_outside_scalp: int | None = None
    contacts: int | None = None
    contacts_without_position: int | None = None
    soz: int | None = None
    resected: int | None = None
    edge: int | None = None
    channels_without_contact: int | None = None


@dataclass(frozen=True, kw_only=True)
class ContactsQC:
    """What the dataset's iEEG files came to.

    Attributes
    ----------
    contact_rules : dict of str to (str or None)
        Where each mark was found; None where nowhere.
    contact_counts : ContactCountsQC
    contact_transforms : tuple of ContactTransformQC
    contact_to_cortex_median_mm : float or None
        None where no contact was placed.
    soz_assessable : bool
    soz_reason : str or None
        Why it is not.
    """

    contact_rules: dict[str, str | None]
    contact_counts: ContactCountsQC
    contact_transforms: tuple[ContactTransformQC, ...]
    contact_to_cortex_median_mm: float | None = None
    soz_assessable: bool
    soz_reason: str | None


@dataclass(frozen=True, kw_only=True)
class ResectedQC:
    """What a mask that can be compared with holds.

    Attributes
    ----------
    resection_volume_cm3 : float
    resected_region_share : float
        A region counts as resected above this share of its area.
    n_resected_regions : int
    resected_area_cm2 : float
    resected_sublobar : tuple of str
        That hold resected regions.
    """

    resection_volume_cm3: float
    resected_region_share: float
    n_resected_regions: int
    resected_area_cm2: float
    resected_sublobar: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ResectionQC:
    """What the resection mask came to; what the mask did not get as far as is None.

    Attributes
    ----------
    resection_space : str or None
        In which the mask was given, and how it came to the T1w.
    resection_registration : dict of str to float, or None
        Figures of merit, unit in the name; None where nothing was registered.
    share_in_head, share_in_brain, resected_share_of_brain : float or None
    resected : ResectedQC or None
    resection_assessable : bool
    resection_reason : str or None
        Why it is not.
    """

    resection_space: str | None = None
    resection_registration: dict[str, float] | None = None
    share_in_head: float | None = None
    share_in_brain: float | None = None
    resected_share_of_brain: float | None = None
    resected: ResectedQC | None = field(metadata=AMONG_THE_KEYS)
    resection_assessable: bool
    resection_reason: str | None


@dataclass(frozen=True, kw_only=True)
class CompareQC:
    """The stage's quality file.

    Attributes
    ----------
    warnings : tuple of str
        Those of the doubts among them.
    doubts : tuple of Doubt
    outcome, outcome_reason : str or None
        Outcome of surgery as the dataset states it, or why there is none.
    nearest_contacts : dict of str to dict of str to NearContactsQC
        By type of spikes, then by method.
    contacts, resection
        Parts whose keys stand side by side in the file.
    """

    warnings: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    outcome: str | None
    outcome_reason: str | None
    nearest_contacts: dict[str, dict[str, NearContactsQC]]
    contacts: ContactsQC = field(metadata=AMONG_THE_KEYS)
    resection: ResectionQC = field(metadata=AMONG_THE_KEYS)


def read_compare_qc(paths: PatientPaths) -> CompareQC:
    """The stage's quality file; `InvalidInput` where it is not what this version writes."""
    return read_record(CompareQC, paths.qc("compare"), "run the compare stage again")


def write_compare_qc(paths: PatientPaths, qc: CompareQC) -> None:
    write_json(paths.qc("compare"), document(qc))
