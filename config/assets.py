"""Static files in production: hashed names that browsers may keep for ever, compressed ahead.

What the files are stands in static/.
"""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedAssets(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Hashes what our own modules import as well, so a new release never mixes with an old module.

    Modules of libraries are left alone: some name files in comments that do not exist.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )
