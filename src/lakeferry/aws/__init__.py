"""AWS as it is: read into values, and brought to what values say. Every call is here."""
