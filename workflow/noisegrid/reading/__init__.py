"""Runs that exist already, read from the files of any framework."""
