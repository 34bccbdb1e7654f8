"""Whether the maximum lies in a sublobar region of the seizure onset."""

from pipeline.metrics._case import SAMPLED_MM, Case, NotAssessable
from pipeline.metrics._metric import YES_OR_NO, InGroup, Metric, Published


def value(case: Case) -> float:
    """1 or 0; a maximum that no contact could have confirmed is neither."""
    concordant = case.onset.soz_sublobar[case.estimate.max_sublobar]
    if not concordant and case.max_to_mm(case.contacts.contacts.pos_mri_mm) > SAMPLED_MM:
        raise NotAssessable(f"not sampled: no contact within {SAMPLED_MM:.0f} mm of the maximum")
    return float(concordant)


METRIC = Metric(
    label="Sublobar concordance",
    order=60,
    reference="soz",
    unit=YES_OR_NO,
    digits=0,
    needs="maximum",
    definition="1 where the maximum's sublobar region holds an SOZ contact. Not assessable where"
    " it does not and no contact lies within 20 mm of the maximum: not sampled is no miss",
    higher_is_better=True,
    value=value,
    in_group=InGroup(
        order=60,
        column=60,
        heading="Sublobar concordant",
        published={
            "personalized": Published(0.93, None, 29),
            "generic": Published(0.83, None, 29),
        },
    ),
)
