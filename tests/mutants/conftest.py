collect_ignore_glob = ["*.py"]  # a program; cosmic-ray comes with the extra `mutants`
