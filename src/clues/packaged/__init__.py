"""The packaged job and its sample of real answers."""
