"""Where a link to a file or folder of the repository leads that is no page of the site.

Pages link to such files by relative paths, which work on a forge as they are. In the site,

- a link to a folder whose README.md is a page leads to that page,
- any other link leads to the forge, if `repository_url` is configured,
- without it, a link to a file leads to a copy that can be downloaded, and that to a folder becomes plain text.

A path that does not exist is left as it is, and a strict build refuses it.
"""

from os.path import normpath, relpath
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parents[2]


class RepositoryLinks(SphinxTransform):
    """Lead links to files of the repository somewhere, in the pages that are being read."""

    default_priority = 400

    def apply(self) -> None:
        """Replace the nodes of such links."""
        for kind in (addnodes.pending_xref, addnodes.download_reference):
            for node in list(self.document.findall(kind)):
                if node.get("reftype") == "myst":
                    self._lead(node)

    def _lead(self, node: nodes.Element) -> None:
        path, anchor = self._target(node)
        page = self.env.path2doc(path / "README.md" if path.is_dir() else path)
        if page in self.env.found_docs:
            if path.is_dir():
                node["refdomain"], node["reftarget"], node["reftargetid"] = "doc", page, anchor or None
        elif path.is_relative_to(ROOT) and path.exists():
            node.replace_self(self._away(node, path, anchor))

    def _target(self, node: nodes.Element) -> tuple[Path, str]:
        """Return the path that a link names, and the anchor in it."""
        source = Path(self.env.srcdir)
        if node.get("refdomain") == "doc":
            # MyST takes a Markdown file for a page, wherever it is
            return Path(normpath(source / f"{node['reftarget']}.md")), node.get("reftargetid") or ""
        target, _, anchor = node["reftarget"].partition("#")
        folder = source / Path(self.env.docname).parent
        return Path(normpath(folder / target)), anchor

    def _away(self, node: nodes.Element, path: Path, anchor: str) -> nodes.Node | list[nodes.Node]:
        if url := self.config.repository_url:
            view, place = "tree" if path.is_dir() else "blob", path.relative_to(ROOT).as_posix()
            fragment = f"#{anchor}" if anchor else ""
            address = f"{url}/{view}/{self.config.repository_commit}/{place}{fragment}"
            return nodes.reference("", "", *node.children, refuri=address)
        if path.is_dir():
            return node.children
        copied = f"/{relpath(path, self.env.srcdir)}"
        return addnodes.download_reference("", "", *node.children, reftarget=copied, refdoc=self.env.docname)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the rule."""
    app.add_config_value("repository_url", "", "env")
    app.add_config_value("repository_commit", "main", "env")
    app.add_transform(RepositoryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
