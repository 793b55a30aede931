"""Publishing by two: who asked, who agreed, and what exactly they agreed to."""
