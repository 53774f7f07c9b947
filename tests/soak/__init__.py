"""Long weeks in short: the product as a process of its own under calls, faults and hostile peers, and whether it is then what it was."""
