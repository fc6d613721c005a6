"""Small helpers around the operating system that know nothing of poses.

Each file stands alone: atomic writes, child processes, commands, device access, systemd, paths,
packaged files, URLs, cores, queues between threads.

May import only errors. Something new is a file of its own, if several folders need it.
"""
