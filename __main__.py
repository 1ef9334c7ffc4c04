"""`python -m fabricsim` is the command line."""

from .cli.main import main

main()
