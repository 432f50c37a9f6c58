"""Many tables brought over in one stream of work, within limits, and kept up to date."""
