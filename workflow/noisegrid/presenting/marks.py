"""The mark of each verdict, for readers who do not see colours."""

from noisegrid.stats.comparison import BETTER, EQUIVALENT, UNDECIDED, WORSE

#: Stands for a verdict where the runs cannot be judged.
UNJUDGED = "unjudged"
MARKS = {BETTER: "✓", WORSE: "✗", EQUIVALENT: "≈", UNDECIDED: "?", UNJUDGED: "!"}
