"""Small helpers that know nothing of poses: files, folders, addresses, processor cores, queues.

Imports: `errors`. Something belongs here when two folders need it and none of them is about it;
one file for one such thing.
"""
