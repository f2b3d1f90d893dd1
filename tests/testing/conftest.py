collect_ignore_glob = ["outside/*"]  # a package of its own, which the test installs and runs
