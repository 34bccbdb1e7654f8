"""Which parts a patient's report has: each section once, or once for each type of spikes."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.patient import Patient
from reports.pictures import Picture, Studio, draw
from reports.sections import SECTIONS
from reports.sections._section import About
from reports.specification import ChosenSection, own_section
from reports.translation import ENGLISH, Translator, read_language

_PAGE_ONE = ("overview", "summary")


@dataclass(frozen=True, eq=False)
class Told:
    """A patient with one type of spikes, drawn and put into words.

    Attributes
    ----------
    patient : Patient
    studio : Studio
    content : dict
        What `reports.content.build` gives.
    """

    patient: Patient
    studio: Studio
    content: dict


@dataclass(frozen=True, eq=False)
class Part:
    """A section as it stands in one report.

    Attributes
    ----------
    section : ChosenSection
    title : str
    anchor : str
        Its name in the document.
    content : dict
        What its template sees, its pictures among it.
    """

    section: ChosenSection
    title: str
    anchor: str
    content: dict

    @property
    def lang(self) -> Markup:
        """Its language as an attribute; empty for English, which the document is in."""
        translator = self.content.get("_")
        return Markup(f' lang="{translator.language.code}"') if translator else Markup("")

    @property
    def pictures(self) -> dict[str, Picture]:
        return self.content["pictures"]


def with_overview(
    sections: list[ChosenSection], patients: Sequence[Patient]
) -> list[ChosenSection]:
    """The sections; where there are several types, or nothing is imaged, that is told first.

    No choice of sections leaves it out: a page about one type would pass for the whole.
    """
    several = len(patients[0].qc.spikes.types) > 1 or not patients[0].imaged
    about_types = [each for each in sections if SECTIONS[each.id].about is About.TYPES]
    others = [each for each in sections if each not in about_types]
    if not several:
        return others
    return [*(about_types or [own_section("overview")]), *others]


def parts_of(sections: list[ChosenSection], told: Sequence[Told], bar) -> list[Part]:
    """The parts of a report, in the order of its sections, with their pictures drawn.

    Parameters
    ----------
    sections : list of ChosenSection
        With the overview where it is needed.
    told : sequence of Told
        One for each type of spikes.
    bar : progress
        Advances with each section.
    """
    parts = []
    for section in sections:
        about = SECTIONS[section.id].about
        if about is About.TYPES:
            parts.append(_of_all_types(section, told))
        elif about is About.PATIENT:
            parts.append(_part(section, told[0], ""))
        elif about is About.SPIKES:
            parts += [
                _part(section, each, each.patient.type_title)
                for each in told
                if each.patient.average is not None
            ]
        else:
            parts += [
                _part(section, each, each.patient.type_title)
                for each in told
                if each.patient.imaged
            ]
        bar.advance()
    return parts


def with_translation(parts: list[Part], code: str) -> list[Part]:
    """The parts, page one in another language before its English original."""
    first = next((part for part in parts if part.section.id in _PAGE_ONE), None)
    if code == ENGLISH or first is None:
        return parts
    told = Translator(read_language(code))
    place = parts.index(first)
    page = Part(
        first.section, told(first.title), f"{first.anchor}-{code}", first.content | {"_": told}
    )
    return [*parts[:place], page, *parts[place:]]


def _part(section: ChosenSection, told: Told, of_type: str) -> Part:
    pictures = _drawn(section.figures, told.studio)
    own = told.content["of_sections"][section.id]
    return Part(
        section,
        f"{of_type}: {section.title}" if of_type else section.title,
        f"{section.id}-{told.patient.paths.spike_type}" if of_type else section.id,
        told.content | own | {"pictures": pictures},
    )


def _of_all_types(section: ChosenSection, told: Sequence[Told]) -> Part:
    """The overview, with the summary picture of each type beside those that its section names."""
    pictures = _drawn(section.figures, told[0].studio)
    of_types = {}
    for each in told:
        drawn = draw("summary", each.studio)
        if drawn is not None:
            of_types[f"summary-{each.patient.paths.spike_type}"] = drawn
    own = SECTIONS[section.id].content([each.patient for each in told])
    shown = {"pictures": pictures | of_types, "type_pictures": list(of_types)}
    return Part(section, section.title, section.id, told[0].content | own | shown)


def _drawn(names: Sequence[str], studio: Studio) -> dict[str, Picture]:
    pictures = {name: draw(name, studio) for name in names}
    return {name: picture for name, picture in pictures.items() if picture is not None}
