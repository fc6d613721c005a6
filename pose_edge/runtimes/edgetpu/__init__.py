"""MoveNet on a Coral Edge TPU, in a child process, with the CPU to fall back on."""
