"""Systems: their layers against the papers' counts, their examples by hand, and a smoke training of each."""

import numpy as np
import pytest
import torch
from half_sphere import a_field

from benchmarks.systems import deepmeg
from benchmarks.systems.rows import row, write
from pipeline.progress import Progress, Stopped
from pipeline.systems import SIZES, SYSTEMS
from pipeline.systems._deepmeg import permutation_mse
from pipeline.systems._fit import Recipe, fit
from pipeline.systems._system import Field
from pipeline.systems.dst_dae import DstDae, damped_sinusoids, temporal_bases
from pipeline.training.systems import build, fixed_loss, read_trained, train_system


def n_parameters(name: str, n_channels: int, n_sources: int, size: str = "paper") -> int:
    system = SYSTEMS[name]
    few = torch.zeros(1)
    field = Field(
        few.expand(n_channels, n_sources), few.expand(n_sources, 3), few, few, few.expand(1, 3)
    )
    with torch.device("meta"):
        network = system.network(field, **system.sizes[size])
    return sum(weights.numel() for weights in network.parameters())


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("deepmeg_mlp_1", 11_428_303),
        ("deepmeg_mlp_2", 11_431_906),
        ("deepmeg_mlp_3", 11_435_509),
        ("deepmeg_cnn_1", 11_711_295),
        ("deepmeg_cnn_2", 11_714_898),
        ("deepmeg_cnn_3", 11_718_501),
    ],
)
def test_deepmeg_has_the_printed_number_of_weights(name, printed):
    assert n_parameters(name, 306, 15_002) == n_parameters(name, 306, 994, "cpu") == printed


def test_the_others_have_as_many_weights_as_their_layers_say():
    assert n_parameters("fourlcnn", 159, 12_500) == 28_320 + 21_633 * 12_500
    assert n_parameters("convdip", 159, 994) == 80 + 16 + 5409 * 512 + 1024 + 513 * 994
    assert n_parameters("dst_dae", 63, 1024) == 497_825
    assert n_parameters("dst_dae", 63, 1024, "cpu") == 285_449
    assert n_parameters("unet", 306, 642) == pytest.approx(53.0e6, rel=0.01)


def test_points_have_no_order():
    true = torch.tensor([[[0.0, 0, 0], [3.0, 0, 0]]])
    assert permutation_mse(true.flip(1), true).item() == 0
    # The better of both orders: one point is right, the other 3 away in one of 6 numbers.
    found = torch.tensor([[[3.0, 0, 0], [3.0, 0, 0]]])
    assert permutation_mse(found, true).item() == pytest.approx(9 / 6)


def test_temporal_bases_are_those_of_the_recording():
    time = torch.linspace(0, 1, 40)
    course = torch.sin(9 * time)
    bases = temporal_bases(torch.outer(torch.randn(20), course) + 1e-4 * torch.randn(20, 40))
    assert abs((bases[0] @ course / course.norm()).item()) == pytest.approx(1, abs=1e-4)
    drawn = DstDae(bases[None, :1]).draw(a_field(), 3, torch.Generator().manual_seed(0)).activity
    active = drawn[drawn.abs().sum(2) > 0]
    cosine = torch.nn.functional.cosine_similarity(active, course[None])
    torch.testing.assert_close(cosine.abs(), torch.ones(len(active)), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", SYSTEMS.names())
def test_smoke_training(name, tmp_path):
    """Held-out error falls, parameters move, weights reload to the same output."""
    field, system = a_field(), SYSTEMS[name]
    assert set(system.sizes) == set(system.recipes) == set(SIZES)
    start = build(system, field, "smoke", seed=1)
    trained, card = train_system(name, field, "smoke", 1, tmp_path, Progress())
    before, after = (fixed_loss(system, one.eval(), field) for one in (start, trained))
    assert after < before and card["validation"]["validation_loss"] < before
    moved = [
        not torch.equal(a, b) for a, b in zip(start.parameters(), trained.parameters(), strict=True)
    ]
    assert any(moved)
    again, _ = train_system(name, field, "smoke", 1, tmp_path, Progress())
    data = system.draw(field, 2, torch.Generator().manual_seed(9)).data
    with torch.inference_mode():
        output = trained(system.encode(field, data))
        assert torch.equal(output, again(system.encode(field, data)))
    answer = system.answer(output, field)
    expected = {"points": 3, "map": len(field.pos_mm), "activity": data.shape[2]}
    assert len(answer) == 2 and answer.shape[-1] == expected[system.answers]


def test_a_training_that_ran_out_of_time_leaves_weights_and_goes_on(tmp_path):
    field, name = a_field(), "deepmeg_mlp_1"
    _, card = train_system(name, field, "smoke", 1, tmp_path, Progress(), minutes=0)
    assert (card["steps"], card["steps_planned"], card["examples"]) == (1, 400, 64)
    assert read_trained(name, field, "smoke", tmp_path)[1] == card
    _, card = train_system(name, field, "smoke", 1, tmp_path, Progress())
    assert card["steps"] == 400 and card["examples"] == 400 * 64
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]


