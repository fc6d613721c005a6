"""The command line `pose-edge`: options, commands, tables, progress bars, exit statuses.

Imports: everything, but the heavy parts only inside the commands, so that `--help` stays quick.
Only this folder prints and exits. A new option or command is an entry of a table in arguments.py.
"""
