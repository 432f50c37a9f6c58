"""Rules and alarms over past flow logs, before they are deployed."""
