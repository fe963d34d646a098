"""The words of Crewline as frozen data: no I/O, no clock, no imports of other rooms."""
