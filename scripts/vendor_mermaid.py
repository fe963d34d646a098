"""Bring Mermaid into the localhub's pages, so that its pictures are drawn without a CDN.

    python scripts/vendor_mermaid.py [--tarball mermaid-js-tiny-X.tgz]

The source is the npm package `@mermaid-js/tiny` (MIT): Mermaid without mind maps, architecture diagrams and KaTeX,
in one file. It is kept compressed and served as it is (`Content-Encoding: gzip`), its licence beside it.
The result is byte-for-byte the same for the same package version.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@mermaid-js/tiny"
VERSION = "12.0.0"
STATIC = Path(__file__).parent.parent / "bot" / "localhub" / "pages" / "static"


def fetched(directory: Path) -> Path:
    """The package's tarball, by npm's own client."""
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    name = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout.split()[-1]
    return directory / name


def member(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(f"package/{name}")
    if stream is None:
        raise SystemExit(f"the package holds no {name}")
    return stream.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tarball", type=Path, help=f"a downloaded {PACKAGE}@{VERSION}, instead of npm pack")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tarball = arguments.tarball or fetched(Path(directory))
        with tarfile.open(tarball) as archive:
            package = json.loads(member(archive, "package.json"))
            if package["version"] != VERSION:
                raise SystemExit(f"{tarball} holds {package['version']}, not {VERSION}")
            script = member(archive, "dist/mermaid.tiny.js")
            permission = member(archive, "LICENSE").decode()
    STATIC.mkdir(parents=True, exist_ok=True)
    (STATIC / "mermaid.js.gz").write_bytes(gzip.compress(script, compresslevel=9, mtime=0))
    source = f"mermaid.js.gz is dist/mermaid.tiny.js of the npm package {PACKAGE} {VERSION},"
    (STATIC / "mermaid.LICENSE.txt").write_text(f"{source} made by scripts/vendor_mermaid.py.\n\n{permission}")
    print(f"{PACKAGE} {VERSION}: {(STATIC / 'mermaid.js.gz').stat().st_size:,} bytes compressed")


if __name__ == "__main__":
    main()
