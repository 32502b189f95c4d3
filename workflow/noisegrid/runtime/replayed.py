"""What `noisegrid replay` prints and `noisegrid verify --rerun` reads."""

SAME_BITS, OTHER_BITS = "same bits", "other bits"
#: The exit code of `noisegrid replay` if bits differ and another processor explains it: as in `noisegrid gate`, the
#: question cannot be judged here.
OTHER_PROCESSOR = 6
#: The beginning of the line that lists what was not reproduced although the final weights were.
EQUAL_WEIGHTS = "the final weights are equal, but these are not: "
#: The line below, where no device, version or switch can be the reason.
CHANGED = "equal weights have equal predictions and labels, whatever the processor and the versions: a file was changed"
#: The same where only the initial weights differ, which the seeds decide.
OTHER_START = "the seeds decide the initial weights, whatever the processor and the versions: the record was changed"
#: What stands in place of a list of differences if the record knows of none.
UNEXPLAINED = "nothing that the record knows of"
