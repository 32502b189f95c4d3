"""Whether a gain is real: verdicts on runs that exist already, of any framework."""
