"""What metrics are computed from: a method's estimate, contacts and resection."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pipeline.doubts import Doubt
from pipeline.localisation import nearest_distance_mm
from pipeline.records.head import Head
from pipeline.records.solution import Point
from pipeline.template import SUBLOBAR_NAMES

SAMPLED_MM = 20.0
"""A contact sees cortex within this distance."""


class NotAssessable(ValueError):
    """Says why the data do not allow a metric."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What one method found.

    Attributes
    ----------
    max_mm : ndarray, (3,)
        The map's maximum, or the point.
    max_sublobar : int
    peak_map : ndarray, (n_regions,), or None
    extent : ndarray of bool, (n_regions,), or None
        None, as the map, for a point.
    point : Point or None
    resamples : tuple of Estimate
        From averages of resampled spikes; empty for methods without.
    explained_percent : float or None
        Of the field's variance, by a map.
    not_explained : str
        Why there is none.
    """

    max_mm: np.ndarray
    max_sublobar: int
    peak_map: np.ndarray | None = None
    extent: np.ndarray | None = None
    point: Point | None = None
    resamples: tuple["Estimate", ...] = ()
    explained_percent: float | None = None
    not_explained: str = "no explained variance was computed"


@dataclass
class Contacts:
    """Contacts with a position in the T1w's scanner RAS.

    Attributes
    ----------
    name : list of str
    pos_mri_mm : ndarray, (n, 3)
    soz, resected, edge : ndarray of bool, (n,)
    """

    name: list[str]
    pos_mri_mm: np.ndarray
    soz: np.ndarray
    resected: np.ndarray
    edge: np.ndarray


@dataclass(frozen=True, eq=False)
class SozReference:
    """The contacts, with the nearest cortex of each.

    Attributes
    ----------
    contacts : Contacts
    nearest_region, contact_sublobar : ndarray of int, (n,)
    to_cortex_mm : ndarray, (n,)
        Distance of each contact to that cortex: contacts in depth stay where they are.
    """

    contacts: Contacts
    nearest_region: np.ndarray
    contact_sublobar: np.ndarray
    to_cortex_mm: np.ndarray

    @property
    def soz_mm(self) -> np.ndarray:
        """Positions (n_soz, 3) of the contacts that are seizure onset."""
        return self.contacts.pos_mri_mm[self.contacts.soz]

    @property
    def soz_sublobar(self) -> np.ndarray:
        """Which sublobar regions (20,) bool hold them."""
        return sublobar_mask(self.contact_sublobar[self.contacts.soz])


@dataclass(frozen=True, eq=False)
class Resection:
    """A binary mask in scanner RAS of the T1w.

    Attributes
    ----------
    inside : ndarray of bool, (i, j, k)
    affine : ndarray, (4, 4)
        Voxel to scanner RAS, mm.
    doubts : tuple of Doubt
        What is doubtful about where it lies (see `frame_doubts`).
    """

    inside: np.ndarray
    affine: np.ndarray
    doubts: tuple[Doubt, ...] = ()

    @property
    def volume_cm3(self) -> float:
        return float(self.inside.sum() * abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    @property
    def voxels_mri_mm(self) -> np.ndarray:
        return nib.affines.apply_affine(self.affine, np.argwhere(self.inside))

    def holds(self, pos_mri_mm: np.ndarray) -> np.ndarray:
        """Whether each point (n, 3) lies in a voxel of the mask."""
        voxel = np.rint(nib.affines.apply_affine(np.linalg.inv(self.affine), pos_mri_mm))
        in_grid = ((voxel >= 0) & (voxel < self.inside.shape)).all(1)
        held = np.zeros(len(pos_mri_mm), bool)
        held[in_grid] = self.inside[tuple(voxel[in_grid].astype(int).T)]
        return held

    @cached_property
    def _edge_tree(self) -> cKDTree:
        edge = self.inside & ~ndimage.binary_erosion(self.inside)
        return cKDTree(nib.affines.apply_affine(self.affine, np.argwhere(edge)))

    def edge_distance_mm(self, pos_mri_mm: np.ndarray) -> np.ndarray:
        """Distance of each point (n, 3), inside or outside, to the nearest outermost voxel's centre."""
        return self._edge_tree.query(pos_mri_mm)[0]

    def distance_mm(self, pos_mri_mm: np.ndarray) -> np.ndarray:
        """Distance of each point (n, 3) to the mask, 0 inside."""
        return np.where(self.holds(pos_mri_mm), 0.0, self.edge_distance_mm(pos_mri_mm))


