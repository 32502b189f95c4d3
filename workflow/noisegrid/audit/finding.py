"""A finding of an audit, and how findings name generators and places."""

from dataclasses import dataclass

from noisegrid.audit.log import Event

#: How each generator is seeded.
SEEDED = {
    "python": "random.seed",
    "numpy": "numpy.random.seed",
    "torch": "torch.manual_seed",
    "cuda": "torch.manual_seed",
}
#: The names of generators in sentences.
NAMES = {
    "python": "Python's generator",
    "numpy": "NumPy's generator",
    "torch": "PyTorch's generator",
    "cuda": "CUDA's generator",
}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    rule : str
        The name of the rule.
    thing : str
        What it concerns: one of observation.THINGS, or another word.
    sentence : str
        What is wrong, and the remedy.
    """

    rule: str
    thing: str
    sentence: str


def at(event: Event) -> str:
    """Return the place of an event in words."""
    return event["place"] or "in a library"


def at_place(event: Event) -> str:
    """Return ` at` and the place of an event; nothing if it is in no line of the user."""
    return f" at {event['place']}" if event["place"] else ""


def named(generator: str) -> str:
    """Return a generator's name in a log in words."""
    return NAMES.get(generator, f"`{generator}`" if "." in generator else "a torch.Generator")
