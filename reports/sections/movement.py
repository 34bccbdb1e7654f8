"""Where the head lay in the helmet: its way over time, the spikes on it, and what that means."""

from dataclasses import asdict

from pipeline.records.spikes_qc import HeadPositionsQC, MovementQC, SpikeTypeQC
from reports.patient import Patient
from reports.sections._section import About, Section
from reports.wording import count, number

# Below this a head is called still: a movement of 5 mm and 4 degrees that is ignored moves the maximum of
# one source in ten by more than a centimetre, one of 2 mm and 2 degrees hardly more than a head model's
# errors do (benchmarks/results/movement.csv).
STILL_MM, STILL_DEG = 5.0, 3.0
NOT_MEASURED = "not measured"
WIDTH, HEIGHT = 640, 110

TEMPLATE = """\
{% set own = of_sections.movement %}
<p><strong>{{ own.verdict }}</strong> {{ own.meaning }}</p>
{% if not own.on_head %}
<table>
<caption>Distance of the head’s centre from its first fix in each recording</caption>
<thead><tr><th scope="col">Recording</th><th scope="col">Measured by</th><th scope="col" class="n">Largest, mm</th><th scope="col" class="n">Largest turn, degrees</th><th scope="col" class="n">Largest at a mark, mm</th></tr></thead>
<tbody>
{% for run in own.runs %}
<tr><th scope="row">{{ run.file }}</th><td>{{ run.source }}</td><td class="n">{{ run.distance }}</td><td class="n">{{ run.angle }}</td><td class="n">{{ run.at_mark }}</td></tr>
{% endfor %}
</tbody>
</table>
{% for run in own.runs if run.curve %}
<figure class="keep">
<svg viewBox="0 0 {{ own.width }} {{ own.height }}" width="100%" role="img" aria-label="Distance of the head from its first fix over {{ run.file }}: at most {{ run.distance }} mm.">
<polyline points="{{ run.curve }}" fill="none" stroke="#0072b2" stroke-width="1.5"/>
{% for x in run.marks %}<line x1="{{ x }}" x2="{{ x }}" y1="{{ own.height - 10 }}" y2="{{ own.height }}" stroke="#d55e00" stroke-width="1"/>{% endfor %}
</svg>
<figcaption>{{ run.file }}: distance from the first fix, 0 to {{ run.top }} mm upwards, over {{ run.minutes }}; marks of spikes below.</figcaption>
</figure>
{% endfor %}
<p class="small">Limits: 5 mm and 3 degrees between averaged spikes of one type. Spikes are imaged with the mean of the leadfields of their own head positions, in groups of at least 1 mm and 1 degree; no data are interpolated. Where nothing followed the head, its position is the one that the recording’s header states, and movement within the recording is not in the result.</p>
{% endif %}
"""


def verdict(
    positions: HeadPositionsQC | None, followed: bool, on_head: bool = False
) -> tuple[str, str]:
    """What the head's positions at the averaged spikes mean, in two sentences."""
    if on_head:
        return (
            "Head movement: of no effect.",
            "Electrodes move with the head; whether they slipped on it is not measured.",
        )
    if positions is None:
        return "Head movement: not assessable.", "No recording states where the head lay."
    distance = number(positions.largest_distance_mm, "mm", 1)
    angle = f"{positions.largest_angle_deg:.1f} degrees"
    large = positions.largest_distance_mm > STILL_MM or positions.largest_angle_deg > STILL_DEG
    apart = f"The head’s positions at the averaged spikes lie up to {distance} and {angle} apart"
    used = (
        "all are imaged with the head model’s position."
        if positions.n_positions == 1 and positions.from_leadfield_mm <= 1
        else f"they are imaged with {count(positions.n_positions, 'leadfield')} of their own."
    )
    if not followed and not large:
        return (
            "Head movement: not measured.",
            f"Nothing followed the head within a recording. By the headers, {apart[0].lower()}{apart[1:]}; {used}",
        )
    word = "the head moved" if large else "the head lay still"
    limits = "beyond" if large else "within"
    return f"Head movement: {word}.", f"{apart}, {limits} the limits; {used}"


def of_all_types(types: tuple[SpikeTypeQC, ...]) -> HeadPositionsQC | None:
    """The largest of each number among the types that have an average."""
    known = [asdict(each.head_positions) for each in types if each.head_positions is not None]
    if not known:
        return None
    return HeadPositionsQC(**{name: max(each[name] for each in known) for name in known[0]})


def content(patient: Patient) -> dict:
    qc = patient.qc.spikes
    known = [(run.file, run.movement) for run in qc.runs if run.movement is not None]
    followed = bool(known) and all(each.source != NOT_MEASURED for _, each in known)
    said, meaning = verdict(of_all_types(qc.types), followed, patient.modality.on_head)
    return {
        "verdict": said,
        "meaning": meaning,
        "width": WIDTH,
        "height": HEIGHT,
        "on_head": patient.modality.on_head,
        "runs": [{"file": file} | _row(each) for file, each in known],
    }


def _row(movement: MovementQC) -> dict:
    if not movement.times_s:
        nothing = {
            "distance": NOT_MEASURED,
            "angle": NOT_MEASURED,
            "at_mark": NOT_MEASURED,
            "curve": "",
        }
        return {"source": movement.source} | nothing
    top = max(1.0, *movement.distance_mm)
    end_s = max(1.0, movement.times_s[-1], *movement.spike_s)
    points = [
        f"{WIDTH * time / end_s:.1f},{(HEIGHT - 14) * (1 - distance / top) + 1:.1f}"
        for time, distance in zip(movement.times_s, movement.distance_mm, strict=True)
    ]
    at_mark = max(movement.spike_distance_mm, default=None)
    return {
        "source": movement.source,
        "distance": number(max(movement.distance_mm), digits=1),
        "angle": number(max(movement.angle_deg), digits=1),
        "at_mark": "no usable mark" if at_mark is None else number(at_mark, digits=1),
        "curve": " ".join(points),
        "marks": [f"{WIDTH * time / end_s:.1f}" for time in movement.spike_s],
        "top": number(top, digits=1),
        "minutes": number(end_s / 60, "min", 1),
    }


SECTION = Section(
    title="Head movement",
    order=52,
    template=TEMPLATE,
    about=About.PATIENT,
    starts_page=False,
    content=content,
)
