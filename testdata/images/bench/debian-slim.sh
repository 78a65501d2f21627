# One layer: Debian 12 with the path exclusions of its slim images.
base
finish
