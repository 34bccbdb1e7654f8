"""The rows of one method on a head of four regions on a line, whose answers are known by hand."""

import numpy as np
import pytest

from pipeline.compare.assess import assess, nearest_contacts
from pipeline.compare.rows import Table
from pipeline.metrics._case import (
    Case,
    Contacts,
    Estimate,
    References,
    Resection,
    ResectionReference,
    SozReference,
)
from pipeline.records.compare_qc import NearContactsQC
from pipeline.records.head import Head, Surface

# Regions at 0, 10, 20 and 60 mm, one vertex each, in sublobar regions 0, 0, 1 and 2.
X_MM = (0.0, 10.0, 20.0, 60.0)
POS_MM = np.array([[x, 0.0, 0.0] for x in X_MM])
HEAD = Head(
    region_pos_mri_mm=POS_MM,
    region_area_mm2=np.array([100.0, 100.0, 200.0, 400.0]),
    region_sublobar=np.array([0, 0, 1, 2]),
    region_label=np.array(["a", "b", "c", "d"]),
    vertex_region=np.arange(4),
    surfaces={"midthickness": Surface(POS_MM, np.empty((0, 3), int))},
)


def estimate_at(maximum: int, extent, resamples=(), values=(1.0, 2.0, 3.0, 4.0)) -> Estimate:
    return Estimate(
        POS_MM[maximum],
        int(HEAD.region_sublobar[maximum]),
        np.array(values),
        np.isin(np.arange(4), extent),
        resamples=tuple(resamples),
    )


def contacts_at(x_mm, soz, depth_mm=0.0) -> SozReference:
    """Contacts above the line, `depth_mm` away from it."""
    pos_mm = np.array([[x, depth_mm, 0.0] for x in x_mm])
    soz = np.isin(np.arange(len(x_mm)), soz)
    contacts = Contacts([f"A{i}" for i in range(len(x_mm))], pos_mm, soz, soz, soz)
    region, to_cortex_mm = HEAD.nearest_region(pos_mm)
    return SozReference(contacts, region, HEAD.region_sublobar[region], to_cortex_mm)


def rows_of(estimate, reference, **references) -> dict[str, dict]:
    """Rows of a network's estimate against one kind of reference, by metric."""
    table = Table([])
    assess(table, "generic", Case(estimate, References(HEAD, **references)))
    return {row["metric"]: row for row in table.rows if row["reference"] == reference}


def values(rows: dict[str, dict]) -> dict:
    return {
        metric: float(row["value"]) if row["assessable"] == "true" else row["reason"]
        for metric, row in rows.items()
    }


def soz_values(estimate, soz, reason=None):
    return values(rows_of(estimate, "soz", soz=soz, no_soz=reason, no_resection="none"))


def test_distances_to_the_seizure_onset_zone():
    # SOZ contacts at 0 and 4 mm, another at 30 mm; extent 10 and 20 mm, maximum at 20 mm.
    found = soz_values(estimate_at(2, [1, 2]), contacts_at([0, 4, 30], [0, 1]))
    assert found["soz_to_estimate"] == pytest.approx((10 + 6) / 2)
    assert found["estimate_to_soz"] == pytest.approx((6 + 16) / 2)
    assert found["soz_localisation_error"] == pytest.approx((8 + 11) / 2)
    assert found["max_to_soz"] == 16
    assert found["max_to_contact"] == 10


def test_contacts_in_depth_keep_their_depth():
    # 12 mm beside the line: distances are those through the volume, not those of the cortex below.
    found = soz_values(estimate_at(2, [1, 2]), contacts_at([4], [0], depth_mm=12.0))
    assert found["max_to_soz"] == pytest.approx(20)
    reference = contacts_at([4], [0], depth_mm=12.0)
    nearest = nearest_contacts(estimate_at(2, [2]), reference, HEAD).soz
    assert nearest.name == "A0" and nearest.nearest_label == "a"
    assert nearest.to_cortex_mm == pytest.approx(np.hypot(4, 12))
    assert nearest.distance_mm == pytest.approx(20)


def test_the_nearest_contact_is_told_from_the_nearest_of_the_onset():
    found = nearest_contacts(estimate_at(2, [2]), contacts_at([0, 22], [0]), HEAD)
    assert (found.any.name, found.soz.name) == ("A1", "A0")
    without = nearest_contacts(estimate_at(2, [2]), contacts_at([0, 22], []), HEAD)
    assert without.any.name == "A1" and without.soz is None
    assert nearest_contacts(estimate_at(2, [2]), None, HEAD) == NearContactsQC()


@pytest.mark.parametrize(
    ("maximum", "contacts", "expected"),
    [
        (1, contacts_at([0], [0]), 1),  # region b lies in the sublobar region of a
        (2, contacts_at([0], [0]), 0),  # sampled (20 mm), and elsewhere
        (3, contacts_at([0], [0]), "not sampled: no contact within 20 mm of the maximum"),
        (3, contacts_at([0, 45], [0]), 0),  # sampled by a contact that is not SOZ
    ],
)
def test_concordance_is_yes_no_or_not_sampled(maximum, contacts, expected):
    found = soz_values(estimate_at(maximum, [maximum]), contacts)
    assert found["sublobar_concordance"] == expected


