"""What the camera servers of the demo and of the tests share, and the demo's drawn scenes."""
