"""What is planned, whoever will run it."""

import json
from dataclasses import dataclass

from bids_app.plan.needs import Need, Step
from pipeline import __version__


@dataclass(frozen=True)
class Participant:
    """One row of the plan.

    Attributes
    ----------
    label : str
        Without ``sub-``.
    sessions : tuple of str
        Of the recordings that will be read; empty where the dataset has none.
    needs : dict of step name to Need
    """

    label: str
    sessions: tuple[str, ...]
    needs: dict[str, Need]


@dataclass(frozen=True)
class Plan:
    """One participant per task, cut into steps.

    Attributes
    ----------
    steps : tuple of Step
    participants : tuple of Participant
        At least one.
    program : tuple of str
        Words that start spikefocus on a node.
    bids_dir, output_dir : str
        As a node sees them.
    options : tuple of str
        Of ``spikefocus … participant``, for every task.
    cores : int
        Of each task.
    gpu : bool
        Whether the steps that can use a GPU ask for one.
    image : str
        Container image, for Kubernetes.
    """

    steps: tuple[Step, ...]
    participants: tuple[Participant, ...]
    program: tuple[str, ...]
    bids_dir: str
    output_dir: str
    options: tuple[str, ...]
    cores: int
    gpu: bool
    image: str

    @property
    def labels(self) -> list[str]:
        return [participant.label for participant in self.participants]

    def on_gpu(self, step: Step) -> bool:
        return self.gpu and step.uses_gpu

    def command(self, step: Step) -> list[str]:
        """Words of a step's command; the participant's label follows them."""
        return [
            *self.program,
            self.bids_dir,
            self.output_dir,
            "participant",
            *self.options,
            "--skip-bids-validation",
            *("--nprocs", str(self.cores)),
            *("--device", "cuda" if self.on_gpu(step) else "cpu"),
            *("--stage", *step.stages),
            "--participant-label",
        ]

    def largest(self, step: Step) -> Need:
        """What holds for every participant: an array's tasks all ask for the same."""
        needs = [participant.needs[step.name] for participant in self.participants]
        return Need(
            max(need.memory_mb for need in needs), max(need.minutes for need in needs), "others"
        )

    def to_json(self) -> str:
        """The whole plan, for people and for Snakemake."""
        content = {
            "spikefocus_version": __version__,
            "cores": self.cores,
            "steps": [
                {"name": s.name, "gpu": self.on_gpu(s), "command": self.command(s)}
                for s in self.steps
            ],
            "participants": [
                {
                    "label": participant.label,
                    "sessions": list(participant.sessions),
                    "needs": {name: vars(need) for name, need in participant.needs.items()},
                }
                for participant in self.participants
            ],
        }
        return json.dumps(content, indent=2) + "\n"
