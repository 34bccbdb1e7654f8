"""The networks, and how their sources are judged."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_head import (
    a_projection,
    fake_head,
    synthesizer,
)

from pipeline.errors import InvalidInput, MissingResource
from pipeline.networks import NETWORKS, build_network
from pipeline.networks._hearing import gates, without_faint
from pipeline.networks._patch_search import (
    PatchSearch,
    attend_to_patches,
    fit_shapes,
    pursue_patches,
)
from pipeline.networks.compact import (
    _unexplained,
    least_squares_courses,
    principal_time_courses,
    unmixed_maps,
)
from pipeline.projection import Projection
from pipeline.synthesis.patches import template_graph
from pipeline.synthesis.recordings import ONE_SOURCE
from pipeline.training.evaluate import batch_errors_mm, localisation_errors_mm, peak_maps
from pipeline.weights import resolve_device

SEARCH = PatchSearch()
# No patch is to change its shape.
AS_THEY_ARE = PatchSearch(n_changes=0)


@pytest.fixture(scope="module")
def head():
    return fake_head()


@pytest.mark.parametrize("network", list(NETWORKS))
def test_networks_keep_time_and_give_994_regions(network):
    module, projection = build_network(network, n_in=20), a_projection(20)
    recording = torch.randn(2, 5, 33)
    peak = torch.tensor([20, 12])
    output = module(recording, projection, peak)
    assert output.shape == (2, 994, 33)
    every_fourth = module(recording, projection, peak, slice(1, None, 4))
    assert torch.allclose(every_fourth, output[..., 1::4], atol=1e-5)


def test_principal_time_courses_are_the_right_singular_vectors():
    rng = torch.Generator().manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(2, 30, 3, generator=rng))
    right, _ = torch.linalg.qr(torch.randn(2, 125, 3, generator=rng))
    recording = left @ torch.diag(torch.tensor([4.0, 2.0, 0.5])) @ right.mT
    components, strength = principal_time_courses(1e15 * recording, 2, 8)
    match = (components[..., None, :] @ right[:, None, :, :2] / 125**0.5).squeeze(2).abs()
    assert torch.allclose(match, torch.eye(2).expand(2, 2, 2), atol=1e-3)
    assert torch.allclose(strength, torch.tensor([1.0, 0.5]).expand(2, 2), atol=1e-3)


@pytest.fixture
def disjoint_patches():
    """A projection by a random field with a hundred patches that share no region, over and over.

    Pursuit looks at the first hundred only.
    """
    patches = torch.zeros(100, 994)
    for number in range(100):
        patches[number, 9 * number : 9 * number + 9] = 1.0
    field = torch.randn(40, 994, generator=torch.Generator().manual_seed(1))
    topographies = torch.nn.functional.normalize(field @ patches.T, dim=0)
    return Projection(
        field,
        field,
        patches.repeat(SEARCH.pursued_part, 1),
        topographies.repeat(1, SEARCH.pursued_part),
        torch.zeros(994, 994),
    )


def test_attention_finds_the_patch_whose_topography_it_sees(disjoint_patches):
    patch = disjoint_patches.patches[17]
    seen = -3.0 * (disjoint_patches.leadfield @ patch)[None]
    sources = attend_to_patches(seen, torch.tensor([300.0]), disjoint_patches, AS_THEY_ARE)
    assert torch.allclose(sources[0], -patch, atol=1e-3)


def test_attention_looks_at_more_patches_than_pursuit(disjoint_patches):
    patches = disjoint_patches.patches.clone()
    patches[-1] = torch.zeros(994)
    patches[-1, 930:935] = 1.0
    field = disjoint_patches.leadfield
    topographies = torch.nn.functional.normalize(field @ patches.T, dim=0)
    projection = replace(disjoint_patches, patches=patches, topographies=topographies)
    seen = field @ patches[-1]
    sources = attend_to_patches(seen[None], torch.tensor([300.0]), projection, AS_THEY_ARE)
    assert torch.allclose(sources[0], patches[-1], atol=1e-3)
    _, explained = pursue_patches(seen[None, :, None], torch.tensor([300.0]), projection, SEARCH)
    assert explained[0, 0] < 0.9


@pytest.fixture
def patch_on_cortex():
    """Two rings about a region of the template's cortex, under a random field of full rank."""
    neighbours = torch.as_tensor(template_graph().adjacency).float()
    centre = torch.eye(994)[500]
    ring = (centre @ neighbours + centre > 0).float()
    patch = 0.8 * (ring @ neighbours + ring > 0).float()
    field = torch.randn(1200, 994, generator=torch.Generator().manual_seed(3))
    return patch, Projection(field, field, neighbours=neighbours)


def test_shapes_are_fitted_until_they_are_what_made_the_map(patch_on_cortex):
    patch, projection = patch_on_cortex
    share = (patch > 0).float() @ projection.neighbours / projection.neighbours.sum(0)
    too_small, too_large = patch.clone(), patch.clone()
    too_small[((patch > 0) & (0.5 <= share) & (share < 1)).nonzero()[0]] = 0.0
    too_large[((patch == 0) & (0 < share) & (share <= 0.5)).nonzero()[0]] = 0.8
    seen = torch.nn.functional.normalize(patch @ projection.leadfield.T, dim=0)
    tried = torch.stack([too_small, too_large])[None]
    fitted, fields = fit_shapes(tried, seen[None], projection, SEARCH)
    assert torch.equal(fitted[0], patch.expand(2, -1))
    assert torch.allclose(fields[0], (patch @ projection.leadfield.T).expand(2, -1), atol=1e-4)


