"""The arrows: configuration in, artefact out; the only place where rooms meet."""
