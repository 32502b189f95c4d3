"""A count that is too small is refused at once, in one sentence with the option."""

import pytest

from noisegrid.cli.main import main

#: The counts of each subcommand, with the largest number that is too small.
COUNTS = [
    *((("overhead", "smallcnn"), name, 0) for name in (
        "--size", "--classes", "--batch-size", "--processes", "--blocks", "--steps", "--threads"
    )),
    (("verify", "x.zip"), "--rerun", -1),
    (("train", "x.chunk"), "--cores", 0),
    (("train", "x.chunk"), "--share-gpu", 0),
    (("audit", "x:y"), "--steps", 1),
    (("calibrate", "quick"), "--draws", 0),
    (("calibrate", "quick"), "--seed", -1),
    (("diverge", "--task", "smallcnn-digits"), "--steps", 0),
    (("diverge", "--task", "smallcnn-digits"), "--step", -1),
    (("diverge", "--task", "smallcnn-digits"), "--operations", 0),
    (("invariance", "smallcnn"), "--examples", 1),
]  # fmt: skip


@pytest.mark.parametrize(("words", "option", "number"), COUNTS)
@pytest.mark.parametrize("less", [0, 4])
def test_a_count_that_is_too_small_is_refused(capsys, words, option, number, less):
    try:
        code = main([*words, option, str(number - less)])
    except SystemExit as end:  # how argparse ends
        code = end.code
    said = capsys.readouterr().err
    assert code and option in said and str(number - less) in said and said.count("\n") == 1
