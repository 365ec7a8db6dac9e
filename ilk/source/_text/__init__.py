"""How texts are found, opened, parted into samples and kept."""
