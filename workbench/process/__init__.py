"""The processes of Countersign: serve, worker and clock, composed of all other packages."""
