collect_ignore = ["readers.py"]  # a program that instruments what it imports; atheris is for Linux only
