"""The dialect of the WeGoCOD orders API: one order at a time, a strict flow."""
