"""What runs without a screen and as fast as it can: annotate files, measure accuracy and speed.

Imports: everything below, up to `pipeline`. A new command of this kind is one file here with a
function that returns its figures, and one in cli/commands that prints them.
"""