def test_sublobar_agreement_and_what_the_implantation_saw():
    # SOZ in sublobar 0; contacts in 0 and 1; extent in 1 and 2 (20 and 60 mm).
    found = soz_values(estimate_at(2, [2, 3]), contacts_at([0, 18], [0]))
    assert found["sublobar_sensitivity"] == 0
    assert found["sublobar_specificity"] == pytest.approx(17 / 19, abs=1e-4)
    assert found["sublobar_specificity_sampled"] == 0
    assert found["sampled_share"] == pytest.approx(200 / 600, abs=1e-4)


def test_all_contacts_onset_leaves_no_sampled_specificity():
    found = soz_values(estimate_at(0, [0]), contacts_at([0, 10], [0, 1]))
    assert found["sublobar_specificity_sampled"].startswith("every sublobar region with contacts")
    assert found["soz_localisation_error"] == pytest.approx(2.5)


def test_no_contact_onset_leaves_what_was_sampled():
    reason = "no contact is marked as seizure onset"
    found = soz_values(estimate_at(0, [0, 3]), contacts_at([0, 10], []), reason)
    assert found.pop("max_to_contact") == 0
    assert found.pop("sampled_share") == pytest.approx(0.2)
    assert set(found.values()) == {reason}


def cube_resection(first_mm: int, last_mm: int, threshold=0.5) -> ResectionReference:
    """A bar of 1 mm voxels along the line, 5 voxels thick."""
    inside = np.zeros((100, 5, 5), bool)
    inside[first_mm : last_mm + 1] = True
    affine = np.eye(4)
    affine[1:3, 3] = -2
    mask = Resection(inside, affine)
    share = mask.holds(POS_MM).astype(float)
    return ResectionReference(mask, share, threshold)


def resection_values(estimate, reference, reason=None):
    given = {"resection": reference, "no_resection": reason, "no_soz": "none"}
    return values(rows_of(estimate, "resection", **given))


def test_resection_by_hand():
    # Regions at 0 and 10 mm are resected (0-15 mm); the extent is 10, 20 and 60 mm.
    found = resection_values(estimate_at(3, [1, 2, 3]), cube_resection(0, 15))
    assert found["resection_sensitivity"] == pytest.approx(100 / 200)
    # The only unresected region within 30 mm (20 mm) is found: no close specificity.
    assert found["resection_specificity_close"] == 0
    # Beyond, the spurious 60 mm is all there is.
    assert found["resection_specificity_far"] == 0
    assert found["resection_specificity"] == 0
    # 2 J at 0 mm, 3 J at 5 mm, 4 J at 45 mm.
    assert found["spatial_dispersion"] == pytest.approx((3 * 5 + 4 * 45) / 9, abs=1e-4)
    assert found["max_in_resection"] == 0
    assert found["max_to_resection_edge"] == pytest.approx(45)


def test_a_maximum_inside_the_resection_has_a_distance_to_its_edge():
    found = resection_values(estimate_at(1, [1]), cube_resection(0, 15))
    assert found["max_in_resection"] == 1
    assert found["max_to_resection_edge"] == pytest.approx(2)  # the bar is 5 voxels thick
    assert found["spatial_dispersion"] == 0


def test_without_resection_every_row_says_why():
    found = resection_values(estimate_at(1, [1]), None, "no resection mask is given")
    assert set(found.values()) == {"no resection mask is given"}


def test_intervals_are_percentiles_over_the_resamples():
    resamples = [estimate_at(0, [0])] * 10 + [estimate_at(2, [0, 2])] * 30
    given = {"soz": contacts_at([0], [0]), "no_resection": "none"}
    found = rows_of(estimate_at(2, [2], resamples), "soz", **given)
    ends = ("value", "ci95_low", "ci95_high")
    rows = {metric: tuple(row[end] for end in ends) for metric, row in found.items()}
    assert rows["max_to_soz"] == ("20.0000", "0.0000", "20.0000")
    assert rows["estimate_to_soz"] == ("20.0000", "0.0000", "10.0000")
    assert rows["sublobar_concordance"][1:] == ("n/a", "n/a")


def test_networks_are_compared_resample_by_resample():
    one = estimate_at(2, [2], [estimate_at(i, [i]) for i in (0, 1, 2)])
    other = estimate_at(1, [1], [estimate_at(i, [i]) for i in (0, 1, 2)])
    row = rows_of(one, "model", personalized=other, no_soz="none", no_resection="none")[
        "max_to_personalized"
    ]
    # 10 mm apart, but in every resample at one place.
    assert (row["value"], row["ci95_low"], row["ci95_high"]) == ("10.0000", "0.0000", "0.0000")


def test_intervals_leave_a_fortieth_at_either_end():
    """Of 41 values in order the second and the last but one."""
    places = [0, 1, *[2] * 38, 3]
    resamples = [estimate_at(place, [place]) for place in places]
    row = rows_of(
        estimate_at(2, [2], resamples), "soz", soz=contacts_at([0], [0]), no_resection="none"
    )["max_to_soz"]
    assert (row["ci95_low"], row["ci95_high"]) == ("10.0000", "20.0000")
