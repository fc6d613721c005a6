"""Commands that need no live source: annotate files, and measure accuracy and speed.

May import every layer up to `pipeline`. To add such a command, write one file here with a function
that returns the figures, and one in cli/commands that prints them.
"""
