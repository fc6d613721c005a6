"""The models: which ship, which can be fetched, and whether their files are intact.

Imports: `errors`, `util`, `supervision` (the waits between attempts of a download). A new model
that ships is one entry of models/manifest.yaml, which tools/modelkit writes; one to fetch is one
entry of data/downloads.yaml.
"""
