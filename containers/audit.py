"""Look up an image's Python packages among the known vulnerabilities: ``audit.py SBOM``.

Exit status 0: none is known; 1: some are; 2: nobody could be asked, so that nothing is known.
``ACCEPTED_VULNERABILITIES`` names those, separated by blanks, that somebody has judged to do no
harm here. Run by verify.sh in an environment of its own that holds pip-audit.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# pip-audit calls what a service doesn't know "skipped" and ends as if all were well. Only a
# service that knows of the hole in this old package (CVE-2014-1402) can say that there is none.
CANARY = "jinja2==2.4.1"
SERVICES = ("pypi", "osv")


def ask(service: str, packages: list[str]) -> list[dict]:
    """What pip-audit says of each package; RuntimeError with its last words where it says nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(packages))
        file.flush()
        options = ["-s", service, "-f", "json", "--no-deps", "--disable-pip"]
        command = [sys.executable, "-m", "pip_audit", *options, "-r", file.name]
        done = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise RuntimeError(done.stderr.strip().splitlines()[-1][-200:]) from None


def packages_of(bom: dict) -> list[str]:
    """The Python packages but our own; no service knows of "+cpu" and the like."""
    names = [
        f"{one['name']}=={one['version'].partition('+')[0]}"
        for one in bom["components"]
        if not one.get("purl", "").startswith("pkg:deb/")
    ]
    return [name for name in names if not name.startswith("spikefocus==")]


def verdict(answers: list[dict], accepted: set[str]) -> tuple[list[str], list[str]]:
    """Sentences on known vulnerabilities, and packages that the service doesn't know."""
    found, unknown = [], []
    for one in answers:
        if "vulns" not in one:
            unknown.append(one["name"])
        for hole in one.get("vulns", ()):
            if not accepted & {hole["id"], *hole["aliases"]}:
                repaired = ", ".join(hole["fix_versions"]) or "no version yet"
                found.append(
                    f"{one['name']} {one['version']}: {hole['id']}, repaired in {repaired}"
                )
    return found, unknown


def main(sbom: Path) -> int:
    packages = packages_of(json.loads(sbom.read_text()))
    accepted = set(os.environ.get("ACCEPTED_VULNERABILITIES", "").split())
    for service in SERVICES:
        try:
            if not verdict(ask(service, [CANARY]), set())[0]:
                print(f"{service}: answers, but knows no vulnerability, not even of {CANARY}")
                continue
            found, unknown = verdict(ask(service, packages), accepted)
        except RuntimeError as error:
            print(f"{service}: {error}")
            continue
        print(f"{service}: {len(packages) - len(unknown)} of {len(packages)} packages looked up")
        if unknown:
            print(f"not known to {service}: {', '.join(unknown)}")
        print("\n".join(found) or "no known vulnerability")
        return 1 if found else 0
    return 2


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
