"""How well the guards' detectors tell: precision and recall on texts that a script makes."""
