"""The documentation site: `make docs` builds it from these pages, and from what the package says of itself.

Two rules of this site are in `_ext`: `links` says where a link to a file of the repository leads, and `generated` fills
in what is written elsewhere, at a line such as `<!-- generated: catalog tasks -->`. Environment variables:

NOISEGRID_REPOSITORY  the address of the repository on a forge; without it, the site links to copies of files
NOISEGRID_COMMIT      the commit to link to there; main by default
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "workflow")]

import noisegrid  # noqa: E402

project = "noisegrid"
author = "noisegrid maintainers"
copyright = author
version = release = noisegrid.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "_ext.generated",
    "_ext.links",
]
root_doc = "index"
exclude_patterns = [
    "_build",
    "example",
    "results/*/[!R]*",  # what workflows wrote; the README.md of each folder is a page
]
repository_url = os.environ.get("NOISEGRID_REPOSITORY", "").rstrip("/")
repository_commit = os.environ.get("NOISEGRID_COMMIT", "main")

# --- strict: a link, an anchor or a name that leads nowhere is a warning, and `make docs` ends at a warning ----------

nitpicky = True

# --- Markdown ---------------------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4  # the anchors that GitHub gives to headings
smartquotes = False  # they would make one dash of --option
default_role = "literal"  # docstrings write `name` for code
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

# --- docstrings -------------------------------------------------------------------------------------------------------

autodoc_typehints = "none"  # the docstrings say the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

# --- how it looks -----------------------------------------------------------------------------------------------------

html_theme = "furo"
html_title = f"noisegrid {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5394", "color-brand-content": "#0b5394"},
    "dark_css_variables": {"color-brand-primary": "#7fb8ec", "color-brand-content": "#7fb8ec"},
}
copybutton_prompt_text = r"\w*\$ "
copybutton_prompt_is_regexp = True
copybutton_selector = ", ".join(f"div.highlight-{language} pre" for language in ("sh", "console", "python", "yaml"))
pygments_style = "default"
pygments_dark_style = "github-dark"
