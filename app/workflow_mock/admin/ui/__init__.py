"""The page at `/__admin/`: what a browser shows of the control plane."""
