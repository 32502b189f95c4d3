"""The scripts of the page, as text: DataTables from itables, Vega from vl-convert, and our own few lines.

A page may run the scripts whose hashes its policy states, and no others, whatever a text in the page says.
"""

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

import vl_convert
from markupsafe import Markup

from noisegrid.common.schemas import WORKFLOW

#: What ends the file of DataTables: the local names of what it exports.
_EXPORTS = re.compile(r"export\{([^}]*)\};?")
OWN = "page/page.js"


def data_tables() -> Markup:
    """Return DataTables as a script that defines `window.DataTable`, with its licences."""
    text = (files("itables") / "html" / "dt_bundle.js").read_text(encoding="utf-8")
    exported = dict(reversed(pair.split(" as ")) for pair in _EXPORTS.findall(text)[-1].split(","))
    code = _EXPORTS.sub("", text)
    return _script(f"(() => {{{code}\nwindow.DataTable = {exported['default']};}})();")


def vega() -> Markup:
    """Return Vega as a script that defines `window.vegaEmbed`."""
    return _script(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def own() -> Markup:
    """Return our own script."""
    return _script((WORKFLOW / "report" / OWN).read_text(encoding="utf-8"))


def data(value: Any) -> Markup:
    """Return a value as JSON that cannot end the script in which it stands."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def policy(scripts: list[Markup]) -> str:
    """Return a content security policy that allows these scripts, and nothing from outside of the page.

    Vega compiles the expressions of a chart, so a script may evaluate text.
    """
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-eval' {hashes}; "
        "base-uri 'none'; form-action 'none'"
    )


def _script(text: str) -> Markup:
    """Return code that may stand between script tags."""
    return Markup(re.sub(r"<(?=/script|!--)", r"\\x3C", text, flags=re.IGNORECASE))


def _hash(script: Markup) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
