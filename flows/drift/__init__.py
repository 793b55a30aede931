"""What steps gave by day, measured against their contracts: learned, figured, told and shown."""
