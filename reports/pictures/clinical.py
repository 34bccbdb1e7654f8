"""Pictures for the comparison with iEEG and resection, and between methods."""

from pipeline.template import SUBLOBAR_NAMES
from reports.figures import head
from reports.figures.cortex_pages import method_maps
from reports.figures.sublobar import Cell, cells_from, sublobar_map
from reports.findings import method_maxima_mm
from reports.pictures.studio import Picture, Studio
from reports.scenes import cortex_data
from reports.wording import coordinates, count, listing, method_name


def sublobar(studio: Studio) -> Picture:
    """The 20 sublobar regions: extent, SOZ, implantation, resection."""
    patient = studio.patient
    compared = patient.qc.compare
    resected = None if compared is None else compared.resection.resected
    cells = cells_from(
        SUBLOBAR_NAMES,
        patient.head.region_sublobar,
        patient.head.region_area_mm2,
        patient.finding.extent,
        patient.finding.max_region,
        patient.contacts["sublobar"].to_numpy(str),
        patient.contacts["soz"].to_numpy(bool),
        set() if resected is None else set(resected.resected_sublobar),
    )
    implanted, operated = len(patient.contacts) > 0, patient.resection is not None
    caption = (
        "The 20 sublobar regions, each hemisphere seen from outside with the nose outwards "
        f"({studio.name}). Per cent: part of the region’s area in the estimated extent."
    )
    if implanted:
        caption += (
            " A contact counts for the region of the cortex nearest to it; a region without "
            "contacts was not sampled, and activity there is no miss."
        )
    if operated:
        caption += " Resected: holds resected cortex."
    return studio.save(
        sublobar_map(cells, implanted, operated),
        "sublobar",
        "svg",
        caption,
        "Sublobar regions. "
        + " ".join(_cell_in_words(name, cell) for name, cell in cells.items() if _is_told(cell)),
    )


def _is_told(cell: Cell) -> bool:
    return cell.extent_share > 0 or cell.n_contacts > 0 or cell.resected


def _cell_in_words(name: str, cell: Cell) -> str:
    told = [f"{100 * cell.extent_share:.0f} % in the extent"]
    if cell.n_contacts:
        told.append(f"{cell.n_soz} of {count(cell.n_contacts, 'contact')} SOZ")
    if cell.resected:
        told.append("resected")
    if cell.holds_maximum:
        told.append("holds the maximum")
    return f"{name.capitalize()}: {', '.join(told)}."


def methods(studio: Studio) -> Picture:
    """Every method's map from the same side."""
    maps = {
        method_name(method): cortex_data(studio.patient, found)
        for method, found in studio.patient.sources.items()
    }
    return studio.save(
        method_maps(maps),
        "methods",
        "png",
        "The maps of all methods from the same side, each relative to its own maximum and with "
        f"its own extent (Otsu’s threshold). {studio.patient.same_weights_sentence}".rstrip(),
        f"Cortex maps of {listing(list(maps))}.",
    )


def maxima(studio: Studio) -> Picture:
    maxima = method_maxima_mm(studio.patient)
    figure = head.method_maxima(
        studio.cortex.pial_mm,
        studio.cortex.faces,
        maxima,
        {method: method_name(method) for method in maxima},
        studio.patient.soz_mm,
        {"L": "left", "R": "right"}[studio.cortex.side],
    )
    return studio.save(
        figure,
        "maxima",
        "svg",
        "Maximum of each method’s map (dipole: its position) on the outline of the brain.",
        "Positions of the maxima of "
        + listing([f"{method_name(m)} ({coordinates(p)})" for m, p in maxima.items()]),
    )
