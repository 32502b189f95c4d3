"""Notes on a number: what a reader must know about it."""


def join_notes(*notes: str) -> str:
    """Join the notes that are not empty, each of them once. A note may consist of several that are joined already."""
    return "; ".join(dict.fromkeys(part for note in notes for part in note.split("; ") if part))
