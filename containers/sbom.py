"""Write an image's bill of materials as CycloneDX JSON: ``sbom.py ROOT VERSION OUTPUT``.

Lists the Python packages and the Debian packages below ROOT, the image's mounted root. Run by
verify.sh in an environment of its own that holds cyclonedx-bom.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def python_bom(root: Path) -> dict:
    """What cyclonedx-py finds in the image's virtual environment."""
    (packages,) = root.glob("opt/spikefocus/lib/python3.*/site-packages")
    with tempfile.TemporaryDirectory() as folder:
        # The image's Python may not run out here; cyclonedx-py asks it for its path alone.
        stand_in = Path(folder, "python")
        stand_in.write_text(f"#!/bin/sh\nprintf '%s' '{json.dumps([str(packages)])}'\n")
        stand_in.chmod(0o755)
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--sv", "1.6", stand_in]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def debian_components(root: Path) -> list[dict]:
    """The packages that dpkg knows of."""
    release = (root / "etc/debian_version").read_text().strip()
    wanted = "${Package}\t${Version}\t${Architecture}\n"
    command = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", wanted]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    components = []
    for line in listed.splitlines():
        name, version, architecture = line.split("\t")
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=debian-{release}"
        one = {"type": "library", "name": name, "version": version, "purl": purl}
        components.append(one | {"bom-ref": purl})
    return components


def main(root: Path, version: str, output: Path) -> None:
    bom = python_bom(root)
    debian = debian_components(root)
    bom["metadata"]["component"] = {
        "type": "container",
        "bom-ref": "image",
        "name": "spikefocus",
        "version": version,
    }
    n_python = len(bom["components"])
    bom["components"] += debian
    text = json.dumps(bom, indent=1) + "\n"
    if errors := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SystemExit(f"the bill of materials is not valid CycloneDX: {errors}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    print(f"{n_python} Python and {len(debian)} Debian packages")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
