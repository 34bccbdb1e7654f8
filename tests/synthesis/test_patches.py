"""How patches grow, on graphs small enough to say by hand which regions join."""

import numpy as np
import pytest
import torch

from pipeline.synthesis.patches import (
    DICTIONARY_PER_REGION,
    RegionGraph,
    grow_patches,
    patch_bank,
    patch_dictionary,
    region_graph,
    template_dictionary,
    write_template_dictionary,
)
from pipeline.template import SourceCortex

SIDE = 9
MIDDLE = (4, 4)


class Fixed:
    """A generator that grows along `direction` and draws the same number every time."""

    def __init__(self, direction, drawn: float):
        self.direction, self.drawn = direction, drawn

    def normal(self, size):
        return np.broadcast_to(np.array(self.direction, float), size).copy()

    def random(self, shape):
        return np.full(shape, self.drawn)


def graph_of(pos_mm, edges) -> RegionGraph:
    pos_mm = np.array(pos_mm, float)
    adjacency = np.zeros((len(pos_mm), len(pos_mm)), bool)
    for a, b in edges:
        adjacency[a, b] = adjacency[b, a] = True
    distance_mm = np.linalg.norm(pos_mm[:, None] - pos_mm, axis=2).astype(np.float32)
    return RegionGraph(adjacency, pos_mm, distance_mm)


@pytest.fixture(scope="module")
def grid() -> RegionGraph:
    """Regions 7 mm apart, each with four neighbours, far from the origin."""
    place = [(i, j) for i in range(SIDE) for j in range(SIDE)]
    edges = [
        (a, b)
        for a, (i, j) in enumerate(place)
        for b, (k, m) in enumerate(place)
        if abs(i - k) + abs(j - m) == 1
    ]
    return graph_of([(100 + 7 * i, 50 + 7 * j, 0) for i, j in place], edges)


def around_middle(patches) -> set[tuple[int, int]]:
    """Offsets from the grid's middle of the regions in the middle's patch."""
    row = patches[MIDDLE[0] * SIDE + MIDDLE[1]]
    return {(i // SIDE - MIDDLE[0], i % SIDE - MIDDLE[1]) for i in np.flatnonzero(row)}


CROSS = {(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)}
DIAGONAL = {(1, 1), (1, -1), (-1, 1), (-1, -1)}


@pytest.mark.parametrize(
    ("n_rings", "direction", "drawn", "more"),
    [
        (1, (1, 0, 0), 0.0, set()),
        # Along the first axis: (2, 0) is aligned wholly, (1, 1) by 0.71, (0, 2) not at all.
        (2, (3, 0, 0), 0.8, {(2, 0), (-2, 0)}),
        (2, (3, 0, 0), 0.7, {(2, 0), (-2, 0)} | DIAGONAL),
        (2, (0, -0.2, 0), 0.8, {(0, 2), (0, -2)}),
        # (1, 0) is aligned with the diagonal by 0.71, (1, 1) wholly.
        (2, (1, 1, 0), 0.8, {(1, 1), (-1, -1)}),
        # A third ring: (2, 1) is aligned by 0.89, (3, 0) wholly.
        (
            3,
            (1, 0, 0),
            0.8,
            {(i * s, j) for s in (1, -1) for i, j in ((2, 0), (3, 0), (2, 1), (2, -1))},
        ),
    ],
)
def test_a_patch_grows_along_its_direction(grid, n_rings, direction, drawn, more):
    patches = grow_patches(grid, n_rings, Fixed(direction, drawn))
    assert around_middle(patches) == CROSS | more


def test_every_region_draws_a_direction_of_its_own(grid):
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(SIDE**2, 3))
    drawn = rng.random((SIDE**2, SIDE**2))
    patches = grow_patches(grid, 2, np.random.default_rng(0))
    offset = grid.inflated_mm[None] - grid.inflated_mm[:, None]
    for centre in range(SIDE**2):
        unit = direction[centre] / np.linalg.norm(direction[centre])
        nearest = grid.adjacency[centre] | (np.arange(SIDE**2) == centre)
        for region in np.flatnonzero((grid.adjacency @ nearest) & ~nearest):
            cosine = abs(offset[centre, region] @ unit) / grid.distance_mm[centre, region]
            if patches[centre, region] != (drawn[centre, region] < cosine):
                # Not drawn, but a hole: all its neighbours are in.
                assert patches[centre][grid.adjacency[region]].all()


def test_a_patch_has_room_for_seventy_regions():
    # A hub with 60 neighbours, each with a region behind it, and behind these a closed chain.
    x_mm = [(float(i), 0, 0) for i in range(181)]
    edges = [(0, i) for i in range(1, 61)]
    edges += [(i, i + 60) for i in range(1, 121)] + [(i, i + 1) for i in range(121, 180)]
    patch = grow_patches(graph_of(x_mm, edges), 2, Fixed((1, 0, 0), 0.5))[0]
    assert np.flatnonzero(patch).tolist() == list(range(70))


def test_holes_are_filled_and_lonely_regions_stay_alone():
    # Region 3 lies between 1 and 2, which both belong to the patch of 0; 4 has a way out by 5.
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (1, 4), (4, 5), (5, 7), (7, 8)]
    pos_mm = [(i, i**2, 0) for i in range(9)]
    patches = grow_patches(graph_of(pos_mm, edges), 1, Fixed((0, 0, 1), 0.5))
    assert np.flatnonzero(patches[0]).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(patches[6]).tolist() == [6]
    assert not patches[:6, 6].any()


def test_a_bank_goes_through_one_two_and_three_rings(grid):
    patches, centres = patch_bank(grid, 4, seed=5)
    n = SIDE**2
    assert centres.tolist() == list(range(n)) * 4
    one, two, three, again = np.split(patches, 4)
    nearest = grid.adjacency | np.eye(n, dtype=bool)
    corners = [0, SIDE - 1, n - SIDE, n - 1]  # whose two neighbours fill them
    assert (np.delete(one, corners, 1) == np.delete(nearest, corners, 1)).all()
    assert (one == again).all()
    rng = np.random.default_rng(5)
    for n_rings, grown in ((1, one), (2, two), (3, three)):
        assert (grow_patches(grid, n_rings, rng) == grown).all()
    assert two.sum() > one.sum() and three.sum() > two.sum()


def test_a_dictionary_falls_to_one_half_at_fifty_millimetres():
    chain = graph_of([(0, 0, 0), (50, 0, 0), (150, 0, 0)], [(0, 1), (1, 2)])
    dictionary = patch_dictionary(chain)
    assert dictionary.patches.shape == (81 * 3, 3) and DICTIONARY_PER_REGION == 81
    assert dictionary.patches[0].tolist() == [1.0, 0.5, pytest.approx(0.5**9, rel=1e-3)]
    assert torch.equal(dictionary.neighbours, torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))


def test_small_patches_take_the_place_of_rings_that_repeat(grid):
    n = SIDE**2
    bank, _ = patch_bank(grid, 81, 9999)
    patches = (patch_dictionary(grid).patches.numpy() > 0).reshape(81, n, n)
    small = np.arange(81) % 3 == 0
    small[0] = False
    assert (patches[~small] == bank.reshape(81, n, n)[~small]).all()
    nearest = grid.adjacency | np.eye(n, dtype=bool)
    assert (patches[small] <= nearest).all() and patches[:, np.arange(n), np.arange(n)].all()
    # One region alone, then a half, three quarters, a quarter of the neighbours in turn.
    taken = (patches[small].sum((1, 2)) - n) / grid.adjacency.sum()
    assert taken[0] == 0
    assert taken[1:4] == pytest.approx([0.5, 0.75, 0.25], abs=0.12)
    assert taken[4:7] == pytest.approx([0.5, 0.75, 0.25], abs=0.12)


def test_the_file_of_a_dictionary_holds_it(grid, tmp_path, monkeypatch):
    file = tmp_path / "dictionary.npz"
    monkeypatch.setattr("pipeline.synthesis.patches.template_graph", lambda: grid)
    monkeypatch.setattr("pipeline.synthesis.patches.DICTIONARY_FILE", file)
    write_template_dictionary(file)
    read, made = template_dictionary.__wrapped__(), patch_dictionary(grid)
    assert torch.equal(read.patches, made.patches)
    assert torch.equal(read.neighbours, made.neighbours)


def test_a_cortex_becomes_a_graph_of_its_regions():
    # A strip of four triangles; the first two vertices are one region, the others one each.
    pos_mm = np.array([[0, 0, 0], [0, 2, 0], [2, 0, 0], [2, 2, 0], [4, 0, 0], [4, 2, 0]], float)
    faces = np.array([[0, 1, 2], [1, 3, 2], [2, 3, 4], [3, 5, 4]])
    graph = region_graph(SourceCortex(pos_mm, 2 * pos_mm, faces, np.array([0, 0, 1, 2, 3, -1])))
    # The second vertex belongs to two triangles, the first to one.
    first_mm = np.array([0, 4 / 3, 0])
    assert graph.inflated_mm == pytest.approx(2 * np.array([first_mm, *pos_mm[2:5]]))
    assert graph.adjacency.tolist() == [
        [False, True, True, False],
        [True, False, True, True],
        [True, True, False, True],
        [False, True, True, False],
    ]
    assert graph.distance_mm[0] == pytest.approx(
        [0, np.hypot(2, 4 / 3), np.hypot(2, 2 / 3), np.hypot(4, 4 / 3)]
    )
