"""All that there shall be to see a network: rules, alarms, dashboards, what they need."""
