"""The model zoo: models that are included or can be downloaded, and checks of their files.

Imports: `errors`, `util`, `supervision` (the backoff between download attempts). To include a new
model, add an entry to models/manifest.yaml, which tools/modelkit writes; to offer one for download,
add an entry to data/downloads.yaml.
"""
