"""`python -m ilk`"""

from .cli import main

main()