def test_shapes_that_fit_stay_and_nothing_joins_from_afar(patch_on_cortex):
    patch, projection = patch_on_cortex
    seen = torch.nn.functional.normalize(patch @ projection.leadfield.T, dim=0)
    fitted, _ = fit_shapes(patch[None, None], seen[None], projection, SEARCH)
    assert torch.equal(fitted[0, 0], patch)
    far = patch.clone()
    far[0] = 0.8
    seen = torch.nn.functional.normalize(far @ projection.leadfield.T, dim=0)
    fitted, _ = fit_shapes(patch[None, None], seen[None], projection, SEARCH)
    assert torch.equal(fitted[0, 0], patch)


def test_pursuit_finds_the_patches_of_a_mixture_one_after_the_other(disjoint_patches):
    """The principal maps are mixtures of both patches; each round takes one, the stronger first."""
    strong, weak = disjoint_patches.patches[17], disjoint_patches.patches[60]
    fields = disjoint_patches.leadfield @ torch.stack([2 * strong, weak], 1)
    mixing = torch.tensor([[0.8, 0.6, 0.0], [0.6, -0.8, 0.0]])
    principal = (fields @ mixing)[None]
    sharpness = torch.full((3,), 300.0)
    sources, explained = pursue_patches(principal, sharpness, disjoint_patches, SEARCH)
    assert torch.allclose(sources[0, 0], strong, atol=1e-2)
    assert torch.allclose(sources[0, 1], weak, atol=1e-2)
    assert 0.5 < explained[0, 0] < 0.99 and explained[0, 1] == pytest.approx(1, abs=1e-2)


def test_courses_and_maps_of_two_sources_are_told_apart():
    rng = torch.Generator().manual_seed(2)
    fields = torch.randn(3, 2, 40, generator=rng)
    courses = torch.randn(3, 2, 125, generator=rng)
    recording = fields.mT @ courses
    fitted = least_squares_courses(recording, fields, 1e-4)
    assert torch.allclose(fitted, courses, atol=0.01)
    certain = torch.ones(3, 2, 1)
    assert torch.allclose(unmixed_maps(recording, fields, courses, certain), fields, atol=1e-4)
    unit = courses / courses.square().sum(2, keepdim=True)
    mixed = unmixed_maps(recording, fields, courses, 0 * certain)
    assert torch.allclose(mixed, unit @ recording.mT, atol=1e-4)


def test_closed_gates_are_silent_and_still_learn():
    behind = torch.tensor([[0.0, -0.5, -0.9, -3.0]], requires_grad=True)
    opening = gates(behind, 0.2)
    assert torch.allclose(opening, torch.tensor([[1.0, 0.5, 0.0, 0.0]]))
    opening.sum().backward()
    assert torch.allclose(behind.grad, torch.tensor([[1.0, 1.0, 1.0, 0.1]]))


def test_traces_of_activity_are_silenced_source_by_source():
    sources = torch.tensor([[[1.0, -0.5, 0.04], [0.1, 0.004, -0.006]]], requires_grad=True)
    clear = without_faint(sources, 0.05)
    assert torch.allclose(clear, torch.tensor([[[1.0, -0.5, 0.0], [0.1, 0.0, -0.006]]]))
    clear.sum().backward()
    assert torch.equal(sources.grad, torch.ones(1, 2, 3))


def test_compact_corrects_by_what_its_sources_leave_unexplained():
    """With sources that explain the maps fully, the correction sees no residual."""
    seen = torch.randn(2, 4, 5)
    assert _unexplained(seen, 0.3 * seen).abs().max() < 1e-4
    assert torch.allclose(_unexplained(seen, torch.zeros_like(seen)), seen)
    other = torch.randn(2, 4, 5)
    assert (_unexplained(seen, other) * other).sum(2).abs().max() < 1e-4


def test_deepsif_has_the_published_size():
    """22.5 million parameters at 148 sensors."""
    assert sum(p.numel() for p in build_network("deepsif", n_in=148).parameters()) == pytest.approx(
        22.5e6, rel=0.02
    )


def test_unknown_network_is_refused():
    with pytest.raises(InvalidInput, match="compact, deepsif"):
        build_network("resnet")


def test_a_gpu_that_is_absent_is_a_missing_resource(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(MissingResource, match="GPU"):
        resolve_device("cuda")


def test_localisation_errors_of_a_hand_made_case():
    pos_mm = np.column_stack([10.0 * np.arange(994), np.zeros(994), np.zeros(994)])
    peak_map = np.zeros(994)
    peak_map[[5, 6, 9]] = 1.0, 0.9, 0.8
    true = np.zeros(994, bool)
    true[[4, 5, 6]] = True
    found_to_true, true_to_found, maximum = localisation_errors_mm(
        peak_map, true, pos_mm[4], pos_mm
    )
    assert found_to_true == pytest.approx((0 + 0 + 30) / 3)
    assert true_to_found == pytest.approx((10 + 0 + 0) / 3)
    assert maximum == pytest.approx(10)


def test_peak_map_averages_the_absolute_activity_around_the_peak():
    activity = torch.zeros(1, 994, 125)
    activity[0, 3, 60:63] = torch.tensor([3.0, -6.0, 9.0])
    assert peak_maps(activity, torch.tensor([61]))[0, 3] == pytest.approx(6)
    assert peak_maps(activity, torch.tensor([124])).shape == (1, 994)


def test_the_truth_has_no_localisation_error(head):
    batch = synthesizer(8).batch(head, 6, ONE_SOURCE)
    errors = batch_errors_mm(batch.target(), batch, head.region_pos_mm)
    assert errors[:, 0].max() == 0 and errors[:, 2].max() == 0
