"""A target that needs a library nobody has installed."""

import no_such_library  # type: ignore[import-not-found]  # that is the point: it is not there

run = no_such_library.run