def test_a_shorter_training_ends_with_a_rate_of_its_own(tmp_path, monkeypatch):
    rates = []
    schedule = Recipe.learning_rate_at

    def noted(recipe, step):
        rates.append(schedule(recipe, step))
        return rates[-1]

    monkeypatch.setattr(Recipe, "learning_rate_at", noted)
    _, card = train_system("deepmeg_mlp_1", a_field(), "smoke", 1, tmp_path, Progress(), steps=10)
    assert (card["steps"], card["steps_planned"]) == (10, 400)
    assert rates[0] == 1e-2 and rates[-1] == pytest.approx(2e-3)


class _StopsOnce(Progress):
    def __init__(self, after: int):
        self.left = after

    def stop_requested(self) -> bool:
        self.left -= 1
        return self.left == 0


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_stopped_training_ends_with_the_same_weights(optimizer, tmp_path):
    """With batch norm and dropout, whose statistics and draws must go on too."""
    recipe = Recipe(8, 4, optimizer, 0.01, momentum=0.0, validate_every=3)
    held_out = torch.randn(16, 3, generator=torch.Generator().manual_seed(5))

    def run(folder, progress):
        torch.manual_seed(0)
        layers = (torch.nn.Linear(3, 6), torch.nn.BatchNorm1d(6), torch.nn.Dropout(0.5))
        module = torch.nn.Sequential(*layers, torch.nn.Linear(6, 1))

        def loss(one, generator):
            assert one.training
            data = torch.randn(4, 3, generator=generator)
            return (one(data).squeeze(1) - data.sum(1)).square().mean()

        def validate(one):
            assert not one.training
            with torch.inference_mode():
                return (one(held_out).squeeze(1) - held_out.sum(1)).square().mean().item()

        curve = fit(module, loss, validate, recipe, 3, folder, progress, "a test")
        return module.state_dict(), curve

    whole, curve = run(tmp_path / "whole", Progress())
    with pytest.raises(Stopped):
        run(tmp_path / "parts", _StopsOnce(4))
    resumed, same = run(tmp_path / "parts", Progress())
    assert curve == same and [row["step"] for row in curve] == [0, 3, 6, 8]
    for name in whole:
        assert torch.equal(whole[name], resumed[name]), name
    assert whole["1.num_batches_tracked"] > 0


def test_a_row_holds_what_was_measured_beside_what_was_printed(tmp_path):
    measured = row("A", "5 dB, mm", np.array([1.0, 2.0, 6.0, np.nan]), "4.2")
    assert measured["n"] == 3 and measured["mean"] == 3 and measured["median"] == 2
    assert measured["sd"] == pytest.approx(7**0.5)
    write([measured], tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines == ["method,condition,n,mean,sd,median,paper", 'A,"5 dB, mm",3,3,2.646,2,4.2']


def test_rivals_find_points_of_faint_noise_and_untrained_networks_have_no_row(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(deepmeg, "_field", lambda work: a_field())
    rows = deepmeg._errors(tmp_path, "deepmeg_cnn_2", 60.0, 0.3, "faint noise, mm", n=60)
    assert [one["method"] for one in rows] == ["RAP-MUSIC", "TRAP-MUSIC"]
    assert all(one["mean"] == 0 and one["n"] == 60 for one in rows)


def sefa_courses(white: np.ndarray, n_factors: int, n_iterations: int = 200) -> np.ndarray:
    """Courses (n_factors, n_times) of SEFA's evoked factors, for data whose noise is known and white.

    Variational Bayes with a precision for each factor's column (Nagarajan et al. 2007); interference and
    sensor noise, which it learns from the baseline, are what whitening has taken out.
    """
    n_channels, n_times = white.shape
    mixing = np.random.default_rng(0).standard_normal((n_channels, n_factors))
    row_cov, precision = np.eye(n_factors), np.ones(n_factors)
    for _ in range(n_iterations):
        inner = mixing.T @ mixing + n_channels * row_cov + np.eye(n_factors)
        courses = np.linalg.solve(inner, mixing.T @ white)
        second = courses @ courses.T + n_times * np.linalg.inv(inner)
        row_cov = np.linalg.inv(second + np.diag(precision))
        mixing = white @ courses.T @ row_cov
        precision = n_channels / ((mixing**2).sum(0) + n_channels * np.diag(row_cov))
    return courses


@pytest.mark.parametrize("snr_db", [-5, 0, 10])
def test_bases_by_svd_span_what_sefa_finds_in_white_noise(snr_db):
    """Why there is no SEFA beside the SVD: the angles between both subspaces."""
    rng = np.random.default_rng(snr_db + 10)
    courses = damped_sinusoids(4, torch.Generator().manual_seed(5)).double().numpy()
    clean = rng.standard_normal((60, 4)) @ courses
    noise = rng.standard_normal(clean.shape)
    white = noise + clean * np.linalg.norm(noise) / np.linalg.norm(clean) * 10 ** (snr_db / 20)
    by_svd = temporal_bases(torch.as_tensor(white)).numpy()
    by_sefa = np.linalg.qr(sefa_courses(white, 4).T)[0].T
    cosine = np.linalg.svd(by_svd @ by_sefa.T)[1]
    assert np.degrees(np.arccos(cosine.min().clip(-1, 1))) < 3
