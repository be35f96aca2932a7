"""`python -m gateway.cli` is `turngate`."""

from gateway.cli import main

main()
