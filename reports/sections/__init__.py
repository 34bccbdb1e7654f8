"""Sections of the report, one file each: it defines ``SECTION``, a `Section` of `_section.py`.

A section's id is its file's name. Its template (Jinja) sees everything that `reports.content` gathers,
what the section's own ``content`` gives, and `picture("name")` of those figures that it shows, once
they are imported: ``{% from "macros.html.j2" import picture with context %}``.
"""

import sys

from pipeline.registry import Registry
from reports.sections._section import Section

SECTIONS: Registry[Section] = Registry(sys.modules[__name__], "SECTION", order="order")
