"""What the report says of the head's movement."""

from types import SimpleNamespace

from pipeline.modality import MODALITIES
from pipeline.records.spikes_qc import HeadPositionsQC, MovementQC
from reports.sections.movement import content, verdict


def positions(n, distance_mm, angle_deg, from_leadfield_mm=None):
    far = distance_mm if from_leadfield_mm is None else from_leadfield_mm
    return HeadPositionsQC(
        n_positions=n,
        width_mm=1.0,
        largest_distance_mm=distance_mm,
        largest_angle_deg=angle_deg,
        from_leadfield_mm=far,
        from_leadfield_deg=angle_deg,
    )


def test_the_verdict_has_its_limits():
    assert verdict(None, True)[0] == "Head movement: not assessable."
    assert verdict(positions(1, 0.3, 0.1), False)[0] == "Head movement: not measured."
    assert verdict(positions(3, 5.0, 3.0), True)[0] == "Head movement: the head lay still."
    assert verdict(positions(3, 5.1, 0), True)[0] == "Head movement: the head moved."
    assert verdict(positions(3, 1, 3.1), False)[0] == "Head movement: the head moved."
    assert "3 leadfields of their own" in verdict(positions(3, 5.1, 0), True)[1]
    assert "head model’s position" in verdict(positions(1, 0.3, 0.1), True)[1]


def test_the_way_is_drawn_and_what_is_not_measured_is_said():
    moved = MovementQC(
        source="a file",
        times_s=(0.0, 30.0, 60.0),
        distance_mm=(0.0, 4.0, 8.0),
        angle_deg=(0.0, 0.5, 1.0),
        spike_s=(30.0,),
        spike_distance_mm=(4.0,),
    )
    runs = [
        SimpleNamespace(file="a_meg.fif", movement=moved),
        SimpleNamespace(file="b_meg.fif", movement=MovementQC(source="not measured")),
    ]
    still, moving = (SimpleNamespace(head_positions=positions(n, 4.0 * n, 1.0)) for n in (1, 2))
    without = SimpleNamespace(head_positions=None)
    spikes = SimpleNamespace(runs=runs, types=(still, without, moving))
    told = content(SimpleNamespace(qc=SimpleNamespace(spikes=spikes), modality=MODALITIES["meg"]))
    first, second = told["runs"]
    assert told["verdict"] == "Head movement: the head moved." and "8.0" in told["meaning"]
    assert first["curve"] == "0.0,97.0 320.0,49.0 640.0,1.0" and first["marks"] == ["320.0"]
    assert (first["distance"], first["angle"], first["at_mark"]) == ("8.0", "1.0", "4.0")
    assert second["distance"] == "not measured" and second["curve"] == ""
