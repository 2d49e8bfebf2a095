"""Pages of the site that stand elsewhere in the repository, and links that lead out of docs/.

A link to a file that is no page becomes plain text; a link to what is not there ends the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "benchmarks/results.md": "benchmarks/results.md",
    "data/README.md": "data/README.md",
    "data/COVARIATES.md": "data/COVARIATES.md",
    "data/experiments/example/README.md": "data/experiments/example/README.md",
}
"""From a file of the repository to its page in the site."""
PLACE = {page: file for file, page in ELSEWHERE.items()}
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)|(!\[[^\]]*\]\()([^)#:\s]+)(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand elsewhere."""
    for file, page in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where their files are in the site."""
    del config, files
    here = page.file.src_uri
    folder = posixpath.dirname(PLACE.get(here, f"docs/{here}"))

    def led(link: re.Match[str]) -> str:
        text, target, anchor, before, image, after = link.groups()
        file = posixpath.normpath(posixpath.join(folder, target or image))
        if not (ROOT / file).exists():
            raise PluginError(f"{here}: {link[0]} leads to {file}, which is not there")
        place = ELSEWHERE.get(file, file.removeprefix("docs/") if file.startswith("docs/") else "")
        if not place:
            return text or ""
        moved = posixpath.relpath(place, posixpath.dirname(here) or ".")
        return f"{before}{moved}{after}" if image else f"[{text}]({moved}{anchor or ''})"

    return LINK.sub(led, markdown)
