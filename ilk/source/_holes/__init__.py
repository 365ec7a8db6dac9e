"""The physics behind `blackholes.py`: rays, plasma, sky."""