@dataclass(frozen=True, eq=False)
class ResectionReference:
    """The mask in the T1w and the share of each region in it.

    Attributes
    ----------
    mask : Resection
    region_share : ndarray, (n_regions,)
        Of the region's cortical area.
    threshold : float
        A region counts as resected above this share.
    """

    mask: Resection
    region_share: np.ndarray
    threshold: float

    @property
    def resected(self) -> np.ndarray:
        """The regions (n_regions,) bool that count as resected."""
        return self.region_share > self.threshold


@dataclass(frozen=True, eq=False)
class References:
    """What a patient's estimates are compared with; a reference that cannot serve says why.

    Attributes
    ----------
    head : Head
    soz : SozReference or None
    no_soz : str or None
        Why none of the contacts is seizure onset, or why there are no contacts.
    resection : ResectionReference or None
    no_resection : str or None
    seed : int
        Of the draws of inactive regions.
    personalized : Estimate or None
        That of the fine-tuned network, where it was asked for.
    """

    head: Head
    soz: SozReference | None = None
    no_soz: str | None = None
    resection: ResectionReference | None = None
    no_resection: str | None = None
    seed: int = 0
    personalized: Estimate | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One method's estimate in one patient.

    What a metric needs of the references it asks for by the properties below, each of which raises
    `NotAssessable` where the patient has none.

    Attributes
    ----------
    estimate : Estimate
    references : References
    """

    estimate: Estimate
    references: References = field(repr=False)

    @property
    def head(self) -> Head:
        return self.references.head

    @property
    def contacts(self) -> SozReference:
        """The contacts, whether or not any is marked."""
        if self.references.soz is None:
            raise NotAssessable(self.references.no_soz)
        return self.references.soz

    @property
    def onset(self) -> SozReference:
        """The contacts, of which some are marked as seizure onset."""
        if self.references.no_soz is not None:
            raise NotAssessable(self.references.no_soz)
        return self.contacts

    @property
    def removed(self) -> ResectionReference:
        """The resection."""
        if self.references.resection is None:
            raise NotAssessable(self.references.no_resection)
        return self.references.resection

    @property
    def resected(self) -> np.ndarray:
        """The resected regions (n_regions,) bool, of which there are some."""
        resected = self.removed.resected
        if not resected.any():
            raise NotAssessable(
                "no region lies in the resection by more than the share that counts"
            )
        return resected

    @property
    def personalized(self) -> Estimate:
        """What the fine-tuned network found."""
        if self.references.personalized is None:
            raise NotAssessable("the personalized network was not asked for")
        return self.references.personalized

    @property
    def peak_map(self) -> np.ndarray:
        """The map (n_regions,), of methods that give one."""
        assert self.estimate.peak_map is not None
        return self.estimate.peak_map

    @property
    def extent(self) -> np.ndarray:
        """The estimated regions (n_regions,) bool, of methods that give a map."""
        assert self.estimate.extent is not None
        return self.estimate.extent

    @property
    def point(self) -> Point:
        """The dipole, of methods that give one."""
        assert self.estimate.point is not None
        return self.estimate.point

    @property
    def explained_percent(self) -> float:
        """Share of the field's variance that the estimate explains, a dipole or a map."""
        if self.estimate.point is not None:
            return self.estimate.point.gof_percent
        if self.estimate.explained_percent is None:
            raise NotAssessable(self.estimate.not_explained)
        return self.estimate.explained_percent

    @property
    def found_mm(self) -> np.ndarray:
        """Positions (n, 3) of the estimated regions; the point's for a point."""
        extent = self.estimate.extent
        return self.estimate.max_mm[None] if extent is None else self.head.region_pos_mri_mm[extent]

    @property
    def found_sublobar(self) -> np.ndarray:
        """Which sublobar regions (20,) bool hold an estimated region."""
        return sublobar_mask(self.head.region_sublobar[self.extent])

    def max_to_mm(self, points_mm: np.ndarray) -> float:
        """Distance of the maximum to the nearest of points (n, 3)."""
        return float(nearest_distance_mm(self.estimate.max_mm[None], points_mm)[0])

    def resampled(self) -> Iterator["Case"]:
        """The same for each average of resampled spikes: all networks imaged the same ones."""
        personalized = self.references.personalized
        others = personalized.resamples if personalized else ()
        for one, other in zip_longest(self.estimate.resamples, others):
            if one is not None:
                yield Case(one, replace(self.references, personalized=other))


def sublobar_mask(sublobar: np.ndarray) -> np.ndarray:
    """Which sublobar regions (20,) bool are among given ones."""
    mask = np.zeros(len(SUBLOBAR_NAMES), bool)
    mask[sublobar] = True
    return mask
