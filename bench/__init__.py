"""How fast the connector is: each workload beside a floor, measured in the same run (``make bench``)."""
