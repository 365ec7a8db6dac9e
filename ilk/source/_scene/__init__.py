"""What scenes are made of: things with a shape, and grounds to put them on."""
