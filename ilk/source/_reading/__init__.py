"""How pictures are found, decoded and brought to one form: the workshop behind `images.py`."""
