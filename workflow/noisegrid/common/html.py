"""Self-contained HTML pages, because Snakemake's report shows HTML, but offers CSV and Markdown only as downloads."""

from noisegrid.common.escape import html

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5em; color: #222; }
li { margin-bottom: .5em; max-width: 48em; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: .3em .7em; text-align: right; border-bottom: 1px solid #ddd; }
th { vertical-align: bottom; max-width: 9em; }
td:nth-child(-n+3), th:nth-child(-n+3) { text-align: left; }
small { white-space: nowrap; color: #666; }
.scroll { overflow-x: auto; }
"""


def page(title: str, body: str, style: str = STYLE) -> str:
    """Return a complete HTML page; `title` is plain text, `body` is HTML, `style` is CSS."""
    return (
        f"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content='width=device-width'>\n"
        f"<title>{html(title)}</title>\n<style>{style}</style>\n{body}\n</html>\n"
    )
