"""Print a shell script that enables tab completion for `noisegrid`; load it in the start-up file of your shell."""

import argparse

EXAMPLE = 'eval "$(noisegrid completion bash)"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    import shtab

    from noisegrid.cli import main

    parser = argparse.ArgumentParser(prog="noisegrid")
    parsers = parser.add_subparsers()
    for subcommand in (*main.SUBCOMMANDS, *main.WORKFLOW_SUBCOMMANDS):
        subcommand.load().add_arguments(parsers.add_parser(subcommand.name, help=subcommand.help))
    print(shtab.complete(parser, shell=options.shell))
