"""The reference of the command: what `--help` of every subcommand says."""

import argparse
from collections.abc import Iterator, Sequence

from _ext.markdown import code, definition, prose
from noisegrid.cli.main import SUBCOMMANDS, WORKFLOW_SUBCOMMANDS, Subcommand, parser_of


def markdown() -> str:
    """Return a section for each subcommand."""
    return "\n".join(
        (
            "## Subcommands\n",
            *map(_section, SUBCOMMANDS),
            "## Called by the rules of the workflow\n",
            "You rarely call these yourself.\n",
            *map(_section, WORKFLOW_SUBCOMMANDS),
        )
    )


def _section(subcommand: Subcommand) -> str:
    parser = parser_of(subcommand)
    usage = parser.format_usage().removeprefix("usage: ").strip()
    parts = (
        f"### {subcommand.name}\n",
        f"{prose(parser.description or '').strip()}\n",
        f"```text\n{usage}\n```\n",
        *_groups(parser),
        f"```sh\n{(parser.epilog or '').removeprefix('example: ')}\n```\n",
    )
    return "\n".join(parts)


def _groups(parser: argparse.ArgumentParser) -> Iterator[str]:
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if not isinstance(action, argparse._HelpAction)]
        if actions:
            if group.title not in ("options", "positional arguments"):
                yield f"*{prose(group.title or '')}*\n"
            yield from (definition(_name(action), _help(parser, action)) for action in actions)


def _name(action: argparse.Action) -> str:
    """Return how an argument is written: its names, and its value."""
    takes = "" if action.nargs == 0 else _value(action)
    return code(" ".join(filter(None, (", ".join(action.option_strings), takes))))


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        name = action.metavar
    else:
        name = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    return f"{name} ..." if action.nargs in ("*", "+", argparse.REMAINDER) else name


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    values: dict[str, object] = vars(action) | {"prog": parser.prog}
    if isinstance(action.choices, Sequence):
        values["choices"] = ", ".join(map(str, action.choices))
    return prose((action.help or "") % values)
