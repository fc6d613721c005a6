"""The command line `pose-edge`: options, commands, tables, progress bars, exit statuses.

May import everything; heavy modules are imported only inside the commands, so that `--help` is
fast. Only this folder prints and exits. To add an option or command, add an entry to a table in
arguments.py.
"""
