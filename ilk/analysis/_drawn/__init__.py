"""How results are drawn, on axes of matplotlib: a file for each kind of result, a function for each picture.

`_result.py` says what a picture is. Nothing here imports matplotlib; axes come from there.
"""
