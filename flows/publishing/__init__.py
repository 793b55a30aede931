"""Publishing that needs a second person: who asked, who agreed, and to which draft."""
