"""How the page names cells: by titles, with their keys in small type, and with links to their sections."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from noisegrid.common.escape import html
from noisegrid.reporting.metrics_frame import measured_names, single_hardware
from noisegrid.reporting.titles import hardware_title, network_title, noise_title, task_title


@dataclass(frozen=True)
class Place:
    """A task on one kind of hardware. Its cells share a section of the page.

    Attributes
    ----------
    hardware, task : str
        The names in the study.
    """

    hardware: str
    task: str

    @property
    def anchor(self) -> str:
        """The identifier of the section."""
        return f"cells-{self.hardware}-{self.task}"

    @property
    def title(self) -> str:
        """The name for readers."""
        return f"{task_title(self.task)}, {hardware_title(self.hardware)}"

    @property
    def key(self) -> str:
        """The name in files."""
        return f"{self.hardware}/{self.task}"


class Names:
    """The names in a study, and where the page has more about them.

    Attributes
    ----------
    places : list of Place
        The tasks and kinds of hardware that have a section, in the order of metrics.csv.
    """

    def __init__(self, frame: pd.DataFrame, networks: Iterable[str] = ()) -> None:
        single = single_hardware(frame)
        self.places = [Place(*names) for names in dict.fromkeys(zip(single["hardware"], single["task"], strict=True))]
        self._html = {name: Markup(html(network_title(name))) for name in networks}
        self._html |= {place.task: Markup(html(task_title(place.task))) for place in self.places}
        self._html |= {f"{place.task} on {place.hardware}": _link(place) for place in self.places}
        self._html |= {
            f"{place.task} on {place.hardware}, {noise}": _link(place) + Markup(html(f", {noise_title(noise)}"))
            for place, noise in itertools.product(self.places, measured_names(single))
        }
        longest_first = "|".join(map(re.escape, sorted(self._html, key=len, reverse=True)))
        self._pattern = re.compile(rf"(?<![\w.@+:/-])({longest_first})(?![\w@+/-])")

    def href(self, hardware: str, task: str) -> str:
        """Return the link to the section of a task on one kind of hardware; empty if there is none."""
        place = Place(hardware, task)
        return f"#{place.anchor}" if place in self.places else ""

    def named(self, text: str) -> Markup:
        """Return a text as HTML in which tasks, networks and noises have titles, and "TASK on HARDWARE" is a link."""
        if not self._html:
            return Markup(html(text))
        parts = self._pattern.split(text)  # every second part is a name
        known = self._html
        return Markup("").join(known[part] if place % 2 else Markup(html(part)) for place, part in enumerate(parts))


def _link(place: Place) -> Markup:
    return Markup('<a href="#{}">{}</a>').format(place.anchor, Markup(html(place.title)))
