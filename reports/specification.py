"""Which sections make a report, in which order, with which figures: `reports.sections`, or a centre's TOML file."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import read_toml
from reports.pictures import PICTURES
from reports.sections import SECTIONS

_KEYS = {"id", "title", "figures", "starts_page"}


@dataclass(frozen=True)
class ChosenSection:
    """A section as one report shows it: title, figures and page break may be the centre's."""

    id: str
    title: str
    figures: tuple[str, ...] = ()
    starts_page: bool = True

    @property
    def template(self) -> str:
        return SECTIONS[self.id].template

    def unplaced(self) -> list[str]:
        """Figures for which the section's template has no place of its own."""
        placed = set(re.findall(r'picture\("(\w+)"\)', self.template))
        return [name for name in self.figures if name not in placed]


def read_sections(specification: str = "", chosen: tuple[str, ...] = ()) -> list[ChosenSection]:
    """The sections of a specification, or those of them that are `chosen`, in that order.

    Parameters
    ----------
    specification : str
        TOML file; empty for all of `SECTIONS`.

    Raises
    ------
    ValueError
        The file cannot be read or names what does not exist; the text says what does.
    """
    known = (
        _of_file(Path(specification))
        if specification
        else {name: own_section(name) for name in SECTIONS}
    )
    for name in chosen:
        if name not in known:
            raise ValueError(
                f"sections: there is no section {name!r}; choose from {', '.join(known)}"
            )
        if chosen.count(name) > 1:
            raise ValueError(f"sections: section {name!r} stands twice; name it once")
    return [known[name] for name in (chosen or known)]


def own_section(name: str) -> ChosenSection:
    """A section as it is where no specification says otherwise."""
    part = SECTIONS[name]
    return ChosenSection(name, part.title, part.figures, part.starts_page)


def _of_file(file: Path) -> dict[str, ChosenSection]:
    try:
        entries = read_toml(file).get("section", [])
    except OSError as error:
        raise ValueError(f"specification: {file} cannot be read") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"specification: {file} is not valid TOML: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"specification: {file} has no [[section]]")
    known: dict[str, ChosenSection] = {}
    for entry in entries:
        section = _section(entry)
        if section.id in known:
            raise ValueError(f"specification: section {section.id!r} stands twice")
        known[section.id] = section
    return known


def _section(entry: dict) -> ChosenSection:
    ids = list(SECTIONS)
    if not isinstance(entry, dict):
        raise ValueError("specification: a section is no table; begin it with [[section]]")
    unknown = set(entry) - _KEYS
    if unknown:
        raise ValueError(f"specification: a section has no key {sorted(unknown)[0]!r}")
    if entry.get("id") not in ids:
        raise ValueError(f"there is no section {entry.get('id')!r}; choose from {', '.join(ids)}")
    figures, title = entry.get("figures", []), entry.get("title", str(entry["id"]).capitalize())
    starts_page = entry.get("starts_page", True)
    if not isinstance(figures, list) or not isinstance(title, str) or type(starts_page) is not bool:
        raise ValueError(
            f"specification: in section {entry['id']!r}, figures must be a list of names, title a "
            "text and starts_page true or false"
        )
    for name in figures:
        if name not in PICTURES:
            raise ValueError(f"there is no figure {name!r}; choose from {', '.join(PICTURES)}")
    return ChosenSection(entry["id"], title, tuple(figures), starts_page)
